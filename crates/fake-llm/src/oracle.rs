//! What a model would say. It depends on the seed, the model and the text of the item only, so that retries agree and a
//! benchmark can compute what was right.
//!
//! Its confidence means something. For each model and title a probability `c = 1 - k v^p` is drawn, `v` uniform; the
//! answer is right where a second uniform number is below `c`: then P(right | c) = c exactly. With
//! `k = max(0.6, min(1, 2e))` and `p = k/e - 1` the mean of `c` is `1 - e`, so that the error rate is `e`, and most answers
//! are sure while a tail reaches down to `1 - k`. Where titles differ in difficulty, `e` is that of the title. All draws have the model's name in their seed: whether one model errs
//! says nothing of whether another does.

use crate::config::Config;
use crate::model::Model;
pub(crate) use crate::opinion::Opinion;
use crate::random::{hash, uniform};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What our prompts offer where no category fits. A title that the oracle does not know is never answered with it.
const NONE_OF_THESE: &str = "none of these";

/// What separates the parts of a label's path.
const PATH: &str = " > ";

/// What knows the answers, and what each model makes of them.
#[derive(Debug, Clone)]
pub struct Oracle {
    seed: u64,
    labels: Arc<HashMap<String, String>>,
    known: BTreeSet<String>,
    models: BTreeMap<String, Model>,
    error_rate: f64,
    difficulty: Arc<HashMap<String, f64>>,
}

impl Oracle {
    /// That of a server with this configuration.
    pub fn new(config: &Config) -> Self {
        Self {
            seed: config.seed,
            known: config.labels.values().cloned().collect(),
            labels: Arc::clone(&config.labels),
            models: config.models.clone(),
            error_rate: config.error_rate,
            difficulty: Arc::clone(&config.difficulty),
        }
    }

    /// What a model says about a title or image where the labels of all titles are offered: the label, and the confidence
    /// as it is written, to thousandths. A server with the same configuration answers the same.
    ///
    /// An oracle without labels says nothing, with confidence 0.
    pub fn says(&self, model: &str, title: &str) -> (String, f64) {
        let options: Vec<_> = self.known.iter().collect();
        self.says_of(model, title, &options).unwrap_or_default()
    }

    /// What a model says about a title or image where these are offered; `None` where nothing is.
    pub fn says_of<S: AsRef<str>>(&self, model: &str, title: &str, options: &[S]) -> Option<(String, f64)> {
        let opinion = self.choose(model, title, options, false)?;
        Some((options[opinion.option].as_ref().to_owned(), opinion.written()))
    }

    /// The true label of a title or image, where it is known.
    pub fn truth(&self, title: &str) -> Option<&str> {
        self.labels.get(title).map(String::as_str)
    }

    /// Whether some title has this label.
    pub(crate) fn knows_label(&self, label: &str) -> bool {
        self.known.contains(label)
    }

    /// What is said about a title; `None` where there are no options. Of `branches` that is the lowest one to which its
    /// label belongs.
    pub(crate) fn choose<S: AsRef<str>>(
        &self,
        model: &str,
        title: &str,
        options: &[S],
        branches: bool,
    ) -> Option<Opinion> {
        let place = |label: &str| options.iter().position(|option| option.as_ref() == label);
        let seed = hash(self.seed, model);
        let probability = self.probability(model, seed, title);
        let confidence = self.models.get(model).copied().unwrap_or_default().confidence.said(probability);
        let Some(label) = self.truth(title) else {
            let option = favourite(self.seed, title, options, None)?;
            return Some(Opinion { option, confidence, missed: None });
        };
        // A true label that is not offered: none of these, where that is.
        let above = || label.rmatch_indices(PATH).find_map(|(end, _)| place(&label[..end])).filter(|_| branches);
        let truth = match place(label).or_else(above).or_else(|| place(NONE_OF_THESE)) {
            Some(truth) => truth,
            None => favourite(self.seed, title, options, None)?,
        };
        let right = uniform(seed ^ 0x819f7, title) < probability;
        match favourite(seed, title, options, Some(truth)).filter(|_| !right) {
            Some(option) => Some(Opinion { option, confidence, missed: Some(truth) }),
            None => Some(Opinion { option: truth, confidence, missed: None }),
        }
    }

    /// A probability for each option, 1 in sum: the chosen one has its confidence (raised to 0.51 of two options and
    /// 0.34 of more, so that it stays the largest), the next one half of the rest, the others the other half.
    pub(crate) fn probabilities<S: AsRef<str>>(&self, title: &str, options: &[S], opinion: Opinion) -> Vec<f64> {
        let next = opinion.missed.or_else(|| favourite(self.seed, title, options, Some(opinion.option)));
        opinion.probabilities(options.len(), next)
    }

    /// A number in [0, 1) that depends on these texts only.
    pub(crate) fn number(&self, title: &str, about: &str) -> f64 {
        uniform(self.seed ^ hash(0, about), title)
    }

    /// That this model is right about this title.
    fn probability(&self, model: &str, seed: u64, title: &str) -> f64 {
        let own = self.models.get(model).and_then(|model| model.error_rate);
        let difficulty = self.difficulty.get(title).copied().unwrap_or(1.0);
        let error_rate = (own.unwrap_or(self.error_rate) * difficulty).clamp(0.0, 1.0);
        if error_rate <= 0.0 {
            return 1.0;
        }
        let spread = (2.0 * error_rate).clamp(0.6, 1.0);
        1.0 - spread * uniform(seed ^ 0xc04f, title).powf(spread / error_rate - 1.0)
    }
}

/// The option that is likeliest to be taken for `not`, or of all: the nearest in the tree of labels, and of those the one
/// with the largest hash beside the title, whatever the order of the options (rendezvous hashing, Thaler and Ravishankar
/// 1998). The answer that none fits comes only where there is no other.
fn favourite<S: AsRef<str>>(seed: u64, title: &str, options: &[S], not: Option<usize>) -> Option<usize> {
    let seed = hash(seed ^ 0xfa40, title);
    let others = (0..options.len()).filter(|at| Some(*at) != not);
    let near = |label: &str| {
        let path = not.map_or("", |not| options[not].as_ref()).split(PATH);
        path.zip(label.split(PATH)).take_while(|(one, other)| one == other).count()
    };
    let rank = |at: &usize| {
        let label = options[*at].as_ref();
        (label != NONE_OF_THESE, near(label), hash(seed, label))
    };
    others.max_by_key(rank)
}

#[cfg(test)]
#[path = "oracle_tests.rs"]
mod tests;
