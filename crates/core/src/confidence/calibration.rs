//! The curve from what a model says of its confidence to what that is worth.

use super::evidence::{belief, is_enough, weigh};
use super::isotonic::{self, Level, pool};
use super::observation::sorted;
use super::platt;
use super::prior::{Line, MOST_LOG_ODDS, log_odds, probability};
use super::{Observation, Source};
use serde::{Deserialize, Serialize};

/// The curve of one model and one source of its confidence: straight between its knots, on the scale of log-odds, never
/// falling. Written as pairs of raw confidence and what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(f32, f32)>", into = "Vec<(f32, f32)>")]
pub struct Calibration {
    /// As they are written, so that what is read again is the same.
    knots: Vec<(f32, f32)>,
}

/// Observations from which the curve may leave the straight line.
const ENOUGH_FOR_LEVELS: f64 = 200.0;

/// Log-odds between the knots of a curve that is not a line.
const STEP: f64 = 0.5;

/// A knot that the curve passes this close by without it, in probability, is left out.
const CLOSE: f64 = 0.002;

impl Calibration {
    /// What holds for a source until something is observed.
    pub fn prior(source: Source) -> Self {
        let prior = Line::prior(source);
        Self::through(&[-MOST_LOG_ODDS, MOST_LOG_ODDS], |raw| prior.at(raw), |_| 1.0)
    }

    /// Fits a curve to observations of one model and source; those that say nothing are left out, and their order makes no
    /// difference.
    ///
    /// Below [`super::LEAST_EVIDENCE`], or where not one was right, it is the prior of the source. From there on it is
    /// Platt's line; with some hundreds, levels of confidence may leave the line by isotonic regression. Either counts only
    /// as far as there are observations near; elsewhere the prior holds. So upgrades, which end at their threshold, say
    /// nothing about what lies above, but that it is worth no less.
    pub fn fit(source: Source, observations: &[Observation]) -> Self {
        Self::of_sorted(source, &sorted(observations))
    }

    pub(super) fn of_sorted(source: Source, observations: &[Observation]) -> Self {
        let observations = weigh(observations);
        if !is_enough(&observations) {
            return Self::prior(source);
        }
        let prior = Line::prior(source);
        let line = platt::fit(&observations, prior);
        let levels = isotonic::fit(&observations, line);
        let leaves_line = observations.iter().map(|o| o.weight).sum::<f64>() >= ENOUGH_FOR_LEVELS;
        let residue = |level: &Level| Level { worth: level.worth - line.at(level.raw), ..*level };
        // How far the levels leave the line is carried from one to the next.
        let residues: Vec<Level> = levels.iter().filter(|_| leaves_line).map(residue).collect();
        let fitted = |raw: f64| line.at(raw) + between(&residues, raw);
        let worth = |raw: f64| prior.at(raw) + belief(&observations, raw) * (fitted(raw) - prior.at(raw));
        Self::through(&places(&levels), worth, |raw| belief(&observations, raw))
    }

    /// The curve through `worth` at these raw log-odds; where it would fall, what is believed more decides.
    fn through(places: &[f64], worth: impl Fn(f64) -> f64, belief: impl Fn(f64) -> f64) -> Self {
        let values = places.iter().map(|raw| {
            let bounded = worth(*raw).clamp(-MOST_LOG_ODDS, MOST_LOG_ODDS);
            (bounded, belief(*raw) + 1e-3)
        });
        let worths = pool(values);
        let knots = places.iter().zip(worths).map(|(raw, worth)| Level { raw: *raw, worth }).collect();
        let pair = |knot: Level| (probability(knot.raw) as f32, probability(knot.worth) as f32);
        let mut knots: Vec<(f32, f32)> = thinned(knots).into_iter().map(pair).collect();
        // Close to 1 two log-odds may be one number.
        knots.dedup_by_key(|(raw, _)| *raw);
        Self { knots }
    }

