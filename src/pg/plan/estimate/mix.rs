//! Which tiers will probably answer the inputs of a place.

use super::statistics::Statistics;
use crate::pg::resolver::Resolver;
use crate::pg::scope::Scope;
use crate::pg::stats::{self, KINDS, kind};
use crate::pg::{bulk_read, catalog, guard, spi, world};
use pg_categorize_core::cascade::TierName;
use pg_categorize_core::estimate::{Bounds, distinct_among, share};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Inputs that are looked up together.
const SET: usize = 25;

/// So long are inputs of a sample looked up, the first set apart, which may have to read a model.
const PATIENCE: Duration = Duration::from_millis(25);

/// Stored answers that are drawn to learn how many of all are a scope's: some milliseconds.
const SAMPLED_ANSWERS: f64 = 20_000.0;

/// Stored answers on a page, where they are small.
const PAGE: u32 = 50;

/// On what an estimate rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// So many values from the statistics of the column, for which the free tiers were asked.
    Values(usize),
    /// The shares of the tiers in the answers so far.
    Answers,
    /// Nothing: any input may be asked of a model.
    Nothing,
}

/// Who will probably answer.
#[derive(Debug, Clone)]
pub struct Mix {
    /// On what it rests.
    pub basis: Basis,
    /// Distinct inputs.
    pub inputs: f64,
    /// Rows by who answers their input.
    pub rows_by: [f64; KINDS],
    /// Distinct inputs by who answers them.
    pub inputs_by: [f64; KINDS],
    /// Distinct inputs that a model is asked about.
    pub open: Bounds,
}

/// Who answers `rows` inputs, as far as that is known. `buys`: a language model may be asked.
pub fn mix(scope: &Rc<Scope>, known: Option<&Statistics>, rows: f64, (is_free, buys): (bool, bool)) -> Mix {
    let open = kind(buys.then_some(TierName::Llm));
    match known {
        Some(known) if !known.common.is_empty() || !known.drawn.is_empty() => {
            by_values(scope, known, rows, is_free, open)
        }
        _ => by_answers(scope, known, rows, open),
    }
}

fn by_values(scope: &Rc<Scope>, known: &Statistics, rows: f64, is_free: bool, open: usize) -> Mix {
    let mut resolver = if is_free { Resolver::free(scope.clone()) } else { Resolver::new(scope.clone()) };
    let begun = Instant::now();
    let common: Vec<&str> = known.common.iter().map(|(text, _)| text.as_str()).collect();
    // In turns from all parts, since they come in their order and time may be over before all are looked up.
    let parts = known.drawn.len().div_ceil(SET).max(1);
    let order = (0..parts).flat_map(|part| known.drawn.iter().skip(part).step_by(parts));
    let drawn: Vec<&str> = order.map(String::as_str).collect();
    let mut ask = |texts: &[&str]| -> Vec<usize> {
        let mut kinds = Vec::with_capacity(texts.len());
        for (at, set) in texts.chunks(SET).enumerate() {
            if at > 0 && begun.elapsed() > PATIENCE {
                break;
            }
            resolver.look_ahead(set, 0, |outcome, left_open| {
                let settled = || kind(outcome.answer.map(|answer| answer.source));
                kinds.push(if left_open.is_some() { open } else { settled() });
            });
        }
        kinds
    };
    let (common, drawn) = (ask(&common), ask(&drawn));

    let mut mix = Mix {
        basis: Basis::Values(common.len() + drawn.len()),
        inputs: 0.0,
        rows_by: [0.0; KINDS],
        inputs_by: [0.0; KINDS],
        open: Bounds { low: 0.0, high: 0.0 },
    };
    let mut rest = 1.0 - known.nulls;
    for ((_, part), kind) in known.common.iter().zip(&common) {
        // Of rows that have an input.
        let of_rows = part / (1.0 - known.nulls).max(part.max(1e-9));
        let met = 1.0 - (1.0 - of_rows).powf(rows);
        mix.rows_by[*kind] += rows * of_rows;
        mix.inputs_by[*kind] += met;
        rest -= part;
        if *kind == open {
            mix.open = Bounds { low: mix.open.low + met, high: mix.open.high + met };
        }
    }
    let rest = rest.max(0.0) / (1.0 - known.nulls).max(1e-9);
    let others = (known.distinct - common.len() as f64).max(0.0);
    let (rest_rows, rest_inputs) = (rows * rest, distinct_among(rows * rest, known.rows * rest, others));
    let asked = drawn.len() as u32;
    for place in 0..KINDS {
        let seen = drawn.iter().filter(|kind| **kind == place).count() as u32;
        // Without any of the others drawn, nothing is known of them.
        let part = if asked > 0 { f64::from(seen) / f64::from(asked) } else { f64::from(u8::from(place == open)) };
        mix.rows_by[place] += rest_rows * part;
        mix.inputs_by[place] += rest_inputs * part;
        if place == open {
            let Bounds { low, high } = share(seen, asked, others);
            mix.open = Bounds { low: mix.open.low + low * rest_inputs, high: mix.open.high + high * rest_inputs };
        }
    }
    mix.inputs = mix.inputs_by.iter().sum();
    mix
}

