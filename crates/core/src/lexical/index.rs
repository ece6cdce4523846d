//! An inverted index from words and two-word phrases to the categories that use them.

use super::words::{Word, words};
use crate::cascade::CategoryId;
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
    categories: usize,
    /// Weight of a word that only one category uses: the unit of scores.
    unique: f32,
    /// The words of each category's own label.
    labels: Vec<Box<[String]>>,
    postings: HashMap<Box<str>, Vec<Posting>>,
}

/// What is known of a text beside the scores.
#[derive(Debug)]
pub(crate) struct Heard {
    words: Vec<Word>,
    /// Share of its words that some category uses, 0 to 1.
    pub(crate) known: f32,
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
        let label = |d: &Document| {
            let text = d.labels.last().map(|label| normalise(label, Case::Folded)).unwrap_or_default();
            words(&text).into_iter().map(|word| word.text).collect()
        };
        let labels = documents.iter().map(label).collect();
        Self { categories: documents.len(), unique: (1.0 + count).ln(), labels, postings }
    }

    /// Whether there is nothing to match.
    pub fn is_empty(&self) -> bool {
        self.postings.is_empty()
    }

    /// Writes the best `k` categories for a text in normal form into `out`, best first: each by its place among the documents,
    /// with its score, in units of a word that only one category uses.
    pub(crate) fn rank(&self, normal: &str, k: usize, scratch: &mut Scratch, out: &mut Vec<(u32, f32)>) -> Heard {
        let heard = self.score(normal, scratch);
        out.clear();
        let score = |at: u32| (at, std::mem::take(&mut scratch.scores[at as usize]) / self.unique);
        out.extend(scratch.touched.drain(..).map(score));
        keep_best(out, k);
        heard
    }

    fn score(&self, normal: &str, scratch: &mut Scratch) -> Heard {
        let mut found = words(normal);
        found.truncate(MAX_WORDS);
        scratch.scores.resize(self.categories, 0.0);
        let mut known = 0.0;
        for (i, word) in found.iter().enumerate() {
            let says = !word.is_bare() && self.add(&word.text, word.weight, scratch);
            known += word.weight * f32::from(u8::from(says));
            if word.follows {
                self.add(&phrase(&found[i - 1], word), word.weight, scratch);
            }
        }
        let total: f32 = found.iter().map(|w| w.weight).sum();
        Heard { words: found, known: if total > 0.0 { known / total } else { 0.0 } }
    }

    /// Share of the words of a category's own label that the text has, 0 to 1.
    pub(crate) fn label_share(&self, heard: &Heard, document: u32) -> f32 {
        let label = &self.labels[document as usize];
        let there = label.iter().filter(|own| heard.words.iter().any(|word| word.text == **own)).count();
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

    /// The words and phrases of the text that spoke for a category, strongest first.
    pub(crate) fn evidence(&self, heard: &Heard, document: u32) -> Vec<String> {
        let found = &heard.words;
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

    #[test]
    fn scores_are_in_units_of_a_word_of_one_category_and_scratch_stays_clean() {
        let document = |label: &str| Document { labels: vec![label.to_owned()], ..Document::default() };
        let index = LexicalIndex::new(&[document("Sofas"), document("Red Sofas"), document("Kettles")]);
        let (mut scratch, mut ranked) = (Scratch::default(), Vec::new());
        let heard = index.rank("a kettle zzz", 9, &mut scratch, &mut ranked);
        assert_eq!(ranked, [(2, LABEL)]);
        assert_eq!((heard.known, index.evidence(&heard, 2)), (0.5, vec!["kettle".to_owned()]));
        index.rank("sofa", 1, &mut scratch, &mut ranked);
        assert_eq!(ranked.iter().map(|r| r.0).collect::<Vec<_>>(), [0]);
        assert!(scratch.scores.iter().all(|s| *s == 0.0) && scratch.touched.is_empty());
        let nothing = index.rank("", 9, &mut scratch, &mut ranked);
        assert!(ranked.is_empty() && nothing.known == 0.0);
    }
}
