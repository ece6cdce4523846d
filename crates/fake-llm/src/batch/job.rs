//! One batch and its course. What it is at a moment follows from when it was created, what was drawn for it, and when it
//! was cancelled.

use super::end::Ended;
use crate::random::{uniform, uniform_of};
use crate::server::State;
use crate::tokens::count;
use axum::body::Bytes;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// How long a batch is looked at before it begins.
const VALIDATION: Duration = Duration::from_secs(60);

/// How long a cancel takes (OpenAI: up to ten minutes).
const CANCELLING: Duration = Duration::from_secs(120);

/// Whose batch it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    OpenAi,
    Anthropic,
    Gemini,
}

/// One request of a batch.
pub(crate) struct Line {
    pub(crate) id: String,
    /// Its body, as JSON: of a file, a part of what was uploaded.
    pub(crate) body: Bytes,
}

/// A batch as it was asked for.
pub(crate) struct Job {
    /// 0 until it is accepted.
    pub(crate) number: u64,
    pub(crate) whose: Whose,
    /// Tells keys apart.
    pub(crate) owner: u64,
    /// Metadata, or the display name.
    pub(crate) label: Value,
    pub(crate) model: String,
    /// What its lines ask: a path, or a method.
    pub(crate) endpoint: String,
    pub(crate) input_file: Option<String>,
    /// The version that Anthropic's create named.
    pub(crate) version: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) tokens: u64,
    pub(crate) created: SystemTime,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) cancelled: Option<SystemTime>,
    pub(crate) ended: Option<Ended>,
}

/// Why a batch fails after it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) line: Option<usize>,
}

/// What a batch is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Validating,
    Running,
    Cancelling,
    Ended(How),
}

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Completed,
    Refused,
    Expired,
    Cancelled,
}

impl Job {
    /// A batch of these requests; `bytes` is what was sent of them.
    pub(crate) fn new(state: &State, whose: Whose, owner: u64, lines: Vec<Line>, bytes: usize) -> Self {
        Self {
            number: 0,
            whose,
            owner,
            label: Value::Null,
            model: String::new(),
            endpoint: String::new(),
            input_file: None,
            version: String::new(),
            lines,
            tokens: count(bytes as u64),
            created: state.clock.now(),
            refusal: None,
            cancelled: None,
            ended: None,
        }
    }

    /// Cancels it, once, where it has not ended.
    pub(crate) fn cancel(&mut self, now: SystemTime) {
        if self.ended.is_none() {
            self.cancelled.get_or_insert(now);
        }
    }

    /// How long it may take.
    pub(crate) fn window(&self) -> Duration {
        Duration::from_secs(if self.whose == Whose::Gemini { 48 } else { 24 } * 3600)
    }

    pub(crate) fn begins(&self) -> SystemTime {
        self.created + VALIDATION
    }

    /// When and how it ends, if nobody cancels it any more.
    pub(crate) fn end(&self, state: &State) -> (SystemTime, How) {
        let due = self.created + self.turnaround(state);
        let closes = self.created + self.window();
        let natural = match (&self.refusal, due < closes) {
            (Some(_), _) => (self.begins(), How::Refused),
            (None, true) => (due.max(self.begins()), How::Completed),
            (None, false) => (closes, How::Expired),
        };
        match self.cancelled.map(|at| at + CANCELLING) {
            Some(at) if at < natural.0 => (at, How::Cancelled),
            _ => natural,
        }
    }

    /// What it is now.
    pub(crate) fn phase(&self, state: &State, now: SystemTime) -> Phase {
        match self.end(state) {
            (at, how) if at <= now => Phase::Ended(how),
            _ if self.cancelled.is_some() => Phase::Cancelling,
            _ if now < self.begins() => Phase::Validating,
            _ => Phase::Running,
        }
    }

    /// Lines that are done by a moment.
    pub(crate) fn done(&self, state: &State, by: SystemTime) -> usize {
        self.lines.iter().filter(|line| self.done_at(state, line) <= by).count()
    }

    /// When a line is done: evenly over the course of its batch, in no order.
    pub(crate) fn done_at(&self, state: &State, line: &Line) -> SystemTime {
        let course = self.turnaround(state).saturating_sub(VALIDATION);
        self.begins() + course.mul_f64(self.drawn(state, "done", &line.id))
    }

    /// One that is drawn to expire would take twice as long as it may.
    fn turnaround(&self, state: &State) -> Duration {
        let config = &state.config.batches;
        match self.happens(state, "expired", config.expired) {
            true => self.window() * 2,
            false => config.turnaround(uniform_of(state.config.seed ^ 0x7a, self.number)),
        }
    }

    /// Whether something happens to this batch that happens to this share of them.
    pub(crate) fn happens(&self, state: &State, what: &str, share: f64) -> bool {
        self.drawn(state, what, "") < share
    }

    /// Whether something happens to this line that happens to this share of them.
    pub(crate) fn happens_to(&self, state: &State, what: &str, line: &Line, share: f64) -> bool {
        self.drawn(state, what, &line.id) < share
    }

    fn drawn(&self, state: &State, what: &str, line: &str) -> f64 {
        uniform(state.config.seed ^ self.number.rotate_left(32), &format!("{what}/{line}"))
    }
}
