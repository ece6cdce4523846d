//! Whether the error of free answers stays below `max_error`, and how much is answered:
//! `cargo run --release -p pg_categorize_core --example error_bound -- FOLDER RUNS LABELS [SET] [--tsv]`.
//!
//! FOLDER holds `flipkart/dedup.tsv`, `myntra_fashion/dedup.tsv` and `banking77/train.tsv`; SET is one of the three, or all.
//! Each of RUNS takes LABELS of the titles by its own seed, trains, gathers the evidence as the trainer does, finds the
//! thresholds, and asks the two tiers about all the other titles. Above: runs in which more than `max_error` of the answers
//! was wrong. Beside it what a fixed threshold on the similarity of the nearest label answers, the best that reaches the
//! same precision on the same titles, by vectors and by trigrams as pg_trgm compares them: nobody knows it before.
//! `--tsv` prints a line a run, for a plot.

mod near;
mod run;
mod titles;

use pg_categorize_core::embedding::embed;
use pg_categorize_core::similarity::trials::{self, Example, Question};
use pg_categorize_core::similarity::{NEIGHBOURS, Relevance, Voice};
use run::{MAX_ERRORS, Outcome};
use std::path::PathBuf;
use std::time::Instant;

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let tsv = arguments.iter().position(|a| a == "--tsv").map(|at| arguments.remove(at)).is_some();
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let folder = arguments.first().map_or(beside, PathBuf::from);
    let number = |at: usize, default: usize| arguments.get(at).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (runs, labels) = (number(1, 40), number(2, 5_000));
    if tsv {
        println!("titles\tlabels\trun\tmax_error\tcoverage\terror\tlocal_model\tsimilarity\tcosine\ttrigrams");
    } else {
        println!(
            "| titles | labels | max_error | above | error | answered | local model | similarity | fixed cosine | trigrams |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|");
    }
    for set in ["flipkart", "myntra_fashion", "banking77"] {
        if arguments.get(3).is_none_or(|only| only == set || only == "all") {
            match titles::read(&folder, set) {
                Some(titles) => measure(set, &titles, runs, labels, tsv),
                None => println!("skipped: {set} is not in the folder of labelled titles"),
            }
        }
    }
}

/// What one title costs without the search for its neighbours: its vector, the guard and the vote of five.
fn microseconds(titles: &titles::Titles, near: &near::Near) -> f64 {
    let examples: Vec<Example<'_>> = (titles.texts.iter().zip(&titles.labels))
        .map(|(text, category)| Example { text, category: *category, voice: Voice::Label })
        .collect();
    let questions: Vec<Question> = (0..titles.texts.len())
        .map(|i| Question { example: i as u32, neighbours: near.by_vector[i][..NEIGHBOURS].to_vec() })
        .collect();
    let relevance = Relevance::default();
    let start = Instant::now();
    for question in &questions {
        std::hint::black_box(embed(&titles.texts[question.example as usize]));
        std::hint::black_box(trials::answer(&examples, question, &relevance));
    }
    start.elapsed().as_secs_f64() * 1e6 / questions.len() as f64
}

fn measure(set: &str, titles: &titles::Titles, runs: usize, labels: usize, tsv: bool) {
    let labels = labels.min(titles.texts.len() * 4 / 5);
    let start = Instant::now();
    let near = near::Near::new(titles);
    let prepared = start.elapsed();
    let outcomes: Vec<Vec<Outcome>> = near::in_parallel(runs, |seed| run::run(titles, &near, labels, seed as u64));
    for (i, max_error) in MAX_ERRORS.iter().enumerate() {
        let of: Vec<&Outcome> = outcomes.iter().map(|run| &run[i]).collect();
        if tsv {
            for (seed, o) in of.iter().enumerate() {
                println!(
                    "{set}\t{labels}\t{seed}\t{max_error}\t{:.4}\t{:.4}\t{:.4}\t{:.4}\t{:.4}\t{:.4}",
                    o.coverage(),
                    o.error(),
                    o.local_model,
                    o.similarity,
                    o.cosine,
                    o.trigrams
                );
            }
            continue;
        }
        let mean =
            |value: fn(&Outcome) -> f64| 100.0 * of.iter().map(|o| value(o)).sum::<f64>() / of.len().max(1) as f64;
        let above = of.iter().filter(|o| o.error() > *max_error).count();
        println!(
            "| {set} | {labels} | {max_error} | {above} of {runs} | {:.2}% | {:.1}% | {:.1}% | {:.1}% | {:.1}% ({:.2}x) | {:.1}% |",
            mean(Outcome::error),
            mean(Outcome::coverage),
            mean(|o| o.local_model),
            mean(|o| o.similarity),
            mean(|o| o.cosine),
            mean(Outcome::coverage) / mean(|o| o.cosine).max(1e-9),
            mean(|o| o.trigrams),
        );
    }
    eprintln!("{set}: embedding and judgement {:.1} microseconds a title", microseconds(titles, &near));
    eprintln!(
        "{set}: {} titles, neighbours {prepared:.0?}, {runs} runs {:.0?}",
        titles.texts.len(),
        start.elapsed() - prepared
    );
}
