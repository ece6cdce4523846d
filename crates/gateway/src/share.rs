//! Who pays how much of a request: its inputs share the cost exactly, and those who asked pay for theirs.

use crate::store::Share;
use pg_categorize_core::frame::Asker;
use pg_categorize_core::money::Money;
use std::collections::BTreeMap;

/// An input of a request that was paid.
pub struct Paid<'a> {
    /// Who asked.
    pub asker: &'a Asker,
    /// Its part of the cost.
    pub cost: Money,
    /// Whether it was answered.
    pub answered: bool,
}

/// The shares of those who asked; they add up to the costs of the inputs.
pub fn shares<'a>(inputs: impl IntoIterator<Item = Paid<'a>>) -> Vec<Share> {
    let mut by_asker: BTreeMap<&Asker, Share> = BTreeMap::new();
    for input in inputs {
        let share = by_asker.entry(input.asker).or_insert_with(|| Share {
            asker: input.asker.clone(),
            inputs: 0,
            wasted: 0,
            cost: Money::ZERO,
        });
        share.inputs += 1;
        share.wasted += usize::from(!input.answered);
        share.cost = [share.cost, input.cost].into_iter().sum();
    }
    by_asker.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_add_up_to_the_cost_and_to_the_inputs(
            cost in 0_i64..1_000_000_000, who in proptest::collection::vec((0_usize..4, any::<bool>()), 1..60),
        ) {
            let askers = [0, 1, 2, 3].map(|query_id| Asker { query_id, ..Asker::default() });
            let costs = Money(cost).shares(who.len());
            let inputs = who.iter().zip(costs).map(|((asker, answered), cost)| {
                Paid { asker: &askers[*asker], cost, answered: *answered }
            });
            let shares = shares(inputs);
            prop_assert_eq!(shares.iter().map(|s| s.cost.0).sum::<i64>(), cost);
            prop_assert_eq!(shares.iter().map(|s| s.inputs).sum::<usize>(), who.len());
            prop_assert_eq!(shares.iter().map(|s| s.wasted).sum::<usize>(), who.iter().filter(|(_, a)| !a).count());
            for (i, asker) in askers.iter().enumerate() {
                let own = shares.iter().filter(|s| s.asker == *asker).map(|s| s.inputs).sum::<usize>();
                prop_assert_eq!(own, who.iter().filter(|(a, _)| *a == i).count());
            }
        }
    }
}
