//! Limits of requests and tokens a minute, and moments before which a provider does not want to be asked.
//!
//! The generic cell rate algorithm (ITU-T I.371, annex A, "virtual scheduling"): one moment, the theoretical arrival
//! time, stands for a whole bucket of tokens. A tenth of the minute's amount may go at once, and the pace is such that no
//! minute, wherever it begins, sees more than the limit.

use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// One amount a minute.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    /// `None` where there is no limit, or none known.
    per_minute: Option<u64>,
    /// When the bucket is full again.
    arrival: Duration,
}

impl Rate {
    /// What may go at once, and the time that one takes.
    fn pace(per_minute: u64) -> (u64, Duration) {
        let burst = per_minute.div_ceil(10).max(1);
        // Rounded up: a nanosecond too short lets one too many into a minute.
        let each = MINUTE.as_nanos().div_ceil(u128::from(per_minute.max(1) - burst + 1));
        (burst, Duration::from_nanos(u64::try_from(each).unwrap_or(u64::MAX).max(1)))
    }

    fn wait(&self, now: Duration, amount: u64) -> Duration {
        let Some(per_minute) = self.per_minute else { return Duration::ZERO };
        let (burst, each) = Self::pace(per_minute);
        // What is larger than the bucket goes when the bucket is full, and the others wait for it afterwards.
        let slack = times(each, burst - amount.clamp(1, burst));
        self.arrival.saturating_sub(now.saturating_add(slack))
    }

    fn take(&mut self, at: Duration, amount: u64) {
        if let Some(per_minute) = self.per_minute {
            let (_, each) = Self::pace(per_minute);
            self.arrival = self.arrival.max(at).saturating_add(times(each, amount));
        }
    }
}

fn times(each: Duration, amount: u64) -> Duration {
    let nanos = each.as_nanos().saturating_mul(u128::from(amount));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// When requests may be sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limiter {
    requests: Rate,
    tokens: Rate,
    held_until: Duration,
}

impl Limiter {
    /// How long a request of so many tokens has to wait from `now` on.
    pub fn wait(&self, now: Duration, tokens: u64) -> Duration {
        self.held(now).max(self.requests.wait(now, 1)).max(self.tokens.wait(now, tokens))
    }

    /// The same, where requests of so many tokens each are about to be counted before it, in this order. Their sums would not
    /// do: a request that waits for tokens goes later, and so do the requests after it.
    pub fn wait_behind(&self, now: Duration, ahead: &[u64], tokens: u64) -> Duration {
        let mut later = *self;
        if self.requests.per_minute.is_some() || self.tokens.per_minute.is_some() {
            ahead.iter().for_each(|amount| later.take(now, *amount));
        }
        later.wait(now, tokens)
    }

    /// Counts a request that will be sent once it has waited; who asks next waits for this one, too.
    pub fn take(&mut self, now: Duration, tokens: u64) {
        let at = now.saturating_add(self.wait(now, tokens));
        self.requests.take(at, 1);
        self.tokens.take(at, tokens);
    }

    /// Sets the limits; `None` leaves what is known.
    pub fn limit(&mut self, requests_per_minute: Option<u64>, tokens_per_minute: Option<u64>) {
        self.requests.per_minute = requests_per_minute.filter(|n| *n > 0).or(self.requests.per_minute);
        self.tokens.per_minute = tokens_per_minute.filter(|n| *n > 0).or(self.tokens.per_minute);
    }

    /// Forgets the limits, not the moment before which nothing is sent.
    pub fn unlimit(&mut self) {
        self.requests.per_minute = None;
        self.tokens.per_minute = None;
    }

    /// Nothing is sent before `until`. An earlier moment than one already known changes nothing.
    pub fn hold(&mut self, until: Duration) {
        self.held_until = self.held_until.max(until);
    }

