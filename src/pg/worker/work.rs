//! What a trainer does: it trains what is due, one tenant's model after the other.
//!
//! Only what reads the examples and what stores the model are transactions. Between them, for the long time that it
//! computes, the trainer holds no table: who drops the extension need not wait for it, nor need those who wait behind him.

use super::attempt::{self, Attempt};
use super::errand::{contained, is_here, transaction};
use super::need::{self, Need};
use super::report;
use crate::pg::lock::{self, Span};
use crate::pg::manage::training::{self, Outcome};
use crate::pg::{error, spi, world};
use pgrx::PgTryBuilder;
use pgrx::pg_sys::panic::CaughtError;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;

/// How often a trainer looks again for what was taught meanwhile. Who teaches faster than it can train starts another.
const ROUNDS: usize = 4;

/// A taxonomy and a tenant.
type Pair = (i32, String);

/// Trains what is due, until nothing is, and leaves for another time what fails.
pub fn run() {
    let mut given_up = HashSet::new();
    for _ in 0..ROUNDS {
        let Some(taught) = look("for what is due", taught) else { return };
        let mut any = false;
        for of in taught {
            if given_up.contains(&of) {
                continue;
            }
            // Asked anew each time: somebody else may have trained it while we were at another.
            let Some(need) = look("whether a training is due", || is_here().then(|| need_of(&of)).flatten()) else {
                return;
            };
            let Some(name) = need else { continue };
            if train(&of, &name) {
                any = true;
            } else {
                given_up.insert(of);
            }
        }
        if !any {
            return;
        }
    }
}

fn look<T>(what: &str, work: impl FnOnce() -> T) -> Option<T> {
    report("looking for what is due");
    let found = contained(work);
    found.inspect_err(|message| error::log(&format!("could not look {what}"), said(message), None)).ok()
}

fn taught() -> Vec<Pair> {
    if is_here() { world::as_owner(spi::taught) } else { Vec::new() }
}

fn need_of((taxonomy, tenant): &Pair) -> Option<String> {
    match world::as_owner(|| need::of(*taxonomy, tenant)) {
        Need::Due(name) => Some(name),
        Need::Missing(_) | Need::Vain => None,
    }
}

/// Trains a tenant's model, unless somebody else does; whether it was trained.
fn train((taxonomy, tenant): &Pair, name: &str) -> bool {
    if !transaction(|| lock::training(*taxonomy, tenant, Span::Session, false)) {
        error::log(&format!("local model of taxonomy \"{name}\" is being trained by another session"), None, None);
        return false;
    }
    attempt::begin(Attempt::Training(*taxonomy, tenant));
    let outcome = train_alone(name, tenant);
    match &outcome {
        Ok(trained) => {
            attempt::succeed();
            let state = if trained.active { "live" } else { "kept, but not live" };
            error::log(
                &format!("trained local model of taxonomy \"{name}\": version {} is {state}", trained.version),
                trained.note.as_ref().map(|note| format!("Note: {note}.")),
                None,
            );
        }
        Err(message) => {
            attempt::fail();
            error::log(
                &format!("could not train local model of taxonomy \"{name}\""),
                said(message),
                Some("It is tried again after ten minutes, when somebody teaches. categorize.train() tries at once."),
            );
        }
    }
    lock::release_training(*taxonomy, tenant);
    outcome.is_ok()
}

fn train_alone(name: &str, tenant: &str) -> Result<Outcome, String> {
    report(&format!("reading examples of taxonomy \"{name}\""));
    let material = contained(|| training::gather(name, tenant))?;
    report(&format!("training local model of taxonomy \"{name}\""));
    let fitted = calmly(|| material.fit().map_err(|e| e.message))?;
    report(&format!("storing local model of taxonomy \"{name}\""));
    contained(|| is_here().then(|| fitted.store(None)))?
        .ok_or_else(|| "the extension was dropped or updated".to_owned())
}

/// Runs `work` outside any transaction. A panic becomes `Err`; an error, such as a termination, ends the process.
fn calmly<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    PgTryBuilder::new(AssertUnwindSafe(work))
        .catch_rust_panic(|caught| match caught {
            CaughtError::RustPanic { ereport, .. } => Err(ereport.message().to_owned()),
            other => other.rethrow(),
        })
        .execute()
}

fn said(message: &str) -> Option<String> {
    Some(format!("The error was: {message}."))
}
