//! Whether money may be set aside, and what becomes of it. What is settled and reserved never exceeds a limit.

use crate::money::Money;

/// What one period of one scope holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// What was spent.
    pub settled: Money,
    /// What is set aside: under way or in doubt, at its worst case.
    pub reserved: Money,
}

impl Account {
    /// What counts against a limit; `None` where it cannot be counted.
    pub fn used(&self) -> Option<Money> {
        self.settled.plus(self.reserved)
    }

    /// What a limit leaves.
    pub fn left(&self, limit: Money) -> Money {
        self.used().and_then(|used| limit.minus(used)).map_or(Money::ZERO, |left| left.max(Money::ZERO))
    }

    /// Whether so much may still be set aside.
    pub fn admits(&self, worst: Money, limit: Money) -> bool {
        worst >= Money::ZERO && self.used().and_then(|used| used.plus(worst)).is_some_and(|sum| sum <= limit)
    }

    /// Whether so large a part of a limit is used that only what needs it most should be asked.
    pub fn is_soft(&self, limit: Money, ratio: f32) -> bool {
        let used = self.used().map_or(f64::INFINITY, |used| used.0 as f64);
        // Where nothing is spent, what costs nothing is not held back.
        used > 0.0 && used >= limit.0 as f64 * f64::from(ratio)
    }

    /// After a movement.
    pub fn after(&self, movement: Movement) -> Self {
        Self {
            settled: Money(self.settled.0.saturating_add(movement.settled.0)),
            reserved: Money(self.reserved.0.saturating_add(movement.reserved.0)),
        }
    }
}

/// How an account changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Movement {
    /// What is added to what was spent.
    pub settled: Money,
    /// What is added to what is set aside.
    pub reserved: Money,
}

impl Movement {
    /// A worst case is set aside.
    pub fn reserve(worst: Money) -> Self {
        Self { settled: Money::ZERO, reserved: worst }
    }

    /// It did cost this, which may be more.
    pub fn settle(worst: Money, cost: Money) -> Self {
        Self { settled: cost, reserved: Money(-worst.0) }
    }

    /// It cost nothing.
    pub fn release(worst: Money) -> Self {
        Self::settle(worst, Money::ZERO)
    }
}

/// A cost as it is booked: within what was reserved, and beyond it.
///
/// Of each payer's share the first number is the part within; together they are the smaller of cost and reservation.
pub fn within_and_beyond(shares: &[Money], reserved: Money) -> Vec<(Money, Money)> {
    let mut left = reserved.max(Money::ZERO);
    let split = |share: &Money| {
        let within = (*share).min(left);
        left = Money(left.0 - within.0);
        (within, Money(share.0 - within.0))
    };
    shares.iter().map(split).collect()
}

