//! What came of a training: stored, and made live where it is better.

use super::evidence::Evidence;
use super::material::taxonomy_of;
use crate::pg::decision::rounded;
use crate::pg::manage::held;
use crate::pg::scope::Scope;
use crate::pg::spi::{self, ActiveModel, Hold, NewModel, NewQuality};
use crate::pg::{error, lock, world};
use pg_categorize_core::cascade::TierName;
use pg_categorize_core::embedding::MODEL;
use pg_categorize_core::error::Error;
use pg_categorize_core::local_model::{Report, Trained};
use pg_categorize_core::taxonomy::Taxonomy;
use serde_json::{Value, json};

/// A trained model that is not stored yet.
pub struct Fitted {
    pub(super) scope: Scope,
    /// The model that was live when the examples were read.
    pub(super) live: Option<ActiveModel>,
    pub(super) corrections: i32,
    /// By the clock, just before the examples were read.
    pub(super) read_at: i64,
    pub(super) trained: Trained,
    pub(super) evidence: Evidence,
}

/// What came of a training.
pub struct Outcome {
    /// Version of the new model.
    pub version: i32,
    /// Whether it is live.
    pub active: bool,
    /// Corrections that it was trained on.
    pub corrections: i32,
    /// What was measured.
    pub report: Report,
    /// The categories that it often gets wrong.
    pub weak: Value,
    /// Why it is not live, and what was left out.
    pub note: Option<String>,
}

impl Fitted {
    /// Stores the new model, and makes it live where it is better than the one that still is. Within a transaction that has
    /// a snapshot.
    ///
    /// # Errors
    /// 22023 where the taxonomy is gone; 40001 where another training ended meanwhile that this transaction cannot see.
    pub fn store(self, author: Option<&str>) -> Outcome {
        world::as_owner(|| self.store_as_owner(author))
    }

    fn store_as_owner(self, author: Option<&str>) -> Outcome {
        let Self { scope, live, corrections, read_at, trained: Trained { bytes, report, .. }, evidence } = self;
        let (taxonomy, tenant) = (taxonomy_of(&scope), scope.tenant.as_str());
        hold(taxonomy);
        lock::models(taxonomy.id, tenant);
        let version = spi::model_versions(taxonomy.id, tenant).last().map_or(1, |last| last + 1);
        let now_live = spi::fresh_active_model(taxonomy.id, tenant);
        let shortfall = shortfall(&report, live.as_ref(), now_live.as_ref());
        let active = shortfall.is_none();
        let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        spi::insert_model(NewModel {
            taxonomy: taxonomy.id,
            tenant,
            version,
            trained_at: read_at,
            trained_by: author,
            examples: count(report.examples),
            corrections,
            categories: count(report.categories),
            metrics: serde_json::to_value(&report).unwrap_or_default(),
            weights: bytes,
        });
        let Evidence { local_model, similarity, relevance } = &evidence;
        let quality = |tier: TierName, said, embedding, relevance| NewQuality {
            taxonomy: taxonomy.id,
            tenant,
            version,
            tier: tier.as_str(),
            embedding,
            said,
            relevance,
            computed_at: read_at,
        };
        spi::insert_quality(quality(TierName::LocalModel, local_model, None, json!({})));
        let relevance = serde_json::to_value(relevance).unwrap_or_default();
        spi::insert_quality(quality(TierName::Similarity, similarity, Some(MODEL), relevance));
        if active {
            spi::set_active_model(taxonomy.id, tenant, version);
        }
        spi::prune_models(taxonomy.id, tenant);
        let weak = weak(taxonomy, &report);
        let note = note(shortfall, &report);
        Outcome { version, active, corrections, report, weak, note }
    }
}

/// Holds the taxonomy until the transaction ends: it must still be the one whose examples were read.
fn hold(taxonomy: &Taxonomy) {
    if held(&taxonomy.name, Hold::Keep).id != taxonomy.id {
        error::raise(
            Error::invalid(format!("taxonomy \"{}\" does not exist", taxonomy.name))
                .detail("It was dropped and created anew by another session."),
        );
    }
}

/// Why a new model does not go live; `None` where it does.
fn shortfall(report: &Report, live: Option<&ActiveModel>, now_live: Option<&ActiveModel>) -> Option<String> {
    const CHOICE: &str = "categorize.activate_model() can still choose it";
    if live.map(|l| l.id) != now_live.map(|l| l.id) {
        return Some(format!("another model was made live during the training; {CHOICE}"));
    }
    if report.better() {
        return None;
    }
    let rival = live.map_or("lexical matching".to_owned(), |live| format!("version {}", live.version));
    let (accuracy, worth) = report.live.map_or((0.0, 0.0), |live| (live.accuracy, live.worth));
    let new = report.as_it_answers();
    Some(format!(
        "not better than {rival} on held-out examples: its answers are worth {:.3} against {worth:.3}, its accuracy is {:.3} against {accuracy:.3}; {CHOICE}",
        new.worth, new.accuracy
    ))
}

fn note(shortfall: Option<String>, report: &Report) -> Option<String> {
    let left_out = report.left_out;
    let pooled = report.pooled.filter(|_| shortfall.is_none() && !report.better_alone());
    let pooled = pooled.map(|both| {
        format!(
            "it has few examples: together with lexical matching its answers are worth {:.3}, its accuracy is {:.3}",
            both.worth, both.accuracy
        )
    });
    let left_out = (left_out > 0)
        .then(|| format!("{left_out} examples without a word, or beyond categorize.training_memory, were left out"));
    let note: Vec<String> = shortfall.into_iter().chain(pooled).chain(left_out).collect();
    (!note.is_empty()).then(|| note.join("; "))
}

fn weak(taxonomy: &Taxonomy, report: &Report) -> Value {
    let path = |id| taxonomy.live(id).map(|category| category.path.as_str());
    let weak = report.weak.iter().map(|w| {
        json!({
            "category": path(w.category),
            "examples": w.examples,
            "held_out": w.held_out,
            "recall": rounded(w.recall),
            "precision": w.precision.map(rounded),
            "taken_for": w.taken_for.and_then(path),
        })
    });
    weak.collect()
}
