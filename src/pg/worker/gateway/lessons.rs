//! What is paid for teaches, too: its vectors are stored with it, and a training may be due.

use crate::pg::neighbours::embedding_of;
use crate::pg::spi::{self, NewVector};
use crate::pg::{due, error, xact};
use pg_categorize_core::cascade::TierName;
use pg_categorize_core::embedding::MODEL;
use pg_categorize_core::embedding_model::EmbeddingModel;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::taxonomy::Taxonomy;
use std::cell::Cell;
use std::panic::AssertUnwindSafe;

/// A text that was paid for, with its key.
pub type Text = (Fingerprint, String);

/// Vectors after which an indexer looks whether the index needs another shape.
const LOOK_AFTER: usize = 1_000;

thread_local! {
    static STORED: Cell<usize> = const { Cell::new(0) };
}

/// Notes what was stored of a tenant in this transaction, and stores its vectors. Where that cannot be done, an indexer does
/// it later: no answer is lost for its vector.
pub fn paid(taxonomy: &Taxonomy, tenant: &str, texts: &[Text]) {
    if texts.is_empty() {
        return;
    }
    due::taught(taxonomy.id, tenant, &taxonomy.settings, texts.len() as u64);
    let model = &taxonomy.settings.embedding;
    if !taxonomy.settings.tiers.contains(&TierName::Similarity) || !spi::can_embed(model) {
        return;
    }
    // The vectors of others are made by those who can.
    if *model != EmbeddingModel::Static {
        return due::unindexed();
    }
    let store = AssertUnwindSafe(|| store(taxonomy.id, tenant, texts));
    match xact::contained(|| { store }()) {
        Ok(true) => {
            STORED.set(STORED.get() + texts.len());
            if STORED.get() >= LOOK_AFTER {
                STORED.set(0);
                due::unindexed();
            }
        }
        Ok(false) => due::unindexed(),
        Err(message) => {
            error::log("gateway leaves vectors to the indexer", Some(format!("The error was: {message}.")), None);
            due::unindexed();
        }
    }
}

/// Stores vectors in the index that answers; `false` where there is none.
fn store(taxonomy: i32, tenant: &str, texts: &[Text]) -> bool {
    let Some(pgvector) = spi::pgvector().filter(|pgvector| pgvector.has_halfvec) else { return false };
    let index = spi::fresh_embedding_indexes(taxonomy, Some(MODEL)).into_iter().find(|i| i.ready && i.table.is_some());
    let Some(index) = index else { return false };
    let vector = |(fingerprint, input): &Text| {
        Some(NewVector {
            fingerprint: *fingerprint,
            tenant: tenant.to_owned(),
            embedding: embedding_of(input)?.0.to_vec(),
        })
    };
    let new: Vec<NewVector> = texts.iter().filter_map(vector).collect();
    if !new.is_empty() {
        spi::insert_vectors(index.id, &pgvector, &new);
    }
    true
}
