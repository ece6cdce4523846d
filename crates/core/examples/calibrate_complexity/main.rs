//! Fits the weights of the complexity score and shows what it is worth:
//! `cargo run --release -p pg_categorize_core --example calibrate_complexity [FOLDER]`.
//!
//! FOLDER, by default `../shared/data` beside the repository, holds labelled texts as `NAME/FILE.tsv`. Local models of many
//! and few labels and examples are trained on four fifths of each set; what they, and lexical matching on the labels alone, get
//! wrong of the rest is to be predicted. The fit that is shown for a set never saw that set.

mod logistic;
mod trials;

use logistic::{Curve, area};
use pg_categorize_core::complexity::Complexity;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;
use trials::{Trial, trials};

const SETS: [(&str, &str); 4] = [
    ("flipkart", "flipkart/dedup.tsv"),
    ("myntra_fashion", "myntra_fashion/dedup.tsv"),
    ("banking77", "banking77/train.tsv"),
    ("clinc150", "clinc150/train.tsv"),
];

fn main() {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let folder = std::env::args().nth(1).map_or(beside, PathBuf::from);
    let mut all = Vec::new();
    for (name, file) in SETS {
        match std::fs::read_to_string(folder.join(file)) {
            Ok(text) => all.push((name, trials(&text))),
            Err(_) => println!("skipped: {file} is not in the folder of labelled texts"),
        }
    }
    cost();
    if all.is_empty() {
        return;
    }
    for is_local in [true, false] {
        println!("\n{} errs:", if is_local { "a local model" } else { "lexical matching" });
        println!(
            "| set | labels | examples | wrong | area: confidence | area: score | area: fitted to the other sets | below 0.70: confidence, score | up to 0.3: part, wrong | up to 0.7 | above |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|---|");
        for (name, trials) in &all {
            let others = all.iter().filter(|(other, _)| other != name).flat_map(|(_, trials)| trials);
            let curve = Curve::fit(&others.filter(|t| t.is_local == is_local).collect::<Vec<_>>());
            let here: Vec<&Trial> = trials.iter().filter(|t| t.is_local == is_local).collect();
            for part in here.chunk_by(|a, b| (a.labels, a.examples) == (b.labels, b.examples)) {
                row(name, part, &curve);
            }
        }
        let curve = Curve::fit(
            &all.iter().flat_map(|(_, trials)| trials).filter(|t| t.is_local == is_local).collect::<Vec<_>>(),
        );
        println!("fitted to all (constant, count, closeness, doubt, entropy, length): {:.2?}", curve.0);
    }
}

/// What a score costs.
fn cost() {
    let complexity =
        Complexity::of_labels((0..1000).map(|i| format!("label {i}")).collect::<Vec<_>>().iter().map(String::as_str));
    for text in ["Alisha Solid Women's Cycling Shorts".to_owned(), "a long document of many words ".repeat(1000)] {
        let began = Instant::now();
        let score = |i: i32| complexity.score(black_box(&text), i as f32 / 1e5, Some(black_box(&[0.5, 0.2, 0.1])));
        black_box((0..100_000).map(score).sum::<f32>());
        println!("a score of {} bytes: {:.2} microseconds", text.len(), began.elapsed().as_secs_f64() * 10.0);
    }
}

fn row(name: &str, part: &[&Trial], curve: &Curve) {
    let by = |of: &dyn Fn(&Trial) -> f64| area(part.iter().map(|t| (of(t), t.wrong)));
    // Those that a language model is asked about.
    let asked = || part.iter().filter(|t| t.signs.doubt > 0.3);
    let by_asked = |of: &dyn Fn(&Trial) -> f64| area(asked().map(|t| (of(t), t.wrong)));
    let share = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
    let class = |low: f32, high: f32| {
        let within = || part.iter().filter(|t| (low..high).contains(&t.signs.score()));
        let (count, wrong) = (within().count(), within().filter(|t| t.wrong).count());
        format!("{:.0}%, {:.0}%", share(count, part.len()), share(wrong, count))
    };
    println!(
        "| {name} | {} | {} | {:.1}% | {:.3} | {:.3} | {:.3} | {:.3}, {:.3} | {} | {} | {} |",
        part[0].labels,
        part[0].examples,
        share(part.iter().filter(|t| t.wrong).count(), part.len()),
        by(&|t| f64::from(t.signs.doubt)),
        by(&|t| f64::from(t.signs.score())),
        by(&|t| curve.at(&t.signs)),
        by_asked(&|t| f64::from(t.signs.doubt)),
        by_asked(&|t| f64::from(t.signs.score())),
        class(0.0, 0.3),
        class(0.3, 0.7),
        class(0.7, 1.1),
    );
}
