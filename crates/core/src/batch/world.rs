//! For tests: a provider and a store that are a few lines each, and a process between them that is killed where it is told to.

use super::*;
use std::collections::BTreeMap;
use std::time::Duration;

const JOBS: usize = 6;

/// Few polls, so that there are few points at which to be killed.
const PACE: Pace = Pace { poll: Duration::from_secs(3 * 3600) };

/// What becomes of the first create; later ones are answered.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Create {
    Answered,
    DoneAndLost,
    NotDoneAndLost,
    Refused,
    Busy,
}

/// What becomes of the first batch; later ones are completed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Completed,
    /// Two lines are in no result.
    Missing,
    /// Two lines were not run.
    Expired,
    Refused,
    NoRoom,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    matching: Matching,
    create: Create,
    fate: Fate,
    /// Seconds until a new batch is listed.
    lag: i64,
    /// Whether the first reading of results breaks off.
    cut: bool,
    /// Whether others have batches of the same size under the same key.
    strangers: bool,
}

/// What survives a kill.
struct Store {
    batches: BTreeMap<i64, Batch>,
    jobs: Vec<Job>,
}

#[derive(Default)]
struct Job {
    batch: Option<i64>,
    attempts: u32,
    answers: u32,
    end: Option<After>,
}

struct Remote {
    /// Whose it is; `None` for a stranger's.
    of: Option<i64>,
    jobs: Vec<usize>,
    created: Moment,
    ends: Moment,
    fate: Fate,
}

pub(super) struct World {
    scenario: Scenario,
    store: Store,
    remotes: Vec<Remote>,
    creates: u32,
    fetches: u32,
    now: Moment,
    /// Points so far at which it could be killed.
    pub(super) points: usize,
    /// At which points the process is killed.
    kills: Vec<usize>,
    /// How often each job was run, and how often no result tells so.
    paid: [u32; JOBS],
    missing: [u32; JOBS],
}

/// The process was killed.
struct Killed;

impl World {
    pub(super) fn new(scenario: Scenario, kills: &[usize]) -> Self {
        let jobs = (0..JOBS).map(|_| Job::default()).collect();
        let mut world = Self {
            scenario,
            store: Store { batches: BTreeMap::new(), jobs },
            remotes: Vec::new(),
            creates: 0,
            fetches: 0,
            now: Moment(1_000_000),
            points: 0,
            kills: kills.to_vec(),
            paid: [0; JOBS],
            missing: [0; JOBS],
        };
        if scenario.strangers {
            for early in [-60, 30] {
                let created = Moment(world.now.0 + early);
                let ends = created.after(Duration::from_secs(3600));
                world.remotes.push(Remote { of: None, jobs: vec![0; JOBS], created, ends, fate: Fate::Completed });
            }
        }
        world
    }

    fn point(&mut self) -> Result<(), Killed> {
        self.points += 1;
        if self.kills.contains(&self.points) { Err(Killed) } else { Ok(()) }
    }

    fn open(&self) -> Vec<Batch> {
        self.store.batches.values().filter(|batch| !batch.state.is_final()).cloned().collect()
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), Killed> {
        self.point()?;
        self.store.batches.insert(batch.id, batch.clone());
        self.point()
    }

    /// Runs until nothing is left to do; the process begins anew whenever it was killed.
    pub(super) fn run(&mut self) {
        for _ in 0..2000 {
            if self.store.jobs.iter().all(|job| job.end.is_some()) && self.open().is_empty() {
                return;
            }
            if let Ok(false) = self.pass() {
                let next = self.open().iter().map(|batch| batch.next_at).filter(|at| *at > self.now).min();
                self.now = next.unwrap_or(Moment(self.now.0 + 1));
            }
        }
        panic!("it never ends: {:?} {:?}", self.scenario, self.open());
    }

