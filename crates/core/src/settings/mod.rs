//! The settings of a taxonomy: what may be set, what it means, and what holds where nothing is set.
//!
//! Stored as one jsonb object that holds only what was set; a profile fills the thresholds, an explicit value wins.

mod key;
mod value;

pub use key::{KEYS, Key};
pub use value::{check, seconds};

use crate::cascade::TierName;
use crate::close_names;
use crate::embedding_model::EmbeddingModel;
use crate::error::{Error, Result};
use crate::normalise::Case;
use serde_json::{Map, Value};

/// The thresholds that are set together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    /// `conservative`, `balanced` or `aggressive`.
    pub name: &'static str,
    /// Least similarity (cosine, 0 to 1) of the nearest earlier answer.
    pub similarity_threshold: f32,
    /// The same where texts are compared by their trigrams: the share that both have (0 to 1).
    pub trigram_threshold: f32,
    /// The same where a provider's model makes the vectors.
    pub paid_similarity_threshold: f32,
    /// Least calibrated confidence (0 to 1) of the local model.
    pub local_model_threshold: f32,
    /// Requests in flight.
    pub in_flight: u32,
}

/// The profiles; `balanced` is the default.
pub const PROFILES: [Profile; 3] = [
    Profile {
        name: "conservative",
        similarity_threshold: 0.90,
        trigram_threshold: 0.70,
        paid_similarity_threshold: 0.95,
        local_model_threshold: 0.80,
        in_flight: 10,
    },
    Profile {
        name: "balanced",
        similarity_threshold: 0.85,
        trigram_threshold: 0.60,
        paid_similarity_threshold: 0.90,
        local_model_threshold: 0.70,
        in_flight: 20,
    },
    Profile {
        name: "aggressive",
        similarity_threshold: 0.75,
        trigram_threshold: 0.50,
        paid_similarity_threshold: 0.85,
        local_model_threshold: 0.60,
        in_flight: 50,
    },
];

/// The profile of this name.
///
/// # Errors
/// 22023 for an unknown one, with close names in the HINT.
pub fn profile(name: &str) -> Result<&'static Profile> {
    PROFILES.iter().find(|p| p.name == name).ok_or_else(|| {
        let hint = close_names::hint(name, PROFILES.iter().map(|p| p.name));
        Error::invalid(format!("unknown profile \"{name}\""))
            .hint(hint.unwrap_or_else(|| "Profiles are conservative, balanced and aggressive.".into()))
    })
}

/// The smallest share that `max_error` tolerates: to prove less takes more examples than anybody labels.
const LEAST_ERROR: f64 = 1e-4;

impl Profile {
    /// The same, with the similarity threshold of an embedding.
    fn under(&self, embedding: &EmbeddingModel) -> Self {
        Self { similarity_threshold: embedding.threshold(self), ..*self }
    }
}

/// What becomes of an input that no tier answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnresolved {
    /// The result is NULL.
    Null,
    /// The best guess fills the category.
    Best,
    /// The statement fails.
    Error,
    /// It is asked about later.
    Queue,
}

/// Settings of one taxonomy, resolved: explicit values over the profile over the defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The tiers that may answer, in order.
    pub tiers: Vec<TierName>,
    /// Least confidence of the local model; 0 always answers.
    pub local_model_threshold: f32,
    /// Least cosine of the nearest earlier text; 0 always answers.
    pub similarity_threshold: f32,
    /// By which embedding texts are compared.
    pub embedding: EmbeddingModel,
    /// Share of wrong free answers that is tolerated, above 0; `None` leaves the thresholds to the profile.
    pub max_error: Option<f64>,
    /// Whether case makes a difference.
    pub case: Case,
    /// Whether only leaves may answer.
    pub leaf_only: bool,
    /// Whether texts may leave the database at all.
    pub allow_external: bool,
    /// Whether inputs are stored, or their fingerprints only.
    pub store_input: bool,
    /// Whether tenants share paid answers.
    pub shared_answers: bool,
    /// The taxonomy's own policy, if it has one.
    pub on_unresolved: Option<OnUnresolved>,
    /// Share of free answers that the strong model checks, 0 to 1.
    pub audit_share: f64,
    explicit: Map<String, Value>,
}

