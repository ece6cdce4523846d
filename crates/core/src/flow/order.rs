//! In which order the providers of one request are asked: the first one answers, the others stand by.

use crate::money::Money;
use std::cmp::Ordering;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What decides about the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The priority, then the price, then the name. A provider that makes its callers wait keeps its place.
    Priority,
    /// Each comes first as often as its weight says. Those that would have to wait come after those that are free.
    Weighted,
    /// The price of this prompt, then the priority, then the name.
    Cheapest,
}

/// A provider that could answer a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate<'a> {
    /// Its name; no two have the same.
    pub name: &'a str,
    /// The lower, the earlier.
    pub priority: i32,
    /// Its share of the requests, beside the weights of the others. What is no number above 0 is 0: it is asked after those
    /// that have a share.
    pub weight: f32,
    /// What this prompt is expected to cost, or costs at worst; none where that is not known, which is dearer than any price.
    pub price: Option<Money>,
    /// How long it would have to wait from now on.
    pub wait: Duration,
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Priority, Self::Weighted, Self::Cheapest];

    /// Its name in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Weighted => "weighted",
            Self::Cheapest => "cheapest",
        }
    }

    /// The order of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.as_str() == name)
    }

    /// The places of the candidates in the order in which they are asked. `draw` is another number for each request, by
    /// chance or by counting; with the same one the order is the same, however the candidates came.
    pub fn of(self, candidates: &[Candidate<'_>], draw: u64) -> Vec<usize> {
        let mut places: Vec<usize> = (0..candidates.len()).collect();
        let arrivals: Vec<f64> = candidates.iter().map(|candidate| candidate.arrival(draw)).collect();
        places.sort_by(|a, b| {
            let (one, other) = (&candidates[*a], &candidates[*b]);
            match self {
                Self::Priority => one.by_priority(other).then_with(|| one.by_price(other)),
                Self::Weighted => one.by_wait(other).then(arrivals[*a].total_cmp(&arrivals[*b])),
                Self::Cheapest => one.by_price(other).then_with(|| one.by_priority(other)),
            }
            .then_with(|| one.name.cmp(other.name))
        });
        places
    }
}

