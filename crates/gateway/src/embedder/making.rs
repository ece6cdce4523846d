//! Vectors that a transformer in this process makes: no money, no limits, no provider that could fail, and so no attempt in the
//! ledger.

use super::purchase::{Bought, Pack, misfit};
use crate::desk::Desk;
use crate::dispatch::ATTEMPT;
use crate::plan::Route;
use crate::provider::FailureClass;
use crate::store::{NewVector, Refusal};
use crate::switch::Switch;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::money::Money;
use tokio::sync::watch;

/// Makes the vectors of a pack, and has them stored, unless somebody waits for them.
pub(super) async fn make(desk: &Desk, switch: &mut watch::Receiver<Switch>, pack: &Pack<'_>, route: &Route) -> Bought {
    let texts: Vec<&str> = pack.texts.iter().map(|(_, text)| *text).collect();
    let parcel = match desk.sender.prepare_vectors(route, &texts, None) {
        Ok(parcel) => parcel,
        Err(refusal) if refusal.reason == Reason::EmptyInput => return Bought::TooMuch,
        Err(refusal) => return Bought::Refused(refusal),
    };
    if (pack.payers)().is_none() {
        return Bought::Unwanted;
    }
    let stopped = async {
        let switched = switch.wait_for(|switch| switch.aborts_sent().is_some()).await;
        switched.ok().and_then(|switch| switch.aborts_sent())
    };
    let made = tokio::select! {
        biased;
        stopped = stopped => return Bought::Refused(stopped.unwrap_or_else(|| Refusal::new(Reason::GatewayDown))),
        made = parcel.send(route, pack.haste.unwrap_or(ATTEMPT)) => made.result,
    };
    let because =
        |reason, detail| Bought::Refused(Refusal::because(reason, format!("model {}: {detail}", route.model.name)));
    let vectors = match made {
        Ok(vectors) => vectors,
        Err(failure) => {
            return match failure.class {
                FailureClass::ContextOverflow => Bought::TooMuch,
                FailureClass::TimedOut => because(Reason::Timeout, failure.detail),
                FailureClass::Stopped => because(Reason::NoProvider, failure.detail),
                _ => because(Reason::ProviderError, failure.detail),
            };
        }
    };
    if let Some(detail) = misfit(&vectors, pack) {
        return because(Reason::InvalidAnswer, detail);
    }
    let new = |((key, _), vector): (&(_, &str), &Vec<f32>)| NewVector { key: *key, vector: vector.clone() };
    let free = vec![Money::ZERO; vectors.len()];
    if pack.haste.is_none() {
        let new = pack.texts.iter().zip(&vectors).map(new).collect();
        match desk.store.keep_vectors(pack.plan.clone(), new).await {
            Ok(true) => {}
            Ok(false) => {
                return Bought::Refused(Refusal::because(Reason::GatewayDown, "The vectors could not be stored."));
            }
            Err(refusal) => return Bought::Refused(refusal),
        }
    }
    Bought::Vectors(vectors, free)
}
