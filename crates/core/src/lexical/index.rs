//! An inverted index from words and two-word phrases to the categories that use them.

use super::calibration::{Curve, DESCRIBED, Features, LABELS_ONLY};
use super::words::{Word, words};
use crate::cascade::{CategoryId, Guess};
use crate::normalise::{Case, normalise};
use hashbrown::HashMap;

/// The words of one category, in the texts its owner wrote.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The category.
    pub id: CategoryId,
    /// Labels from the root down to its own.
    pub labels: Vec<String>,
    /// One line about it.
    pub description: String,
    /// Typical words and titles.
    pub examples: Vec<String>,
    /// Whether others hang below it.
    pub inner: bool,
}

/// How much a word counts by where its category uses it. Chosen on the labelled part of the sample.
const LABEL: f32 = 1.2;
const EXAMPLE: f32 = 1.0;
const EXAMPLE_PART: f32 = 0.35;
const DESCRIPTION: f32 = 0.3;
const LABEL_ABOVE: f32 = 0.25;
/// A phrase counts this much more than its words do each.
const PHRASE: f32 = 1.5;
/// A node with others below it names what they share: it wins only where none of them is meant.
const INNER: f32 = 0.6;

/// Words read from one input: a megabyte of text costs no more than a long title.
const MAX_WORDS: usize = 200;

#[derive(Debug, Clone, Copy)]
struct Posting {
    document: u32,
    weight: f32,
}

/// The index over the live categories of one taxonomy, or over ad-hoc labels.
#[derive(Debug)]
pub struct LexicalIndex {
    ids: Vec<CategoryId>,
    /// Weight of a word that only one category uses: the unit of scores.
    unique: f32,
    curve: &'static Curve,
    /// The words of each category's own label.
    labels: Vec<Box<[String]>>,
    postings: HashMap<Box<str>, Vec<Posting>>,
}

/// What the index says of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The best categories, best first, at most three; the first bears the calibrated confidence.
    pub guesses: Vec<Guess>,
    /// The words and phrases that spoke for the best, strongest first.
    pub evidence: Vec<String>,
    /// What the confidence was computed from.
    pub features: Features,
}

/// Buffers that live across calls.
#[derive(Debug, Default)]
pub struct Scratch {
    scores: Vec<f32>,
    touched: Vec<u32>,
}

impl LexicalIndex {
    /// Indexes the categories.
    pub fn new(documents: &[Document]) -> Self {
        let mut postings: HashMap<Box<str>, Vec<Posting>> = HashMap::new();
        for (number, document) in documents.iter().enumerate() {
            let mut weights: HashMap<String, f32> = HashMap::new();
            document.collect(&mut weights);
            let place = if document.inner { INNER } else { 1.0 };
            for (word, weight) in weights {
                let weight = weight * place;
                postings.entry(word.into_boxed_str()).or_default().push(Posting { document: number as u32, weight });
            }
        }
        let count = documents.len() as f32;
        for (word, list) in &mut postings {
            let idf = (1.0 + count / list.len() as f32).ln();
            let phrase = if word.contains(' ') { PHRASE } else { 1.0 };
            list.iter_mut().for_each(|p| p.weight *= idf * phrase);
            list.sort_unstable_by_key(|p| p.document);
        }
        // Inner nodes often come by themselves, without a description.
        let leaves = || documents.iter().filter(|d| !d.inner);
        let described = leaves().filter(|d| !d.description.is_empty() || !d.examples.is_empty()).count();
        let curve = if 2 * described > leaves().count() { &DESCRIBED } else { &LABELS_ONLY };
        let label = |d: &Document| {
            let text = d.labels.last().map(|label| normalise(label, Case::Folded)).unwrap_or_default();
            words(&text).into_iter().map(|word| word.text).collect()
        };
        let labels = documents.iter().map(label).collect();
        Self { ids: documents.iter().map(|d| d.id).collect(), unique: (1.0 + count).ln(), curve, labels, postings }
    }

    /// Whether there is nothing to match.
    pub fn is_empty(&self) -> bool {
        self.postings.is_empty()
    }

