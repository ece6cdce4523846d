//! A price that a person states, filled up with what they did not state: never cheaper than a provider may charge.

use crate::money::Rate;
use crate::price::{Price, Rates};

/// What writing to a provider's short-lived cache costs at most, in hundredths of plain input (Anthropic, OpenAI from 5.6 on).
const CACHE_WRITE: i64 = 125;

/// What writing to its long-lived cache costs at most (OpenAI's twelve hours).
const CACHE_WRITE_LONG: i64 = 250;

/// The price of a model by its input, output and, where stated, cached input. Where `shipped` knows that long prompts are
/// dearer, they are by as much here, too.
pub fn stated(input: Rate, output: Rate, cached_input: Option<Rate>, shipped: Option<&Price>) -> Option<Price> {
    let rates = Rates {
        input,
        cached_input: cached_input.unwrap_or(input),
        cache_write: scaled(input, CACHE_WRITE, 100)?,
        cache_write_long: scaled(input, CACHE_WRITE_LONG, 100)?,
        output,
    };
    let long = match shipped.and_then(|shipped| Some((shipped.rates, shipped.long?))) {
        None => None,
        Some((usual, (above, long))) => {
            let dearer = |rate: Rate, usual: Rate, long: Rate| scaled(rate, long.0.max(usual.0), usual.0);
            let rates = Rates {
                input: dearer(rates.input, usual.input, long.input)?,
                cached_input: dearer(rates.cached_input, usual.cached_input, long.cached_input)?,
                cache_write: dearer(rates.cache_write, usual.cache_write, long.cache_write)?,
                cache_write_long: dearer(rates.cache_write_long, usual.cache_write_long, long.cache_write_long)?,
                output: dearer(rates.output, usual.output, long.output)?,
            };
            Some((above, rates))
        }
    };
    Some(Price { rates, long })
}

/// A rate times a fraction, rounded up; what cost nothing before is not scaled.
fn scaled(rate: Rate, numerator: i64, denominator: i64) -> Option<Rate> {
    if denominator == 0 {
        return Some(rate);
    }
    let exact = i128::from(rate.0) * i128::from(numerator);
    let up = (exact + i128::from(denominator) - 1).div_euclid(i128::from(denominator));
    i64::try_from(up).ok().map(Rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flat(rate: i64) -> Rates {
        let rate = Rate(rate);
        Rates { input: rate, cached_input: rate, cache_write: rate, cache_write_long: rate, output: rate }
    }

    #[test]
    fn what_is_not_stated_is_the_dearest_that_is_known() {
        let price = stated(Rate(100), Rate(500), None, None).unwrap();
        assert_eq!(
            price.rates,
            Rates { cache_write: Rate(125), cache_write_long: Rate(250), output: Rate(500), ..flat(100) }
        );
        assert_eq!(price.long, None);
        assert_eq!(stated(Rate(1), Rate(1), Some(Rate(0)), None).unwrap().rates.cache_write, Rate(2));
    }

    #[test]
    fn long_prompts_are_dearer_by_as_much_as_they_were() {
        let shipped = Price { rates: flat(100), long: Some((1000, flat(500))) };
        let price = stated(Rate(10), Rate(7), Some(Rate(1)), Some(&shipped)).unwrap();
        let (above, long) = price.long.unwrap();
        assert_eq!((above, long.input, long.cached_input, long.output), (1000, Rate(50), Rate(5), Rate(35)));
        let free = Price { rates: flat(0), long: Some((1000, flat(500))) };
        assert_eq!(stated(Rate(10), Rate(7), None, Some(&free)).unwrap().long.unwrap().1.input, Rate(10));
        assert_eq!(stated(Rate(i64::MAX), Rate(0), None, None), None);
    }

    proptest! {
        #[test]
        fn a_long_prompt_is_never_cheaper(input in 0_i64..1_000_000_000, usual in 0_i64..1000, long in 0_i64..1000) {
            let shipped = Price { rates: flat(usual), long: Some((10, flat(long))) };
            let price = stated(Rate(input), Rate(input), None, Some(&shipped)).unwrap();
            prop_assert!(price.long.unwrap().1.input >= price.rates.input);
        }
    }
}
