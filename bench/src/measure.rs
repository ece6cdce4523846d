//! Timing statements as a client sees them, and what to make of the times.

use crate::bench::Bench;
use pg_categorize_e2e::Session;
use postgres::SimpleQueryMessage;
use std::time::{Duration, Instant};

/// Measured runs of each statement; their median counts.
pub const REPETITIONS: usize = 5;

/// A statement to be timed in fresh sessions.
pub struct Statement {
    /// Run in the session before the clock starts.
    pub before: Vec<String>,
    /// Timed; returns one row.
    pub sql: String,
}

impl Statement {
    /// One without anything before it.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { before: Vec::new(), sql: sql.into() }
    }

    /// The same, with `sql` run before it in its session.
    pub fn after(mut self, sql: impl Into<String>) -> Self {
        self.before.push(sql.into());
        self
    }
}

/// The times of one statement.
#[derive(Debug, Clone)]
pub struct Timing {
    runs: Vec<Duration>,
    /// The first column of its one row, the same in every run; empty where nothing was asked in SQL.
    pub answer: String,
}

impl Timing {
    /// Of something that was timed otherwise; not empty.
    pub fn new(runs: Vec<Duration>) -> Self {
        Self { runs, answer: String::new() }
    }

    /// Median in milliseconds.
    pub fn median(&self) -> f64 {
        self.percentile(0.5)
    }

    /// The time, in milliseconds, that this share of the runs did not exceed.
    pub fn percentile(&self, share: f64) -> f64 {
        let last = self.runs.len() - 1;
        self.sorted()[((self.runs.len() as f64 * share) as usize).min(last)]
    }

    /// Lowest and highest, in milliseconds.
    pub fn range(&self) -> (f64, f64) {
        let sorted = self.sorted();
        (sorted[0], sorted[sorted.len() - 1])
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted: Vec<f64> = self.runs.iter().map(|run| run.as_secs_f64() * 1e3).collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// Times statements against each other: one warm-up of each, then turn by turn, every run in a session of its own.
///
/// # Panics
/// Where a statement fails or its runs disagree.
pub fn interleaved(bench: &Bench, statements: &[Statement]) -> Vec<Timing> {
    let warm = |statement| Timing { runs: Vec::new(), answer: run_fresh(bench, statement).1 };
    let mut timings: Vec<Timing> = statements.iter().map(warm).collect();
    for _ in 0..bench.repetitions {
        for (statement, timing) in statements.iter().zip(&mut timings) {
            let (time, answer) = run_fresh(bench, statement);
            assert_eq!(timing.answer, answer, "two runs disagree: {}", statement.sql);
            timing.runs.push(time);
        }
    }
    timings
}

/// Runs a statement once in a session of its own.
pub fn run_fresh(bench: &Bench, statement: &Statement) -> (Duration, String) {
    let mut session = bench.session();
    for sql in &statement.before {
        timed(&mut session, sql);
    }
    timed(&mut session, &statement.sql)
}

/// Runs a statement, and returns its time and the first column of its first row.
pub fn timed(session: &mut Session, sql: &str) -> (Duration, String) {
    let start = Instant::now();
    let messages = session.simple_query(sql);
    let time = start.elapsed();
    let first =
        messages.unwrap_or_else(|e| panic!("{sql}\nfailed: {e}")).into_iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
    (time, first.unwrap_or_default())
}

/// The slope of the least-squares line through the logarithms of (size, time): 1 is proportional, below 1 is better.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let (mean_x, mean_y) = logs.iter().fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x / count, sy + y / count));
    let covariance: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    covariance / logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>()
}

/// The steepest slope between two neighbouring sizes: a fixed cost that flattens small sizes cannot hide it.
pub fn steepest(points: &[(f64, f64)]) -> f64 {
    points.windows(2).map(slope).fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_of_powers_are_their_exponents() {
        let square: Vec<(f64, f64)> = [1.0, 10.0, 100.0].iter().map(|x| (*x, 3.0 * x * x)).collect();
        assert!((slope(&square) - 2.0).abs() < 1e-9);
        let bent = [(1.0, 1.0), (10.0, 1.0), (100.0, 10.0)];
        assert!(slope(&bent) < 0.6 && (steepest(&bent) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_median_is_the_middle_run() {
        let runs = [5, 1, 9].map(Duration::from_millis).to_vec();
        let timing = Timing::new(runs);
        assert_eq!((timing.median(), timing.range()), (5.0, (1.0, 9.0)));
    }

    #[test]
    fn a_percentile_leaves_its_share_below() {
        let timing = Timing::new((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!((timing.percentile(0.99), timing.percentile(1.0)), (199.0, 200.0));
    }
}
