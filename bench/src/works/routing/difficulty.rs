//! Which titles are hard, by something that no part of ours looks at: the title whose words are most alike belongs elsewhere.

use std::collections::HashMap;

/// A word that so many titles have says nothing.
const COMMON: usize = 1_000;

/// How many times as often as an easy title a hard one is answered wrongly.
const TIMES: f64 = 4.0;

/// The share of titles that are hard, and how many times as often as the mean each title is answered wrongly, 1 on average.
///
/// A title is hard where its nearest neighbour, by the cosine of words weighted by their rarity (TF-IDF; Salton and Buckley,
/// "Term-weighting approaches in automatic text retrieval", 1988), has another category: there a classifier that knows all other
/// titles is wrong.
pub fn difficulty(pairs: &[(String, String)]) -> (f64, HashMap<String, f64>) {
    let hard = hard(pairs);
    let share = hard.iter().filter(|hard| **hard).count() as f64 / pairs.len().max(1) as f64;
    let easy = 1.0 / (1.0 + (TIMES - 1.0) * share);
    let times = |hard: &bool| if *hard { TIMES * easy } else { easy };
    (share, pairs.iter().zip(&hard).map(|((title, _), hard)| (title.clone(), times(hard))).collect())
}

fn hard(pairs: &[(String, String)]) -> Vec<bool> {
    let titles: Vec<Vec<String>> = pairs.iter().map(|(title, _)| words(title)).collect();
    let mut users: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, words) in titles.iter().enumerate() {
        words.iter().for_each(|word| users.entry(word).or_default().push(at));
    }
    let weight = |word: &str| (titles.len() as f64 / users[word].len() as f64).ln();
    let length = |words: &Vec<String>| words.iter().map(|word| weight(word).powi(2)).sum::<f64>().sqrt();
    let lengths: Vec<f64> = titles.iter().map(length).collect();
    let nearest = |at: usize| {
        let mut alike: HashMap<usize, f64> = HashMap::new();
        for word in titles[at].iter().filter(|word| users[word.as_str()].len() <= COMMON) {
            for other in users[word.as_str()].iter().filter(|other| **other != at) {
                *alike.entry(*other).or_default() += weight(word).powi(2) / lengths[*other];
            }
        }
        // Of equals the first, whatever the order of the map.
        alike.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).map(|(other, _)| other)
    };
    (0..pairs.len()).map(|at| nearest(at).is_none_or(|other| pairs[other].1 != pairs[at].1)).collect()
}

fn words(title: &str) -> Vec<String> {
    let mut words: Vec<String> =
        title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.sort_unstable();
    words.dedup();
    words
}
