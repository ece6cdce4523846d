//! Money as whole nano-dollars, and what tokens cost. Nothing here rounds but once, and then up.
//!
//! A budget that is kept "to the nano-dollar" cannot be kept in floating point: 0.1 has no exact binary form
//! (Goldberg 1991, "What Every Computer Scientist Should Know About Floating-Point Arithmetic").

use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;

/// Nano-dollars in one US dollar.
pub const NANO: i64 = 1_000_000_000;

/// An amount of US dollars, counted in nano-dollars. Up to 9.2 billion dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Money(pub i64);

/// A price of tokens: nano-dollars for one million of them. 0.10 dollars a million is `Rate(100_000_000)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rate(pub i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum, or `None` where it cannot be counted.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` where it cannot be counted.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Shares of an amount that is not negative, whose sum is the amount and of which no two differ by more than one
    /// nano-dollar; the first ones are the larger.
    pub fn shares(self, count: usize) -> Vec<Self> {
        let Ok(divisor) = i64::try_from(count) else { return Vec::new() };
        if divisor == 0 {
            return Vec::new();
        }
        let (each, rest) = (self.0 / divisor, self.0 % divisor);
        (0..divisor).map(|i| Self(each + i64::from(i < rest))).collect()
    }
}

/// What numbers of tokens cost at their rates, rounded up once for all of them; `None` where it cannot be counted.
pub fn cost(parts: &[(u64, Rate)]) -> Option<Money> {
    let mut sum: i128 = 0;
    for (tokens, rate) in parts {
        sum = sum.checked_add(i128::from(*tokens).checked_mul(i128::from(rate.0))?)?;
    }
    let million = 1_000_000;
    let up = sum.checked_add(million - 1)?.div_euclid(million);
    i64::try_from(up).ok().map(Money)
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.fold(0, |sum: i64, amount| sum.saturating_add(amount.0)))
    }
}

/// As people write dollars: `0.000000042`, without zeros at the end beyond the cents.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, nano) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let fraction = format!("{:09}", nano % NANO.unsigned_abs());
        let used = fraction.trim_end_matches('0').len().max(2);
        write!(f, "{sign}{}.{}", nano / NANO.unsigned_abs(), &fraction[..used])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cost_is_rounded_up_once() {
        // Half a nano-dollar a token, three times one token: 1.5, not 3.
        let half = Rate(500_000);
        assert_eq!(cost(&[(1, half), (1, half), (1, half)]), Some(Money(2)));
        assert_eq!(cost(&[(0, half)]), Some(Money::ZERO));
        // 1,310 tokens at 0.10 dollars a million and 7 at 0.50.
        assert_eq!(cost(&[(1310, Rate(100_000_000)), (7, Rate(500_000_000))]), Some(Money(134_500)));
        assert_eq!(cost(&[(u64::MAX, Rate(i64::MAX))]), None);
    }

    #[test]
    fn dollars_are_written_as_people_do() {
        let written = |nano| Money(nano).to_string();
        assert_eq!(
            [0, 42, 2 * NANO, -1_500_000_000, 50_000_000].map(written),
            ["0.00", "0.000000042", "2.00", "-1.50", "0.05"]
        );
        assert_eq!(Money(i64::MIN).to_string(), "-9223372036.854775808");
    }

    proptest! {
        #[test]
        fn shares_add_up_exactly_and_differ_by_one_at_most(amount in 0..=i64::MAX, count in 1_usize..1000) {
            let shares = Money(amount).shares(count);
            prop_assert_eq!(shares.len(), count);
            prop_assert_eq!(shares.iter().map(|s| i128::from(s.0)).sum::<i128>(), i128::from(amount));
            let (low, high) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            prop_assert!(high.0 - low.0 <= 1);
        }

        #[test]
        fn no_cost_is_below_the_exact_one_nor_a_nano_dollar_above(tokens in 0_u64..10_000_000, rate in 0_i64..50_000_000_000) {
            let exact = i128::from(tokens) * i128::from(rate);
            let charged = i128::from(cost(&[(tokens, Rate(rate))]).unwrap().0) * 1_000_000;
            prop_assert!(charged >= exact && charged - exact < 1_000_000);
        }
    }
}