/// How much a database takes from an amount that all databases share, beyond what it holds: what it `needs`, or one
/// hundredth of what nobody holds where that is more. `None` where not enough is left.
///
/// A part that is larger makes the file busy less often; one hundredth at most can be out of others' reach unused.
pub fn lease(limit: Money, held_by_all: Money, needs: Money) -> Option<Money> {
    let left = limit.minus(held_by_all).filter(|left| *left >= needs)?;
    Some(needs.max(Money(left.0 / 100)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_nano_dollar_may_be_spent_and_no_more() {
        let account = Account { settled: Money(60), reserved: Money(30) };
        assert!(account.admits(Money(10), Money(100)));
        assert!(!account.admits(Money(11), Money(100)));
        assert_eq!(account.left(Money(100)), Money(10));
        assert_eq!(account.left(Money(50)), Money::ZERO);
        assert!(!account.admits(Money(i64::MAX), Money(i64::MAX)));
        assert!(!account.admits(Money(-1), Money(100)));
        assert!(!Account::default().admits(Money(1), Money::ZERO));
        assert!(account.is_soft(Money(100), 0.9) && !account.is_soft(Money(101), 0.9));
    }

    #[test]
    fn a_cost_above_its_reservation_is_booked_in_two_parts() {
        let shares = [Money(40), Money(40), Money(40)];
        let split = within_and_beyond(&shares, Money(100));
        assert_eq!(split, [(Money(40), Money(0)), (Money(40), Money(0)), (Money(20), Money(20))]);
    }

    /// One step of many sessions at once: an attempt begins, or one that is open ends somehow.
    #[derive(Debug, Clone)]
    enum Step {
        Reserve(i64),
        Settle(usize, u8),
        Release(usize),
        Doubt(usize),
        Expire(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0_i64..500).prop_map(Step::Reserve),
            2 => (any::<usize>(), 0_u8..=100).prop_map(|(at, share)| Step::Settle(at, share)),
            1 => any::<usize>().prop_map(Step::Release),
            1 => any::<usize>().prop_map(Step::Doubt),
            1 => any::<usize>().prop_map(Step::Expire),
        ]
    }

    proptest! {
        #[test]
        fn no_order_of_events_exceeds_the_limit(
            limit in 0_i64..2000, steps in proptest::collection::vec(step(), 0..200),
        ) {
            let mut account = Account::default();
            let (mut open, mut doubtful, mut spent) = (Vec::new(), Vec::new(), 0);
            for step in steps {
                let movement = match step {
                    Step::Reserve(worst) if account.admits(Money(worst), Money(limit)) => {
                        open.push(worst);
                        Movement::reserve(Money(worst))
                    }
                    Step::Settle(at, share) if !open.is_empty() => {
                        let worst = open.swap_remove(at % open.len());
                        let cost = worst * i64::from(share) / 100;
                        spent += cost;
                        Movement::settle(Money(worst), Money(cost))
                    }
                    Step::Release(at) if !open.is_empty() => {
                        Movement::release(Money(open.swap_remove(at % open.len())))
                    }
                    Step::Doubt(at) if !open.is_empty() => {
                        doubtful.push(open.swap_remove(at % open.len()));
                        Movement::default()
                    }
                    Step::Expire(at) if !doubtful.is_empty() => {
                        let worst = doubtful.swap_remove(at % doubtful.len());
                        spent += worst;
                        Movement::settle(Money(worst), Money(worst))
                    }
                    _ => Movement::default(),
                };
                account = account.after(movement);
                prop_assert!(account.used().unwrap() <= Money(limit));
                prop_assert_eq!(account.settled, Money(spent));
                let set_aside: i64 = open.iter().chain(&doubtful).sum();
                prop_assert_eq!(account.reserved, Money(set_aside));
            }
        }

        #[test]
        fn a_split_cost_adds_up(shares in proptest::collection::vec(0_i64..1000, 1..20), reserved in 0_i64..5000) {
            let shares: Vec<Money> = shares.into_iter().map(Money).collect();
            let split = within_and_beyond(&shares, Money(reserved));
            let cost: Money = shares.iter().copied().sum();
            prop_assert_eq!(split.iter().map(|s| s.0).sum::<Money>(), cost.min(Money(reserved)));
            for (share, (within, beyond)) in shares.iter().zip(split) {
                prop_assert_eq!(within.plus(beyond), Some(*share));
            }
        }

        #[test]
        fn databases_together_never_hold_more_than_the_limit(
            limit in 0_i64..10_000, needs in proptest::collection::vec((0_usize..4, 1_i64..300), 0..200),
        ) {
            let mut held = [0_i64; 4];
            for (database, needs) in needs {
                let all = Money(held.iter().sum());
                match lease(Money(limit), all, Money(needs)) {
                    Some(part) => {
                        prop_assert!(part >= Money(needs));
                        held[database] += part.0;
                    }
                    None => prop_assert!(all.0 + needs > limit),
                }
                prop_assert!(held.iter().sum::<i64>() <= limit);
            }
        }
    }
}
