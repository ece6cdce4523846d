//! Bulk runs: what may still be bought under a limit, and what a sample tells of a whole table.

use crate::money::Money;
use std::collections::{BTreeMap, BTreeSet};

/// Inputs that are bought before it is known what one can cost.
const FIRST: i32 = 10;

/// An input may be asked about twice: a failed request is tried again, and an unsure answer goes to a stronger model.
const REQUESTS: i64 = 2;

/// What a claim of a run may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// Buy so many inputs, which cost no more than this if none costs more than the dearest so far.
    Buy {
        /// How many.
        inputs: i32,
        /// What is set aside for them.
        at_most: Money,
    },
    /// What others may spend, or what is not settled yet, may leave something.
    Wait,
    /// Nothing is left.
    Spent,
}

impl Allowance {
    /// What the claim has set aside from now on. Who waits holds nothing: what it bought before is settled or reserved by now, and two
    /// that wait must not wait for what the other has no use for.
    #[must_use]
    pub const fn set_aside(self) -> Money {
        match self {
            Self::Buy { at_most, .. } => at_most,
            Self::Wait | Self::Spent => Money(0),
        }
    }
}

/// What may be bought of `inputs`. `spent` is what is settled, in doubt and under way at its worst case, with what other claims may
/// still spend; `open` whether some of it may be given back; `dearest` the highest worst case of one input in a request so far.
#[must_use]
pub fn allowance(limit: Money, spent: Money, dearest: Option<Money>, open: bool, inputs: i32) -> Allowance {
    let left = limit.0.saturating_sub(spent.0);
    if inputs <= 0 {
        return Allowance::Buy { inputs: 0, at_most: Money(0) };
    }
    let few = if open { Allowance::Wait } else { Allowance::Spent };
    if left <= 0 {
        return few;
    }
    let Some(dearest) = dearest else {
        // All that is left is set aside: nobody else may buy until it is known what one costs.
        return if open { Allowance::Wait } else { Allowance::Buy { inputs: inputs.min(FIRST), at_most: Money(left) } };
    };
    let each = dearest.0.max(1).saturating_mul(REQUESTS);
    let affordable = i32::try_from(left / each).unwrap_or(i32::MAX).min(inputs);
    match affordable {
        0 => few,
        inputs => Allowance::Buy { inputs, at_most: Money(each.saturating_mul(i64::from(inputs))) },
    }
}

/// How many rows each source answered; a row of none is counted as no row of a tier.
pub fn tally<'a>(sources: impl Iterator<Item = (Option<&'a str>, i64)>) -> BTreeMap<&'a str, i64> {
    let mut tiers = BTreeMap::new();
    for (source, rows) in sources {
        if let Some(source) = source {
            *tiers.entry(source).or_default() += rows;
        }
    }
    tiers
}

/// One distinct input of a sample.
#[derive(Debug, Clone)]
pub struct Sampled {
    /// The tier that answers it for nothing, or `unresolved`.
    pub source: String,
    /// Rows that have it.
    pub rows: i64,
    /// What it shares with texts like it.
    pub sketch: String,
}

/// What a dry run tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Rows by the tier that answers them, or `unresolved`.
    pub tiers: BTreeMap<String, i64>,
    /// The least and the most that buying the rest is expected to cost.
    pub price: Option<(Money, Money)>,
}

