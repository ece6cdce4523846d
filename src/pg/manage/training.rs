//! Training a tenant's model from what people and paid models have said.
//!
//! One training of a tenant's taxonomy runs at a time. It reads what is committed, or stored by its own transaction,
//! measures itself on examples that it held out, and takes the place of the live model, or of lexical matching while there
//! is none, only where it is better.

use super::{as_writer, held};
use crate::pg::decision::rounded;
use crate::pg::scope::Scope;
use crate::pg::spi::{self, ActiveModel, Hold, NewModel};
use crate::pg::{error, guard, guc, model, world, xact};
use pg_categorize_core::error::Error;
use pg_categorize_core::lexical::Scratch;
use pg_categorize_core::local_model::{self, Lessons, Live, Model, Options, Report, Standing, Trained};
use pg_categorize_core::normalise::{Case, normalise_into};
use pg_categorize_core::settings::Settings;
use pg_categorize_core::taxonomy::Taxonomy;
use pgrx::prelude::*;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How often a training says how far it is.
const NEWS: Duration = Duration::from_secs(5);

/// Examples of which lexical matching is asked, too, while no model is live: enough to tell which of the two is better.
const UNTRAINED: usize = 20_000;

/// What came of a training.
pub struct Outcome {
    /// Version of the new model.
    pub version: i32,
    /// Whether it is live.
    pub active: bool,
    /// Corrections that it was trained on.
    pub corrections: i32,
    /// What was measured.
    pub report: Report,
    /// The categories that it often gets wrong.
    pub weak: Value,
    /// Why it is not live, and what was left out.
    pub note: Option<String>,
}

/// What a training begins with.
struct Material {
    scope: Scope,
    live: Option<ActiveModel>,
    weights: Vec<u8>,
    lessons: Lessons,
    corrections: i32,
    /// By the clock, just before the examples were read.
    read_at: i64,
}

/// Trains the caller's model of a taxonomy.
///
/// # Errors
/// 22023 for an unknown taxonomy, or where there is nothing to learn from.
pub fn train(taxonomy: Option<&str>) -> Outcome {
    let name = super::taxonomy(taxonomy).name.clone();
    as_writer(|caller| run(&name, &caller.tenant, Some(&caller.name)))
}

/// Trains a tenant's model without being asked.
///
/// # Errors
/// As `train`.
pub fn train_by_itself(taxonomy: &str, tenant: &str) -> Outcome {
    world::as_owner(|| run(taxonomy, tenant, None))
}

fn run(name: &str, tenant: &str, author: Option<&str>) -> Outcome {
    let mut progress = Progress::new(name);
    let Material { scope, live, weights, lessons, corrections, read_at } = xact::with_snapshot(|| gather(name, tenant));
    let taxonomy = taxonomy_of(&scope);
    let answerable = |id| taxonomy.answerable(id).map(|category| category.id);
    let rival = Model::verified(&weights).ok().filter(|_| live.is_some());
    let rival = rival.map(|model| Live { model, answerable: &answerable });
    let options = Options {
        threshold: taxonomy.settings.local_model_threshold,
        is_chosen: model::threshold_is_chosen(&taxonomy.settings),
        live: live.as_ref().and_then(|l| l.measured),
    };
    let trained = local_model::train(lessons, &options, rival, &mut |part| progress.at(part));
    let trained = trained.unwrap_or_else(|e| error::raise(e));
    xact::with_snapshot(|| store(taxonomy, tenant, author, live, corrections, read_at, trained))
}

/// Reads the examples. The taxonomy is not held meanwhile: who drops it need not wait for a training.
fn gather(name: &str, tenant: &str) -> Material {
    let fresh = || spi::fresh_taxonomy(name).unwrap_or_else(|| world::unknown_taxonomy(name));
    spi::lock_training(fresh().id, tenant);
    let row = fresh();
    let categories = spi::fresh_categories(row.id);
    let taxonomy =
        Taxonomy::new(row.id, name.to_owned(), row.version, Settings::from_explicit(row.settings), categories);
    let scope = world::private_scope(tenant, taxonomy);
    let taxonomy = taxonomy_of(&scope);
    let live = spi::fresh_active_model(taxonomy.id, tenant);
    let weights = live.as_ref().map(|l| spi::fresh_weights(l.id, l.length)).unwrap_or_default();
    let since = live.as_ref().map_or(i64::MIN, |l| l.trained_at);
    let read_at = guard::clock();
    let mut lessons = Lessons::new(guc::training_bytes());
    let mut corrections = 0;
    let (mut text, mut scratch) = (String::new(), Scratch::default());
    spi::for_each_lesson(taxonomy.id, tenant, |lesson| {
        let Some(category) = taxonomy.answerable(lesson.category) else { return };
        normalise_into(&lesson.input, Case::Folded, &mut text);
        let standing = match live {
            Some(_) if lesson.said_at > since => Standing::New,
            Some(_) => Standing::Seen,
            None if lessons.len() < UNTRAINED => {
                Standing::Untrained(scope.words().best(&text, &mut scratch).map(|found| found.guesses[0]))
            }
            None => Standing::New,
        };
        lessons.push(&text, category.id, lesson.weight, standing);
        corrections += i32::from(lesson.correction);
    });
    if lessons.is_empty() {
        refuse_empty(taxonomy);
    }
    Material { scope, live, weights, lessons, corrections, read_at }
}

