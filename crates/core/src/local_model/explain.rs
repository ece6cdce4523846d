//! What of a text speaks for a category.

use super::counts::Counter;
use super::model::Model;
use super::ngrams::{Kind, each_ngram, words};
use super::vocabulary::damped;
use crate::cascade::CategoryId;
use std::cmp::Ordering;
use std::collections::HashMap;

/// What one n-gram of a text says for one category rather than another.
#[derive(Debug, Clone, PartialEq)]
pub struct NgramWeight {
    /// A word or a pair of words, as it stands in the text.
    pub ngram: String,
    /// Its share of the score; that of a word includes its runs of characters.
    pub weight: f32,
}

/// What of a text speaks for a category, and what for the one it is compared with; strongest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation {
    /// N-grams that speak for the category.
    pub pro: Vec<NgramWeight>,
    /// N-grams that speak against it, and so for the other, where there is one.
    pub contra: Vec<NgramWeight>,
}

impl Model<'_> {
    /// The n-grams of a text, at most `count` of each kind, that say most for and against a category; compared with
    /// another one where it is given. Nothing where the model does not know the category.
    pub fn explain(&self, text: &str, category: CategoryId, against: Option<CategoryId>, count: usize) -> Explanation {
        let Some(class) = self.class(category) else { return Explanation::default() };
        let said = self.said(text, class, against.and_then(|category| self.class(category)));
        let strongest = |sign: f32| {
            let mut strongest: Vec<_> = said.iter().filter(|(_, weight)| **weight * sign > 0.0).collect();
            strongest.sort_by(|(a, x), (b, y)| (*y * sign).total_cmp(&(*x * sign)).then_with(|| a.cmp(b)));
            let told = |(ngram, weight): (&String, &f32)| NgramWeight { ngram: ngram.clone(), weight: weight * sign };
            strongest.into_iter().take(count).map(told).collect()
        };
        Explanation { pro: strongest(1.0), contra: strongest(-1.0) }
    }

    /// Each word and pair of words with its share of the score of a class, less that of another.
    fn said(&self, text: &str, class: usize, against: Option<usize>) -> HashMap<String, f32> {
        let mut shares = HashMap::new();
        let mut counter = Counter::default();
        let counted = counter.count(text);
        for kind in [Kind::Word, Kind::Run] {
            let weighed: Vec<_> =
                counted.of(kind).filter_map(|(b, n)| Some((b, n, damped(n) * self.text_weight(b)?))).collect();
            let length = weighed.iter().map(|(_, _, x)| x * x).sum::<f32>().sqrt();
            for (bucket, times, x) in weighed {
                let groups = self.groups(bucket).unwrap_or_default();
                let less = against.map_or(0.0, |other| self.weight(groups.clone(), other));
                // An n-gram that occurs twice is told of twice: each occurrence has its share.
                let share = (self.weight(groups, class) - less) * x / length / times as f32;
                shares.insert((kind as u32, bucket), share);
            }
        }
        let words: Vec<&str> = words(text).collect();
        let mut sums: HashMap<(u32, u32), f32> = HashMap::new();
        each_ngram(text, |ngram| {
            let share = shares.get(&(ngram.kind as u32, ngram.bucket)).filter(|share| **share != 0.0);
            if let Some(share) = share {
                *sums.entry((ngram.first_word, ngram.words)).or_default() += share;
            }
        });
        let mut said = HashMap::new();
        for ((first, count), weight) in sums {
            *said.entry(words[first as usize..][..count as usize].join(" ")).or_default() += weight;
        }
        said
    }

    /// Classes are in the order of their categories.
    fn class(&self, category: CategoryId) -> Option<usize> {
        let (mut low, mut high) = (0, self.layout.classes);
        while low < high {
            let middle = (low + high) / 2;
            match self.category(middle).cmp(&category) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(middle),
            }
        }
        None
    }
}