/// What a sample says of `rows` with so many distinct `inputs`. `prices` are what an input cost of late, and the most that one
/// can cost. At least, one text of each group of open texts that are alike is bought, and answers for the others; at most, every
/// open text is.
#[must_use]
pub fn survey(rows: i64, inputs: i64, sample: &[Sampled], prices: Option<(Money, Money)>) -> Survey {
    let sampled_rows: i64 = sample.iter().map(|s| s.rows).sum();
    let scaled = |part: i64, of: i64, whole: i64| (part as f64 / of.max(1) as f64 * whole as f64).round() as i64;
    let tiers = tally(sample.iter().map(|s| (Some(s.source.as_str()), s.rows)));
    let tiers = tiers.into_iter().map(|(tier, n)| (tier.to_owned(), scaled(n, sampled_rows, rows))).collect();
    let open: Vec<&Sampled> = sample.iter().filter(|s| s.source == "unresolved").collect();
    let groups: BTreeSet<&str> = open.iter().map(|s| s.sketch.as_str()).collect();
    let price = prices.map(|(usual, worst)| {
        let all =
            |count: usize, each: Money| Money(scaled(count as i64, sample.len() as i64, inputs).saturating_mul(each.0));
        (all(groups.len(), usual), all(open.len(), worst))
    });
    Survey { tiers, price }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A claim of a run: inputs that it has to ask about, what it has set aside, and how many of its inputs are under way.
    struct Claim {
        inputs: i32,
        set_aside: Money,
        under_way: i32,
    }

    /// A run of several claims, where a request reserves `worst` an input and costs `cost`.
    struct Run {
        limit: i64,
        worst: i64,
        cost: i64,
        settled: i64,
        bought: i32,
        asked: bool,
        claims: Vec<Claim>,
    }

    impl Run {
        /// Claim `at` goes on: what it has under way ends, or it asks what it may buy; whether anything came of that.
        fn turn(&mut self, at: usize) -> bool {
            let under_way = std::mem::take(&mut self.claims[at].under_way);
            if under_way > 0 {
                self.settled += i64::from(under_way) * self.cost;
                self.close_if_done(at);
                return true;
            }
            if self.claims[at].inputs == 0 {
                return false;
            }
            let others = || self.claims.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, claim)| claim);
            let reserved: i64 = others().map(|claim| i64::from(claim.under_way) * self.worst).sum();
            let set_aside: i64 = others().map(|claim| claim.set_aside.0).sum();
            let (spent, open) = (Money(self.settled + reserved + set_aside), reserved > 0 || set_aside > 0);
            let dearest = self.asked.then_some(Money(self.worst));
            let allowance = allowance(Money(self.limit), spent, dearest, open, self.claims[at].inputs);
            let claim = &mut self.claims[at];
            claim.set_aside = allowance.set_aside();
            match allowance {
                Allowance::Buy { inputs, .. } => {
                    claim.inputs -= inputs;
                    claim.under_way = inputs;
                    self.bought += inputs;
                    self.asked = true;
                }
                Allowance::Wait => return false,
                Allowance::Spent => claim.inputs = 0,
            }
            self.close_if_done(at);
            true
        }

        fn close_if_done(&mut self, at: usize) {
            let claim = &mut self.claims[at];
            if claim.inputs == 0 && claim.under_way == 0 {
                claim.set_aside = Money(0);
            }
        }

        fn is_done(&self) -> bool {
            self.claims.iter().all(|claim| claim.inputs == 0 && claim.under_way == 0)
        }
    }

    proptest! {
        #[test]
        fn claims_that_wait_for_each_other_spend_the_limit_and_end(
            limit in 0_i64..5000,
            worst in 1_i64..60,
            share in 0_i64..=200,
            inputs in proptest::collection::vec(1_i32..60, 1..6),
            turns in proptest::collection::vec(any::<proptest::sample::Index>(), 0..200),
        ) {
            let cost = worst * share / 100;
            let wanted: i32 = inputs.iter().sum();
            let claims: Vec<_> =
                inputs.into_iter().map(|inputs| Claim { inputs, set_aside: Money(0), under_way: 0 }).collect();
            let count = claims.len();
            let mut run = Run { limit, worst, cost, settled: 0, bought: 0, asked: false, claims };
            for turn in turns {
                run.turn(turn.index(count));
            }
            while !run.is_done() {
                let moved = (0..count).filter(|at| run.turn(*at)).count();
                prop_assert!(moved > 0, "all wait for each other");
            }
            prop_assert!(run.settled <= limit.max(i64::from(FIRST) * cost), "{} of {limit}", run.settled);
            prop_assert!(run.bought == wanted || limit - run.settled < REQUESTS * worst, "{} of {limit}", run.settled);
        }
    }

    #[test]
    fn what_is_bought_keeps_to_what_is_left() {
        let buy = |inputs, at_most| Allowance::Buy { inputs, at_most: Money(at_most) };
        let allow = |limit, spent, dearest: Option<i64>, open, inputs| {
            allowance(Money(limit), Money(spent), dearest.map(Money), open, inputs)
        };
        assert_eq!(allow(1000, 0, None, false, 500), buy(10, 1000));
        assert_eq!(allow(1000, 0, None, false, 3), buy(3, 1000));
        // Nobody buys beside the first, and nobody while the first is under way.
        assert_eq!(allow(1000, 0, None, true, 3), Allowance::Wait);
        assert_eq!(allow(1000, 0, Some(5), false, 500), buy(100, 1000));
        assert_eq!(allow(1000, 900, Some(5), true, 500), buy(10, 100));
        assert_eq!(allow(1000, 995, Some(5), true, 500), Allowance::Wait);
        assert_eq!(allow(1000, 995, Some(5), false, 500), Allowance::Spent);
        assert_eq!(allow(0, 0, None, false, 1), Allowance::Spent);
        assert_eq!(allow(1000, 5000, Some(5), false, 1), Allowance::Spent);
        // What is free is bought without end, and nothing overflows.
        assert_eq!(allow(1000, 0, Some(0), false, 500), buy(500, 1000));
        assert_eq!(allow(i64::MAX, i64::MIN, Some(i64::MAX), false, 500), buy(1, i64::MAX));
        assert_eq!(allow(1000, 1000, Some(5), false, 0), buy(0, 0));
    }

    #[test]
    fn a_sample_stands_for_the_table() {
        let sampled = |source: &str, rows, sketch: &str| Sampled { source: source.into(), rows, sketch: sketch.into() };
        let sample = [
            sampled("cache", 6, "a"),
            sampled("unresolved", 2, "b"),
            sampled("unresolved", 1, "b"),
            sampled("unresolved", 1, "c"),
        ];
        let told = survey(1000, 40, &sample, Some((Money(10), Money(100))));
        assert_eq!(told.tiers, BTreeMap::from([("cache".to_owned(), 600), ("unresolved".to_owned(), 400)]));
        // Of 40 distinct inputs 30 are open, in 20 groups.
        assert_eq!(told.price, Some((Money(200), Money(3000))));
        assert_eq!(survey(0, 0, &[], None), Survey { tiers: BTreeMap::new(), price: None });
    }

    #[test]
    fn sources_are_counted() {
        let tiers = tally([(Some("llm"), 1), (None, 1), (Some("llm"), 2)].into_iter());
        assert_eq!(tiers, BTreeMap::from([("llm", 3)]));
    }
}
