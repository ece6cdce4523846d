//! How sure the tiers that answer for nothing must be in a taxonomy: by choice, by `max_error` and evidence, by the profile.

use crate::pg::scope::Scope;
use crate::pg::{spi, world};
use pg_categorize_core::cascade::TierName;
use pg_categorize_core::embedding::MODEL;
use pg_categorize_core::quality::{Bar, Said, Tier, Verdict, calibrate};
use pg_categorize_core::similarity::Relevance;

/// What is known of the free tiers of a tenant's taxonomy.
#[derive(Default)]
pub struct Quality {
    /// Which differences between texts matter.
    pub relevance: Relevance,
    /// When the examples behind the evidence were read, in microseconds of the Postgres epoch; none without evidence.
    pub computed_at: Option<i64>,
    verdicts: Vec<(TierName, Verdict)>,
}

impl Quality {
    /// Reads the evidence for the live model, or where none is live the newest, and finds the bars.
    pub fn load(scope: &Scope) -> Self {
        let Some(taxonomy) = scope.taxonomy() else { return Self::default() };
        let live = scope.model();
        let (rows, relevance) = world::as_owner(|| {
            let version = live.map(|model| model.version).or_else(|| spi::newest_quality(taxonomy.id, &scope.tenant));
            let rows = version.map(|version| spi::quality(taxonomy.id, &scope.tenant, version)).unwrap_or_default();
            (rows, spi::relevance(taxonomy.id, &scope.tenant, MODEL))
        });
        let computed_at = rows.iter().map(|row| row.computed_at).max();
        let silent = vec![None; rows.iter().map(|row| row.said.len()).max().unwrap_or(0)];
        let said = |tier: TierName| -> &[Option<Said>] {
            // Of lexical matching, which answers while no model is live, nothing was measured.
            let is_measured = tier != TierName::LocalModel || live.is_some();
            let row = rows.iter().find(|row| is_measured && row.tier == tier.as_str());
            row.map_or(&silent, |row| &row.said)
        };
        let settings = &scope.settings;
        let tier = |name: TierName| {
            let (key, set, profile) = match name {
                TierName::LocalModel => {
                    let set = settings.local_model_threshold;
                    ("local_model_threshold", set, live.map_or(set, |model| model.threshold))
                }
                _ => ("similarity_threshold", settings.similarity_threshold, settings.similarity_threshold),
            };
            let chosen = settings.is_chosen(key).then_some(set);
            Tier { said: said(name), chosen, profile, may_start: name == TierName::Similarity }
        };
        let is_free = |name: &TierName| matches!(name, TierName::LocalModel | TierName::Similarity);
        let names: Vec<TierName> = settings.tiers.iter().copied().filter(is_free).collect();
        let tiers: Vec<Tier<'_>> = names.iter().map(|name| tier(*name)).collect();
        let verdicts = calibrate(&tiers, settings.max_error);
        Self {
            // What another version of ours wrote says nothing: then every difference matters.
            relevance: relevance.and_then(|stored| serde_json::from_value(stored).ok()).unwrap_or_default(),
            computed_at,
            verdicts: names.into_iter().zip(verdicts).collect(),
        }
    }

    /// What is known of a tier; nothing where it is not among those of the taxonomy, or does not answer for nothing.
    pub fn verdict(&self, tier: TierName) -> Option<&Verdict> {
        self.verdicts.iter().find(|(name, _)| *name == tier).map(|(_, verdict)| verdict)
    }

    /// The tiers in their order, with what is known of each.
    pub fn verdicts(&self) -> impl Iterator<Item = (TierName, &Verdict)> {
        self.verdicts.iter().map(|(name, verdict)| (*name, verdict))
    }
}

/// The threshold of a bar, for people; nothing where no answer reaches it.
pub fn threshold(bar: Bar) -> Option<f32> {
    match bar {
        Bar::Score(least) | Bar::Stands(least) => Some(least),
        Bar::Closed => None,
    }
}
