//! Time of an embedding: `cargo run --release -p pg_categorize_core --example embedding_speed [FILE]`. Takes the texts of
//! `demo/titles.tsv`, or the lines of a file.

use pg_categorize_core::embedding::{Embedding, embed};
use pg_categorize_core::normalise::{Case, normalise};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

/// The best of these counts: the others were disturbed.
const ROUNDS: usize = 7;

fn main() {
    let shipped = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/titles.tsv"));
    let path = std::env::args().nth(1).map_or(shipped, PathBuf::from);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let titles: Vec<String> =
        text.lines().skip(1).map(|l| normalise(l.split('\t').next().unwrap_or_default(), Case::Folded)).collect();
    let microseconds = |per: usize, work: &dyn Fn()| {
        let time = || {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e6 / per as f64
        };
        (0..ROUNDS).map(|_| time()).fold(f64::INFINITY, f64::min)
    };
    let all = microseconds(titles.len(), &|| titles.iter().for_each(|t| _ = black_box(embed(black_box(t)))));
    let known: Vec<Embedding> = titles.iter().filter_map(|t| embed(t)).collect();
    let cosine = microseconds(known.len() - 1, &|| {
        known.windows(2).for_each(|pair| _ = black_box(pair[0].cosine(&pair[1])));
    });
    let long = "x".repeat(1_000_000);
    let longest = microseconds(1, &|| _ = black_box(embed(black_box(&long))));
    println!("{} titles, {} with a known token", titles.len(), known.len());
    println!("embed: {all:.2} microseconds a title; cosine: {cosine:.3}; a text of a megabyte: {longest:.0}");
}
