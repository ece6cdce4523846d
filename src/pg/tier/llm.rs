//! Tier 6: a language model. No provider can be configured in this version, so it says why it does not answer.

use crate::pg::scope::Scope;
use crate::pg::{guard, guc};
use pg_categorize_core::cascade::{Outcome, Query, Reason, Tier, TierName};
use std::rc::Rc;

pub(super) struct LlmTier {
    scope: Rc<Scope>,
}

impl LlmTier {
    pub(super) fn new(scope: Rc<Scope>) -> Self {
        Self { scope }
    }

    /// Why nothing can be asked now; `None` where nothing was meant to be.
    fn obstacle(&self) -> Option<Reason> {
        if guc::mode() == guc::Mode::Cached {
            None
        } else if !guc::external() || !self.scope.settings.allow_external {
            Some(Reason::ExternalOff)
        } else if guard::on_standby() {
            Some(Reason::Standby)
        } else if !guard::preloaded() {
            Some(Reason::GatewayDown)
        } else {
            Some(Reason::NoProvider)
        }
    }
}

impl Tier for LlmTier {
    fn name(&self) -> TierName {
        TierName::Llm
    }

    fn answer(&mut self, _: &[Query<'_>], outcomes: &mut [Outcome]) {
        if let Some(reason) = self.obstacle() {
            outcomes.iter_mut().filter(|o| o.answer.is_none()).for_each(|o| o.reason = Some(reason));
        }
    }
}
