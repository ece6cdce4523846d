//! A store in memory that is durable as a database is: what a method has done is there, or nothing of it. It dies when told
//! to, before or after it has done what it was asked for, and so does who asked.

use parking_lot::Mutex;
use pg_categorize_core::batch::{After, Batch, LineEnd, Rest, State, Token, after, check};
use pg_categorize_core::choices::Verdict;
use pg_categorize_core::money::Money;
use pg_categorize_gateway::batches::{
    LineResult, Lost, Made, NewRequest, Open, Outline, Part, Request, RequestItem, Store, Waiting, api,
};
use pg_categorize_gateway::plan::Route;
use pg_categorize_gateway::store::AttemptOutcome;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What survives.
pub struct Memory {
    routes: Vec<Arc<Route>>,
    data: Mutex<Data>,
}

pub struct Data {
    pub jobs: Vec<Job>,
    pub batches: BTreeMap<i64, Kept>,
    pub ledger: Ledger,
    pub deaths: u32,
    chance: StdRng,
}

pub struct Job {
    pub provider: i32,
    pub input: Waiting,
    pub batch: Option<i64>,
    pub attempts: u32,
    pub end: Option<After>,
    pub category: Option<i32>,
    pub answers: u32,
    /// Whether no budget ever admits it.
    pub is_dear: bool,
}

pub struct Kept {
    pub record: Batch,
    /// What nobody has told the record yet.
    pub cancel_wanted: bool,
    token: Token,
    route: Arc<Route>,
    bytes: u64,
    requests: Vec<KeptRequest>,
}

struct KeptRequest {
    jobs: Vec<i64>,
    worst_case: Money,
    has_result: bool,
}

/// All money, in nano-dollars.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Ledger {
    pub reserved: i64,
    pub settled: i64,
    pub in_doubt: i64,
}

/// The way to it of one process, which may die.
pub struct MemoryStore {
    memory: Arc<Memory>,
    death: f64,
    dead: AtomicBool,
}

impl Memory {
    pub fn new(routes: Vec<Arc<Route>>, jobs: Vec<(i32, Waiting)>, seed: u64) -> Self {
        let job = |(provider, input)| Job {
            provider,
            input,
            batch: None,
            attempts: 0,
            end: None,
            category: None,
            answers: 0,
            is_dear: false,
        };
        let data = Data {
            jobs: jobs.into_iter().map(job).collect(),
            batches: BTreeMap::new(),
            ledger: Ledger::default(),
            deaths: 0,
            chance: StdRng::seed_from_u64(seed),
        };
        Self { routes, data: Mutex::new(data) }
    }

    pub fn look<T>(&self, at: impl FnOnce(&mut Data) -> T) -> T {
        at(&mut self.data.lock())
    }

    pub fn is_over(&self) -> bool {
        let data = self.data.lock();
        data.jobs.iter().all(|job| job.end.is_some()) && data.batches.values().all(|kept| kept.record.state.is_final())
    }
}

impl MemoryStore {
    pub fn new(memory: Arc<Memory>, death: f64) -> Self {
        Self { memory, death, dead: AtomicBool::new(false) }
    }

    fn ask<T>(&self, what: impl FnOnce(&mut Data) -> Result<T, Lost>) -> Result<T, Lost> {
        if self.dead.load(Ordering::Relaxed) {
            return Err(Lost);
        }
        let mut data = self.memory.data.lock();
        let dies = data.chance.random_bool(self.death);
        if dies {
            self.dead.store(true, Ordering::Relaxed);
            data.deaths += 1;
            if data.chance.random_bool(0.5) {
                return Err(Lost);
            }
        }
        let done = what(&mut data);
        if dies { Err(Lost) } else { done }
    }
}

impl Store for MemoryStore {
    async fn open(&self) -> Result<Vec<Open>, Lost> {
        self.ask(|data| {
            let open = data.batches.values().filter(|kept| !kept.record.state.is_final());
            let open = open.map(|kept| Open {
                record: serde_json::from_str(&serde_json::to_string(&kept.record).unwrap()).unwrap(),
                token: kept.token,
                route: kept.route.clone(),
                bytes: kept.bytes,
                cancel_wanted: kept.cancel_wanted,
            });
            Ok(open.collect())
        })
    }

