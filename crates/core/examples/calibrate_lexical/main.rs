//! Fits the confidence of lexical matching: `cargo run --release -p pg_categorize_core --example calibrate_lexical`.
//!
//! Reads the shipped taxonomy and the sample titles, fits a logistic curve (Platt 1999) on the `labelled` part,
//! and prints its coefficients for `lexical/calibration.rs`, with accuracy, coverage, precision and
//! calibration error on the other part.

mod shipped;

use pg_categorize_core::lexical::calibration::Features;
use pg_categorize_core::lexical::{Document, LexicalIndex, Scratch};
use pg_categorize_core::normalise::{Case, normalise};
use std::path::Path;

struct Trial {
    features: Features,
    confidence: f64,
    right: bool,
    line: String,
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let (documents, paths) = shipped::documents(&read("sql/20_products.sql"));
    let bare = std::env::args().nth(1).as_deref() == Some("labels");
    let strip = |d: Document| if bare { Document { description: String::new(), examples: Vec::new(), ..d } } else { d };
    let documents: Vec<Document> = documents.into_iter().map(strip).collect();
    let index = LexicalIndex::new(&documents);
    let mut scratch = Scratch::default();
    let (mut fit, mut test, mut unknown) = (Vec::new(), Vec::new(), 0);
    for line in read("demo/titles.tsv").lines().skip(1) {
        let [title, category, part] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("bad line: {line}") };
        let Some(found) = index.best(&normalise(title, Case::Folded), &mut scratch) else {
            unknown += 1;
            continue;
        };
        let best = &paths[&found.guesses[0].category];
        let trial = Trial {
            features: found.features,
            confidence: f64::from(found.guesses[0].confidence),
            right: best == category,
            line: format!("{title} | {category} | {best} | {}", found.evidence.join(", ")),
        };
        if part == "labelled" { &mut fit } else { &mut test }.push(trial);
    }
    println!("no known word: {unknown} titles");
    let coefficients = fit_curve(&fit);
    println!("coefficients: {coefficients:?}");
    report("labelled, as shipped", &fit);
    report("rest, as shipped", &test);
    for trial in &mut test {
        trial.confidence = sigmoid(dot(&coefficients, &terms(&trial.features)));
    }
    report("rest, fitted now", &test);
    if std::env::args().nth(1).as_deref() == Some("errors") {
        test.iter().filter(|t| !t.right).for_each(|t| println!("{:.2} {}", t.confidence, t.line));
    }
}

/// The intercept and the terms of the curve.
const N: usize = 6;

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
fn fit_curve(trials: &[Trial]) -> [f64; N] {
    let mut w = [0.0; N];
    for _ in 0..200_000 {
        let mut gradient = [0.0; N];
        for trial in trials {
            let x = terms(&trial.features);
            let error = f64::from(u8::from(trial.right)) - sigmoid(dot(&w, &x));
            gradient.iter_mut().zip(x).for_each(|(g, x)| *g += error * x);
        }
        for (i, (w, g)) in w.iter_mut().zip(gradient).enumerate() {
            *w += (g - 0.01 * *w) / trials.len() as f64;
            if i > 0 {
                *w = w.max(0.0);
            }
        }
    }
    w
}

fn report(name: &str, trials: &[Trial]) {
    let share = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
    let right = trials.iter().filter(|t| t.right).count();
    let sure: Vec<&Trial> = trials.iter().filter(|t| t.confidence >= 0.7).collect();
    let sure_right = sure.iter().filter(|t| t.right).count();
    let mut error = 0.0;
    for bin in 0..15 {
        let within = |t: &&Trial| ((t.confidence * 15.0) as usize).min(14) == bin;
        let (count, sum) = trials
            .iter()
            .filter(within)
            .fold((0, 0.0), |(n, s), t| (n + 1, s + t.confidence - f64::from(u8::from(t.right))));
        error += if count > 0 { f64::abs(sum) } else { 0.0 };
    }
    println!(
        "{name}: {} titles, accuracy {:.1}%, at 0.70: coverage {:.1}%, precision {:.1}%; calibration error {:.3}",
        trials.len(),
        share(right, trials.len()),
        share(sure.len(), trials.len()),
        share(sure_right, sure.len()),
        error / trials.len() as f64
    );
}
