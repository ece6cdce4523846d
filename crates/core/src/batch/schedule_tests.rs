use super::*;
use proptest::prelude::*;
use std::time::Duration;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A zone that changes its clocks once.
#[derive(Debug, Clone, Copy)]
struct Changing {
    at: i64,
    before: i64,
    after: i64,
}

impl Zone for Changing {
    fn offset(&self, at: Moment) -> i64 {
        if at.0 < self.at { self.before } else { self.after }
    }
}

/// Berlin, 2026: forward at 2026-03-29T01:00:00Z, back at 2026-10-25T01:00:00Z.
const SPRING: Changing = Changing { at: 1_774_746_000, before: HOUR, after: 2 * HOUR };
const AUTUMN: Changing = Changing { at: 1_792_890_000, before: 2 * HOUR, after: HOUR };

fn at_two() -> Daily {
    Daily { seconds: 2 * 3600 }
}

fn schedule() -> Schedule {
    Schedule {
        daily: Some(at_two()),
        minimum: 100,
        maximum_wait: Some(Duration::from_secs(48 * 3600)),
        when_full: None,
    }
}

fn queue(inputs: u64, oldest: i64, last_daily: i64) -> Queue {
    Queue {
        inputs,
        requests: inputs,
        bytes: inputs * 1000,
        oldest: Some(Moment(oldest)),
        last_daily: Moment(last_daily),
    }
}

#[test]
fn a_time_that_there_is_not_or_twice_comes_once() {
    // At two in the night of spring clocks are set to three: the run is then.
    assert_eq!(at_two().latest(Moment(SPRING.at), &SPRING), Moment(SPRING.at));
    assert_eq!(at_two().next(Moment(SPRING.at - 1), &SPRING), Moment(SPRING.at));
    assert_eq!(at_two().next(Moment(SPRING.at), &SPRING), Moment(SPRING.at + 23 * HOUR));
    // In autumn it is two at midnight of universal time, and again an hour later.
    assert_eq!(at_two().next(Moment(AUTUMN.at - 2 * HOUR), &AUTUMN), Moment(AUTUMN.at - HOUR));
    assert_eq!(at_two().next(Moment(AUTUMN.at - HOUR), &AUTUMN), Moment(AUTUMN.at + 24 * HOUR));
    assert_eq!(at_two().latest(Moment(AUTUMN.at + HOUR), &AUTUMN), Moment(AUTUMN.at - HOUR));
}

#[test]
fn missed_runs_are_caught_up_once() {
    // Ten days after the last run, at noon.
    let now = Moment(10 * DAY + 12 * HOUR);
    let waiting = queue(500, 9 * DAY + 12 * HOUR, 0);
    assert_eq!(schedule().due(now, &waiting, &0), Some(Why::Daily));
    assert_eq!(schedule().next(now, &waiting, &0), Some(now));
    let ran = Queue { last_daily: now, ..waiting };
    assert_eq!(schedule().due(now, &ran, &0), None);
    assert_eq!(schedule().next(now, &ran, &0), Some(Moment(11 * DAY + 2 * HOUR)));
}

#[test]
fn few_wait_for_more_but_not_for_ever_and_a_full_batch_does_not_wait() {
    let few = queue(99, 0, 2 * HOUR);
    let next_run = Moment(DAY + 2 * HOUR);
    assert_eq!(schedule().due(next_run, &few, &0), None);
    assert_eq!(schedule().due(next_run, &queue(100, 0, 2 * HOUR), &0), Some(Why::Daily));
    assert_eq!(schedule().due(Moment(2 * DAY), &few, &0), Some(Why::Waited));
    assert_eq!(schedule().due(Moment(2 * DAY), &Queue { inputs: 0, ..few }, &0), None);
    let limits = Limits { requests: 99, bytes: u64::MAX };
    let smart = Schedule { when_full: Some(limits), ..schedule() };
    assert_eq!(smart.due(Moment(3 * HOUR), &few, &0), Some(Why::Full));
    assert_eq!(smart.due(Moment(3 * HOUR), &queue(98, 0, 2 * HOUR), &0), None);
    let never = Schedule { daily: None, maximum_wait: None, ..schedule() };
    assert_eq!((never.due(Moment(DAY), &few, &0), never.next(Moment(DAY), &few, &0)), (None, None));
}

