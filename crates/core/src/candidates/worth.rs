//! Whether a taxonomy is offered in lists, or as a whole in what all requests begin with.

use crate::choices::Choices;

/// What a token costs that a provider has cached, as a part of one that it has not. The usual providers charge a tenth to a
/// quarter (their price lists of 2026-11), and cache no prefix that is short.
const CACHED: f64 = 0.25;

/// How full packs are on average.
const FULL: f64 = 0.5;

/// A category of a whole list is written twice: for the model, and in the schema that enforces it.
const WRITTEN: f64 = 2.0;

/// A question of a decision repeats what it offers, and is not cached.
const REPEATED: f64 = 2.0;

/// Whether lists of `short` categories cost less an answer than the whole taxonomy in the constant prefix, where requests
/// have up to `pack_size` inputs. `decides` says that a model may be asked that returns probabilities: it takes its choices
/// with each question, and no more than [`LONGEST`](super::LONGEST).
///
/// Whole: all its bytes in each request, which are cached, divided by the inputs. Lists: their bytes with each input. By
/// the default of 20 categories and packs of 10 it is worth it above 200 categories; where each input goes alone, above 40.
pub fn is_worth_it(choices: &Choices, short: usize, pack_size: usize, decides: bool) -> bool {
    let count = choices.list().len();
    if count <= short {
        return false;
    }
    if decides {
        return count > super::LONGEST || count as f64 > REPEATED * short as f64;
    }
    let inputs = (pack_size.max(1) as f64 * FULL).max(1.0);
    count as f64 * WRITTEN * CACHED / inputs > short as f64
}
