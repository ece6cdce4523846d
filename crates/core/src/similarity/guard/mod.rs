//! The lexical guard: what two texts differ in that their vectors hardly show.
//!
//! Numbers, sizes, units, codes of models, negation, what a thing is for, and whether it is an accessory. Words are read as
//! they stand: the lists are of English, with the commonest ones of a few other languages; what they miss is left to the
//! vote and to calibration.

mod features;
mod words;

pub use features::Features;

use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of feature that vectors blur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `without`, `not`, `non-`.
    Negation,
    /// A case, a charger, a spare part: what goes with a thing and is none.
    Accessory,
    /// What it is for, or compatible with.
    Purpose,
    /// Letters and digits in one word, as models are called.
    Code,
    /// Units of measure: millilitres are no grams.
    Unit,
    /// A number with its unit, or a size by letters.
    Size,
    /// A number by itself.
    Number,
}

impl Kind {
    /// All of them; what says most about a difference comes first.
    pub const ALL: [Self; 7] =
        [Self::Negation, Self::Accessory, Self::Purpose, Self::Code, Self::Unit, Self::Size, Self::Number];

    /// Its name in `evidence` and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Negation => "negation",
            Self::Accessory => "accessory",
            Self::Purpose => "purpose",
            Self::Code => "code",
            Self::Unit => "unit",
            Self::Size => "size",
            Self::Number => "number",
        }
    }

    fn differ(self) -> &'static str {
        match self {
            Self::Negation => "the negations differ",
            Self::Accessory => "the accessories differ",
            Self::Purpose => "what they are for differs",
            Self::Code => "the codes differ",
            Self::Unit => "the units differ",
            Self::Size => "the sizes differ",
            Self::Number => "the numbers differ",
        }
    }
}

/// A difference that forbids an answer. Its values are parts of the two texts: they may be shown to who may see these, and
/// belong in no log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Veto {
    /// What kind of feature differs.
    pub kind: Kind,
    /// What the text has, blank between values; empty where it has none.
    pub input: String,
    /// What its neighbour has.
    pub neighbour: String,
}

impl fmt::Display for Veto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
        write!(f, "{}: {} here, {} there", self.kind.differ(), named(&self.input), named(&self.neighbour))
    }
}