    /// Does what is due; whether that was anything.
    fn pass(&mut self) -> Result<bool, Killed> {
        let mut worked = false;
        let free: Vec<usize> =
            (0..JOBS).filter(|at| self.store.jobs[*at].batch.is_none() && self.store.jobs[*at].end.is_none()).collect();
        if !free.is_empty() {
            let id = self.store.batches.len() as i64 + 1;
            let by_file = self.scenario.matching == Matching::Label;
            let batch = Batch::new(id, 7, self.scenario.matching, by_file, free.len() as u32, self.now);
            self.point()?;
            // One transaction.
            free.iter().for_each(|at| self.store.jobs[*at].batch = Some(id));
            self.store.batches.insert(id, batch);
            self.point()?;
            worked = true;
        }
        for batch in self.open() {
            let others = self.open();
            let alone = may_create(others.iter().filter(|other| other.id != batch.id));
            let Some(due) = batch.due(self.now, alone) else { continue };
            if due.record != batch {
                self.commit(&due.record)?;
            }
            let event = self.perform(&due.record, &due.effect)?;
            self.point()?;
            let heard = due.record.heard(event, self.now, &PACE);
            self.rest(&heard)?;
            worked = true;
        }
        Ok(worked)
    }

    /// Record and requests in one transaction.
    fn rest(&mut self, heard: &Heard) -> Result<(), Killed> {
        self.point()?;
        let (end, blamed) = match heard.rest {
            Rest::Waits => return self.commit(&heard.record),
            Rest::NotRun { blamed } => (LineEnd::NotRun, blamed),
            Rest::Missing => (LineEnd::Missing, true),
            Rest::Dropped => (LineEnd::NotRun, true),
        };
        for job in self.store.jobs.iter_mut().filter(|job| job.batch == Some(heard.record.id) && job.end.is_none()) {
            job.batch = None;
            job.attempts += u32::from(blamed);
            job.end = match after(end, job.attempts, true) {
                _ if heard.rest == Rest::Dropped => Some(After::GiveUp),
                _ if !blamed => None,
                After::Again => None,
                other => Some(other),
            };
        }
        self.store.batches.insert(heard.record.id, heard.record.clone());
        self.point()
    }

