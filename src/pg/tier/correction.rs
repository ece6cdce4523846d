//! Tier 1: what a person said of exactly this text. It never expires.

use crate::pg::catalog;
use crate::pg::probe::Probe;
use crate::pg::scope::Scope;
use crate::pg::spi::correction_column;
use pg_categorize_core::cascade::{Answer, Origin, Outcome, Query, Recall, Tier, TierName};
use std::rc::Rc;

pub(super) struct CorrectionTier {
    scope: Rc<Scope>,
    probe: Option<Probe>,
    /// Whether it is known whether there are any.
    loaded: bool,
}

impl CorrectionTier {
    pub(super) fn new(scope: Rc<Scope>) -> Self {
        Self { scope, probe: None, loaded: false }
    }
}

impl Tier for CorrectionTier {
    fn name(&self) -> TierName {
        TierName::Correction
    }

    fn answer(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        let any = self.scope.has_corrections();
        self.loaded = true;
        if !any {
            return;
        }
        let probe = self.probe.get_or_insert_with(|| {
            let tables = catalog::tables();
            Probe::btree(tables.correction, tables.correction_index)
        });
        for (query, outcome) in queries.iter().zip(outcomes).filter(|(_, o)| o.answer.is_none()) {
            let found = probe.find(&query.fingerprint, |row| row.get::<i32>(correction_column::CATEGORY)).flatten();
            if let Some(category) = found.and_then(|id| self.scope.answerable(id)) {
                outcome.answer = Some(Answer::new(category, 1.0, TierName::Correction, Origin::Correction));
            }
        }
    }

    fn recall(&mut self, query: &Query<'_>) -> Recall {
        if self.loaded && !self.scope.has_corrections() {
            return Recall::Nothing;
        }
        if self.probe.is_none() {
            return Recall::Unknown;
        }
        super::answer_one(self, query)
    }
}