/// One line of `categorize.settings()`.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingRow {
    /// The key.
    pub name: &'static str,
    /// What holds now.
    pub value: Value,
    /// What holds where nothing is set and the profile is `balanced`.
    pub default: Value,
    /// `default`, `profile` or `taxonomy`.
    pub source: &'static str,
    /// Unit of the value, empty where it has none.
    pub unit: &'static str,
    /// What it does, one line.
    pub description: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self::from_explicit(Map::new())
    }
}

impl Settings {
    /// Resolves what was set explicitly. Values that an older version accepted and this one does not fall back to
    /// their defaults: a stored setting never makes a taxonomy unreadable.
    pub fn from_explicit(explicit: Map<String, Value>) -> Self {
        let read = |name: &str| resolve(&explicit, name);
        let flag = |name: &str| read(name).as_bool().unwrap_or_default();
        let tiers = read("tiers");
        let tiers = tiers.as_array().into_iter().flatten().filter_map(|t| TierName::parse(t.as_str()?)).collect();
        let on_unresolved = match read("on_unresolved").as_str() {
            Some("null") => Some(OnUnresolved::Null),
            Some("best") => Some(OnUnresolved::Best),
            Some("error") => Some(OnUnresolved::Error),
            Some("queue") => Some(OnUnresolved::Queue),
            _ => None,
        };
        Self {
            tiers,
            local_model_threshold: read("local_model_threshold").as_f64().unwrap_or(0.70) as f32,
            similarity_threshold: read("similarity_threshold").as_f64().unwrap_or(0.85) as f32,
            embedding: embedding(&explicit),
            // Nothing proves that no answer is ever wrong: 0 tolerates as little as can be said.
            max_error: read("max_error").as_f64().map(|share| share.max(LEAST_ERROR)),
            case: if flag("case_sensitive") { Case::Kept } else { Case::Folded },
            leaf_only: flag("leaf_only"),
            allow_external: flag("allow_external"),
            store_input: flag("store_input"),
            shared_answers: read("answer_scope").as_str() == Some("shared"),
            on_unresolved,
            audit_share: read("audit_share").as_f64().unwrap_or_default(),
            explicit,
        }
    }

    /// Least likeness of the nearest earlier text under this embedding: what was set, else what the profile says of it.
    pub fn similarity_threshold_under(&self, embedding: &EmbeddingModel) -> f32 {
        if self.is_chosen("similarity_threshold") {
            return self.similarity_threshold;
        }
        embedding.threshold(profile_of(&self.explicit))
    }

    /// Whether its texts are to have an index by which they are found as neighbours.
    pub fn wants_index(&self) -> bool {
        self.store_input && self.tiers.contains(&TierName::Similarity)
    }

    /// Whether inputs get a vector that the gateway buys or makes, and are compared with earlier texts, before a language model is
    /// asked.
    pub fn compares_first(&self) -> bool {
        let place = |name| self.tiers.iter().position(|tier| *tier == name);
        let is_before = place(TierName::Similarity).is_some_and(|at| place(TierName::Llm).is_some_and(|llm| at < llm));
        self.store_input && is_before && self.embedding.is_of_gateway()
    }

    /// How many texts must lack a vector that a provider sells for these to wait for a batch; `None` where they never do.
    pub fn batch_vectors(&self) -> Option<u64> {
        resolve(&self.explicit, "batch_vectors").as_u64().filter(|texts| *texts > 0)
    }

    /// Inputs of more complexity than this, below 1, go to the strong model at once; `None` where none does.
    pub fn straight_above(&self) -> Option<f32> {
        let above = resolve(&self.explicit, "straight_to_strong").as_f64().unwrap_or(1.0) as f32;
        (above < 1.0).then_some(above)
    }

