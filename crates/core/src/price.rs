//! Prices of models, the most that a request can cost, and what it did cost.

use crate::money::{Money, Rate, cost};
use serde::{Deserialize, Serialize};

/// Rates of one model in force at one moment, in nano-dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// The rates of a prompt of usual length.
    pub rates: Rates,
    /// From how many input tokens on a prompt is long, and its rates: they then hold for the whole request.
    pub long: Option<(u64, Rates)>,
}

/// What tokens of each kind cost. Kinds that a provider does not tell apart cost what plain input costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Input that is neither read from nor written to a cache.
    pub input: Rate,
    /// Input that was read from the provider's cache.
    pub cached_input: Rate,
    /// Input that was written to its short-lived cache (minutes).
    pub cache_write: Rate,
    /// Input that was written to its long-lived cache (an hour and more).
    pub cache_write_long: Rate,
    /// Output, thinking included.
    pub output: Rate,
}

/// Tokens that a provider charged. Each is counted in one field only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Plain input.
    pub input: u64,
    /// Input read from the cache.
    pub cached_input: u64,
    /// Input written to the short-lived cache.
    pub cache_write: u64,
    /// Input written to the long-lived cache.
    pub cache_write_long: u64,
    /// Output, thinking included.
    pub output: u64,
}

impl Rates {
    /// The dearest rate at which input can be charged.
    pub fn dearest_input(&self) -> Rate {
        self.input.max(self.cached_input).max(self.cache_write).max(self.cache_write_long)
    }
}

impl Price {
    /// The most that a request of at most so many tokens can cost: all input at the dearest rate that can apply, all output
    /// that it may write. `None` where it cannot be counted.
    pub fn worst_case(&self, input_bound: u64, output_bound: u64) -> Option<Money> {
        let of = |rates: &Rates| cost(&[(input_bound, rates.dearest_input()), (output_bound, rates.output)]);
        let usual = of(&self.rates)?;
        match self.long {
            // A bound above the limit does not say that the prompt is long: either rate may be the dearer.
            Some((above, rates)) if input_bound > above => Some(usual.max(of(&rates)?)),
            _ => Some(usual),
        }
    }

    /// The price of the same in batches, where plain input and output cost this: all input costs what plain input does, since no
    /// provider promises its cache to batches, and what is dearer in long prompts is dearer by as much. `None` where it cannot
    /// be counted.
    pub fn in_batches(&self, input: Rate, output: Rate) -> Option<Self> {
        let of = |input: Rate, output: Rate| Rates {
            input,
            cached_input: input,
            cache_write: input,
            cache_write_long: input,
            output,
        };
        // Rounded up: what is set aside must not be less than what it costs.
        let scaled = |rate: Rate, batch: Rate, live: Rate| {
            let product = i128::from(rate.0) * i128::from(batch.0);
            let live = i128::from(live.0).max(1);
            i64::try_from((product + live - 1) / live).ok().map(Rate)
        };
        let long = match &self.long {
            Some((above, long)) => {
                let long_input = scaled(long.input, input, self.rates.input)?;
                Some((*above, of(long_input, scaled(long.output, output, self.rates.output)?)))
            }
            None => None,
        };
        Some(Self { rates: of(input, output), long })
    }

    /// What a request cost, rounded up once; `None` where it cannot be counted.
    pub fn cost(&self, usage: &Usage) -> Option<Money> {
        let input = [usage.input, usage.cached_input, usage.cache_write, usage.cache_write_long]
            .into_iter()
            .try_fold(0_u64, u64::checked_add)?;
        let rates = match &self.long {
            Some((above, rates)) if input > *above => rates,
            _ => &self.rates,
        };
        cost(&[
            (usage.input, rates.input),
            (usage.cached_input, rates.cached_input),
            (usage.cache_write, rates.cache_write),
            (usage.cache_write_long, rates.cache_write_long),
            (usage.output, rates.output),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rates(input: i64, cached: i64, write: i64, write_long: i64, output: i64) -> Rates {
        Rates {
            input: Rate(input),
            cached_input: Rate(cached),
            cache_write: Rate(write),
            cache_write_long: Rate(write_long),
            output: Rate(output),
        }
    }

    /// claude-haiku-5-5, as of 2026-11: dearer above 100,000 input tokens.
    fn haiku() -> Price {
        Price {
            rates: rates(100_000_000, 10_000_000, 125_000_000, 200_000_000, 500_000_000),
            long: Some((100_000, rates(500_000_000, 50_000_000, 625_000_000, 1_000_000_000, 2_500_000_000))),
        }
    }

    #[test]
    fn a_long_prompt_costs_its_own_rates_throughout() {
        let at = |input| haiku().cost(&Usage { input, output: 10, ..Usage::default() }).unwrap();
        assert_eq!(at(100_000), Money(10_000_000 + 5_000));
        assert_eq!(at(100_001), Money(50_000_500 + 25_000));
    }

    #[test]
    fn batches_are_dearer_in_long_prompts_by_as_much() {
        let batch = haiku().in_batches(Rate(50_000_000), Rate(250_000_000)).unwrap();
        let usage = |input: u64| Usage { input: input - 10, cached_input: 10, output: 10, ..Usage::default() };
        assert_eq!(batch.cost(&usage(100_000)), Some(Money(5_000_000 + 2_500)));
        assert_eq!(batch.cost(&usage(100_001)), Some(Money(25_000_250 + 12_500)));
        // Where plain input is free live, nothing is divided by it.
        let free = Price { rates: rates(0, 0, 0, 0, 0), ..haiku() };
        assert!(free.in_batches(Rate(i64::MAX), Rate(1)).is_none_or(|price| price.long.is_some()));
    }

    #[test]
    fn what_cannot_be_counted_has_no_worst_case() {
        assert_eq!(haiku().worst_case(u64::MAX, u64::MAX), None);
        assert_eq!(haiku().cost(&Usage { input: u64::MAX, cached_input: 1, ..Usage::default() }), None);
    }

    prop_compose! {
        fn any_rates()(r in proptest::array::uniform5(0_i64..20_000_000_000)) -> Rates {
            rates(r[0], r[1], r[2], r[3], r[4])
        }
    }

    proptest! {
        /// Whatever a provider charges for a request within its bounds, and whatever its prices are.
        #[test]
        fn nothing_within_the_bounds_costs_more_than_the_worst_case(
            usual in any_rates(), long in proptest::option::of((0_u64..3000, any_rates())),
            parts in proptest::array::uniform4(0_u64..1000), output in 0_u64..1000, slack in 0_u64..1000,
        ) {
            let price = Price { rates: usual, long };
            let usage = Usage {
                input: parts[0], cached_input: parts[1], cache_write: parts[2], cache_write_long: parts[3], output,
            };
            let bound = parts.iter().sum::<u64>() + slack;
            prop_assert!(price.cost(&usage).unwrap() <= price.worst_case(bound, output + slack).unwrap());
        }
    }
}
