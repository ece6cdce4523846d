//! What a training begins with, and what it makes of it.

use super::evidence::Known;
use super::outcome::Fitted;
use super::progress::Progress;
use crate::pg::scope::{self, Scope};
use crate::pg::spi::{self, ActiveModel, Lesson};
use crate::pg::{error, guard, guc, world};
use pg_categorize_core::cascade::Guess;
use pg_categorize_core::category_index::Scratch;
use pg_categorize_core::error::Error;
use pg_categorize_core::local_model::{self, Lessons, Live, Model, Options, Standing};
use pg_categorize_core::normalise::{Case, normalise_into};
use pg_categorize_core::settings::Settings;
use pg_categorize_core::similarity::Voice;
use pg_categorize_core::taxonomy::Taxonomy;

/// Examples of which lexical matching is asked, too, while no model is live: enough to tell which of the two is better.
const UNTRAINED: usize = 20_000;

/// Bytes of a text that are brought to normal form: of that a model reads the first 16 KB, and it may be shorter.
const READ: usize = 64 * 1024;

/// The part of a training that fits models; in the rest, held-out examples are compared with the others.
const FITTING: f32 = 0.8;

/// What a training begins with.
pub struct Material {
    scope: Scope,
    live: Option<ActiveModel>,
    weights: Vec<u8>,
    lessons: Lessons,
    known: Known,
    corrections: i32,
    /// Whether a small model will be heard with the words of the categories. Known before `fit`, which may read no table.
    hears_names: bool,
    /// By the clock, just before the examples were read.
    read_at: i64,
}

/// Reads the examples of a tenant and the words of the categories, within a transaction that has a snapshot. The taxonomy
/// is not held meanwhile: who drops it need not wait for a training.
///
/// # Errors
/// 22023 for an unknown taxonomy, or where there is nothing to learn from.
pub fn gather(name: &str, tenant: &str) -> Material {
    world::as_owner(|| {
        let row = spi::fresh_taxonomy(name).unwrap_or_else(|| world::unknown_taxonomy(name));
        let categories = spi::fresh_categories(row.id);
        let settings = Settings::from_explicit(row.settings);
        let taxonomy = Taxonomy::new(row.id, name.to_owned(), row.version, settings, categories);
        let live = spi::fresh_active_model(taxonomy.id, tenant);
        let weights = live.as_ref().map(|l| spi::fresh_weights(l.id, l.length)).unwrap_or_default();
        let scope = world::private_scope(tenant, taxonomy);
        let mut material = Material {
            hears_names: scope.hears_names(),
            scope,
            live,
            weights,
            lessons: Lessons::new(guc::training_bytes()),
            known: Known::default(),
            corrections: 0,
            read_at: guard::clock(),
        };
        material.read_examples();
        if material.lessons.is_empty() {
            refuse_empty(taxonomy_of(&material.scope));
        }
        // Last: where memory is short, it is the examples that matter.
        material.read_words();
        material
    })
}

impl Material {
    fn read_examples(&mut self) {
        let Self { scope, live, lessons, known, corrections, .. } = self;
        let taxonomy = taxonomy_of(scope);
        let (mut text, mut scratch) = (String::new(), Scratch::default());
        spi::for_each_lesson(taxonomy.id, &scope.tenant, |lesson| {
            let Some(category) = taxonomy.answerable(lesson.category) else { return };
            normalise_into(head(&lesson.input, READ), Case::Folded, &mut text);
            let standing = match live {
                Some(live) => heard(live, &lesson),
                None if lessons.len() < UNTRAINED => Standing::Untrained(untrained(scope, &text, &mut scratch)),
                None => Standing::New,
            };
            lessons.push(&text, category.id, lesson.weight, standing);
            known.push(&text, category.id, voice(&lesson));
            *corrections += i32::from(lesson.correction);
        });
    }

    /// What a category is called tells something of it, too, which helps most where examples are few.
    fn read_words(&mut self) {
        let mut text = String::new();
        let mut normal = |words: &str, take: &mut dyn FnMut(&str)| {
            normalise_into(head(words, READ), Case::Folded, &mut text);
            // Who left out nothing that says something should not be told of it.
            if text.contains(char::is_alphanumeric) {
                take(&text);
            }
        };
        let taxonomy = taxonomy_of(&self.scope);
        for document in scope::documents(taxonomy) {
            let Some(category) = taxonomy.live(document.id) else { continue };
            for name in [&category.path, &category.label] {
                normal(name, &mut |text| self.lessons.name(text, category.id));
            }
            for words in std::iter::once(&document.description).chain(&document.examples) {
                normal(words, &mut |text| self.lessons.describe(text, category.id));
            }
        }
    }

    /// Trains a model, outside any transaction if need be. It takes long, tells how far it is, and serves interrupts.
    ///
    /// # Errors
    /// `InvalidParameter` where there is nothing to tell apart.
    pub fn fit(self) -> Result<Fitted, Error> {
        let Self { scope, live, weights, lessons, known, corrections, hears_names, read_at } = self;
        let taxonomy = taxonomy_of(&scope);
        let answerable = |id| taxonomy.answerable(id).map(|category| category.id);
        let rival = Model::verified(&weights).ok().filter(|_| live.is_some());
        let rival = rival.map(|model| Live { model, answerable: &answerable });
        let options = Options {
            threshold: taxonomy.settings.local_model_threshold,
            is_chosen: taxonomy.settings.is_chosen("local_model_threshold"),
            live: live.as_ref().and_then(|l| l.measured),
            hears_names,
        };
        let mut progress = Progress::new(&taxonomy.name);
        let trained = local_model::train(lessons, &options, rival, &mut |part| progress.at(FITTING * part))?;
        let mut looking = |part| progress.at(FITTING + (1.0 - FITTING) * part);
        let evidence = known.evidence(&trained.trials, &mut looking);
        Ok(Fitted { scope, live, corrections, read_at, trained, evidence })
    }
}

/// The taxonomy of a training's scope.
pub(super) fn taxonomy_of(scope: &Scope) -> &Taxonomy {
    scope.taxonomy().expect("models are trained in taxonomies, not in ad-hoc labels")
}

fn heard(live: &ActiveModel, lesson: &Lesson) -> Standing {
    if lesson.said_at > live.trained_at { Standing::New } else { Standing::Seen }
}

fn voice(lesson: &Lesson) -> Voice {
    match lesson {
        Lesson { paid: true, weight, .. } => Voice::Paid(*weight),
        Lesson { correction: true, .. } => Voice::Correction,
        _ => Voice::Label,
    }
}

fn untrained(scope: &Scope, text: &str, scratch: &mut Scratch) -> Option<Guess> {
    scope.category_index().best(text, scratch).map(|found| found.guesses[0])
}

/// The first bytes of a text, as many as end with a whole character.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn refuse_empty(taxonomy: &Taxonomy) -> ! {
    let hint = if taxonomy.settings.store_input {
        "Teach it with categorize.learn() or categorize.correct()."
    } else {
        "It stores no inputs: set store_input to true with categorize.configure(), and teach it again."
    };
    error::raise(Error::invalid(format!("taxonomy \"{}\" has no examples to train on", taxonomy.name)).hint(hint))
}