#[test]
fn polls_come_less_often_up_to_a_quarter_of_an_hour() {
    let pace = Pace::default();
    let waits = [0, 1, 2, 7, 99, u32::MAX].map(|tries| pace.wait(tries).as_secs());
    assert_eq!(waits, [60, 90, 135, 900, 900, 900]);
    assert_eq!(pace.wait_as_asked(0, Some(Duration::from_secs(3000))), Duration::from_secs(3000));
    assert_eq!(pace.wait_as_asked(0, Some(Duration::MAX)), Duration::from_secs(86_400));
    assert_eq!(Pace { poll: Duration::from_secs(7200) }.wait(3), Duration::from_secs(7200));
}

prop_compose! {
    fn zones()(at in 20 * DAY..40 * DAY, before in -14 * 4..14 * 4_i64, step in prop::sample::select(vec![-4_i64, -2, 0, 2, 4]))
        -> Changing {
        // In steps of a quarter of an hour, changing by up to an hour on a minute.
        Changing { at: at / 60 * 60, before: before * 900, after: (before + step) * 900 }
    }
}

proptest! {
    /// Against a search of all minutes.
    #[test]
    fn the_run_of_a_day_is_when_its_clocks_first_show_the_time(zone in zones(), minute in 0_u32..1440, from in 15 * DAY..45 * DAY) {
        let daily = Daily { seconds: minute * 60 };
        let now = Moment(from / 60 * 60);
        let local = |at: i64| at + zone.offset(Moment(at));
        // The first minute of its local day at which clocks are at or past the time.
        let runs: Vec<i64> = (now.0 / DAY - 3..=now.0 / DAY + 3).filter_map(|day| {
            let wanted = day * DAY + i64::from(daily.seconds);
            (wanted - 20 * HOUR..wanted + 20 * HOUR).map(|at| at / 60 * 60).step_by(60).find(|at| local(*at) >= wanted)
        }).collect();
        let latest = runs.iter().copied().filter(|at| *at <= now.0).max();
        let next = runs.iter().copied().filter(|at| *at > now.0).min();
        prop_assert_eq!(Some(daily.latest(now, &zone).0), latest);
        prop_assert_eq!(Some(daily.next(now, &zone).0), next);
    }

    /// Somebody who looks whenever told to sends everything, each day once at most, and nothing too late.
    #[test]
    fn whoever_looks_when_told_to_misses_nothing(
        zone in zones(), minute in 0_u32..1440, minimum in 1_u64..200, wait in 1_i64..72,
        arrivals in proptest::collection::vec((0_i64..30 * DAY, 1_u64..100), 1..40), down in 0_i64..5 * DAY,
    ) {
        let wait = Duration::from_secs((wait * HOUR).unsigned_abs());
        let schedule = Schedule {
            daily: Some(Daily { seconds: minute * 60 }), minimum, maximum_wait: Some(wait), when_full: None,
        };
        let mut arrivals = arrivals;
        arrivals.sort();
        let mut queue = Queue { last_daily: Moment(0), ..Queue::default() };
        let (mut now, mut at, mut dailies) = (Moment(0), 0, Vec::new());
        while now.0 < 45 * DAY {
            while let Some((moment, inputs)) = arrivals.get(at).filter(|(moment, _)| *moment <= now.0) {
                queue.oldest.get_or_insert(Moment(*moment));
                (queue.inputs, at) = (queue.inputs + inputs, at + 1);
            }
            let why = schedule.due(now, &queue, &zone);
            if let Some(oldest) = queue.oldest {
                prop_assert!(why.is_some() || now < oldest.after(wait));
            }
            if why.is_some() {
                queue = Queue { inputs: 0, oldest: None, ..queue };
            }
            if schedule.is_time(now, &queue, &zone) {
                dailies.push(now.0);
                queue.last_daily = now;
            }
            let next = schedule.next(now, &queue, &zone).unwrap();
            prop_assert!(next > now);
            let coming = arrivals.get(at).map_or(Moment(i64::MAX), |(moment, _)| Moment(*moment));
            now = next.min(coming);
            // Nobody is there for some days.
            if (10 * DAY..10 * DAY + down).contains(&now.0) {
                now = Moment(10 * DAY + down);
            }
        }
        prop_assert_eq!((queue.inputs, at), (0, arrivals.len()));
        prop_assert!(dailies.windows(2).all(|pair| pair[1] - pair[0] > 0));
        let days = 45 - (down / DAY).min(5) - 2;
        prop_assert!(dailies.len() as i64 >= days && dailies.len() <= 46, "{}", dailies.len());
    }
}