    /// Whether the taxonomy's owner set this key, with a value that counts.
    pub fn is_chosen(&self, name: &str) -> bool {
        KEYS.iter().find(|key| key.name == name).is_some_and(|key| valid(&self.explicit, key).is_some())
    }

    /// What was set explicitly, as it is stored.
    pub fn explicit(&self) -> &Map<String, Value> {
        &self.explicit
    }

    /// Every setting with its value and where that comes from.
    pub fn rows(&self) -> Vec<SettingRow> {
        KEYS.iter()
            .map(|key| SettingRow {
                name: key.name,
                value: resolve(&self.explicit, key.name),
                default: resolve(&Map::new(), key.name),
                source: if valid(&self.explicit, key).is_some() {
                    "taxonomy"
                } else if key.by_profile.is_some() && valid(&self.explicit, &KEYS[0]).is_some() {
                    "profile"
                } else {
                    "default"
                },
                unit: key.unit,
                description: key.description,
            })
            .collect()
    }
}

/// Merges `change` into what was set explicitly; JSON null takes a key back to its default.
///
/// # Errors
/// 22023 when `change` is no object, a key is unknown (close names in the HINT) or a value is not allowed.
pub fn merge(explicit: &Map<String, Value>, change: &Value) -> Result<Map<String, Value>> {
    let Value::Object(change) = change else {
        return Err(Error::invalid("settings must be a JSON object")
            .hint(r#"Write an object, as in '{"profile": "conservative"}'."#));
    };
    let mut merged = explicit.clone();
    for (name, value) in change {
        let key = KEYS.iter().find(|k| k.name == name).ok_or_else(|| {
            let error = Error::invalid(format!("unknown setting \"{name}\""));
            match close_names::hint(name, KEYS.iter().map(|k| k.name)) {
                Some(hint) => error.hint(hint),
                None => error.hint("categorize.settings(taxonomy) lists the settings."),
            }
        })?;
        if value.is_null() {
            merged.remove(name);
        } else {
            check(key, value)?;
            merged.insert(name.clone(), value.clone());
        }
    }
    Ok(merged)
}

fn valid<'a>(explicit: &'a Map<String, Value>, key: &Key) -> Option<&'a Value> {
    explicit.get(key.name).filter(|value| check(key, value).is_ok())
}

fn resolve(explicit: &Map<String, Value>, name: &str) -> Value {
    let Some(key) = KEYS.iter().find(|k| k.name == name) else { return Value::Null };
    if let Some(value) = valid(explicit, key) {
        return value.clone();
    }
    match key.by_profile {
        // A profile says as much for each kind of likeness.
        Some(of) => of(&profile_of(explicit).under(&embedding(explicit))),
        None => (key.default)(),
    }
}

fn profile_of(explicit: &Map<String, Value>) -> &'static Profile {
    let chosen = valid(explicit, &KEYS[0]).and_then(Value::as_str).and_then(|name| profile(name).ok());
    chosen.unwrap_or(&PROFILES[1])
}

