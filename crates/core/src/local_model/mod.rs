//! Tier 4: a classifier trained from what a tenant's people and paid models have said.
//!
//! Hashed word and character n-grams, weighted by tf-idf, one linear support vector machine a category (one against the
//! rest), and a logistic calibration fitted on examples that were held out. `docs/decisions/0008` says why.
//!
//! * [`Lessons`] collects examples; [`train`] makes a model of them and reports how good it is.
//! * [`Model`] reads a trained model in place, from bytes that may be mapped and shared.

mod assess;
mod calibration;
mod counts;
mod explain;
mod fit;
mod format;
mod held_out;
mod index;
mod lessons;
mod memory;
mod model;
mod negatives;
mod ngrams;
mod pool;
mod random;
mod ranking;
mod report;
mod solver;
mod tally;
mod train;
mod vocabulary;
mod weights;

pub use assess::ENOUGH_EXAMPLES;
pub use explain::{Explanation, NgramWeight};
pub use format::{Damaged, IDENTITY_BYTES};
pub use lessons::{Lessons, Standing};
pub use model::{LEAST_EVIDENCE, Model, Prediction, Scratch};
pub use pool::pooled;
pub use report::{Measured, Report, WeakCategory};
pub use train::{Live, Options, Trained, Trial, train};
