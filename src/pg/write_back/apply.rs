//! Writing rows whose answers are there, as the roles that queued them.

use super::Destination;
use crate::pg::owner::RoleScope;
use crate::pg::resolver::Resolver;
use crate::pg::scope::Scope;
use crate::pg::spi::{self, DuePortion, DueRow, Place, RowAnswer, RowState, WriteBackStatements};
use crate::pg::xact::{self, Failed};
use crate::pg::{compat, error, guc, lock, world};
use pgrx::prelude::*;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

/// Rows of one statement.
const ROWS: i64 = 500;

/// How long one statement may take.
const LONGEST: Duration = Duration::from_secs(60);

/// Times that a row is tried for which somebody always has a lock: with the pauses between them, about a day.
const MOST_ATTEMPTS: i32 = 36;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portion {
    /// Some rows were seen to.
    Done,
    /// No row is due.
    None,
}

/// Sees to the next portion of rows that are due after a place, which it moves on: writes those that have an answer, and says of the others why not. In a transaction
/// of its own, of a process in which nothing else runs.
pub fn apply(after: &mut Option<Place>) -> Portion {
    let due = world::as_owner(|| {
        // SAFETY: inside the nest level of the owner's scope.
        unsafe { guc::read_along_indexes() };
        spi::due_portion(ROWS, *after)
    });
    let Some(portion) = due.filter(|portion| !portion.rows.is_empty()) else { return Portion::None };
    *after = Some(portion.first);
    // A deferred trigger would run at the commit, as the superuser that this process is. Now it runs at the end of its statement; one
    // that is deferred again from inside is refused by Postgres.
    world::as_owner(spi::fire_deferred_at_once);
    let statements = match usable(&portion) {
        Ok(statements) => statements,
        Err((reason, sqlstate)) => {
            fail(&portion.rows, &reason, sqlstate.as_deref());
            return Portion::Done;
        }
    };
    let Some(scope) = scope(&portion) else {
        fail(&portion.rows, "taxonomy_gone", None);
        return Portion::Done;
    };
    let answered = answered(&portion, &scope);
    if !answered.is_empty() {
        if lock::may_write_now(portion.destination.relation) {
            Writing { portion: &portion, statements: &statements }.write(&answered);
        } else {
            retry(answered.iter().map(|(row, _)| *row), "55P03");
        }
    }
    Portion::Done
}

/// The statements of a portion; why there are none.
fn usable(portion: &DuePortion) -> Result<WriteBackStatements, (String, Option<String>)> {
    let Destination { relation, key_columns, input_columns, output_column } = &*portion.destination;
    let found = world::as_owner(|| spi::write_back_statements(*relation, portion.role, input_columns, output_column));
    let statements = found.map_err(|problem| (problem.reason, Some(problem.sqlstate)))?;
    // Another key may find other rows.
    let same = statements.relation == *relation && statements.key_columns == *key_columns;
    if same { Ok(statements) } else { Err(("key_changed".to_owned(), None)) }
}

/// What the rows' inputs are sorted into; `None` where that is gone.
fn scope(portion: &DuePortion) -> Option<Rc<Scope>> {
    let (world, _) = world::now();
    match (portion.taxonomy, &portion.labels) {
        (Some(id), _) => {
            let (name, _) = world::as_owner(|| spi::taxonomy_by_id(id))?;
            Some(world.scope(&portion.tenant, &name))
        }
        (None, Some(labels)) => Some(world.ad_hoc_scope(&portion.tenant, labels.as_slice().into())),
        (None, None) => None,
    }
}

/// The rows that have an answer by now, with it; the others are ended. What a person has said since counts over what was bought.
fn answered<'a>(portion: &'a DuePortion, scope: &Rc<Scope>) -> Vec<(&'a DueRow, String)> {
    let inputs: Vec<&str> = portion.rows.iter().map(|row| row.input.as_str()).collect();
    let outcomes = Resolver::free(scope.clone()).resolve(&inputs);
    let mut answered = Vec::with_capacity(portion.rows.len());
    for (row, outcome) in portion.rows.iter().zip(outcomes) {
        let category = outcome.answer.as_ref().and_then(|answer| scope.text(answer.guess.category));
        match category {
            Some(category) => answered.push((row, category.to_owned())),
            None => fail(std::slice::from_ref(row), row.reason.as_deref().unwrap_or("no_answer"), None),
        }
    }
    answered
}

struct Writing<'a> {
    portion: &'a DuePortion,
    statements: &'a WriteBackStatements,
}

