//! What of a text speaks for a category.

use super::counts::Counter;
use super::model::Model;
use super::ngrams::{Kind, each_ngram, words};
use super::vocabulary::damped;
use crate::cascade::CategoryId;
use std::collections::HashMap;

/// What one n-gram of a text says for one category rather than another.
#[derive(Debug, Clone, PartialEq)]
pub struct NgramWeight {
    /// A word or a pair of words, as it stands in the text.
    pub ngram: String,
    /// Its share of the score, positive where it speaks for the category; that of a word includes its runs of characters.
    pub weight: f32,
}

impl Model<'_> {
    /// The n-grams of a text that say most for a category, strongest first; against another one where it is given.
    pub fn explain(
        &self,
        text: &str,
        category: CategoryId,
        against: Option<CategoryId>,
        count: usize,
    ) -> Vec<NgramWeight> {
        let class = |category| self.categories().position(|c| c == category);
        let Some(class_for) = class(category) else { return Vec::new() };
        let class_against = against.and_then(class);
        let said = |bucket, x: f32| {
            let groups = self.groups(bucket).unwrap_or_default();
            let against = class_against.map_or(0.0, |class| self.weight(groups.clone(), class));
            (self.weight(groups, class_for) - against) * x
        };
        let mut weight_of = HashMap::new();
        let mut counter = Counter::default();
        let counted = counter.count(text);
        for kind in [Kind::Word, Kind::Run] {
            let weighed: Vec<_> =
                counted.of(kind).filter_map(|(b, n)| Some((b, n, damped(n) * self.text_weight(b)?))).collect();
            let length = weighed.iter().map(|(_, _, x)| x * x).sum::<f32>().sqrt();
            // An n-gram that occurs twice is told of twice: each occurrence has its share.
            let share = |(bucket, n, x)| ((kind as u32, bucket), said(bucket, x / length) / n as f32);
            weight_of.extend(weighed.into_iter().map(share));
        }
        let words: Vec<&str> = words(text).collect();
        let mut sums: HashMap<String, f32> = HashMap::new();
        each_ngram(text, |ngram| {
            if let Some(weight) = weight_of.get(&(ngram.kind as u32, ngram.bucket)) {
                let of = &words[ngram.first_word as usize..][..ngram.words as usize];
                *sums.entry(of.join(" ")).or_default() += weight;
            }
        });
        let mut said: Vec<NgramWeight> =
            sums.into_iter().map(|(ngram, weight)| NgramWeight { ngram, weight }).collect();
        said.retain(|n| n.weight > 0.0);
        said.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.ngram.cmp(&b.ngram)));
        said.truncate(count);
        said
    }
}
