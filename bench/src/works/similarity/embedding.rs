//! Embedding and guard, in this process.

use super::Sizes;
use super::nearest::{Known, nearest};
use crate::bench::{Bench, step};
use crate::data::product;
use crate::measure::Timing;
use crate::report::{Bar, Report, count, figure};
use crate::works::routing::flipkart::Titles;
use pg_categorize_core::embedding::embed;
use pg_categorize_core::normalise::{Case, normalise};
use pg_categorize_core::similarity::{Neighbour, Relevance, Voice, judge};
use std::time::Instant;

/// Microseconds that both may take together.
const MOST: f64 = 20.0;

/// Embeds titles and judges them by their nearest, found before.
pub fn run(bench: &Bench, report: &mut Report) {
    let (of, all) = match Titles::distinct() {
        Some(titles) => ("flipkart", titles.all),
        None => ("made-up", (0..20_000).map(product).map(|product| (product.title, product.category)).collect()),
    };
    let texts: Vec<String> = all.iter().map(|(title, _)| normalise(title, Case::Folded)).collect();
    let asked = Sizes::of(bench).embedded.min(texts.len() / 2);
    let known =
        Known::new(texts.iter().zip(&all).skip(asked).map(|(text, (_, category))| (text.as_str(), category.as_str())));
    let found = step("the nearest of each title", || nearest(&known, &texts[..asked]));
    let relevance = Relevance::default();
    let runs = step("embedding and guard", || {
        (0..bench.repetitions + 1)
            .map(|_| {
                let start = Instant::now();
                for (text, found) in texts.iter().zip(&found) {
                    std::hint::black_box(embed(text));
                    let neighbours: Vec<Neighbour<'_>> = found
                        .iter()
                        .map(|near| Neighbour {
                            category: near.category,
                            cosine: near.cosine,
                            text: near.text,
                            voice: Voice::Label,
                        })
                        .collect();
                    std::hint::black_box(judge(text, &neighbours, &relevance));
                }
                start.elapsed() / u32::try_from(asked).expect("some thousands")
            })
            .skip(1)
            .collect()
    });
    let each = Timing::new(runs).median() * 1e3;
    report.line(
        format!("embedding and guard of {} {of} titles, microseconds a title", count(asked as f64)),
        format!("{} microseconds", figure(each)),
        "-".to_owned(),
        Some(each),
        Bar::AtMost(MOST),
    );
}