    /// What a raw confidence is worth: the probability that the answer is right, 0.0001 to 0.9999. What is no number of 0 to
    /// 1 is taken for the nearest, and what is no number at all for 0.
    pub fn apply(&self, raw: f32) -> f32 {
        let raw = if raw.is_nan() { 0.0 } else { raw };
        let after = self.knots.partition_point(|knot| knot.0 < raw);
        let level =
            |at: usize| self.knots.get(at).map(|(raw, worth)| Level { raw: log_odds(*raw), worth: log_odds(*worth) });
        match (after.checked_sub(1).and_then(level), level(after)) {
            (Some(a), Some(b)) => probability(straight(a, b, log_odds(raw))) as f32,
            // Below the first and above the last it is level.
            (None, _) => self.knots.first().map_or(0.5, |knot| knot.1),
            (_, None) => self.knots.last().map_or(0.5, |knot| knot.1),
        }
    }
}

/// Where a curve may bend: everywhere a little, and where the observations are.
fn places(levels: &[Level]) -> Vec<f64> {
    let steps = (MOST_LOG_ODDS / STEP) as i32;
    let mut places: Vec<f64> = (-steps..=steps).map(|i| f64::from(i) * STEP).collect();
    places.extend([-MOST_LOG_ODDS, MOST_LOG_ODDS]);
    places.extend(levels.iter().map(|level| level.raw));
    places.sort_unstable_by(f64::total_cmp);
    places.dedup();
    places
}

fn straight(a: Level, b: Level, raw: f64) -> f64 {
    a.worth + (raw - a.raw) * ((b.worth - a.worth) / (b.raw - a.raw))
}

/// The value at `raw`, straight between two levels, and that of the first and the last beyond them; 0 without any.
fn between(levels: &[Level], raw: f64) -> f64 {
    let after = levels.partition_point(|level| level.raw < raw);
    match (after.checked_sub(1).map(|before| levels[before]), levels.get(after)) {
        (Some(a), Some(b)) => straight(a, *b, raw),
        (Some(one), None) => one.worth,
        (None, Some(one)) => one.worth,
        (None, None) => 0.0,
    }
}

/// Without the knots that the others make up for (Douglas and Peucker, 1973).
fn thinned(knots: Vec<Level>) -> Vec<Level> {
    let mut kept = vec![false; knots.len()];
    let mut open = vec![(0, knots.len().saturating_sub(1))];
    while let Some((first, last)) = open.pop() {
        for end in [first, last] {
            if let Some(kept) = kept.get_mut(end) {
                *kept = true;
            }
        }
        let off = |i: usize| {
            let without = straight(knots[first], knots[last], knots[i].raw);
            (probability(without) - probability(knots[i].worth)).abs()
        };
        let worst = (first + 1..last).max_by(|a, b| off(*a).total_cmp(&off(*b)));
        if let Some(worst) = worst.filter(|worst| off(*worst) > CLOSE) {
            open.extend([(first, worst), (worst, last)]);
        }
    }
    knots.into_iter().zip(kept).filter_map(|(knot, kept)| kept.then_some(knot)).collect()
}

impl From<Calibration> for Vec<(f32, f32)> {
    fn from(calibration: Calibration) -> Self {
        calibration.knots
    }
}

impl TryFrom<Vec<(f32, f32)>> for Calibration {
    type Error = &'static str;

    /// What was stored is not trusted: a curve that falls would turn the order of answers around.
    fn try_from(knots: Vec<(f32, f32)>) -> Result<Self, Self::Error> {
        let inside = |p: f32| p > 0.0 && p < 1.0;
        if knots.is_empty() || !knots.iter().all(|(raw, worth)| inside(*raw) && inside(*worth)) {
            return Err("a calibration has knots between 0 and 1");
        }
        if !knots.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1) {
            return Err("a calibration has knots that rise");
        }
        Ok(Self { knots })
    }
}