    /// The best categories for a text in normal form; `None` where no word is known.
    pub fn best(&self, normal: &str, scratch: &mut Scratch) -> Option<Match> {
        let (found, known) = self.score(normal, scratch);
        let total: f32 = found.iter().map(|w| w.weight).sum();
        let (top, sum) = scratch.take_top();
        let (first, score) = *top.first()?;
        let second = top.get(1).map_or(0.0, |t| t.1);
        let features = Features {
            score: score / self.unique,
            share: score / sum,
            margin: (score - second) / score,
            known: known / total,
            label: self.label_share(&found, first),
        };
        let rank = |(document, s): (u32, f32)| Guess {
            category: self.ids[document as usize],
            confidence: features.confidence(self.curve) * s / score,
        };
        let guesses = top.into_iter().map(rank).collect();
        Some(Match { guesses, evidence: self.evidence(&found, first), features })
    }

    /// Writes the best `k` categories for a text in normal form into `out`, best first: each by its place among the documents,
    /// with its score.
    pub fn rank(&self, normal: &str, k: usize, scratch: &mut Scratch, out: &mut Vec<(u32, f32)>) {
        self.score(normal, scratch);
        out.clear();
        out.extend(scratch.touched.drain(..).map(|at| (at, std::mem::take(&mut scratch.scores[at as usize]))));
        keep_best(out, k);
    }

    /// Adds up the scores of all categories, and returns the words with the weight of those that are known.
    fn score(&self, normal: &str, scratch: &mut Scratch) -> (Vec<Word>, f32) {
        let mut found = words(normal);
        found.truncate(MAX_WORDS);
        scratch.scores.resize(self.ids.len(), 0.0);
        let mut known = 0.0;
        for (i, word) in found.iter().enumerate() {
            let says = !word.is_bare() && self.add(&word.text, word.weight, scratch);
            known += word.weight * f32::from(u8::from(says));
            if word.follows {
                self.add(&phrase(&found[i - 1], word), word.weight, scratch);
            }
        }
        (found, known)
    }

    fn label_share(&self, found: &[Word], document: u32) -> f32 {
        let label = &self.labels[document as usize];
        let there = label.iter().filter(|own| found.iter().any(|word| word.text == **own)).count();
        there as f32 / label.len().max(1) as f32
    }

    fn add(&self, word: &str, weight: f32, scratch: &mut Scratch) -> bool {
        let Some(list) = self.postings.get(word) else { return false };
        for posting in list {
            let score = &mut scratch.scores[posting.document as usize];
            if *score == 0.0 {
                scratch.touched.push(posting.document);
            }
            *score += posting.weight * weight;
        }
        true
    }

    fn evidence(&self, found: &[Word], document: u32) -> Vec<String> {
        let weight = |text: &str| {
            let list = self.postings.get(text)?;
            list.binary_search_by_key(&document, |p| p.document).ok().map(|at| list[at].weight)
        };
        let mut spoke: Vec<(f32, String)> = Vec::new();
        for (i, word) in found.iter().enumerate() {
            let texts =
                [(!word.is_bare()).then(|| word.text.clone()), word.follows.then(|| phrase(&found[i - 1], word))];
            spoke.extend(texts.into_iter().flatten().filter_map(|t| Some((weight(&t)? * word.weight, t))));
        }
        spoke.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        spoke.dedup_by(|a, b| a.1 == b.1);
        spoke.truncate(5);
        spoke.into_iter().map(|(_, text)| text).collect()
    }
}

/// Leaves the `k` best, best first; of equals the one that stands first.
pub(crate) fn keep_best(ranked: &mut Vec<(u32, f32)>, k: usize) {
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if k < ranked.len() {
        ranked.select_nth_unstable_by(k, order);
        ranked.truncate(k);
    }
    ranked.sort_unstable_by(order);
}