    fn perform(&mut self, batch: &Batch, effect: &Effect) -> Result<Event, Killed> {
        let jobs = |store: &Store| {
            let of = |at: &usize| store.jobs[*at].batch == Some(batch.id);
            (0..JOBS).filter(of).collect::<Vec<_>>()
        };
        let place = |remote: &str| remote.parse::<usize>().unwrap();
        Ok(match effect {
            Effect::Upload => Event::Uploaded(format!("file-{}", batch.id)),
            Effect::Create => {
                self.creates += 1;
                let behaviour = if self.creates == 1 { self.scenario.create } else { Create::Answered };
                match behaviour {
                    Create::NotDoneAndLost => return Ok(Event::Unanswered),
                    Create::Refused => return Ok(Event::NotDone(Trouble::Lasting)),
                    Create::Busy => return Ok(Event::NotDone(Trouble::Passing(None))),
                    Create::Answered | Create::DoneAndLost => {}
                }
                let asked = jobs(&self.store);
                for remote in self.remotes.iter().filter(|remote| remote.of.is_some()) {
                    let both = asked.iter().any(|job| remote.jobs.contains(job));
                    assert!(!both || remote.ends <= self.now, "submitted twice: {:?}", self.scenario);
                }
                let fate = if self.remotes.iter().any(|remote| remote.of.is_some()) {
                    Fate::Completed
                } else {
                    self.scenario.fate
                };
                let takes = if fate == Fate::Expired { 24 * 3600 } else { 5000 };
                let ends = self.now.after(Duration::from_secs(takes));
                for (at, job) in asked.iter().enumerate() {
                    let none = matches!(fate, Fate::Refused | Fate::NoRoom);
                    let run = !none && (fate != Fate::Expired || at >= 2);
                    self.paid[*job] += u32::from(run);
                    self.missing[*job] += u32::from(fate == Fate::Missing && at < 2);
                }
                self.remotes.push(Remote { of: Some(batch.id), jobs: asked, created: self.now, ends, fate });
                match behaviour {
                    Create::DoneAndLost => Event::Unanswered,
                    _ => Event::Created((self.remotes.len() - 1).to_string()),
                }
            }
            Effect::Find { since } => {
                let listed = |remote: &&(usize, &Remote)| remote.1.created.0 + self.scenario.lag <= self.now.0;
                let all: Vec<_> = self.remotes.iter().enumerate().collect();
                let all: Vec<_> = all.iter().filter(listed).collect();
                let ours = all.iter().find(|(_, remote)| remote.of == Some(batch.id));
                match (batch.matching, ours) {
                    (Matching::Label, Some((at, _))) => Event::Found(at.to_string()),
                    (Matching::Label, None) => Event::Listed(Vec::new()),
                    (Matching::Contents, _) => {
                        let near = |remote: &Remote| {
                            remote.created >= since.before(Duration::from_secs(3600))
                                && remote.jobs.len() == batch.requests as usize
                        };
                        let candidate = |(at, remote): &&(usize, &Remote)| {
                            let ended = remote.ends <= self.now;
                            near(remote).then(|| Candidate { remote: at.to_string(), ended })
                        };
                        Event::Listed(all.iter().copied().filter_map(|entry| candidate(&entry)).collect())
                    }
                }
            }
            Effect::Inspect { remote } => {
                let ours = self.remotes[place(remote)].of == Some(batch.id);
                Event::Inspected { remote: remote.clone(), ours }
            }
            Effect::Poll { remote } => {
                let remote = &self.remotes[place(remote)];
                assert_eq!(remote.of, Some(batch.id), "a stranger's batch was adopted");
                if remote.ends > self.now {
                    return Ok(Event::Running);
                }
                let lines = Some(remote.jobs.len() as u32);
                match remote.fate {
                    Fate::Completed | Fate::Missing => Event::Ended { how: End::Completed, lines },
                    Fate::Expired => Event::Ended { how: End::Expired, lines: None },
                    Fate::Refused => Event::Ended { how: End::Refused, lines: None },
                    Fate::NoRoom => Event::Ended { how: End::NoRoom, lines: None },
                }
            }
            Effect::Cancel { .. } => Event::CancelTold,
            Effect::Fetch { remote } => {
                self.fetches += 1;
                let breaks_off = self.fetches == 1 && self.scenario.cut;
                let remote = &self.remotes[place(remote)];
                let (fate, jobs) = (remote.fate, remote.jobs.clone());
                let told = if matches!(fate, Fate::Missing | Fate::Expired) { &jobs[2..] } else { &jobs[..] };
                // The others, in two portions, in another order.
                let told: Vec<usize> = told.iter().rev().copied().collect();
                for portion in told.chunks(2) {
                    self.point()?;
                    for job in portion {
                        let job = &mut self.store.jobs[*job];
                        if job.batch == Some(batch.id) && job.end.is_none() {
                            job.answers += 1;
                            job.end = Some(after(LineEnd::Answered, job.attempts + 1, true));
                        }
                    }
                    self.point()?;
                    if breaks_off {
                        return Ok(Event::Failed(Trouble::Passing(None)));
                    }
                }
                Event::Fetched(told.len() as u32)
            }
        })
    }

    /// No job is lost, none was run again but where the provider lost it, none was answered twice.
    pub(super) fn check(&self) {
        for (at, job) in self.store.jobs.iter().enumerate() {
            assert!(job.end.is_some() && job.end != Some(After::GiveUp), "lost: {:?}", self.scenario);
            assert_eq!(job.answers, u32::from(job.end == Some(After::Done)), "{:?}", self.scenario);
            assert!(self.paid[at] <= 1 + self.missing[at], "paid twice: {:?} {:?}", self.scenario, self.kills);
        }
        let blameless = matches!(self.scenario.create, Create::Answered | Create::Busy)
            && matches!(self.scenario.fate, Fate::Completed | Fate::NoRoom);
        assert!(!blameless || self.store.jobs.iter().all(|job| job.end == Some(After::Done)), "{:?}", self.scenario);
    }
}

/// Every create with every fate at both kinds of provider.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for matching in [Matching::Label, Matching::Contents] {
        for create in [Create::Answered, Create::DoneAndLost, Create::NotDoneAndLost, Create::Refused, Create::Busy] {
            for fate in [Fate::Completed, Fate::Missing, Fate::Expired, Fate::Refused, Fate::NoRoom] {
                for (lag, cut, strangers) in [(0, false, false), (0, true, true), (7200, false, true)] {
                    all.push(Scenario { matching, create, fate, lag, cut, strangers });
                }
            }
        }
    }
    all
}
