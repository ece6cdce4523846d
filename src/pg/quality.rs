//! How sure the tiers that answer for nothing must be in a taxonomy: by choice, by `max_error` and evidence, by the profile.
//!
//! The evidence of similarity belongs to one embedding, as do the differences that it found harmless. Under another nothing is
//! measured: every difference matters, the profile's threshold is that of the embedding, and under `max_error` the tier abstains.

use crate::pg::scope::Scope;
use crate::pg::{spi, world};
use pg_categorize_core::cascade::TierName;
use pg_categorize_core::embedding::MODEL;
use pg_categorize_core::embedding_model::EmbeddingModel;
use pg_categorize_core::quality::{Bar, Said, Tier, Verdict, calibrate};
use pg_categorize_core::settings::Settings;
use pg_categorize_core::similarity::Relevance;

/// What is known of the free tiers of a tenant's taxonomy.
#[derive(Default)]
pub struct Quality {
    relevance: Relevance,
    all_matters: Relevance,
    /// When the examples behind the evidence were read, in microseconds of the Postgres epoch; none without evidence.
    pub computed_at: Option<i64>,
    /// Under the embedding that the taxonomy chose.
    verdicts: Vec<(TierName, Verdict)>,
    /// On similarity under the embedding of which there is evidence, where another is chosen: it answers until that is there.
    former: Option<Verdict>,
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
        let is_measured = |model: &EmbeddingModel| {
            let id = model.id();
            rows.iter().any(|row| row.embedding.as_deref() == Some(&id))
        };
        let tier = |name: TierName, embedding: &EmbeddingModel| {
            let (key, set, profile) = match name {
                TierName::LocalModel => {
                    let set = settings.local_model_threshold;
                    ("local_model_threshold", set, live.map_or(set, |model| model.threshold))
                }
                _ if !is_measured(embedding) => return unmeasured(settings, embedding),
                _ => {
                    let threshold = settings.similarity_threshold_under(embedding);
                    ("similarity_threshold", threshold, threshold)
                }
            };
            let chosen = settings.is_chosen(key).then_some(set);
            Tier { said: said(name), chosen, profile, may_start: name == TierName::Similarity }
        };
        let is_free = |name: &TierName| matches!(name, TierName::LocalModel | TierName::Similarity);
        let names: Vec<TierName> = settings.tiers.iter().copied().filter(is_free).collect();
        let under = |embedding: &EmbeddingModel| -> Vec<(TierName, Verdict)> {
            let tiers: Vec<Tier<'_>> = names.iter().map(|name| tier(*name, embedding)).collect();
            names.iter().copied().zip(calibrate(&tiers, settings.max_error)).collect()
        };
        let (chosen, measured) = (&settings.embedding, EmbeddingModel::Static);
        let former = (*chosen != measured && is_measured(&measured)).then(|| under(&measured));
        Self {
            // What another version of ours wrote says nothing: then every difference matters.
            relevance: relevance.and_then(|stored| serde_json::from_value(stored).ok()).unwrap_or_default(),
            all_matters: Relevance::default(),
            computed_at,
            verdicts: under(chosen),
            former: former.and_then(|verdicts| of(&verdicts, TierName::Similarity).copied()),
        }
    }

    /// Which differences between texts matter where they are compared by this embedding.
    pub fn relevance(&self, embedding: &EmbeddingModel) -> &Relevance {
        if *embedding == EmbeddingModel::Static { &self.relevance } else { &self.all_matters }
    }

    /// What is known of similarity under the embedding by which texts are compared, which need not be the chosen one yet.
    pub fn similarity(&self, settings: &Settings, embedding: &EmbeddingModel) -> Verdict {
        let known = match &self.former {
            _ if *embedding == settings.embedding => self.verdict(TierName::Similarity),
            Some(former) if *embedding == EmbeddingModel::Static => Some(former),
            _ => None,
        };
        let alone = || calibrate(&[unmeasured(settings, embedding)], settings.max_error).swap_remove(0);
        known.copied().unwrap_or_else(alone)
    }

    /// What is known of a tier; nothing where it is not among those of the taxonomy, or does not answer for nothing.
    pub fn verdict(&self, tier: TierName) -> Option<&Verdict> {
        of(&self.verdicts, tier)
    }

    /// The tiers in their order, with what is known of each.
    pub fn verdicts(&self) -> impl Iterator<Item = (TierName, &Verdict)> {
        self.verdicts.iter().map(|(name, verdict)| (*name, verdict))
    }
}

fn of(verdicts: &[(TierName, Verdict)], tier: TierName) -> Option<&Verdict> {
    verdicts.iter().find(|(name, _)| *name == tier).map(|(_, verdict)| verdict)
}

/// Similarity under an embedding of which there is no evidence. Only the one that trainings measure may begin without.
fn unmeasured(settings: &Settings, embedding: &EmbeddingModel) -> Tier<'static> {
    let threshold = settings.similarity_threshold_under(embedding);
    Tier {
        said: &[],
        chosen: settings.is_chosen("similarity_threshold").then_some(threshold),
        profile: threshold,
        may_start: *embedding == EmbeddingModel::Static,
    }
}

/// The threshold of a bar, for people; nothing where no answer reaches it.
pub fn threshold(bar: Bar) -> Option<f32> {
    match bar {
        Bar::Score(least) | Bar::Stands(least) => Some(least),
        Bar::Closed => None,
    }
}
