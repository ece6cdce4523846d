//! What becomes of a request once its line is read, or none came.

/// Attempts in batches before a request goes another way.
const ATTEMPTS: u32 = 2;

/// How a request of a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// All its inputs have an answer.
    Answered,
    /// It was run, and has no answer that counts.
    Unanswered,
    /// The provider refused it.
    Refused,
    /// It was not run.
    NotRun,
    /// No line tells what became of it.
    Missing,
}

/// What is next for an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Nothing: it is answered.
    Done,
    /// It waits for another batch.
    Again,
    /// It is asked about live, alone.
    Live,
    /// It stays without an answer.
    GiveUp,
}

/// What is next for an input whose request ended so in its `attempts`-th batch (1 for the first; batches that blamed nobody
/// do not count). `live` says that its taxonomy lets it be asked about live.
pub fn after(end: LineEnd, attempts: u32, live: bool) -> After {
    match end {
        LineEnd::Answered => After::Done,
        // The same request would be refused again.
        LineEnd::Refused if live => After::Live,
        LineEnd::Refused => After::GiveUp,
        _ if attempts < ATTEMPTS => After::Again,
        _ if live => After::Live,
        _ => After::GiveUp,
    }
}
