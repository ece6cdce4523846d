//! Tier 3: an earlier answer for the same text, or a learnt example; exact and not expired.

use crate::pg::probe::{Found, Probe};
use crate::pg::scope::Scope;
use crate::pg::spi::column;
use crate::pg::{catalog, guard};
use pg_categorize_core::cascade::{Answer, Origin, Outcome, Provenance, Query, Tier, TierName};
use pg_categorize_core::confidence::Source;
use pg_categorize_core::frame::Grounds;
use std::rc::Rc;

pub(super) struct CacheTier {
    scope: Rc<Scope>,
    probe: Option<Probe>,
}

impl CacheTier {
    pub(super) fn new(scope: Rc<Scope>) -> Self {
        Self { scope, probe: None }
    }
}

impl Tier for CacheTier {
    fn name(&self) -> TierName {
        TierName::Cache
    }

    fn answer(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        let scope = &self.scope;
        let probe = self.probe.get_or_insert_with(|| {
            let tables = catalog::tables();
            Probe::hash(tables.cache, tables.cache_index)
        });
        for (query, outcome) in queries.iter().zip(outcomes).filter(|(_, o)| o.answer.is_none()) {
            outcome.answer = probe.find(&query.fingerprint, |row| read(row, scope)).flatten();
            if let (None, Some(shared)) = (&outcome.answer, &query.shared_fingerprint) {
                let answer = probe.find(shared, |row| read(row, scope)).flatten();
                // Tenants share paid answers only; what people said stays theirs.
                outcome.answer = answer.filter(|a| a.origin == Origin::Llm);
            }
        }
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
        answer.provenance = Some(Box::new(Provenance { provider, model, grounds }));
        answer.upgraded = row.get(column::UPGRADED).unwrap_or(false);
    }
    Some(answer)
}

fn grounds(row: &Found) -> Option<Grounds> {
    let source = Source::parse(row.get(column::CONFIDENCE_SOURCE)?)?;
    Some(Grounds { raw_confidence: row.get(column::RAW_CONFIDENCE)?, source, rationale: row.get(column::RATIONALE) })
}
