//! By which embedding the texts of a taxonomy are compared: what the setting `embedding` names.
//!
//! Numbers of different models mean different things: a cosine of one is no cosine of another, and the share of trigrams that
//! two texts have in common is none at all. So an index bears the id of its model, and where nothing was measured each
//! model has thresholds of its own.

use crate::embedding;
use crate::error::{Error, Result};
use crate::settings::Profile;
use std::fmt;

/// The most dimensions that a vector may have: that many an HNSW index of half-precision vectors takes (pgvector, "Half-Precision
/// Indexing").
pub const MOST_DIMENSIONS: usize = 4_000;

/// What the name of a transformer follows.
const TRANSFORMER: &str = "transformer:";

/// Bytes of a setting.
const MOST_BYTES: usize = 300;

/// An embedding model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EmbeddingModel {
    /// The table that is in the library: free, and in every process.
    Static,
    /// None: texts are compared by their trigrams, with the extension `pg_trgm`.
    Trigrams,
    /// One of a provider: each vector is paid for, and only the gateway can have it made.
    Provider(ProviderModel),
    /// A sentence transformer by the name of its folder: free, and only the gateway has it.
    Transformer(String),
}

/// An embedding model of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProviderModel {
    /// The provider, as `add_provider()` names it.
    pub provider: String,
    /// The model, as the provider names it.
    pub model: String,
    /// To how many dimensions it shortens its vectors; its own number where `None`.
    pub dimensions: Option<usize>,
}

impl EmbeddingModel {
    /// What a setting names: `static`, `pg_trgm`, `transformer:NAME`, `PROVIDER:MODEL` or `PROVIDER:MODEL@DIMENSIONS`.
    ///
    /// # Errors
    /// 22023 where it names nothing, a transformer by what is more than the name of a folder, or vectors of more than
    /// [`MOST_DIMENSIONS`].
    pub fn parse(name: &str) -> Result<Self> {
        let refuse = || {
            Error::invalid(format!("invalid value for setting \"embedding\": \"{name}\"")).hint(
                "Allowed: static, pg_trgm, a sentence transformer as transformer:NAME, or a provider's model as PROVIDER:MODEL or PROVIDER:MODEL@DIMENSIONS, as in \
                 openai:text-embedding-3-small@512.",
            )
        };
        match name {
            "static" => return Ok(Self::Static),
            "pg_trgm" => return Ok(Self::Trigrams),
            _ if name.len() > MOST_BYTES || name.chars().any(char::is_control) => return Err(refuse()),
            _ => {}
        }
        if let Some(name) = name.strip_prefix(TRANSFORMER) {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            let is_name = !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain);
            return is_name.then(|| Self::Transformer(name.to_owned())).ok_or_else(refuse);
        }
        // Names of models have colons and at signs, too: only a number after the last sign is one of dimensions.
        let (provider, model) = name.split_once(':').ok_or_else(refuse)?;
        let number = model.rsplit_once('@').and_then(|(model, digits)| {
            let number = digits.parse::<usize>().ok().filter(|number| number.to_string() == digits)?;
            Some((model, number))
        });
        let (model, dimensions) = number.map_or((model, None), |(model, number)| (model, Some(number)));
        if provider.trim().is_empty() || model.trim().is_empty() || dimensions == Some(0) {
            return Err(refuse());
        }
        if let Some(dimensions) = dimensions.filter(|dimensions| *dimensions > MOST_DIMENSIONS) {
            return Err(too_long(dimensions));
        }
        Ok(Self::Provider(ProviderModel { provider: provider.to_owned(), model: model.to_owned(), dimensions }))
    }

    /// What stands beside its vectors, so that those of others are never compared with them.
    pub fn id(&self) -> String {
        match self {
            Self::Static => embedding::MODEL.to_owned(),
            Self::Trigrams => "pg_trgm".to_owned(),
            Self::Provider(model) => model.to_string(),
            Self::Transformer(name) => format!("{TRANSFORMER}{name}"),
        }
    }

    /// The model that an id stands for.
    pub fn of_id(id: &str) -> Option<Self> {
        if id == embedding::MODEL {
            Some(Self::Static)
        } else {
            Self::parse(id).ok().filter(|model| *model != Self::Static)
        }
    }

    /// The provider's model, where it is one.
    pub fn paid(&self) -> Option<&ProviderModel> {
        match self {
            Self::Provider(model) => Some(model),
            Self::Static | Self::Trigrams | Self::Transformer(_) => None,
        }
    }

    /// Whether only the gateway has its vectors: a session buys none, and makes none that take longer than a query.
    pub fn is_of_gateway(&self) -> bool {
        matches!(self, Self::Provider(_) | Self::Transformer(_))
    }

    /// Least likeness of the nearest earlier text where nothing was measured, by profile. Of a provider's model, or one that
    /// somebody put into a folder, nobody knows beforehand what its cosines are worth, so that it has to be nearer.
    pub fn threshold(&self, profile: &Profile) -> f32 {
        match self {
            Self::Static => profile.similarity_threshold,
            Self::Trigrams => profile.trigram_threshold,
            Self::Provider(_) | Self::Transformer(_) => profile.paid_similarity_threshold,
        }
    }
}