    async fn waiting(&self, route: &Arc<Route>, after: Option<i64>, limit: usize) -> Result<Vec<Waiting>, Lost> {
        self.ask(|data| {
            let waits = |job: &&Job| job.provider == route.provider.id && job.batch.is_none() && job.end.is_none();
            let behind = |job: &&Job| after.is_none_or(|after| job.input.job > after);
            let waiting = data.jobs.iter().filter(waits).filter(behind).take(limit);
            Ok(waiting.map(|job| job.input.clone()).collect())
        })
    }

    async fn build(&self, mut part: Part) -> Result<Option<Made>, Lost> {
        self.ask(|data| {
            let jobs = || part.requests.iter().flat_map(|request| &request.jobs);
            if jobs().any(|job| data.jobs[*job as usize].batch.is_some() || data.jobs[*job as usize].end.is_some()) {
                return Ok(None);
            }
            let dear = part.requests.iter().position(|one| one.jobs.iter().any(|job| data.jobs[*job as usize].is_dear));
            let skipped = dear.is_some();
            if let Some(at) = dear {
                part.requests[at].jobs.iter().for_each(|job| data.jobs[*job as usize].end = Some(After::GiveUp));
                part.requests.truncate(at);
            }
            if part.requests.is_empty() {
                return Ok(skipped.then_some(Made { batch: part.batch, requests: 0, skipped }));
            }
            let jobs = || part.requests.iter().flat_map(|request| &request.jobs);
            let id = part.batch.unwrap_or(data.batches.len() as i64 + 1);
            let kept = data.batches.entry(id).or_insert_with(|| {
                let traits = api(part.route.provider.kind).unwrap().traits();
                let now = pg_categorize_core::batch::Moment(0);
                let record = Batch::new(id, part.route.provider.id, traits.matching, traits.by_file, 0, now);
                let (token, route) = (Token::new(1, 1, id), part.route.clone());
                Kept { record, cancel_wanted: false, token, route, bytes: 0, requests: Vec::new() }
            });
            assert_eq!(kept.record.state, State::Building);
            kept.record.requests += part.requests.len() as u32;
            kept.bytes += part.requests.iter().map(|request| request.bytes).sum::<u64>();
            kept.requests.extend(part.requests.iter().map(|request: &NewRequest| KeptRequest {
                jobs: request.jobs.clone(),
                worst_case: request.worst_case,
                has_result: false,
            }));
            jobs().for_each(|job| data.jobs[*job as usize].batch = Some(id));
            data.ledger.reserved += part.requests.iter().map(|request| request.worst_case.0).sum::<i64>();
            Ok(Some(Made { batch: Some(id), requests: part.requests.len(), skipped }))
        })
    }

    async fn too_large(&self, jobs: Vec<i64>) -> Result<(), Lost> {
        self.ask(|data| {
            jobs.iter().for_each(|job| data.jobs[*job as usize].end = Some(After::GiveUp));
            Ok(())
        })
    }

    async fn requests(&self, batch: i64, from: u32, limit: usize) -> Result<Vec<Request>, Lost> {
        self.ask(|data| {
            let kept = &data.batches[&batch];
            let mut number = 1;
            let mut requests = Vec::new();
            for (ordinal, request) in kept.requests.iter().enumerate() {
                let first = number;
                number += request.jobs.len() as u32;
                if (ordinal as u32) < from || requests.len() == limit {
                    continue;
                }
                let input = |job: &i64| &data.jobs[*job as usize].input;
                let item = |(job, number): (&i64, u32)| RequestItem {
                    number,
                    fingerprint: input(job).fingerprint,
                    text: input(job).text.clone(),
                };
                requests.push(Request {
                    ordinal: ordinal as u32,
                    plan: input(&request.jobs[0]).plan.clone(),
                    items: request.jobs.iter().zip(first..).map(item).collect(),
                });
            }
            Ok(requests)
        })
    }

    async fn outlines(&self, batch: i64, from: u32, limit: usize) -> Result<Vec<Outline>, Lost> {
        let outline = |request: Request| {
            let first = request.items[0].number;
            Outline {
                numbers: first..first + request.items.len() as u32,
                check: check(request.items.iter().map(|item| &item.fingerprint.0)),
                plan: Some(request.plan).filter(|plan| plan.raw.is_none()),
            }
        };
        Ok(self.requests(batch, from, limit).await?.into_iter().map(outline).collect())
    }

