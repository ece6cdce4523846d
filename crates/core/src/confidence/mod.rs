//! How sure an answer is: where a number comes from, and what it is worth.

pub mod log_probabilities;

/// Where a language model's confidence comes from, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The model returned a probability for each choice.
    Probabilities,
    /// From the log-probabilities of the tokens that it wrote.
    LogProbabilities,
    /// A number that the model wrote itself.
    SelfReported,
    /// The model said nothing: the default is assumed.
    Assumed,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Probabilities, Self::LogProbabilities, Self::SelfReported, Self::Assumed];

    /// Its name in `evidence` and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probabilities => "probabilities",
            Self::LogProbabilities => "log_probabilities",
            Self::SelfReported => "self_reported",
            Self::Assumed => "assumed",
        }
    }

    /// The source of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }
}