impl fmt::Display for ProviderModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.provider, self.model)?;
        self.dimensions.map_or(Ok(()), |dimensions| write!(f, "@{dimensions}"))
    }
}

/// Why vectors are too long.
pub fn too_long(dimensions: usize) -> Error {
    Error::invalid(format!("vectors of {dimensions} dimensions are too long"))
        .detail(format!("An index of vectors takes {MOST_DIMENSIONS} dimensions at most."))
        .hint("Models that can shorten their vectors are asked for fewer with PROVIDER:MODEL@DIMENSIONS.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::PROFILES;
    use proptest::prelude::*;

    fn paid(name: &str) -> ProviderModel {
        EmbeddingModel::parse(name).unwrap().paid().unwrap().clone()
    }

    #[test]
    fn names_of_models_keep_their_colons_and_signs() {
        let of = |name: &str| {
            let ProviderModel { provider, model, dimensions } = paid(name);
            (provider, model, dimensions)
        };
        let is = |provider: &str, model: &str, dimensions| (provider.to_owned(), model.to_owned(), dimensions);
        assert_eq!(of("openai:text-embedding-3-small"), is("openai", "text-embedding-3-small", None));
        assert_eq!(of("openai:text-embedding-3-small@512"), is("openai", "text-embedding-3-small", Some(512)));
        assert_eq!(of("local:nomic-embed-text:latest"), is("local", "nomic-embed-text:latest", None));
        assert_eq!(of("cf:@cf/baai/bge-m3"), is("cf", "@cf/baai/bge-m3", None));
        // Only as it is written back: an id has to be what was set.
        assert_eq!(of("openai:m@0512"), is("openai", "m@0512", None));
        assert_eq!(of("cf:@cf/baai/bge-m3@256"), is("cf", "@cf/baai/bge-m3", Some(256)));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for bad in ["", "Static", "trgm", ":model", "openai:", "openai: ", " :m", "openai:m@0", "a:b\nc"] {
            assert!(EmbeddingModel::parse(bad).is_err(), "{bad}");
        }
        let long = EmbeddingModel::parse("openai:text-embedding-3-large@4001").unwrap_err();
        assert!(long.message.contains("4001 dimensions"), "{}", long.message);
        assert!(EmbeddingModel::parse("openai:m@4000").is_ok());
        assert!(EmbeddingModel::parse(&format!("p:{}", "m".repeat(400))).is_err());
    }

    #[test]
    fn a_transformer_has_the_name_of_a_folder() {
        let of = |name: &str| EmbeddingModel::parse(name);
        assert_eq!(of("transformer:all-MiniLM-L6-v2"), Ok(EmbeddingModel::Transformer("all-MiniLM-L6-v2".to_owned())));
        for bad in ["", ".", "..", ".hidden", "a/b", "../a", "/etc", "a b", "a\u{e9}", "a:b", "a@1", "a\\b"] {
            assert!(of(&format!("transformer:{bad}")).is_err(), "{bad}");
        }
        assert!(of("transformer:m").unwrap().is_of_gateway() && of("transformer:m").unwrap().paid().is_none());
        assert!(!of("static").unwrap().is_of_gateway() && of("openai:m").unwrap().is_of_gateway());
    }

    #[test]
    fn each_model_has_thresholds_of_its_own() {
        for profile in &PROFILES {
            let of = |name: &str| EmbeddingModel::parse(name).unwrap().threshold(profile);
            assert!(of("pg_trgm") < of("static") && of("static") < of("openai:m"), "{}", profile.name);
        }
    }

    proptest! {
        #[test]
        fn an_id_stands_for_its_model(name in "(static|pg_trgm|[a-z]{1,5}:[a-z:@/.]{1,9}(@[0-9]{1,4})?|\\PC{0,20})") {
            if let Ok(model) = EmbeddingModel::parse(&name) {
                prop_assert_eq!(EmbeddingModel::of_id(&model.id()), Some(model));
            }
        }
    }
}
