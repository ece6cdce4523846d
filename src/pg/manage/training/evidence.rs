//! What the free tiers say of held-out examples: the evidence for `max_error`.

use super::material::head;
use pg_categorize_core::cascade::CategoryId;
use pg_categorize_core::embedding::embed;
use pg_categorize_core::local_model::Trial;
use pg_categorize_core::quality::Said;
use pg_categorize_core::similarity::trials::{self, Example, Question};
use pg_categorize_core::similarity::{NEIGHBOURS, Relevance, Vectors, Voice};

/// Examples among which neighbours are looked for: 20 MB of vectors. They come in an order that makes the first a fair
/// sample, in which the nearest is farther than among all: what is found is no better than what will be.
const EXAMPLES: usize = 20_000;

/// Bytes of texts that are kept of them.
const TEXT_BYTES: usize = 16 << 20;

/// Bytes of a text that are kept: what the guard reads.
const READ: usize = 4096;

/// The examples that others are compared with.
#[derive(Default)]
pub(super) struct Known {
    texts: Vec<String>,
    said: Vec<(CategoryId, Voice)>,
    vectors: Vectors,
    bytes: usize,
    is_full: bool,
}

/// What was said of the held-out examples that people labelled, tier by tier in the same order.
pub struct Evidence {
    pub(super) local_model: Vec<Option<Said>>,
    pub(super) similarity: Vec<Option<Said>>,
    pub(super) relevance: Relevance,
}

impl Known {
    /// Takes in an example in normal form (case folded). All are handed over, in the order in which they are lessons.
    pub(super) fn push(&mut self, text: &str, category: CategoryId, voice: Voice) {
        self.is_full |= self.texts.len() >= EXAMPLES || self.bytes >= TEXT_BYTES;
        if self.is_full {
            return;
        }
        self.vectors.push(embed(text).as_ref());
        let text = head(text, READ).to_owned();
        self.bytes += text.len();
        self.texts.push(text);
        self.said.push((category, voice));
    }

    /// What both tiers said of the examples that a training held out, as far as they are kept and a person labelled them: a
    /// paid answer proves nothing of an error. `progress` is called often with the part that is done; it may unwind.
    pub(super) fn evidence(&self, held_out: &[Trial], progress: &mut dyn FnMut(f32)) -> Evidence {
        let is_witness = |trial: &&Trial| {
            let said = self.said.get(trial.lesson as usize);
            said.is_some_and(|(_, voice)| !matches!(voice, Voice::Paid(_)))
        };
        let witnesses: Vec<&Trial> = held_out.iter().filter(is_witness).collect();
        let examples = self.texts.iter().zip(&self.said);
        let examples: Vec<Example<'_>> =
            examples.map(|(text, (category, voice))| Example { text, category: *category, voice: *voice }).collect();
        let mut questions = Vec::with_capacity(witnesses.len());
        for (i, trial) in witnesses.iter().enumerate() {
            progress(i as f32 / witnesses.len() as f32);
            let neighbours = self.vectors.nearest(trial.lesson as usize, NEIGHBOURS);
            // Texts without a vector are near nothing.
            let neighbours = neighbours.into_iter().filter(|(_, cosine)| *cosine != 0.0).collect();
            questions.push(Question { example: trial.lesson, neighbours });
        }
        let asked = trials::ask(&examples, &questions);
        let by_model = |trial: &&Trial| {
            let right = examples[trial.lesson as usize].category;
            let (score, stands) = (trial.confidence, trial.confidence);
            trial.guess.map(|guess| Said { score, stands, right: guess == right })
        };
        Evidence {
            local_model: witnesses.iter().map(by_model).collect(),
            similarity: asked.said,
            relevance: asked.relevance,
        }
    }
}
