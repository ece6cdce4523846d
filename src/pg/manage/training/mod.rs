//! Training a tenant's model from what people and paid models have said.
//!
//! One training of a tenant's taxonomy runs at a time. It reads what is committed, or stored by its own transaction,
//! measures itself on examples that it held out, and takes the place of the live model, or of lexical matching while there
//! is none, only where it is better. It has three parts, of which only the first and the last need a transaction:
//! `gather`, `Material::fit` and `Fitted::store`.

mod evidence;
mod material;
mod outcome;
mod progress;

pub use material::gather;
pub use outcome::Outcome;

use super::as_writer;
use crate::pg::lock::{self, Span};
use crate::pg::{error, spi, world, xact};

/// Trains the caller's model of a taxonomy, in the caller's transaction.
///
/// # Errors
/// 22023 for an unknown taxonomy, or where there is nothing to learn from; 25006 where nothing can be stored; 40001 where
/// another training ended meanwhile that this transaction cannot see.
pub fn train(taxonomy: Option<&str>) -> Outcome {
    let name = super::taxonomy(taxonomy).name.clone();
    as_writer(|caller| {
        let id = spi::fresh_taxonomy(&name).unwrap_or_else(|| world::unknown_taxonomy(&name)).id;
        lock::training(id, &caller.tenant, Span::Transaction, true);
        let material = xact::with_snapshot(|| gather(&name, &caller.tenant));
        let fitted = material.fit().unwrap_or_else(|e| error::raise(e));
        xact::with_snapshot(|| fitted.store(Some(&caller.name)))
    })
}
