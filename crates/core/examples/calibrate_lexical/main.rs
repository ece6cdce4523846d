//! Fits the confidence of lexical matching: `cargo run --release -p pg_categorize_core --example calibrate_lexical`.
//!
//! Reads the shipped taxonomy and the sample titles, fits a logistic curve (Platt 1999) on the `labelled` part,
//! and prints its coefficients for `category_index/calibration.rs`, with accuracy, coverage, precision and
//! calibration error on the other part. The argument `labels` takes the bare labels, `labels FOLDER` also titles of two
//! shops and questions to a bank from the folder of the example `candidates`; `errors` prints what is wrong.

#[path = "../candidates/data.rs"]
mod data;
mod shipped;

use data::Set;
use pg_categorize_core::cascade::CategoryId;
use pg_categorize_core::category_index::calibration::Features;
use pg_categorize_core::category_index::{CategoryIndex, Scratch};
use pg_categorize_core::lexical::Document;
use pg_categorize_core::normalise::{Case, normalise};
use std::path::Path;

/// Texts of a set that the curve is fitted to, and on which it is measured.
const FITTED: usize = 2_500;

struct Trial {
    features: Features,
    confidence: f64,
    right: bool,
    /// How much it counts: every set as much.
    weight: f64,
    line: String,
}

/// One set of texts: those to fit to, and those to measure on. A text that matches nothing is none, but wrong.
struct Trials {
    name: &'static str,
    fit: Vec<Trial>,
    rest: Vec<Trial>,
    texts: usize,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().unwrap_or_default();
    let mut sets = vec![sample(mode == "labels")];
    if let Some(folder) = arguments.next().map(std::path::PathBuf::from) {
        sets.extend([Set::flipkart(&folder), Set::myntra(&folder), Set::banking77(&folder)].iter().map(of_set));
    }
    for set in &mut sets {
        let weight = 1_000.0 / set.fit.len() as f64;
        set.fit.iter_mut().for_each(|trial| trial.weight = weight);
    }
    let fit: Vec<&Trial> = sets.iter().flat_map(|set| &set.fit).collect();
    let coefficients = fit_curve(&fit);
    println!("coefficients: {coefficients:.2?}");
    for set in &mut sets {
        report("as shipped", set);
        for trial in &mut set.rest {
            trial.confidence = sigmoid(dot(&coefficients, &terms(&trial.features)));
        }
        report("fitted now", set);
        if mode == "errors" {
            set.rest.iter().filter(|t| !t.right).for_each(|t| println!("{:.2} {}", t.confidence, t.line));
        }
    }
}

/// The titles of the demo against the shipped taxonomy, with its words or without.
fn sample(bare: bool) -> Trials {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (documents, paths) = shipped::documents(&data::read(&root.join("sql/20_products.sql")));
    let strip = |d: Document| if bare { Document { description: String::new(), examples: Vec::new(), ..d } } else { d };
    let index = CategoryIndex::new(&documents.into_iter().map(strip).collect::<Vec<_>>());
    let mut trials = Trials { name: "sample", fit: Vec::new(), rest: Vec::new(), texts: 0 };
    for line in data::read(&root.join("demo/titles.tsv")).lines().skip(1) {
        let [title, category, part] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("bad line: {line}") };
        let fits = part == "labelled";
        trials.texts += usize::from(!fits);
        let trial = trial(&index, &normalise(title, Case::Folded), |best| paths[&best] == category);
        if fits { &mut trials.fit } else { &mut trials.rest }.extend(trial);
    }
    trials
}

fn of_set(set: &Set) -> Trials {
    let index = CategoryIndex::new(&set.documents());
    let of = |rows: &[data::Row]| {
        rows.iter().filter_map(|row| trial(&index, &row.text, |best| best == row.category)).collect()
    };
    Trials { name: set.name, fit: of(&set.train[..FITTED]), rest: of(&set.test), texts: set.test.len() }
}

fn trial(index: &CategoryIndex, text: &str, is_right: impl Fn(CategoryId) -> bool) -> Option<Trial> {
    let found = index.best(text, &mut Scratch::default())?;
    let best = found.guesses[0];
    Some(Trial {
        features: found.features,
        confidence: f64::from(best.confidence),
        right: is_right(best.category),
        weight: 1.0,
        line: format!("{text} | {} | {}", best.category, found.evidence.join(", ")),
    })
}

/// Steps of the descent.
const STEPS: usize = 30_000;

/// The intercept and the terms of the curve.
const N: usize = 8;

fn terms(features: &Features) -> [f64; N] {
    let mut all = [1.0; N];
    all[1..].copy_from_slice(&features.terms().map(f64::from));
    all
}

fn dot(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Logistic regression with a little ridge, by gradient descent; slopes are kept from going below zero, since more
/// evidence must not make an answer less likely.
fn fit_curve(trials: &[&Trial]) -> [f64; N] {
    let mut w = [0.0; N];
    let weight: f64 = trials.iter().map(|t| t.weight).sum();
    for _ in 0..STEPS {
        let mut gradient = [0.0; N];
        for trial in trials {
            let x = terms(&trial.features);
            let error = f64::from(u8::from(trial.right)) - sigmoid(dot(&w, &x));
            gradient.iter_mut().zip(x).for_each(|(g, x)| *g += trial.weight * error * x);
        }
        for (i, (w, g)) in w.iter_mut().zip(gradient).enumerate() {
            *w += (g - 0.01 * *w) / weight;
            if i > 0 {
                *w = w.max(0.0);
            }
        }
    }
    w
}

fn report(name: &str, set: &Trials) {
    let trials = &set.rest;
    let share = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
    let right = trials.iter().filter(|t| t.right).count();
    let sure: Vec<&Trial> = trials.iter().filter(|t| t.confidence >= 0.7).collect();
    let sure_right = sure.iter().filter(|t| t.right).count();
    let mut error = 0.0;
    for bin in 0..15 {
        let within = |t: &&Trial| ((t.confidence * 15.0) as usize).min(14) == bin;
        let off = |t: &Trial| t.confidence - f64::from(u8::from(t.right));
        error += f64::abs(trials.iter().filter(within).map(off).sum());
    }
    println!(
        "{} {name}: {} texts, {} of them matched, accuracy {:.1}%, at 0.70: coverage {:.1}%, precision {:.1}%; calibration error {:.3}",
        set.name,
        set.texts,
        trials.len(),
        share(right, set.texts),
        share(sure.len(), set.texts),
        share(sure_right, sure.len()),
        error / trials.len() as f64
    );
}
