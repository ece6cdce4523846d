//! The keys of a taxonomy's settings, in the order of the contract.

use super::Profile;
use serde_json::{Value, json};

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The name of a profile.
    Profile,
    /// Tier names, each once.
    Tiers,
    /// A number from 0 to 1.
    Fraction,
    /// A whole number within these bounds.
    Integer(i64, i64),
    /// Seconds as a number, or text such as `12 h`.
    Duration,
    /// true or false.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// What an embedding is called.
    Embedding,
    /// An object with `cheap` and `strong`.
    Models,
}

/// One key: its values, what holds when it is not set, and what it is for.
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// Values it takes.
    pub kind: Kind,
    /// What holds when it is not set.
    pub default: fn() -> Value,
    /// What the profile says, for the keys it sets.
    pub by_profile: Option<fn(&Profile) -> Value>,
    /// Unit of the value.
    pub unit: &'static str,
    /// What it does.
    pub description: &'static str,
}

const fn key(
    name: &'static str,
    kind: Kind,
    default: fn() -> Value,
    unit: &'static str,
    description: &'static str,
) -> Key {
    Key { name, kind, default, by_profile: None, unit, description }
}

const fn by_profile(
    name: &'static str,
    kind: Kind,
    of: fn(&Profile) -> Value,
    unit: &'static str,
    description: &'static str,
) -> Key {
    Key { name, kind, default: || Value::Null, by_profile: Some(of), unit, description }
}

/// f32 thresholds are written as people write them: 0.7, not 0.699999988079071.
fn decimal(value: f32) -> Value {
    json!((f64::from(value) * 1e6).round() / 1e6)
}

/// Every key; the profile is the first, since others depend on it.
pub const KEYS: &[Key] = &[
    key("profile", Kind::Profile, || json!("balanced"), "", "Sets the thresholds together"),
    key(
        "tiers",
        Kind::Tiers,
        || json!(["correction", "rule", "cache", "local_model", "similarity", "llm"]),
        "",
        "The sources that may answer, in this order",
    ),
    by_profile(
        "similarity_threshold",
        Kind::Fraction,
        |p| decimal(p.similarity_threshold),
        "cosine",
        "Least similarity of the nearest earlier answer; 0 always answers",
    ),
    by_profile(
        "local_model_threshold",
        Kind::Fraction,
        |p| decimal(p.local_model_threshold),
        "probability",
        "Least confidence of the local model; 0 always answers",
    ),
    key(
        "upgrade_threshold",
        Kind::Fraction,
        || json!(0.80),
        "probability",
        "Below this confidence of the cheap model the strong one decides",
    ),
    key(
        "max_error",
        Kind::Fraction,
        || Value::Null,
        "probability",
        "Share of wrong free answers that is tolerated; steers the thresholds that are not set",
    ),
    key(
        "cache_ttl",
        Kind::Duration,
        || Value::Null,
        "s",
        "How long a paid answer counts; null for ever, labels and corrections never expire",
    ),
    key("case_sensitive", Kind::Flag, || json!(false), "", "Whether Shoe and shoe are different inputs"),
    key("leaf_only", Kind::Flag, || json!(false), "", "Whether inner nodes may not answer"),
    key(
        "embedding",
        Kind::Embedding,
        || json!("static"),
        "",
        "How texts are compared: static, pg_trgm, a sentence transformer as transformer:NAME, or a provider's model as PROVIDER:MODEL, which is paid",
    ),
    key("models", Kind::Models, || Value::Null, "", "The cheap and the strong language model"),
    key(
        "upgrade",
        Kind::Word(&["auto", "always", "never"]),
        || json!("auto"),
        "",
        "Whether the strong model decides where the cheap one is not sure; always does so above a soft ratio, too",
    ),
    key(
        "straight_to_strong",
        Kind::Fraction,
        || json!(1.0),
        "complexity",
        "Inputs of more complexity than this go to the strong model at once; 1 is never",
    ),
    key(
        "provider_order",
        Kind::Word(&["priority", "weighted", "cheapest"]),
        || json!("priority"),
        "",
        "Which provider is asked first: by priority, by turns, or by the price of the prompt",
    ),
    key(
        "rationale",
        Kind::Word(&["never", "strong", "always"]),
        || json!("never"),
        "",
        "Which models are asked for a sentence of reasons, which is paid",
    ),
    by_profile("in_flight", Kind::Integer(1, 10_000), |p| json!(p.in_flight), "requests", "Requests in flight at once"),
    key("pack_size", Kind::Integer(1, 1000), || json!(10), "inputs", "Inputs in one request"),
    key("pack_wait_ms", Kind::Integer(0, 60_000), || json!(10), "ms", "How long a request waits for company"),
    key(
        "candidates",
        Kind::Integer(1, 250),
        || json!(20),
        "categories",
        "Categories that a language model is offered at once where offering all would cost more",
    ),
    key("near_duplicates", Kind::Flag, || json!(false), "", "Whether near-duplicates in flight share an answer"),
    key("batch_live", Kind::Flag, || json!(true), "", "Whether what batches do not answer is asked live"),
    key(
        "batch_vectors",
        Kind::Integer(0, 1_000_000_000),
        || json!(1000),
        "texts",
        "From as many texts without a vector on these are bought in batches, where the provider sells them so; 0 is never",
    ),
    key(
        "audit_share",
        Kind::Fraction,
        || json!(0.01),
        "share of free answers",
        "Share of free answers that the strong model checks",
    ),
    key(
        "on_unresolved",
        Kind::Word(&["null", "best", "error", "queue"]),
        || Value::Null,
        "",
        "What becomes of an input without an answer; null follows the session",
    ),
    key("allow_external", Kind::Flag, || json!(true), "", "Whether texts may leave the database"),
    key("store_input", Kind::Flag, || json!(true), "", "Whether inputs are stored, or fingerprints only"),
    key(
        "answer_scope",
        Kind::Word(&["tenant", "shared"]),
        || json!("tenant"),
        "",
        "Whether tenants profit from each other's paid answers",
    ),
];