impl Scratch {
    /// The three best scores and the sum of all; leaves the buffers clean.
    fn take_top(&mut self) -> (Vec<(u32, f32)>, f32) {
        let mut top: Vec<(u32, f32)> = Vec::with_capacity(4);
        let mut sum = 0.0;
        for document in self.touched.drain(..) {
            let score = std::mem::take(&mut self.scores[document as usize]);
            sum += score;
            let at = top.partition_point(|t| t.1 > score || (t.1 == score && t.0 < document));
            if at < 3 {
                top.insert(at, (document, score));
                top.truncate(3);
            }
        }
        (top, sum)
    }
}

impl Document {
    /// The strongest use of each word and phrase: naming a thing twice makes it no likelier.
    fn collect(&self, weights: &mut HashMap<String, f32>) {
        let mut note = |text: String, weight: f32| {
            let kept = weights.entry(text).or_insert(0.0);
            *kept = kept.max(weight);
        };
        let (own, above) = self.labels.split_last().map_or((None, &[][..]), |(own, above)| (Some(own), above));
        for label in above {
            add_text(label, LABEL_ABOVE, LABEL_ABOVE, &mut note);
        }
        add_text(&self.description, DESCRIPTION, DESCRIPTION, &mut note);
        for example in &self.examples {
            add_text(example, EXAMPLE, EXAMPLE_PART, &mut note);
        }
        if let Some(own) = own {
            add_text(own, LABEL, LABEL, &mut note);
        }
    }
}

/// Notes the words of a text with `part` each, or with `whole` where the text is one word, and its phrases with `whole`.
fn add_text(text: &str, whole: f32, part: f32, note: &mut impl FnMut(String, f32)) {
    let found = words(&normalise(text, Case::Folded));
    for (i, word) in found.iter().enumerate() {
        note(word.text.clone(), if found.len() == 1 { whole } else { part });
        if word.follows {
            note(phrase(&found[i - 1], word), whole);
        }
    }
}

fn phrase(first: &Word, second: &Word) -> String {
    format!("{} {}", first.text, second.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index() -> LexicalIndex {
        let document = |id, path: &[&str], description: &str, examples: &[&str]| Document {
            id,
            labels: path.iter().map(|s| (*s).to_owned()).collect(),
            description: description.to_owned(),
            examples: examples.iter().map(|s| (*s).to_owned()).collect(),
            inner: false,
        };
        LexicalIndex::new(&[
            document(1, &["Footwear"], "Shoes and boots", &["shoes"]),
            document(2, &["Footwear", "Sneakers"], "Casual shoes", &["sneakers", "air max"]),
            document(3, &["Phones", "Phone Cases"], "Covers for phones", &["phone case", "back cover"]),
            document(4, &["Phones", "Smartphones"], "Mobile phones", &["iphone", "galaxy s24"]),
        ])
    }

    #[test]
    fn a_phrase_finds_its_category_and_says_so() {
        let found = index().best("nike air max 270", &mut Scratch::default()).unwrap();
        assert_eq!(found.guesses[0].category, 2);
        assert_eq!(found.evidence[0], "air max");
    }

    #[test]
    fn an_accessory_is_not_the_device_it_is_for() {
        let found = index().best("silicone case for iphone 15", &mut Scratch::default()).unwrap();
        assert_eq!(found.guesses[0].category, 3, "{found:?}");
    }

    #[test]
    fn unknown_words_match_nothing() {
        assert_eq!(index().best("zzz qqq", &mut Scratch::default()), None);
        assert_eq!(index().best("", &mut Scratch::default()), None);
    }

    proptest! {
        #[test]
        fn confidence_is_a_probability_and_scratch_stays_clean(text in "(air|max|phone|case|shoe|galaxy|[a-z]{1,4}|,|for| ){0,20}") {
            let index = index();
            let mut scratch = Scratch::default();
            if let Some(found) = index.best(&text, &mut scratch) {
                prop_assert!(found.guesses.iter().all(|g| (0.0..=1.0).contains(&g.confidence)), "{:?}", found);
                prop_assert_eq!(Some(found), index.best(&text, &mut scratch));
            }
            prop_assert!(scratch.scores.iter().all(|s| *s == 0.0));
        }
    }
}
