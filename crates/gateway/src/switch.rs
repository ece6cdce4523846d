//! What the operator and the server's shutdown allow, seen by every task at once.

use crate::store::Refusal;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::frame::STOPPING;

/// How far a shutdown is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// There is none.
    Running,
    /// Nothing more is sent; what is sent may be answered.
    Draining,
    /// What is sent is given up.
    Aborting,
}

/// What may be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Switch {
    /// The kill switch: `false` stops every request, also one that is under way.
    pub(crate) external: bool,
    pub(crate) phase: Phase,
}

impl Switch {
    /// Why nothing more is sent.
    pub(crate) fn refuses_new(self) -> Option<Refusal> {
        if self.phase > Phase::Running {
            return Some(Refusal::because(Reason::GatewayDown, STOPPING));
        }
        (!self.external).then(|| Refusal::new(Reason::ExternalOff))
    }

    /// Why what is under way is given up.
    pub(crate) fn aborts_sent(self) -> Option<Refusal> {
        (!self.external || self.phase == Phase::Aborting).then(|| self.refuses_new()).flatten()
    }
}