fn embedding(explicit: &Map<String, Value>) -> EmbeddingModel {
    let name =
        KEYS.iter().find(|key| key.name == "embedding").and_then(|key| valid(explicit, key)).and_then(Value::as_str);
    name.and_then(|name| EmbeddingModel::parse(name).ok()).unwrap_or(EmbeddingModel::Static)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(change: Value) -> Result<Settings> {
        merge(&Map::new(), &change).map(Settings::from_explicit)
    }

    #[test]
    fn an_explicit_threshold_wins_over_the_profile_and_null_takes_it_back() {
        let both = set(json!({"profile": "aggressive", "local_model_threshold": 0.95})).unwrap();
        assert_eq!(both.local_model_threshold, 0.95);
        let back = merge(both.explicit(), &json!({"local_model_threshold": null})).unwrap();
        let back = Settings::from_explicit(back);
        assert_eq!(back.local_model_threshold, 0.60);
        let row = back.rows().into_iter().find(|r| r.name == "local_model_threshold").unwrap();
        assert_eq!((row.source, row.value, row.default), ("profile", json!(0.60), json!(0.70)));
        assert_eq!(set(json!({"local_model_threshold": 0})).unwrap().local_model_threshold, 0.0);
    }

    #[test]
    fn the_similarity_threshold_is_that_of_the_embedding_unless_it_is_set() {
        let paid = EmbeddingModel::parse("openai:m").unwrap();
        let trigrams = set(json!({"embedding": "pg_trgm"})).unwrap();
        assert_eq!((&trigrams.embedding, trigrams.similarity_threshold), (&EmbeddingModel::Trigrams, 0.60));
        assert_eq!(trigrams.similarity_threshold_under(&EmbeddingModel::Static), 0.85);
        assert_eq!(trigrams.similarity_threshold_under(&paid), 0.90);
        let row = trigrams.rows().into_iter().find(|row| row.name == "similarity_threshold").unwrap();
        assert_eq!((row.value, row.default), (json!(0.60), json!(0.85)));
        let chosen =
            set(json!({"embedding": "pg_trgm", "similarity_threshold": 0.42, "profile": "aggressive"})).unwrap();
        assert_eq!((chosen.similarity_threshold, chosen.similarity_threshold_under(&paid)), (0.42, 0.42));
    }

    #[test]
    fn an_embedding_of_another_version_is_the_default() {
        let explicit = json!({"embedding": "minilm"}).as_object().unwrap().clone();
        assert_eq!(Settings::from_explicit(explicit).embedding, EmbeddingModel::Static);
    }

    #[test]
    fn what_was_chosen_is_known_and_nothing_is_never_wrong() {
        let chosen = set(json!({"max_error": 0.03, "similarity_threshold": 0.9})).unwrap();
        assert_eq!(chosen.max_error, Some(0.03));
        assert!(chosen.is_chosen("similarity_threshold") && !chosen.is_chosen("local_model_threshold"));
        assert_eq!(set(json!({"max_error": 0})).unwrap().max_error, Some(LEAST_ERROR));
        let unreadable = json!({"similarity_threshold": "high"});
        let stored = Settings::from_explicit(unreadable.as_object().unwrap().clone());
        assert!(!stored.is_chosen("similarity_threshold") && stored.max_error.is_none());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for bad in [
            json!([]),
            json!({"profil": "balanced"}),
            json!({"profile": "bold"}),
            json!({"tiers": ["rule", "rule"]}),
            json!({"tiers": ["rules"]}),
            json!({"tiers": []}),
            json!({"local_model_threshold": 1.5}),
            json!({"leaf_only": "yes"}),
            json!({"pack_size": 0}),
            json!({"pack_size": 2.5}),
            json!({"cache_ttl": "soon"}),
            json!({"models": {"medium": "x"}}),
            json!({"answer_scope": "all"}),
            json!({"embedding": "minilm"}),
            json!({"embedding": 1}),
            json!({"embedding": "openai:m@5000"}),
        ] {
            assert!(set(bad.clone()).is_err(), "{bad}");
        }
        assert!(set(json!({"profil": 1})).unwrap_err().hint.unwrap().contains("\"profile\""));
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let settings = Settings::default();
        assert_eq!(settings.tiers, TierName::ALL);
        assert_eq!((settings.local_model_threshold, settings.similarity_threshold), (0.70, 0.85));
        assert_eq!(settings.embedding, EmbeddingModel::Static);
        assert!(settings.allow_external && settings.store_input && !settings.shared_answers && !settings.leaf_only);
        assert!(settings.rows().iter().all(|r| r.source == "default" && check_default(r)));
    }

    fn check_default(row: &SettingRow) -> bool {
        row.value == row.default
    }
}