impl Writing<'_> {
    /// Writes rows together; where that fails, the two halves of them, until it is known which row it was. What took too long is left.
    fn write(&self, rows: &[(&DueRow, String)]) {
        match self.attempt(rows) {
            Ok(written) => self.note(rows, &written),
            // All of them come again, in smaller portions: this transaction has lasted for long enough.
            Err(failed) if failed.code == PgSqlErrorCode::ERRCODE_QUERY_CANCELED => self.judge(rows, failed.code),
            Err(_) if rows.len() > 1 => {
                let (one, other) = rows.split_at(rows.len() / 2);
                self.write(one);
                self.write(other);
            }
            Err(failed) => self.judge(rows, failed.code),
        }
    }

    /// The numbers of the rows that were written, as the role.
    fn attempt(&self, rows: &[(&DueRow, String)]) -> Result<Vec<i32>, Failed> {
        let answers: Vec<RowAnswer<'_>> = rows
            .iter()
            .map(|(row, category)| RowAnswer {
                key: &row.key,
                category,
                input: &row.row_input,
                output: row.output.as_deref(),
            })
            .collect();
        let work = AssertUnwindSafe(|| {
            let _role = RoleScope::enter(self.portion.role, &self.portion.tenant);
            spi::write_rows(self.statements, &answers)
        });
        // A trigger of one table must not hold up the rows of all others.
        compat::limit_time(Some(LONGEST));
        let written = xact::trial(|| { work }());
        compat::limit_time(None);
        written
    }

    /// Forgets rows that have their category now, and ends the others, which are not what they were.
    fn note(&self, rows: &[(&DueRow, String)], written: &[i32]) {
        let mut has_category = vec![false; rows.len()];
        let mut mark = |number: i32| {
            if let Some(place) = usize::try_from(number).ok().and_then(|at| has_category.get_mut(at)) {
                *place = true;
            }
        };
        written.iter().copied().for_each(&mut mark);
        if written.len() < rows.len() {
            self.written_before(rows).into_iter().for_each(&mut mark);
        }
        let ids = |with: bool| {
            let of = rows.iter().zip(&has_category).filter(|(_, has)| **has == with);
            of.map(|((row, _), _)| row.id).collect::<Vec<_>>()
        };
        world::as_owner(|| spi::delete_targets(ids(true)));
        let left = ids(false);
        if !left.is_empty() {
            world::as_owner(|| spi::fail_targets(left, "row_changed", None));
        }
    }

    /// The numbers of rows that have the category already: a row may have been queued more than once.
    fn written_before(&self, rows: &[(&DueRow, String)]) -> Vec<i32> {
        let keys: Vec<&[String]> = rows.iter().map(|(row, _)| row.key.as_slice()).collect();
        let work = AssertUnwindSafe(|| {
            let _role = RoleScope::enter(self.portion.role, &self.portion.tenant);
            spi::read_rows_now(self.statements, &keys)
        });
        let states = xact::trial(|| { work }()).unwrap_or_default();
        let is_same = |state: &RowState| {
            let at = usize::try_from(state.number).ok();
            at.and_then(|at| rows.get(at)).is_some_and(|(row, category)| {
                state.output.as_ref() == Some(category) && state.input.as_ref() == Some(&row.row_input)
            })
        };
        states.into_iter().filter(is_same).map(|state| state.number).collect()
    }

    /// Rows could not be written: they are tried again where somebody stood in the way, and ended where the table refuses them.
    fn judge(&self, rows: &[(&DueRow, String)], code: PgSqlErrorCode) {
        let class = error::sqlstate(code);
        for (row, _) in rows {
            if is_passing(code) && row.attempts < MOST_ATTEMPTS {
                retry(std::iter::once(*row), &class);
            } else {
                fail(std::slice::from_ref(*row), "refused", Some(&class));
            }
        }
    }
}

/// Whether the same may succeed in a while.
fn is_passing(code: PgSqlErrorCode) -> bool {
    use PgSqlErrorCode::*;
    matches!(
        code,
        ERRCODE_LOCK_NOT_AVAILABLE
            | ERRCODE_T_R_DEADLOCK_DETECTED
            | ERRCODE_T_R_SERIALIZATION_FAILURE
            | ERRCODE_QUERY_CANCELED
            | ERRCODE_OUT_OF_MEMORY
            | ERRCODE_DISK_FULL
    )
}

fn fail(rows: &[DueRow], reason: &str, sqlstate: Option<&str>) {
    let ids = rows.iter().map(|row| row.id).collect();
    world::as_owner(|| spi::fail_targets(ids, reason, sqlstate));
}

fn retry<'a>(rows: impl Iterator<Item = &'a DueRow>, sqlstate: &str) {
    let ids = rows.map(|row| row.id).collect();
    world::as_owner(|| spi::retry_targets(ids, sqlstate));
}
