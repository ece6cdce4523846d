//! 2,000 titles, three providers, everything that goes wrong, and a process that dies every now and then.

use super::shop::{KINDS, Shop, title};
use pg_categorize_core::batch::{After, Limits};
use pg_categorize_fake_llm::{BatchConfig, Fault, Faults};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinSet;

const TITLES: usize = 667;

/// Nights where nobody says how many: all that can go wrong happens in them.
const NIGHTS: u64 = 8;

/// Nights at once: they wait for sockets more than they work.
const TOGETHER: usize = 4;

fn faults() -> Faults {
    let rates = [
        (Fault::Reset, 0.03),
        (Fault::ServerError, 0.02),
        (Fault::CutBody, 0.03),
        (Fault::BrokenJson, 0.01),
        (Fault::Html, 0.01),
        (Fault::RateLimit, 0.02),
        (Fault::Overloaded, 0.02),
        (Fault::Conflict, 0.01),
    ];
    Faults::random(rates)
}

fn batches(seed: u64) -> BatchConfig {
    BatchConfig {
        turnaround_s: (600, 80_000),
        refused: 0.05,
        expired: 0.1,
        errored: 0.03,
        missing: 0.02,
        duplicated: 0.05,
        foreign: 0.5,
        listing_lag_s: if seed.is_multiple_of(2) { 0 } else { 900 },
        most_enqueued_tokens: seed.is_multiple_of(3).then_some(60_000),
        ..BatchConfig::default()
    }
}

/// Runs until nothing is left to do; a process that died is followed by another.
async fn night(shop: &Shop, death: f64) -> usize {
    let limits = Limits { requests: 40, bytes: 150_000 };
    for passes in 0..20_000 {
        if shop.memory.is_over() {
            return passes;
        }
        let driver = shop.driver(death).with_limits(limits);
        let life = async {
            for _ in 0..50 {
                for route in &shop.routes {
                    driver.build(route).await?;
                }
                let pass = driver.pass().await?;
                let now = shop.now();
                if pass.steps == 0 {
                    let next = pass.next.map_or(Duration::from_secs(600), |next| next.since(now));
                    shop.server.advance(next.max(Duration::from_secs(1)));
                }
                if shop.memory.is_over() {
                    break;
                }
            }
            Ok::<(), pg_categorize_gateway::batches::Lost>(())
        };
        _ = life.await;
        shop.server.advance(Duration::from_secs(1));
    }
    panic!("it never ends")
}

async fn nothing_is_lost_and_nothing_paid_twice(seed: u64) -> BTreeMap<&'static str, u64> {
    let shop = Shop::new(TITLES, seed, batches(seed), faults()).await;
    night(&shop, 0.02).await;
    let account = shop.server.account();
    let (batches, mut counts) = (account.batches, BTreeMap::new());
    shop.memory.look(|data| {
        assert_eq!(data.jobs.len(), KINDS.len() * TITLES);
        for (at, job) in data.jobs.iter().enumerate() {
            let (text, category) = title(at / TITLES, at % TITLES);
            assert_eq!(job.answers, u32::from(job.end == Some(After::Done)), "seed {seed}: {text}");
            assert!(matches!(job.end, Some(After::Done | After::Live)), "seed {seed}: {text} is lost");
            assert!(job.category.is_none_or(|said| said == category), "seed {seed}: {text} has another's answer");
            *counts.entry(if job.end == Some(After::Live) { "live" } else { "done" }).or_default() += 1;
        }
        let ledger = data.ledger;
        assert_eq!(ledger.reserved, 0, "seed {seed}");
        assert_eq!(ledger.settled, batches.charged_nanousd - batches.lost_nanousd, "seed {seed}");
        assert!(ledger.in_doubt >= batches.lost_nanousd, "seed {seed}: {ledger:?}");
        counts.insert("deaths", data.deaths.into());
    });
    assert_eq!(account.unexplained_payments, 0, "seed {seed}: paid twice");
    assert_eq!(account.keys_leaked + account.redirects_followed, 0);
    counts.extend([
        ("created", batches.created),
        ("failed", batches.failed),
        ("expired", batches.expired),
        ("lost_lines", batches.lost_lines),
        ("faults", account.faults.values().sum()),
    ]);
    counts
}

fn told(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// `PG_CATEGORIZE_NIGHTS` says how many, and `PG_CATEGORIZE_FIRST_NIGHT` the seed of the first one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nights_end_with_everything_settled_once() {
    let (nights, first) =
        (told("PG_CATEGORIZE_NIGHTS").unwrap_or(NIGHTS), told("PG_CATEGORIZE_FIRST_NIGHT").unwrap_or(0));
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut running, mut seeds) = (JoinSet::new(), first..first + nights);
    loop {
        while running.len() < TOGETHER
            && let Some(seed) = seeds.next()
        {
            running.spawn(nothing_is_lost_and_nothing_paid_twice(seed));
        }
        let Some(night) = running.join_next().await else { break };
        for (what, count) in night.expect("a night that ends well") {
            *all.entry(what).or_default() += count;
        }
    }
    println!("{nights} nights: {all:?}");
    // What did not happen was not tested; a few nights may miss something.
    if nights < NIGHTS {
        return;
    }
    for what in ["done", "live", "deaths", "failed", "expired", "lost_lines", "faults"] {
        assert!(all.get(what).is_some_and(|count| *count > 0), "no {what} in {nights} nights");
    }
}
