//! What stands between a text and its neighbours.

/// Why nothing near can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Labels ad hoc have no texts of their own.
    AdHoc,
    /// A provider makes its vectors, and no text may leave the database.
    NoExternal,
    /// The gateway makes its vectors beside questions to a language model, which may not be asked.
    NoQuestions,
    /// Only the gateway buys vectors, and there can be none.
    NotPreloaded,
    /// pg_trgm is not installed.
    NoTrigrams,
    /// Only fingerprints are stored.
    NoTexts,
    /// pgvector is not installed.
    NoPgvector,
    /// pgvector is too old.
    OldPgvector,
    /// Nobody taught anything yet.
    NothingKnown,
    /// There is no index yet.
    NotBuilt,
    /// The gateway buys its vectors, and does not have all of them.
    NotBought,
}

impl Obstacle {
    /// The obstacle in words: the beginning of a sentence without its full stop.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AdHoc => "labels ad hoc have no earlier texts",
            Self::NoExternal => "a provider makes the vectors of the embedding, and allow_external is false",
            Self::NoQuestions => {
                "a transformer makes the vectors of what a language model may be asked, and allow_external is false"
            }
            Self::NotPreloaded => {
                "the gateway buys the vectors of the embedding, and the library is not in shared_preload_libraries"
            }
            Self::NoTrigrams => "the extension pg_trgm is not installed in this database",
            Self::NoTexts => "the taxonomy stores no inputs (store_input)",
            Self::NoPgvector => "the extension vector (pgvector) is not installed in this database",
            Self::OldPgvector => "the extension vector (pgvector) is older than 0.7",
            Self::NothingKnown => "nothing was taught or paid for yet",
            Self::NotBuilt => "the index of embeddings is not built yet",
            Self::NotBought => {
                "the gateway has not bought all vectors of the embedding yet; categorize.embedding_status says how far it is"
            }
        }
    }
}
