//! From the scores of all classes to the few best, and what the first rests on.

use super::calibration::Signs;
use super::solver::{LANES, Lanes};

/// Guesses of a prediction.
pub(super) const GUESSES: usize = 3;

/// The best classes of one text by score, and what the first rests on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranked {
    pub(super) classes: [usize; GUESSES],
    pub(super) scores: [f32; GUESSES],
    pub(super) signs: Signs,
}

/// The three best classes, and what the first rests on.
#[inline(always)]
pub(super) fn best(scores: &[Lanes], inverse_temperature: f32, known: f32) -> Ranked {
    let mut ranked = Ranked { classes: [0; GUESSES], scores: [f32::MIN; GUESSES], signs: Signs::default() };
    for (block, lanes) in scores.iter().enumerate() {
        let mut largest = lanes.0[0];
        for lane in 1..LANES {
            largest = if lanes.0[lane] > largest { lanes.0[lane] } else { largest };
        }
        if largest <= ranked.scores[GUESSES - 1] {
            continue;
        }
        for (lane, score) in lanes.0.into_iter().enumerate() {
            let mut at = GUESSES;
            while at > 0 && score > ranked.scores[at - 1] {
                at -= 1;
            }
            if at < GUESSES {
                ranked.scores.copy_within(at..GUESSES - 1, at + 1);
                ranked.classes.copy_within(at..GUESSES - 1, at + 1);
                (ranked.scores[at], ranked.classes[at]) = (score, block * LANES + lane);
            }
        }
    }
    let top = ranked.scores[0];
    let mut sums = [0.0f32; LANES];
    for lanes in scores {
        for (sum, score) in sums.iter_mut().zip(lanes.0) {
            *sum += fast_exp((score - top) * inverse_temperature);
        }
    }
    let others = (sums.iter().sum::<f32>() - 1.0).max(1e-9);
    ranked.signs = Signs { log_odds: -others.ln(), margin: top - ranked.scores[1], known };
    ranked
}

/// e to the power of a number that is not positive, to six digits: a polynomial of degree five on 2^x between -1/2 and 1/2,
/// so that sixteen of them take a few instructions.
#[inline(always)]
fn fast_exp(x: f32) -> f32 {
    /// Adding and taking away 1.5 * 2^23 rounds to the nearest integer, which is left in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let power = x.max(-87.0) * std::f32::consts::LOG2_E;
    let rounded = power + ROUND;
    let rest = power - (rounded - ROUND);
    let tail = 0.009_618_129 + rest * 0.001_333_355_8;
    let polynomial = 1.0 + rest * (std::f32::consts::LN_2 + rest * (0.240_226_5 + rest * (0.055_504_11 + rest * tail)));
    polynomial * f32::from_bits((rounded.to_bits() << 23).wrapping_add(0x3f80_0000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_wherever_they_stand() {
        let mut scores = vec![Lanes([-1.0; LANES]); 3];
        (scores[2].0[5], scores[0].0[15], scores[1].0[0]) = (0.9, 0.4, 0.5);
        let ranked = best(&scores, 5.0, 1.0);
        assert_eq!(ranked.classes, [37, 16, 15]);
        assert_eq!(ranked.scores, [0.9, 0.5, 0.4]);
        assert!((ranked.signs.margin - 0.4).abs() < 1e-6);
        let others: f32 = (-2.0f32).exp() + (-2.5f32).exp() + 45.0 * (-9.5f32).exp();
        assert!((ranked.signs.log_odds + others.ln()).abs() < 1e-4, "{}", ranked.signs.log_odds);
    }

    #[test]
    fn the_quick_exponential_is_right_to_six_digits() {
        for i in 0..9000 {
            let x = -(i as f32) / 100.0;
            let exact = x.max(-87.0).exp();
            assert!((fast_exp(x) / exact - 1.0).abs() < 1e-5, "{x}: {} for {exact}", fast_exp(x));
        }
    }
}