fn taxonomy_of(scope: &Scope) -> &Taxonomy {
    scope.taxonomy().expect("models are trained in taxonomies, not in ad-hoc labels")
}

fn refuse_empty(taxonomy: &Taxonomy) -> ! {
    let hint = if taxonomy.settings.store_input {
        "Teach it with categorize.learn() or categorize.correct()."
    } else {
        "It stores no inputs: set store_input to true with categorize.configure(), and teach it again."
    };
    error::raise(Error::invalid(format!("taxonomy \"{}\" has no examples to train on", taxonomy.name)).hint(hint))
}

/// Stores the new model, and makes it live where it is better than the one that still is.
fn store(
    taxonomy: &Taxonomy,
    tenant: &str,
    author: Option<&str>,
    live: Option<ActiveModel>,
    corrections: i32,
    read_at: i64,
    Trained { bytes, report }: Trained,
) -> Outcome {
    if held(&taxonomy.name, Hold::Keep).id != taxonomy.id {
        error::raise(
            Error::invalid(format!("taxonomy \"{}\" does not exist", taxonomy.name))
                .detail("It was dropped and created anew by another session."),
        );
    }
    spi::lock_models(taxonomy.id, tenant);
    let version = spi::model_versions(taxonomy.id, tenant).last().map_or(1, |last| last + 1);
    let now_live = spi::fresh_active_model(taxonomy.id, tenant);
    let shortfall = shortfall(&report, live.as_ref(), now_live.as_ref());
    let active = shortfall.is_none();
    let count = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    spi::insert_model(NewModel {
        taxonomy: taxonomy.id,
        tenant,
        version,
        trained_at: TimestampWithTimeZone::try_from(read_at).unwrap_or_else(|_| pgrx::error!("the clock is off")),
        trained_by: author,
        examples: count(report.examples),
        corrections,
        categories: count(report.categories),
        metrics: serde_json::to_value(&report).unwrap_or_default(),
        weights: bytes,
    });
    if active {
        spi::set_active_model(taxonomy.id, tenant, version);
    }
    spi::prune_models(taxonomy.id, tenant);
    let left_out = (report.left_out > 0).then(|| {
        format!("{} examples without a word, or beyond categorize.training_memory, were left out", report.left_out)
    });
    let note: Vec<String> = shortfall.into_iter().chain(left_out).collect();
    let note = (!note.is_empty()).then(|| note.join("; "));
    let weak = weak(taxonomy, &report);
    Outcome { version, active, corrections, report, weak, note }
}

/// Why a new model does not go live; `None` where it does.
fn shortfall(report: &Report, live: Option<&ActiveModel>, now_live: Option<&ActiveModel>) -> Option<String> {
    const CHOICE: &str = "categorize.activate_model() can still choose it";
    if live.map(|l| l.id) != now_live.map(|l| l.id) {
        return Some(format!("another model was made live during the training; {CHOICE}"));
    }
    if report.better() {
        return None;
    }
    let rival = live.map_or("lexical matching".to_owned(), |live| format!("version {}", live.version));
    Some(format!(
        "not better than {rival} on held-out examples: {:.3} against {:.3}; {CHOICE}",
        report.accuracy,
        report.live_accuracy.unwrap_or_default()
    ))
}

fn weak(taxonomy: &Taxonomy, report: &Report) -> Value {
    let path = |id| taxonomy.live(id).map(|category| category.path.as_str());
    let weak = report.weak.iter().map(|w| {
        json!({
            "category": path(w.category),
            "examples": w.examples,
            "held_out": w.held_out,
            "recall": rounded(w.recall),
            "precision": w.precision.map(rounded),
            "taken_for": w.taken_for.and_then(path),
        })
    });
    weak.collect()
}

/// Serves interrupts, and tells who waits how far it is.
struct Progress<'a> {
    taxonomy: &'a str,
    told: Instant,
}

impl<'a> Progress<'a> {
    fn new(taxonomy: &'a str) -> Self {
        Self { taxonomy, told: Instant::now() }
    }

    fn at(&mut self, part: f32) {
        guard::check_for_interrupts();
        if self.told.elapsed() >= NEWS {
            self.told = Instant::now();
            notice!("training local model of taxonomy \"{}\": {:.0}%", self.taxonomy, part * 100.0);
        }
    }
}