    async fn keep(&self, before: &Batch, after: &Batch, rest: Rest) -> Result<(), Lost> {
        self.ask(|data| {
            let kept = &data.batches[&after.id];
            if kept.record != *before {
                return Err(Lost);
            }
            let beside = |kept: &&Kept| kept.record.id != after.id && kept.record.provider == after.provider;
            let others = data.batches.values().filter(beside).filter(|kept| kept.record.is_unanswered()).count();
            assert!(!after.is_unanswered() || others == 0, "two unanswered creates to one provider");
            data.rest(after.id, rest);
            data.batches.get_mut(&after.id).unwrap().record = after.clone();
            Ok(())
        })
    }

    async fn ingest(&self, batch: i64, results: Vec<LineResult>) -> Result<(), Lost> {
        self.ask(|data| {
            assert_eq!(data.batches[&batch].record.state, State::Ingesting);
            results.iter().for_each(|result| data.result(batch, result));
            Ok(())
        })
    }
}

impl Data {
    /// What becomes of requests without a result.
    fn rest(&mut self, batch: i64, rest: Rest) {
        let (money, end, blamed) = match rest {
            Rest::Waits => return,
            Rest::NotRun { blamed } => (AttemptOutcome::Released, LineEnd::NotRun, blamed),
            Rest::Missing => (AttemptOutcome::InDoubt, LineEnd::Missing, true),
            Rest::Dropped => (AttemptOutcome::Released, LineEnd::NotRun, true),
        };
        let open: Vec<usize> = {
            let requests = &self.batches[&batch].requests;
            (0..requests.len()).filter(|at| !requests[*at].has_result).collect()
        };
        for ordinal in open {
            self.close(batch, ordinal, &money);
            for job in self.batches[&batch].requests[ordinal].jobs.clone() {
                let job = &mut self.jobs[job as usize];
                assert_eq!(job.batch, Some(batch));
                (job.batch, job.attempts) = (None, job.attempts + u32::from(blamed));
                if rest == Rest::Dropped {
                    job.end = Some(After::GiveUp);
                } else if blamed {
                    job.end = Some(after(end, job.attempts, true)).filter(|after| *after != After::Again);
                }
            }
        }
    }

    fn result(&mut self, batch: i64, result: &LineResult) {
        let ordinal = result.ordinal as usize;
        if self.batches[&batch].requests[ordinal].has_result {
            return;
        }
        self.close(batch, ordinal, &result.money);
        let first: u32 = 1 + self.batches[&batch].requests[..ordinal].iter().map(|r| r.jobs.len() as u32).sum::<u32>();
        for (job, number) in self.batches[&batch].requests[ordinal].jobs.clone().into_iter().zip(first..) {
            let job = &mut self.jobs[job as usize];
            assert_eq!(job.batch, Some(batch));
            (job.batch, job.attempts) = (None, job.attempts + 1);
            match result.answers.iter().find(|answer| answer.id == number).map(|answer| answer.verdict) {
                Some(Verdict::Category(category)) => {
                    (job.category, job.answers) = (Some(category), job.answers + 1);
                    job.end = Some(After::Done);
                }
                _ => job.end = Some(after(result.end, job.attempts, true)).filter(|after| *after != After::Again),
            }
        }
    }

    /// The money of a request, once.
    fn close(&mut self, batch: i64, ordinal: usize, money: &AttemptOutcome) {
        let request = &mut self.batches.get_mut(&batch).unwrap().requests[ordinal];
        assert!(!request.has_result, "settled twice");
        request.has_result = true;
        self.ledger.reserved -= request.worst_case.0;
        match money {
            AttemptOutcome::Settled { cost, .. } => {
                assert!(*cost <= request.worst_case, "above what was set aside");
                self.ledger.settled += cost.0;
            }
            AttemptOutcome::Released => {}
            AttemptOutcome::InDoubt => self.ledger.in_doubt += request.worst_case.0,
        }
    }
}

impl Memory {
    pub fn route(&self, at: usize) -> &Arc<Route> {
        &self.routes[at]
    }
}
