//! Tier 3: an earlier answer for the same text, or a learnt example; exact and not expired.
//!
//! Texts are looked up one by one through the index, until so many were that reading the stored answers once would have been
//! less work (`held.rs`).

mod held;

pub use held::{MANY, ROWS_PER_LOOK_UP};

use crate::pg::probe::{Found, Probe};
use crate::pg::scope::Scope;
use crate::pg::shared_answers::SharedAnswers;
use crate::pg::spi::column;
use crate::pg::{catalog, guard};
use held::Held;
use pg_categorize_core::cascade::{Answer, Guess, Origin, Outcome, Provenance, Query, Recall, Tier, TierName};
use pg_categorize_core::confidence::Source;
use pg_categorize_core::exact::Known;
use pg_categorize_core::frame::Grounds;
use std::rc::Rc;

pub(super) struct CacheTier {
    scope: Rc<Scope>,
    probe: Option<Probe>,
    held: Held,
    /// What is held says this of a set of queries.
    known: Vec<Known>,
}

impl CacheTier {
    pub(super) fn new(scope: Rc<Scope>, shared: Option<Rc<SharedAnswers>>) -> Self {
        Self { scope, probe: None, held: Held::new(shared), known: Vec::new() }
    }
}

impl Tier for CacheTier {
    fn name(&self) -> TierName {
        TierName::Cache
    }

    fn expect(&mut self, queries: usize) {
        self.held.expect(queries);
    }

    fn answer(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        let scope = &self.scope;
        self.held.count(outcomes.iter().filter(|outcome| outcome.answer.is_none()).count(), scope);
        let probe = self.probe.get_or_insert_with(|| {
            let tables = catalog::tables();
            Probe::hash(tables.cache, tables.cache_index)
        });
        // By themselves, so that the processor waits for the memory of many at once.
        self.known.clear();
        self.held.tell(queries, &mut self.known);
        for (at, (query, outcome)) in queries.iter().zip(outcomes).enumerate().filter(|(_, (_, o))| o.answer.is_none())
        {
            match self.known.get(at) {
                Some(Known::Answer(Guess { category, confidence })) => {
                    outcome.answer = Some(Answer::new(*category, *confidence, TierName::Cache, Origin::Label));
                    continue;
                }
                Some(Known::Nothing) => continue,
                Some(Known::Elsewhere) | None => {}
            }
            outcome.answer = look_up(probe, query, scope);
        }
    }

    fn recall(&mut self, query: &Query<'_>) -> Recall {
        if self.probe.is_none() {
            return Recall::Unknown;
        }
        self.held.count(1, &self.scope);
        match self.held.tell_one(query) {
            Some(Known::Answer(Guess { category, confidence })) => {
                Recall::Answer(Answer::new(category, confidence, TierName::Cache, Origin::Label))
            }
            Some(Known::Nothing) => Recall::Nothing,
            Some(Known::Elsewhere) | None => {
                let scope = &self.scope;
                let probe = self.probe.as_mut();
                let answer = probe.and_then(|probe| look_up(probe, query, scope));
                answer.map_or(Recall::Nothing, Recall::Answer)
            }
        }
    }
}

/// The stored answer of one query.
fn look_up(probe: &mut Probe, query: &Query<'_>, scope: &Scope) -> Option<Answer> {
    let own = probe.find(&query.fingerprint, |row| read(row, scope)).flatten();
    own.or_else(|| {
        let shared = probe.find(&query.shared_fingerprint?, |row| read(row, scope)).flatten();
        // Tenants share paid answers only; what people said stays theirs.
        shared.filter(|answer| answer.origin == Origin::Llm)
    })
}

fn read(row: &Found, scope: &Scope) -> Option<Answer> {
    let category = match row.get::<i32>(column::CATEGORY) {
        Some(id) => scope.answerable(id)?,
        None => scope.ad_hoc(row.get(column::CATEGORY_LABEL)?)?,
    };
    let confidence = row.get::<f32>(column::CONFIDENCE)?;
    let origin = origin(row)?;
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

/// The tier that made a stored answer.
fn origin(row: &Found) -> Option<Origin> {
    Origin::parse(str::from_utf8(row.bytes(column::ORIGIN)?).ok()?)
}

fn grounds(row: &Found) -> Option<Grounds> {
    let source = Source::parse(row.get(column::CONFIDENCE_SOURCE)?)?;
    Some(Grounds { raw_confidence: row.get(column::RAW_CONFIDENCE)?, source, rationale: row.get(column::RATIONALE) })
}
