//! Before a language model is asked: the vectors of inputs are bought together, and compared with those of earlier texts. What
//! these are sure of is the answer, at the price of the vector. Whatever goes wrong, the model is asked.

use crate::desk::{Desk, Load};
use crate::embedder::{Bought, Pack, buy};
use crate::embeddings::{self, beginning};
use crate::piece::Piece;
use crate::plan::{Plan, Route};
use crate::store::{Comparable, Compare, Refusal};
use crate::switch::Switch;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::money::Money;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Inputs whose vectors are bought together.
const PACK: usize = 64;

/// Parts of the patience of those who wait that may pass until vectors are asked for, and until they are there.
const PARTS: u32 = 4;

/// How long either takes at most: a vector is made in tenths of a second, and a model is still to be asked.
const LONGEST: Duration = Duration::from_secs(5);

/// What is left of a patience may be too short for any provider.
const SHORTEST: Duration = Duration::from_millis(100);

/// How long no vectors are bought for questions after it has failed.
const REST: Duration = Duration::from_secs(10);

/// Inputs whose vectors a route makes together.
pub(crate) fn pack_size(route: &Route) -> usize {
    embeddings::pack_limit(route).min(PACK)
}

/// Compares inputs with earlier texts. Those that these do not answer go on to a language model.
pub(crate) async fn run(mut piece: Piece) {
    let (desk, plan) = (piece.desk.clone(), piece.plan.clone());
    let mut switch = desk.switch.subscribe();
    let refused = switch.borrow_and_update().refuses_new();
    if let Some(refusal) = refused {
        return piece.refuse(&refusal);
    }
    let (loads, patience) = desk.load(&mut piece);
    let inputs = vectors(&desk, &mut switch, &plan, &loads, patience).await;
    let found = match inputs.is_empty() {
        true => Vec::new(),
        false => desk.store.compare(Compare { plan, inputs: inputs.clone() }).await.unwrap_or_default(),
    };
    desk.compared(&mut piece, &loads, inputs, found);
}

/// The vectors of these inputs: those that were bought before, and what can be bought of the others now.
async fn vectors(
    desk: &Arc<Desk>,
    switch: &mut watch::Receiver<Switch>,
    plan: &Arc<Plan>,
    loads: &[Load],
    patience: Duration,
) -> Vec<Comparable> {
    let Some((vectors, route)) = plan.vectors.as_ref().and_then(|vectors| Some((vectors, vectors.routes.first()?)))
    else {
        return Vec::new();
    };
    // What was looked up last knows best.
    let Some(length) = loads.iter().rev().find_map(|load| load.comparable) else { return Vec::new() };
    let (mut there, mut lacking) = desk.kept_vectors(plan, loads, length);
    // One that says nothing at its beginning would spoil the request for the others.
    lacking.retain(|load| !beginning(route, &load.text).trim().is_empty());
    let most = (patience / PARTS).min(LONGEST);
    if lacking.is_empty() || most < SHORTEST {
        return there;
    }
    let texts: Vec<(Fingerprint, &str)> =
        lacking.iter().map(|load| (load.key.answer, beginning(route, &load.text))).collect();
    let ids: Vec<_> = lacking.iter().map(|load| load.id).collect();
    let payers = || desk.set_out(&ids);
    let pack =
        Pack { plan: vectors, texts: &texts, payers: &payers, length: Some(length), patience: most, haste: Some(most) };
    match buy(desk, switch, &pack).await {
        Bought::Vectors(bought, costs) => {
            let costs = costs.into_iter().chain(std::iter::repeat(Money::ZERO));
            let new: Vec<Comparable> = lacking.iter().zip(bought).zip(costs).map(comparable).collect();
            desk.keep_vectors(plan, &lacking, &new);
            there.extend(new);
        }
        // Texts that are too long together may be bought later, one by one.
        Bought::Outdated | Bought::Unwanted | Bought::TooMuch => {}
        Bought::Rejected(refusal) | Bought::Refused(refusal) => desk.rest_vectors(vectors.serial, rest_after(&refusal)),
    }
    there
}

/// How long no vectors are bought after a refusal; for ever, until plans change, where more would be paid for in vain.
fn rest_after(refusal: &Refusal) -> Option<Duration> {
    (refusal.reason != Reason::InvalidAnswer).then_some(REST)
}

fn comparable(((load, vector), cost): ((&&Load, Vec<f32>), Money)) -> Comparable {
    Comparable { key: load.keys.own, text: load.text.clone(), vector: vector.into(), cost }
}
