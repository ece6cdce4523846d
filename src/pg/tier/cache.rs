//! Tier 3: an earlier answer for the same text, or a learnt example; exact and not expired.
//!
//! Texts are looked up one by one through the index, until so many were that reading the table once would have been less
//! work: then it is read, if what is needed of it fits into the memory of a hash table.

use crate::pg::probe::{self, Found, Probe};
use crate::pg::scope::Scope;
use crate::pg::spi::column;
use crate::pg::{catalog, guard, guc};
use pg_categorize_core::cascade::{Answer, Guess, Origin, Outcome, Provenance, Query, Recall, Tier, TierName};
use pg_categorize_core::confidence::Source;
use pg_categorize_core::exact::{Exact, Known};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Grounds;
use std::rc::Rc;

/// Look-ups in one statement below which the table is never read as a whole.
const MANY: usize = 8192;

/// Look-ups that must have been before those that are only expected count with them.
const BEGUN: usize = 1000;

/// Rows that are read in the time of one look-up: 0.15 against 1.7 microseconds where all is in memory, and some more where the
/// rows have long texts beside.
const ROWS_PER_LOOK_UP: usize = 8;

pub(super) struct CacheTier {
    scope: Rc<Scope>,
    probe: Option<Probe>,
    asked: usize,
    /// Look-ups that are expected beyond those that were.
    expected: usize,
    whole: Whole,
    /// What the table that was read says of a set of queries.
    known: Vec<Option<Known>>,
}

/// What the statement holds of the whole table.
enum Whole {
    /// Nothing yet.
    NotYet,
    /// After so many look-ups it is read.
    After(usize),
    /// All that may answer.
    Read(Exact),
    /// Nothing, and it stays so.
    Never,
}

impl CacheTier {
    pub(super) fn new(scope: Rc<Scope>) -> Self {
        Self { scope, probe: None, asked: 0, expected: 0, whole: Whole::NotYet, known: Vec::new() }
    }

    /// Counts look-ups, and reads the table where they have become so many.
    fn count(&mut self, look_ups: usize) {
        self.asked += look_ups;
        let all = self.asked + if self.asked < BEGUN { 0 } else { self.expected };
        if all < MANY {
            return;
        }
        if let Whole::NotYet = self.whole {
            // What tenants share, and labels ad hoc, are found by other keys. A serializable transaction must not be seen to
            // have read what it did not ask for.
            let is_plain = self.scope.taxonomy().is_some() && self.scope.shared.is_none() && !guard::is_serializable();
            let rows = if is_plain { probe::about_how_many_rows(catalog::tables().cache) } else { usize::MAX };
            self.whole = match rows != usize::MAX && Exact::bytes_for(rows) <= guc::hash_memory() {
                true => Whole::After(rows / ROWS_PER_LOOK_UP),
                false => Whole::Never,
            };
        }
        if matches!(self.whole, Whole::After(many) if all >= many) {
            self.whole = self.read_whole().map_or(Whole::Never, Whole::Read);
        }
    }

    /// All answers of the taxonomy; `None` where they do not fit.
    fn read_whole(&self) -> Option<Exact> {
        let (table, most) = (catalog::tables().cache, guc::hash_memory());
        let mut exact = Exact::with_capacity(probe::about_how_many_rows(table));
        let mut count = 0_usize;
        let mut fits = true;
        probe::each_row(table, |row| {
            if let Some((fingerprint, known)) = known(row, &self.scope) {
                exact.add(&fingerprint, known);
                count += 1;
            }
            fits = !count.is_multiple_of(1024) || exact.bytes() <= most;
            fits
        });
        fits.then_some(exact)
    }
}

/// What a row of the table says, if it may answer: a label by itself, the rest where it is stored.
fn known(row: &Found, scope: &Scope) -> Option<(Fingerprint, Known)> {
    // The last of its columns first: those before it are taken apart with it.
    let expires_at = row.get::<i64>(column::EXPIRES_AT);
    let category = scope.answerable(row.get::<i32>(column::CATEGORY)?)?;
    let fingerprint = Fingerprint(row.get::<&[u8]>(column::FINGERPRINT)?.try_into().ok()?);
    let is_label = Origin::parse(row.get(column::ORIGIN)?)? == Origin::Label;
    if !is_label || expires_at.is_some() {
        return Some((fingerprint, Known::Elsewhere));
    }
    Some((fingerprint, Known::Answer(Guess { category, confidence: row.get::<f32>(column::CONFIDENCE)? })))
}

impl Tier for CacheTier {
    fn name(&self) -> TierName {
        TierName::Cache
    }

    fn expect(&mut self, queries: usize) {
        self.expected = queries;
    }

    fn answer(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        self.count(outcomes.iter().filter(|outcome| outcome.answer.is_none()).count());
        let scope = &self.scope;
        let probe = self.probe.get_or_insert_with(|| {
            let tables = catalog::tables();
            Probe::hash(tables.cache, tables.cache_index)
        });
        // By themselves, so that the processor waits for the memory of many at once.
        self.known.clear();
        if let Whole::Read(exact) = &self.whole {
            self.known.extend(queries.iter().map(|query| exact.get(&query.fingerprint)));
        }
        for (at, (query, outcome)) in queries.iter().zip(outcomes).enumerate().filter(|(_, (_, o))| o.answer.is_none())
        {
            if let Some(known) = self.known.get(at) {
                match known {
                    Some(Known::Answer(Guess { category, confidence })) => {
                        outcome.answer = Some(Answer::new(*category, *confidence, TierName::Cache, Origin::Label));
                        continue;
                    }
                    Some(Known::Elsewhere) => {}
                    None => continue,
                }
            }
            outcome.answer = probe.find(&query.fingerprint, |row| read(row, scope)).flatten();
            if let (None, Some(shared)) = (&outcome.answer, &query.shared_fingerprint) {
                let answer = probe.find(shared, |row| read(row, scope)).flatten();
                // Tenants share paid answers only; what people said stays theirs.
                outcome.answer = answer.filter(|a| a.origin == Origin::Llm);
            }
        }
    }

    fn recall(&mut self, query: &Query<'_>) -> Recall {
        if self.probe.is_none() {
            return Recall::Unknown;
        }
        super::answer_one(self, query)
    }
}

fn read(row: &Found, scope: &Scope) -> Option<Answer> {
    let category = match row.get::<i32>(column::CATEGORY) {
        Some(id) => scope.answerable(id)?,
        None => scope.ad_hoc(row.get(column::CATEGORY_LABEL)?)?,
    };
    let confidence = row.get::<f32>(column::CONFIDENCE)?;
    let origin = Origin::parse(row.get(column::ORIGIN)?)?;
    let mut answer = Answer::new(category, confidence, TierName::Cache, origin);
    if let Some(expires_at) = row.get::<i64>(column::EXPIRES_AT) {
        if expires_at <= guard::statement_time() {
            return None;
        }
        answer.expires_at = expires_at;
    }
    if origin == Origin::Llm {
        let (provider, model, grounds) = (row.get(column::PROVIDER), row.get(column::MODEL), grounds(row));
        answer.provenance = Some(Box::new(Provenance { provider, model, grounds, request: None }));
        answer.upgraded = row.get(column::UPGRADED).unwrap_or(false);
    }
    Some(answer)
}

fn grounds(row: &Found) -> Option<Grounds> {
    let source = Source::parse(row.get(column::CONFIDENCE_SOURCE)?)?;
    Some(Grounds { raw_confidence: row.get(column::RAW_CONFIDENCE)?, source, rationale: row.get(column::RATIONALE) })
}
