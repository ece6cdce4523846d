//! Whether a tenant's model needs a training: one judgement for the session that teaches and for the trainer that it
//! starts. Were they two, a session could start trainers again and again that find nothing to do.

use super::attempt::{self, Attempt};
use crate::pg::{guc, spi};
use pg_categorize_core::cascade::TierName;
use pg_categorize_core::settings::Settings;
use pg_categorize_core::taxonomy::Taxonomy;

/// Examples, of each kind, that are looked at first: most often they are of two categories.
const NEWEST: i64 = 1000;

/// What is known of a training that may be due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// It is due, in the taxonomy of this name.
    Due(String),
    /// So many examples are missing.
    Missing(i64),
    /// It would be of no use, is at work, or failed a short while ago.
    Vain,
}

/// Whether a taxonomy with these settings gains by a training: it keeps texts to learn from, and asks its model.
pub fn is_useful(settings: &Settings) -> bool {
    settings.store_input && settings.tiers.contains(&TierName::LocalModel)
}

/// What is known of the training of a tenant's model, by what is committed or stored by this transaction. Runs as the
/// owner, under a snapshot.
pub fn of(taxonomy: i32, tenant: &str) -> Need {
    let missing = spi::lessons_missing(taxonomy, tenant, guc::train_after());
    if missing > 0 {
        return Need::Missing(missing);
    }
    if attempt::failed_lately(Attempt::Training(taxonomy, tenant)) {
        return Need::Vain;
    }
    match fresh(taxonomy) {
        Some(taxonomy) if is_useful(&taxonomy.settings) && tells_apart(&taxonomy, tenant) => Need::Due(taxonomy.name),
        _ => Need::Vain,
    }
}

fn fresh(id: i32) -> Option<Taxonomy> {
    let (_, name) = spi::taxonomy_ids().into_iter().find(|(other, _)| *other == id)?;
    let row = spi::fresh_taxonomy(&name).filter(|row| row.id == id)?;
    Some(Taxonomy::new(id, name, row.version, Settings::from_explicit(row.settings), spi::fresh_categories(id)))
}

/// Whether there are examples of two categories that may answer. Those of one alone teach nothing.
fn tells_apart(taxonomy: &Taxonomy, tenant: &str) -> bool {
    [NEWEST, i64::MAX].into_iter().any(|among| {
        let said = spi::lesson_categories(taxonomy.id, tenant, among);
        let mut now = said.into_iter().filter_map(|id| taxonomy.answerable(id)).map(|category| category.id);
        now.next().is_some_and(|first| now.any(|other| other != first))
    })
}
