//! The end of a batch: what its result files say, and what is charged.

use super::job::{How, Job, Line, Whose};
use super::line::{Ran, run};
use super::{anthropic_told, gemini_told, openai_told};
use crate::random;
use crate::server::State;
use axum::body::Bytes;
use serde_json::Value;
use std::time::SystemTime;

/// A batch that ended.
pub(crate) struct Ended {
    pub(crate) at: SystemTime,
    pub(crate) how: How,
    /// Lines, a JSON text each.
    pub(crate) results: Bytes,
    /// Those that failed, where a provider tells them apart.
    pub(crate) errors: Bytes,
    pub(crate) counts: Counts,
}

/// What became of the lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) succeeded: usize,
    pub(crate) errored: usize,
    pub(crate) expired: usize,
    pub(crate) cancelled: usize,
}

/// How a line is told.
pub(crate) enum Fate {
    /// It was run.
    Ran(Ran),
    /// The batch ended before.
    NotRun(How),
}

/// A line as its provider tells it, and whether that goes to the errors.
pub(crate) struct Told {
    pub(crate) text: Value,
    pub(crate) is_error: bool,
}

/// Runs what is run of a batch, and charges it.
pub(crate) fn end(state: &State, job: &Job) -> Ended {
    let (at, how) = job.end(state);
    let mut ended = Ended { at, how, results: Bytes::new(), errors: Bytes::new(), counts: Counts::default() };
    // Gemini gives nothing of what has expired.
    let nothing = how == How::Refused || (how == How::Expired && job.whose == Whose::Gemini);
    if nothing {
        ended.counts.expired = job.lines.len();
        return ended;
    }
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for (place, line) in job.lines.iter().enumerate() {
        let fate = match job.done_at(state, line) <= at {
            true => Fate::Ran(run_or_refuse(state, job, line, place)),
            false => Fate::NotRun(how),
        };
        let missing = charge(state, job, line, &fate);
        ended.counts.add(&fate);
        if missing {
            continue;
        }
        let told = tell(job, line, place, &fate);
        let text = told.text.to_string();
        let list = if told.is_error { &mut errors } else { &mut results };
        if job.happens_to(state, "duplicated", line, state.config.batches.duplicated) {
            list.push((order(state, job, &line.id, 1), text.clone()));
        }
        list.push((order(state, job, &line.id, 0), text));
    }
    if job.happens(state, "foreign", state.config.batches.foreign) {
        results.extend(foreign(state, job));
    }
    ended.results = joined(results);
    ended.errors = joined(errors);
    ended
}

/// A line that the provider has nothing against is answered.
fn run_or_refuse(state: &State, job: &Job, line: &Line, place: usize) -> Ran {
    if job.happens_to(state, "errored", line, state.config.batches.errored) {
        let reply = Err(crate::api::Failure::invalid("The model could not process this request.", "body"));
        return Ran { reply, cost: 0, live_cost: 0, titles: Vec::new() };
    }
    run(state, job, line, place as u64)
}

/// Charges a line; whether it is missing in the results.
fn charge(state: &State, job: &Job, line: &Line, fate: &Fate) -> bool {
    let missing = job.happens_to(state, "missing", line, state.config.batches.missing);
    if let Fate::Ran(ran) = fate
        && ran.reply.is_ok()
        && (state.config.charge_lost || !missing)
    {
        state.book.lock().batched(&ran.titles, ran.cost, ran.live_cost, missing);
    }
    missing
}

fn tell(job: &Job, line: &Line, place: usize, fate: &Fate) -> Told {
    let number = job.number * 1_000_000 + place as u64;
    match job.whose {
        Whose::OpenAi => openai_told::line(&line.id, number, fate),
        Whose::Anthropic => anthropic_told::line(&line.id, number, fate),
        Whose::Gemini => gemini_told::line(&line.id, number, fate),
    }
}

/// Lines that nobody here has asked for: of an unknown name, and of a known one with another batch's digits.
fn foreign(state: &State, job: &Job) -> Vec<(u64, String)> {
    let Some(line) = job.lines.first() else { return Vec::new() };
    let twisted: String = line.id.chars().rev().collect();
    let ids = ["somebody-elses-1".to_owned(), twisted];
    let tell = |id: &String| {
        let ran = Ran { reply: Ok(Value::Null), cost: 0, live_cost: 0, titles: Vec::new() };
        let stranger = Line { id: id.clone(), body: Bytes::new() };
        let told = tell(job, &stranger, job.lines.len(), &Fate::Ran(ran));
        (order(state, job, id, 0), told.text.to_string())
    };
    ids.iter().map(tell).collect()
}

/// Results come in no order.
fn order(state: &State, job: &Job, id: &str, copy: u64) -> u64 {
    random::hash(state.config.seed ^ job.number ^ copy.rotate_left(40), id)
}

fn joined(mut lines: Vec<(u64, String)>) -> Bytes {
    lines.sort();
    let mut text = String::new();
    for (_, line) in &lines {
        text.push_str(line);
        text.push('\n');
    }
    text.into()
}

impl Counts {
    fn add(&mut self, fate: &Fate) {
        match fate {
            Fate::Ran(ran) if ran.reply.is_ok() => self.succeeded += 1,
            Fate::Ran(_) => self.errored += 1,
            Fate::NotRun(How::Cancelled) => self.cancelled += 1,
            Fate::NotRun(_) => self.expired += 1,
        }
    }
}
