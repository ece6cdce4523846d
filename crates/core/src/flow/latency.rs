//! Percentiles of latencies in constant space: a histogram whose classes grow by a fixed factor, as HdrHistogram's do
//! (hdrhistogram.org). What is older counts less: all classes are halved when they hold many.

use std::time::Duration;

/// Classes in a doubling: a percentile is at most a fifth too high.
const PER_DOUBLING: f64 = 4.0;

/// The upper end of the first class, in seconds.
const SHORTEST: f64 = 0.0001;

/// Twenty-one doublings: up to 200 seconds.
const CLASSES: usize = 85;

/// Latencies remembered before they fade.
const MANY: u32 = 1000;

/// The latencies of one provider and model.
#[derive(Debug, Clone)]
pub struct Latency {
    classes: [u32; CLASSES],
    total: u32,
}

impl Default for Latency {
    fn default() -> Self {
        Self { classes: [0; CLASSES], total: 0 }
    }
}

impl Latency {
    /// Counts one.
    pub fn record(&mut self, latency: Duration) {
        if self.total >= MANY {
            self.classes.iter_mut().for_each(|count| *count /= 2);
            self.total = self.classes.iter().sum();
        }
        let class = ((latency.as_secs_f64() / SHORTEST).max(1.0).log2() * PER_DOUBLING).ceil();
        self.classes[(class as usize).min(CLASSES - 1)] += 1;
        self.total += 1;
    }

    /// The time within which this share of them, 0 to 1, was answered; `None` where there are none.
    pub fn percentile(&self, share: f64) -> Option<Duration> {
        let rank = (f64::from(self.total) * share).ceil().max(1.0) as u32;
        let mut below = 0;
        let class = self.classes.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        Some(Duration::from_secs_f64(SHORTEST * (class as f64 / PER_DOUBLING).exp2()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Latency::default().percentile(0.5), None);
    }

    #[test]
    fn what_is_old_fades() {
        let mut latency = Latency::default();
        (0..5000).for_each(|_| latency.record(Duration::from_secs(10)));
        (0..2500).for_each(|_| latency.record(Duration::from_millis(10)));
        assert!(latency.percentile(0.5).unwrap() < Duration::from_millis(13));
    }

    proptest! {
        #[test]
        fn a_percentile_is_that_of_the_sorted_list_or_a_fifth_more(
            mut millis in proptest::collection::vec(1_u64..150_000, 1..500), share in 0.0_f64..1.0,
        ) {
            let mut latency = Latency::default();
            millis.iter().for_each(|ms| latency.record(Duration::from_millis(*ms)));
            millis.sort_unstable();
            let rank = ((millis.len() as f64 * share).ceil() as usize).max(1);
            let (exact, told) = (millis[rank - 1] as f64, latency.percentile(share).unwrap().as_secs_f64() * 1000.0);
            prop_assert!(told >= exact * 0.999 && told <= exact * 1.2, "{told} for {exact}");
        }

        #[test]
        fn no_latency_makes_it_panic(nanos in any::<u64>(), share in any::<f64>()) {
            let mut latency = Latency::default();
            latency.record(Duration::from_nanos(nanos));
            _ = latency.percentile(share);
        }
    }
}
