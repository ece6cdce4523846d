//! Tier 2: a person's pattern. The highest priority wins, then the oldest.

use crate::pg::scope::Scope;
use pg_categorize_core::cascade::{Answer, Origin, Outcome, Query, Recall, Tier, TierName};
use pg_categorize_core::normalise::rule_text_into;
use pg_categorize_core::rules::Scratch;
use std::rc::Rc;

pub(super) struct RuleTier {
    scope: Rc<Scope>,
    text: String,
    scratch: Scratch,
    /// Whether the rules are in memory.
    loaded: bool,
}

impl RuleTier {
    pub(super) fn new(scope: Rc<Scope>) -> Self {
        Self { scope, text: String::new(), scratch: Scratch::default(), loaded: false }
    }
}

impl Tier for RuleTier {
    fn name(&self) -> TierName {
        TierName::Rule
    }

    fn answer(&mut self, queries: &[Query<'_>], outcomes: &mut [Outcome]) {
        let rules = self.scope.rules();
        self.loaded = true;
        if rules.is_empty() {
            return;
        }
        // The text of an image that comes alone is empty, and no pattern is let in that fits that.
        for (query, outcome) in queries.iter().zip(outcomes).filter(|(_, o)| o.answer.is_none()) {
            rule_text_into(query.raw, &mut self.text);
            let Some(found) = rules.first_match(&self.text, &mut self.scratch) else { continue };
            if let Some(category) = self.scope.answerable(found.category) {
                let mut answer = Answer::new(category, 1.0, TierName::Rule, Origin::Rule);
                answer.rule = Some(found.rule);
                outcome.answer = Some(answer);
            }
        }
    }

    fn recall(&mut self, query: &Query<'_>) -> Recall {
        if !self.loaded {
            return Recall::Unknown;
        }
        if self.scope.rules().is_empty() {
            return Recall::Nothing;
        }
        super::answer_one(self, query)
    }
}
