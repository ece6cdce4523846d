//! What a model would say. It depends on the seed and the text of the item only, so that retries agree.
//!
//! Its confidence means something. For each title a confidence `c = 1 - k v^p` is drawn, `v` uniform; the answer is
//! right where a second uniform number is below `c`: then P(right | c) = c exactly. With `k = max(0.6, min(1, 2e))` and
//! `p = k/e - 1` the mean of `c` is `1 - e`, so that the error rate is `e`, and most answers are sure while a tail
//! reaches down to `1 - k`.

use crate::random::{hash, uniform};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What our prompts offer where no category fits. A title that the oracle does not know is never answered with it.
const NONE_OF_THESE: &str = "none of these";

/// What knows the answers.
pub(crate) struct Oracle {
    seed: u64,
    labels: Arc<HashMap<String, String>>,
    known: HashSet<String>,
}

/// What a model says about one item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Opinion {
    /// Which option.
    pub(crate) option: usize,
    /// The probability that it is right.
    pub(crate) confidence: f64,
    /// The truth where it was missed.
    missed: Option<usize>,
}

impl Oracle {
    pub(crate) fn new(seed: u64, labels: Arc<HashMap<String, String>>) -> Self {
        let known = labels.values().cloned().collect();
        Self { seed, labels, known }
    }

    /// Whether some title has this label.
    pub(crate) fn knows_label(&self, label: &str) -> bool {
        self.known.contains(label)
    }

    /// The true label of a title, where it is known.
    pub(crate) fn truth(&self, title: &str) -> Option<&str> {
        self.labels.get(title).map(String::as_str)
    }

    /// What is said about a title; `None` where there are no options.
    pub(crate) fn choose<S: AsRef<str>>(&self, title: &str, options: &[S], error_rate: f64) -> Option<Opinion> {
        let place = |label: &str| options.iter().position(|option| option.as_ref() == label);
        let confidence = self.confidence(title, error_rate);
        let Some(label) = self.labels.get(title) else {
            let option = self.favourite(title, options, None)?;
            return Some(Opinion { option, confidence, missed: None });
        };
        // A true label that is not offered: none of these, where that is.
        let truth = match place(label).or_else(|| place(NONE_OF_THESE)) {
            Some(truth) => truth,
            None => self.favourite(title, options, None)?,
        };
        let right = uniform(self.seed ^ 0x819f7, title) < confidence;
        match self.favourite(title, options, Some(truth)).filter(|_| !right) {
            Some(option) => Some(Opinion { option, confidence, missed: Some(truth) }),
            None => Some(Opinion { option: truth, confidence, missed: None }),
        }
    }

    /// A probability for each option, 1 in sum: the chosen one has its confidence (raised to 0.51 of two options and
    /// 0.34 of more, so that it stays the largest), the next one half of the rest, the others the other half.
    pub(crate) fn probabilities<S: AsRef<str>>(&self, title: &str, options: &[S], opinion: Opinion) -> Vec<f64> {
        let chosen = opinion.option;
        let next = opinion.missed.or_else(|| self.favourite(title, options, Some(chosen)));
        let least = match options.len() {
            0 | 1 => 1.0,
            2 => 0.51,
            _ => 0.34,
        };
        let sure = opinion.confidence.max(least);
        let others = options.len().saturating_sub(2);
        let (second, other) = match others {
            0 => (1.0 - sure, 0.0),
            _ => ((1.0 - sure) / 2.0, (1.0 - sure) / 2.0 / others as f64),
        };
        (0..options.len())
            .map(|at| match at {
                at if at == chosen => sure,
                at if Some(at) == next => second,
                _ => other,
            })
            .collect()
    }

    /// A number in [0, 1) that depends on these texts only.
    pub(crate) fn number(&self, title: &str, about: &str) -> f64 {
        uniform(self.seed ^ hash(0, about), title)
    }

    fn confidence(&self, title: &str, error_rate: f64) -> f64 {
        if error_rate <= 0.0 {
            return 1.0;
        }
        let spread = (2.0 * error_rate).clamp(0.6, 1.0);
        1.0 - spread * uniform(self.seed ^ 0xc04f, title).powf(spread / error_rate - 1.0)
    }

    /// The option with the largest hash beside the title: the same whatever the order of the options (rendezvous
    /// hashing, Thaler and Ravishankar 1998). Not this one, and the answer that none fits only where there is no other.
    fn favourite<S: AsRef<str>>(&self, title: &str, options: &[S], not: Option<usize>) -> Option<usize> {
        let seed = hash(self.seed ^ 0xfa40, title);
        let others = (0..options.len()).filter(|at| Some(*at) != not);
        let rank = |at: &usize| {
            let label = options[*at].as_ref();
            (label != NONE_OF_THESE, hash(seed, label))
        };
        others.max_by_key(rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oracle(titles: usize) -> Oracle {
        let labels = (0..titles).map(|at| (format!("title {at}"), ["a", "b", "c"][at % 3].to_owned())).collect();
        Oracle::new(7, Arc::new(labels))
    }

    #[test]
    fn confidence_is_the_probability_of_being_right() {
        let (titles, options) = (40_000, ["a", "b", "c", NONE_OF_THESE]);
        let oracle = oracle(titles);
        for rate in [0.02, 0.2, 0.6, 1.0] {
            let (mut right, mut buckets) = (0, [(0, 0, 0.0); 10]);
            for at in 0..titles {
                let opinion = oracle.choose(&format!("title {at}"), &options, rate).expect("options");
                let hit = opinion.option == at % 3;
                right += usize::from(hit);
                let bucket = &mut buckets[((opinion.confidence * 10.0) as usize).min(9)];
                *bucket = (bucket.0 + 1, bucket.1 + usize::from(hit), bucket.2 + opinion.confidence);
            }
            let measured = 1.0 - right as f64 / titles as f64;
            assert!((measured - rate).abs() < 0.01, "{measured} errors, {rate} wanted");
            for (all, hits, sum) in buckets.into_iter().filter(|(all, ..)| *all > 1000) {
                let (share, said) = (f64::from(hits as u32) / f64::from(all), sum / f64::from(all));
                assert!((share - said).abs() < 0.04, "right {share}, said {said}, at error rate {rate}");
            }
        }
    }

    #[test]
    fn an_unknown_title_has_one_label_whatever_the_order() {
        let oracle = oracle(0);
        let (mut one, mut other) = (vec!["x", "y", "z", NONE_OF_THESE], vec![NONE_OF_THESE, "z", "y", "x"]);
        let mut seen = HashSet::new();
        for at in 0..100 {
            let title = at.to_string();
            let label =
                |options: &[&'static str]| options[oracle.choose(&title, options, 0.1).expect("options").option];
            assert_eq!(label(&one), label(&other));
            seen.insert(label(&one));
        }
        assert_eq!(seen.len(), 3);
        one.truncate(0);
        other.truncate(1);
        assert_eq!(oracle.choose("t", &one, 0.1), None);
        assert_eq!(oracle.choose("t", &other, 0.1).map(|opinion| opinion.option), Some(0));
    }

    #[test]
    fn probabilities_add_up_and_the_chosen_one_is_the_largest() {
        let oracle = oracle(1000);
        for options in [&["a"][..], &["a", "b"], &["a", "b", "c"], &["a", "b", "c", "d", "e"]] {
            for at in 0..1000 {
                let title = format!("title {at}");
                let opinion = oracle.choose(&title, options, 0.3).expect("options");
                let probabilities = oracle.probabilities(&title, options, opinion);
                assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
                let largest = (0..options.len()).max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b]));
                assert_eq!(largest, Some(opinion.option));
            }
        }
    }
}
