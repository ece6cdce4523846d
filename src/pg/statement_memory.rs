//! What a tier remembers for the rest of a statement, so that the same input gets the same decision in it.

use crate::pg::freshness::Horizon;
use pgrx::{PgXactCallbackEvent, register_xact_callback};
use std::cell::RefCell;
use std::thread::LocalKey;

/// What is remembered, and of which statement's view.
pub type StatementMemory<T> = RefCell<Option<(Horizon, T)>>;

/// Runs `work` on what is remembered in the statement of this horizon; another's is forgotten, as all is when the transaction
/// ends.
pub fn recall<T: Default, R>(
    memory: &'static LocalKey<StatementMemory<T>>,
    horizon: Horizon,
    work: impl FnOnce(&mut T) -> R,
) -> R {
    memory.with_borrow_mut(|kept| {
        if kept.is_none() {
            for end in [PgXactCallbackEvent::Commit, PgXactCallbackEvent::Prepare, PgXactCallbackEvent::Abort] {
                register_xact_callback(end, || memory.set(None));
            }
        }
        let current = kept.take().filter(|(of, _)| *of == horizon);
        work(&mut kept.insert(current.unwrap_or_else(|| (horizon, T::default()))).1)
    })
}