fn by_answers(scope: &Scope, known: Option<&Statistics>, rows: f64, open: usize) -> Mix {
    let inputs = known.map_or(rows, |known| distinct_among(rows, known.rows, known.distinct));
    let taxonomy = scope.taxonomy().map_or(0, |taxonomy| taxonomy.id);
    let mut answers = [0.0; KINDS];
    for count in stats::read(&scope.tenant).unwrap_or_default().iter().filter(|count| count.taxonomy == taxonomy) {
        // What found no answer may have one now, and is asked again.
        let is_open = matches!(count.tier, None | Some(TierName::Llm));
        answers[if is_open { open } else { kind(count.tier) }] += count.answers as f64;
    }
    let all: f64 = answers.iter().sum();
    if all == 0.0 {
        answers[open] = 1.0;
    }
    let part = |place: usize| answers[place] / all.max(1.0);
    // What is kept may be all of these inputs; what is beyond it is none of them.
    let is_told = all > 0.0 && known.is_some() && open != kind(None);
    let low = if is_told { part(open) * (inputs - kept(scope)).max(0.0) } else { 0.0 };
    Mix {
        basis: if all > 0.0 { Basis::Answers } else { Basis::Nothing },
        inputs,
        rows_by: std::array::from_fn(|place| part(place) * rows),
        inputs_by: std::array::from_fn(|place| part(place) * inputs),
        open: Bounds { low, high: inputs },
    }
}

/// Answers that are kept for a scope at the most: as many as there are where the table is small, else what a sample of its
/// pages tells at 95%.
fn kept(scope: &Scope) -> f64 {
    let all = bulk_read::about_how_many_rows(catalog::tables().cache) as f64;
    // A serializable transaction must not be seen to have read what it did not ask for.
    if guard::is_serializable() {
        return all;
    }
    let part = SAMPLED_ANSWERS / all.max(SAMPLED_ANSWERS);
    let (taxonomy, tenant) = (scope.taxonomy().map(|taxonomy| taxonomy.id), &scope.tenant);
    let (own, seen) =
        world::as_owner(|| spi::sampled_answers(tenant, scope.shared.is_some(), taxonomy, part as f32 * 100.0));
    if part == 1.0 {
        return own as f64;
    }
    // A page is drawn as a whole, and what lies on it was often stored together: it counts as one that was drawn.
    let pages = |rows: i64| u32::try_from(rows.max(0) as u64).unwrap_or(u32::MAX).div_ceil(PAGE);
    // What is told of the whole table may be old.
    let all = all.max(seen as f64 / part);
    all * share(pages(own), pages(seen), all / f64::from(PAGE)).high
}