    /// For how long from `now` on nothing at all is sent.
    pub fn held(&self, now: Duration) -> Duration {
        self.held_until.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limited(requests: u64, tokens: u64) -> Limiter {
        let mut limiter = Limiter::default();
        limiter.limit(Some(requests), Some(tokens));
        limiter
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let mut limiter = Limiter::default();
        limiter.take(Duration::ZERO, u64::MAX);
        limiter.limit(None, Some(0));
        limiter.limit(Some(1), Some(1));
        limiter.unlimit();
        assert_eq!(limiter.wait(Duration::ZERO, u64::MAX), Duration::ZERO);
    }

    #[test]
    fn a_hold_lasts_and_is_never_shortened() {
        let mut limiter = Limiter::default();
        limiter.hold(Duration::from_secs(20));
        limiter.hold(Duration::from_secs(5));
        assert_eq!(limiter.wait(Duration::from_secs(6), 1), Duration::from_secs(14));
        assert_eq!(limiter.wait(Duration::from_secs(20), 1), Duration::ZERO);
    }

    #[test]
    fn what_is_larger_than_a_minute_goes_alone_and_is_paid_for_afterwards() {
        let mut limiter = limited(1000, 100);
        assert_eq!(limiter.wait(Duration::ZERO, 500), Duration::ZERO);
        limiter.take(Duration::ZERO, 500);
        assert!(limiter.wait(Duration::ZERO, 1) > Duration::from_secs(250));
    }

    proptest! {
        /// Whoever asks whenever: no minute sees more requests or tokens than allowed, and the limit is nearly reached.
        #[test]
        fn no_minute_sees_more_than_the_limit(
            requests in 1_u64..200, tokens in 1000_u64..5000, amounts in proptest::collection::vec(1_u64..100, 300),
            pauses in proptest::collection::vec(0_u64..300, 300),
        ) {
            let (mut limiter, mut now, mut sent) = (limited(requests, tokens), Duration::ZERO, Vec::new());
            for (amount, pause) in amounts.into_iter().zip(pauses) {
                now += Duration::from_millis(pause);
                let at = now + limiter.wait(now, amount);
                limiter.take(now, amount);
                sent.push((at, amount));
            }
            prop_assert!(sent.is_sorted_by_key(|(at, _)| *at));
            for (i, (from, _)) in sent.iter().enumerate() {
                let minute = sent[i..].iter().take_while(|(at, _)| *at < *from + MINUTE);
                let (count, sum) = minute.fold((0, 0), |(count, sum), (_, amount)| (count + 1, sum + amount));
                prop_assert!(count <= requests && sum <= tokens, "{count} of {requests}, {sum} of {tokens}");
            }
        }

        /// Whoever was counted before, and whatever is held back: who is behind others goes when they have gone, as if each
        /// of them had been counted in its turn; and nothing was counted by asking.
        #[test]
        fn who_is_behind_others_waits_as_if_they_were_counted(
            requests in proptest::option::of(1_u64..200), tokens in proptest::option::of(1000_u64..5000),
            before in proptest::collection::vec((1_u64..100, 0_u64..3000), 0..30),
            ahead in proptest::collection::vec(1_u64..1000, 0..30), own in 1_u64..6000, held in 0_u64..100,
        ) {
            let (mut limiter, mut now) = (Limiter::default(), Duration::ZERO);
            limiter.limit(requests, tokens);
            for (amount, pause) in before {
                now += Duration::from_millis(pause);
                limiter.take(now, amount);
            }
            limiter.hold(Duration::from_secs(held));
            let (alone, behind) = (limiter.wait(now, own), limiter.wait_behind(now, &ahead, own));
            prop_assert!(behind >= alone);
            prop_assert_eq!(limiter.wait(now, own), alone);
            let mut goes = Vec::new();
            for amount in &ahead {
                goes.push(limiter.wait(now, *amount));
                limiter.take(now, *amount);
            }
            prop_assert_eq!(behind, limiter.wait(now, own));
            prop_assert!(goes.iter().all(|before| *before <= behind), "{goes:?} before {behind:?}");
        }

        #[test]
        fn a_stream_that_never_ends_gets_most_of_its_limit(requests in 20_u64..2000) {
            let (mut limiter, mut count) = (limited(requests, 1 << 40), 0);
            while limiter.wait(Duration::ZERO, 1) < MINUTE {
                limiter.take(Duration::ZERO, 1);
                count += 1;
            }
            prop_assert!(count <= requests && count >= requests - 1, "{count} of {requests}");
        }
    }
}