impl Candidate<'_> {
    fn by_priority(&self, other: &Self) -> Ordering {
        self.priority.cmp(&other.priority)
    }

    fn by_price(&self, other: &Self) -> Ordering {
        let dearest = Money(i64::MAX);
        self.price
            .unwrap_or(dearest)
            .cmp(&other.price.unwrap_or(dearest))
            .then(other.price.is_some().cmp(&self.price.is_some()))
    }

    fn by_wait(&self, other: &Self) -> Ordering {
        self.wait.cmp(&other.wait)
    }

    /// When it arrives in a race that each wins as often as its weight says, also among those that are left once the first
    /// are gone (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006). A race needs no memory of
    /// earlier ones, as nginx's smooth weighted round robin does, which providers that come and go would upset.
    fn arrival(&self, draw: u64) -> f64 {
        let weight = if self.weight > 0.0 { f64::from(self.weight) } else { 0.0 };
        // 52 bits and half of one, which a double holds exactly: neither 0 nor 1.
        let chance = ((xxh3_64_with_seed(self.name.as_bytes(), draw) >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
        // Without a weight it arrives at the end of time.
        -chance.ln() / weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidate(name: &str, priority: i32, weight: f32, price: i64, wait_ms: u64) -> Candidate<'_> {
        Candidate { name, priority, weight, price: Some(Money(price)), wait: Duration::from_millis(wait_ms) }
    }

    fn names<'a>(order: Order, candidates: &[Candidate<'a>], draw: u64) -> Vec<&'a str> {
        order.of(candidates, draw).into_iter().map(|place| candidates[place].name).collect()
    }

    #[test]
    fn by_priority_and_by_price() {
        let unpriced = Candidate { price: None, ..candidate("unpriced", 1, 1.0, 0, 0) };
        let all = [
            candidate("b", 1, 1.0, 50, 0),
            candidate("a", 1, 1.0, 50, 9000),
            candidate("dear", 0, 1.0, 90, 0),
            candidate("cheap", 2, 1.0, 10, 0),
            unpriced,
        ];
        assert_eq!(names(Order::Priority, &all, 0), ["dear", "a", "b", "unpriced", "cheap"]);
        assert_eq!(names(Order::Cheapest, &all, 0), ["cheap", "a", "b", "dear", "unpriced"]);
        let same = [candidate("one", 5, 1.0, 7, 0), candidate("other", -5, 1.0, 7, 0)];
        assert_eq!(names(Order::Cheapest, &same, 0), ["other", "one"]);
        let unknown = [unpriced, candidate("dearest", 9, 1.0, i64::MAX, 0)];
        assert_eq!(names(Order::Cheapest, &unknown, 0), ["dearest", "unpriced"], "any price is known to be one");
    }

    #[test]
    fn who_has_to_wait_comes_after_who_is_free() {
        let all =
            [candidate("heavy", 0, 1e6, 0, 5), candidate("heavier", 0, 1e9, 0, 3), candidate("light", 0, 1e-3, 0, 0)];
        for draw in 0..100 {
            assert_eq!(names(Order::Weighted, &all, draw), ["light", "heavier", "heavy"]);
        }
    }

    #[test]
    fn without_a_share_it_stands_by() {
        let all = [
            candidate("none", 0, 0.0, 0, 0),
            candidate("less", 0, -3.0, 0, 0),
            candidate("never", 0, f32::NAN, 0, 0),
            candidate("some", 0, 1e-6, 0, 0),
        ];
        assert_eq!(names(Order::Weighted, &all, 7), ["some", "less", "never", "none"]);
    }

    #[test]
    fn each_comes_first_as_often_as_its_weight_says() {
        let all = [candidate("a", 0, 5.0, 0, 0), candidate("b", 0, 3.0, 0, 0), candidate("c", 0, 2.0, 0, 0)];
        let (mut first, mut second_after_a) = ([0.0; 3], 0.0);
        let draws = 100_000;
        for draw in 0..draws {
            let order = Order::Weighted.of(&all, draw);
            first[order[0]] += 1.0 / draws as f64;
            second_after_a += f64::from(u8::from(order[..2] == [0, 1])) / draws as f64;
        }
        for (share, expected) in first.into_iter().zip([0.5, 0.3, 0.2]) {
            assert!((share - expected).abs() < 0.006, "{first:?}");
        }
        // Where the first one fails, the others share by their weights.
        assert!((second_after_a - 0.5 * 0.6).abs() < 0.006, "{second_after_a}");
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        assert!(Order::ALL.into_iter().all(|order| Order::parse(order.as_str()) == Some(order)));
        assert_eq!(Order::parse("Cheapest"), None);
    }

    proptest! {
        #[test]
        fn everyone_is_asked_once_whatever_order_they_came_in(
            made in proptest::collection::hash_map("[a-z]{1,3}", (any::<i32>(), any::<f32>(), any::<Option<i64>>(), 0_u64..3), 0..12),
            draw in any::<u64>(),
        ) {
            let of = |(name, (priority, weight, price, wait)): (&'static str, &(i32, f32, Option<i64>, u64))| Candidate {
                name, priority: *priority, weight: *weight, price: price.map(Money), wait: Duration::from_secs(*wait),
            };
            let mut all: Vec<Candidate<'_>> = made.iter().map(|(name, rest)| Candidate { name, ..of(("", rest)) }).collect();
            for order in Order::ALL {
                let asked = names(order, &all, draw);
                all.reverse();
                prop_assert_eq!(&names(order, &all, draw), &asked);
                all.sort_by_key(|candidate| candidate.name);
                let mut sorted = asked;
                sorted.sort_unstable();
                prop_assert_eq!(sorted, all.iter().map(|candidate| candidate.name).collect::<Vec<_>>());
            }
        }

        #[test]
        fn shares_are_those_of_the_weights(weights in proptest::collection::vec(0.1_f32..10.0, 2..6), from in 0_u64..1 << 40) {
            let all: Vec<_> = weights.iter().zip(["a", "b", "c", "d", "e"]).map(|(w, name)| candidate(name, 0, *w, 0, 0)).collect();
            let mut first = vec![0.0; all.len()];
            (from..from + 4000).for_each(|draw| first[Order::Weighted.of(&all, draw)[0]] += 1.0 / 4000.0);
            let sum: f32 = weights.iter().sum();
            for (share, weight) in first.iter().zip(&weights) {
                prop_assert!((share - f64::from(weight / sum)).abs() < 0.04, "{first:?} of {weights:?}");
            }
        }
    }
}
