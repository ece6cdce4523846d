//! How long to wait before a request is sent again: the policy of the providers' own clients (openai-python
//! `_calculate_retry_timeout`, anthropic-sdk-python the same).

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(500);

/// No pause that we chose ourselves is longer.
const LONGEST: Duration = Duration::from_secs(8);

/// The share of a pause that chance may take away, so that many clients do not come back at once.
const JITTER: f64 = 0.25;

/// A provider that says it is overloaded is left alone at least so long.
pub const OVERLOADED: Duration = Duration::from_secs(30);

/// The pause after so many failures in a row (1 for the first), where the provider did not say how long: half a second,
/// doubled each time up to eight, minus up to a quarter as `random`, 0 to 1, says.
pub fn pause(failures: u32, random: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let random = if random.is_finite() { random.clamp(0.0, 1.0) } else { 0.0 };
    whole.mul_f64(1.0 - JITTER * random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pauses_double_up_to_eight_seconds() {
        let pauses = [1, 2, 3, 4, 5, 6, 99, u32::MAX].map(|n| pause(n, 0.0).as_millis());
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]);
        assert_eq!(pause(1, 1.0), Duration::from_millis(375));
    }

    proptest! {
        #[test]
        fn chance_takes_a_quarter_at_most(failures in any::<u32>(), random in any::<f64>()) {
            let (most, chosen) = (pause(failures, 0.0), pause(failures, random));
            prop_assert!(chosen <= most && chosen >= most.mul_f64(0.75));
        }
    }
}
