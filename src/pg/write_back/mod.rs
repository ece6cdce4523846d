//! Where answers of the queue are written: rows of the users' own tables, found by their primary keys.
//!
//! A row is written by a process of its own (`crate::pg::worker::writing`), as the role that queued it, and only where its input and
//! its output column are what they were: rights are checked when it is queued, and again when it is written.

mod apply;
mod query;

pub use apply::{Portion, apply};
pub use query::{Wanted, enqueue};

use crate::pg::deferral::Miss;
use crate::pg::spi::{self, NewTarget, WriteBackProblem, WriteBackStatements};
use crate::pg::worker::errand::{self, Errand};
use crate::pg::{error, guard, world};
use pg_categorize_core::fingerprint::Fingerprint;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

/// A column of a table that is filled from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The table; of a partition, the whole.
    pub relation: pg_sys::Oid,
    /// The columns of the primary key.
    pub key_columns: Vec<String>,
    /// The columns of the input.
    pub input_columns: Vec<String>,
    /// The column to be filled.
    pub output_column: String,
}

impl Destination {
    /// That of a table, if the current role may write it; with the statements that do so.
    ///
    /// # Errors
    /// 22023 without a primary key; 42501 without the rights; 42809, 42703, 428C9 and 0A000 for what cannot be written.
    pub fn find(relation: pg_sys::Oid, input_columns: &[String], output_column: &str) -> (Self, WriteBackStatements) {
        let role = guard::current_role();
        let found = world::as_owner(|| spi::write_back_statements(relation, role, input_columns, output_column));
        let statements = found.unwrap_or_else(|problem| refuse(problem));
        let destination = Self {
            relation: statements.relation,
            key_columns: statements.key_columns.clone(),
            input_columns: input_columns.to_vec(),
            output_column: output_column.to_owned(),
        };
        (destination, statements)
    }
}

fn refuse(problem: WriteBackProblem) -> ! {
    use PgSqlErrorCode::*;
    let code = match problem.sqlstate.as_str() {
        "42501" => ERRCODE_INSUFFICIENT_PRIVILEGE,
        "42809" => ERRCODE_WRONG_OBJECT_TYPE,
        "42703" => ERRCODE_UNDEFINED_COLUMN,
        "42704" => ERRCODE_UNDEFINED_OBJECT,
        "42P01" => ERRCODE_UNDEFINED_TABLE,
        "428C9" => ERRCODE_GENERATED_ALWAYS,
        "0A000" => ERRCODE_FEATURE_NOT_SUPPORTED,
        _ => ERRCODE_INVALID_PARAMETER_VALUE,
    };
    error::report(code, problem.message, None, problem.hint)
}

/// A row that an answer is written to.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its table and columns.
    pub destination: Rc<Destination>,
    /// As whom it is written. One transaction may queue a text as several roles.
    pub role: pg_sys::Oid,
    /// Its primary key as text.
    pub key: Vec<String>,
    /// Its input, of which what is asked may be another form.
    pub row_input: String,
    /// What the output column has.
    pub output: Option<String>,
}

impl Target {
    /// What it takes in memory, roughly.
    pub fn bytes(&self) -> usize {
        let key: usize = self.key.iter().map(|value| value.len() + size_of::<String>()).sum();
        key + self.row_input.len() + self.output.as_ref().map_or(0, String::len)
    }
}

/// Rows in one statement.
const PORTION: usize = 2000;

thread_local! {
    /// Whether this transaction has made rows due.
    static IS_DUE: Cell<bool> = const { Cell::new(false) };
}

/// Stores where the answers of these are to be written, with the jobs that they wait for. Runs as the owner.
pub fn store<'a>(misses: impl Iterator<Item = &'a Miss>, jobs: &HashMap<Fingerprint, i64>) {
    let targets = |miss: &'a Miss| {
        let job = jobs.get(&miss.keys.0).copied().filter(|_| !miss.is_known);
        miss.targets.iter().map(move |target| NewTarget { job, miss, target })
    };
    let new: Vec<NewTarget<'_>> = misses.flat_map(targets).collect();
    if !new.is_empty() {
        IS_DUE.set(IS_DUE.get() || new.iter().any(|target| target.job.is_none()));
        new.chunks(PORTION).for_each(spi::insert_targets);
    }
}

/// Has the rows of jobs written that this transaction has ended, once it is committed. Runs as the owner.
pub fn ended(jobs: &[i64]) {
    if !jobs.is_empty() && spi::mark_due(jobs) > 0 {
        IS_DUE.set(true);
    }
}

/// Has what may be due written once this transaction is committed.
pub fn look_again() {
    IS_DUE.set(true);
}

/// Starts the process that writes, where the transaction that is about to commit has made rows due. Of one that is prepared nobody
/// knows when it ends: its rows are found within the hour, or with the next ones.
pub fn transaction_ends(is_committing: bool) {
    if IS_DUE.take() && is_committing {
        errand::launch(Errand::Writing);
    }
}
