//! How much observations prove, in all and near one level of confidence.

use super::observation::Observation;
use super::prior::log_odds;

/// Observations below which a calibration stays at what holds for its source. A weight below 1 counts as that part of one.
pub const LEAST_EVIDENCE: f64 = 20.0;

/// The log-odds over which an observation says something about its neighbours: from 0.8, up to 0.92.
const REACH: f64 = 1.0;

/// Observations near a level at which half of what they say is believed.
const DOUBT: f64 = 3.0;

/// An observation with the weight that is left of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weighed {
    /// Of the raw confidence.
    pub(super) log_odds: f64,
    pub(super) right: bool,
    pub(super) weight: f64,
}

/// Sorted observations with weights whose sum is what they prove: no more than their number, and where few weigh much and
/// many little, no more than so many equal ones would (Kish, "Survey sampling", 1965).
pub(super) fn weigh(observations: &[Observation]) -> Vec<Weighed> {
    let sum = |term: fn(f64) -> f64| observations.iter().map(|o| term(f64::from(o.weight))).sum::<f64>();
    let (weight, squares) = (sum(|w| w), sum(|w| w * w));
    let scale = (weight / squares.max(f64::MIN_POSITIVE)).min(1.0);
    let of =
        |o: &Observation| Weighed { log_odds: log_odds(o.raw), right: o.right, weight: f64::from(o.weight) * scale };
    observations.iter().map(of).collect()
}

/// Whether they can be learnt from: there are enough, and some were right. Where none was, only corrections were ever told.
pub(super) fn is_enough(observations: &[Weighed]) -> bool {
    observations.iter().map(|o| o.weight).sum::<f64>() >= LEAST_EVIDENCE && observations.iter().any(|o| o.right)
}

/// Whether what was observed of a model and source since its calibration was fitted is reason to fit it anew: it weighs as much as
/// what was known then, and enough to be learnt from. So each fit has twice the evidence of the one before, a
/// geometric schedule (Provost, Jensen and Oates, "Efficient progressive sampling", 1999), and many observations cost few fits.
pub fn is_worth_a_fit(known: f64, news: f64) -> bool {
    news >= known.max(LEAST_EVIDENCE)
}

/// How much is believed of what they say about one level, 0 to 1.
pub(super) fn belief(observations: &[Weighed], log_odds: f64) -> f64 {
    let first = observations.partition_point(|o| o.log_odds <= log_odds - REACH);
    let near = observations[first..].iter().take_while(|o| o.log_odds < log_odds + REACH);
    let evidence: f64 = near.map(|o| o.weight * (1.0 - (o.log_odds - log_odds).abs() / REACH)).sum();
    evidence / (evidence + DOUBT)
}
