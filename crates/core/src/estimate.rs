//! What a statement will probably ask and cost, from statistics of its inputs and from what is written to a model.

use crate::money::{Money, cost};
use crate::price::Price;
use crate::quality::upper_bound;

/// How sure each end of a share is.
const CONFIDENCE: f64 = 0.975;

/// Bytes that make a token of usual text (OpenAI, "What are tokens and how to count them").
const TOKEN_BYTES: u64 = 4;

/// Tokens of the shortest prefix that providers cache (OpenAI and Anthropic, "Prompt caching").
const CACHED_PREFIX: u64 = 1024;

/// A share between two ends, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The share of a population of which `seen` of `of` drawn ones were such, at 95% (Clopper and Pearson, 1934). Exact where
/// all of the `population` were drawn, and anything where none was.
pub fn share(seen: u32, of: u32, population: f64) -> Bounds {
    if of == 0 {
        return Bounds { low: 0.0, high: 1.0 };
    }
    if f64::from(of) >= population {
        let share = f64::from(seen) / f64::from(of);
        return Bounds { low: share, high: share };
    }
    Bounds { low: 1.0 - upper_bound(of - seen, of, CONFIDENCE), high: upper_bound(seen, of, CONFIDENCE) }
}

/// Distinct values that are expected among `rows` of a table of `all` rows, which has `distinct` of them equally often (Cárdenas,
/// "Analysis and performance of inverted data base structures", 1975; PostgreSQL's `estimate_num_groups()` does the same).
pub fn distinct_among(rows: f64, all: f64, distinct: f64) -> f64 {
    if rows >= all || all <= 0.0 || distinct <= 0.0 {
        return distinct.min(rows).max(0.0);
    }
    let missed = ((all - rows) / all).powf(all / distinct);
    (distinct * (1.0 - missed)).min(rows).max(0.0)
}

/// What a request is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bytes that all requests begin with.
    pub constant: u64,
    /// Bytes that each input adds.
    pub own: u64,
    /// Bytes that are usually written for each input.
    pub written: u64,
    /// Tokens that may be written for each input.
    pub most_written: u64,
    /// Tokens that may be written besides, thoughts included.
    pub most_besides: u64,
}

impl Shape {
    /// What one of the inputs of a full request usually costs, in nano-dollars: tokens of usual text, the beginning cached where
    /// it is long enough, no thoughts.
    pub fn usual_cost(&self, price: &Price, pack: u64) -> f64 {
        let (pack, rates) = (pack.max(1), &price.rates);
        let constant = self.constant / TOKEN_BYTES;
        let begin = if constant < CACHED_PREFIX { rates.input } else { rates.cached_input };
        let (own, written) = (self.own * pack / TOKEN_BYTES, self.written * pack / TOKEN_BYTES);
        let sum = cost(&[(constant, begin), (own, rates.input), (written, rates.output)]);
        sum.map_or(f64::INFINITY, |Money(sum)| sum as f64 / pack as f64)
    }

    /// What one of the inputs of a request of so many costs at most, in nano-dollars: as much as is reserved for it.
    pub fn worst_cost(&self, price: &Price, pack: u64) -> f64 {
        let pack = pack.max(1);
        let input = self.constant.saturating_add(self.own.saturating_mul(pack));
        let output = self.most_besides.saturating_add(self.most_written.saturating_mul(pack));
        price.worst_case(input, output).map_or(f64::INFINITY, |Money(sum)| sum as f64 / pack as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Rate;
    use crate::price::Rates;
    use proptest::prelude::*;

    const PRICE: Price = Price {
        rates: Rates {
            input: Rate(100_000_000),
            cached_input: Rate(10_000_000),
            cache_write: Rate(100_000_000),
            cache_write_long: Rate(100_000_000),
            output: Rate(500_000_000),
        },
        long: None,
    };

    #[test]
    fn a_share_lies_between_its_ends() {
        assert_eq!(share(0, 0, 10.0), Bounds { low: 0.0, high: 1.0 });
        assert_eq!(share(3, 4, 4.0), Bounds { low: 0.75, high: 0.75 });
        let Bounds { low, high } = share(30, 100, 1e6);
        // As tables of the binomial distribution say: 0.212 and 0.400.
        assert!((low - 0.212).abs() < 0.001 && (high - 0.400).abs() < 0.001, "{low} {high}");
    }

    #[test]
    fn a_part_of_the_rows_has_a_part_of_the_values() {
        // A value that is in 10 of 10,000 rows is in a tenth of them with 1 - 0.9^10.
        assert!((distinct_among(1000.0, 10_000.0, 1000.0) - 651.3).abs() < 0.1);
        assert_eq!(distinct_among(10_000.0, 10_000.0, 1000.0), 1000.0);
        assert_eq!([distinct_among(5.0, 0.0, 3.0), distinct_among(5.0, 10.0, 0.0)], [3.0, 0.0]);
    }

    #[test]
    fn a_long_beginning_is_cached() {
        let shape = |constant| Shape { constant, own: 40, written: 40, most_written: 80, most_besides: 32 };
        // 1,000 tokens at 0.10 dollars a million, and 10 inputs of 10 tokens each, which write as many.
        assert_eq!(shape(4000).usual_cost(&PRICE, 10), (100_000.0 + 10_000.0 + 50_000.0) / 10.0);
        assert_eq!(shape(8000).usual_cost(&PRICE, 10), (20_000.0 + 10_000.0 + 50_000.0) / 10.0);
        assert_eq!(shape(4000).worst_cost(&PRICE, 1), 404_000.0 + 56_000.0);
    }

    proptest! {
        #[test]
        fn no_more_distinct_values_than_there_are(rows in 0.0..1e7_f64, all in 0.0..1e7_f64, distinct in 0.0..1e7_f64) {
            let found = distinct_among(rows, all, distinct);
            prop_assert!(found >= 0.0 && found <= rows && found <= distinct);
        }

        #[test]
        fn the_usual_is_no_more_than_the_worst(
            constant in 0_u64..100_000, own in 0_u64..10_000, written in 0_u64..400, pack in 1_u64..100,
        ) {
            let shape = Shape { constant, own, written, most_written: written + 48, most_besides: 32 };
            prop_assert!(shape.usual_cost(&PRICE, pack) <= shape.worst_cost(&PRICE, pack));
        }
    }
}
