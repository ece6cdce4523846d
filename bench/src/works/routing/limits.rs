//! Three providers that allow so much a minute: how much of it is used, and whether any of them has to say no.

use super::Sizes;
use super::market::{CHEAP, LIKE_OPENAI, Market, PAID_ONLY};
use crate::bench::{Bench, step};
use crate::data;
use crate::report::{Bar, Report, count};
use crate::works::gateway::{labels, titles};
use pg_categorize_fake_llm::{Config, Latency, Request};
use std::time::Duration;

/// Requests a minute that each allows.
const LIMIT: u32 = 600;

/// Providers.
const PROVIDERS: usize = 3;

/// Seconds after which limits are learnt, and what was sent before they were has been made up for.
const LEARNT: u64 = 10;

/// Asks for more than the limits let through, where they are set and where they are learnt.
pub fn run(bench: &Bench, report: &mut Report) {
    let seconds = Sizes::of(bench).limits as u64;
    for (how, settings) in [
        ("set", format!(r#"{LIKE_OPENAI}, "requests_per_minute": {LIMIT}"#)),
        ("learnt from headers", LIKE_OPENAI.to_owned()),
    ] {
        once(report, how, &settings, seconds);
    }
}

fn once(report: &mut Report, how: &str, settings: &str, seconds: u64) {
    let number = (seconds * u64::from(LIMIT) * PROVIDERS as u64 / 60) as usize;
    let labels = labels(0..number);
    let mut market = Market::open();
    for provider in 0..PROVIDERS {
        let config = Config {
            labels: labels.clone(),
            latency: Latency::Fixed(Duration::from_millis(200)),
            requests_per_minute: Some(LIMIT),
            ..Config::default()
        };
        let settings = format!(r#"{settings}, "model": "{}""#, CHEAP.0);
        market.add(&format!("provider{provider}"), "openai", "/v1", config, &settings);
    }
    market.taxonomy("shop", &data::paths(), &format!(r#"{PAID_ONLY}, "pack_size": 1, "provider_order": "weighted""#));
    let asked = titles(0..number);
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let answers = step(&format!("{} titles, one in a request, limits {how}", count(number as f64)), || {
        market.ask("shop", &asked)
    });
    market.quiet();
    let open = answers.iter().filter(|answer| answer.category.is_none()).count();
    let lists: Vec<Vec<Request>> = market.providers.iter().map(|provider| provider.account().list).collect();
    let all = || lists.iter().flatten();
    let begin = all().map(|request| request.at_ms).min().unwrap_or_default();
    let end = all().map(|request| request.at_ms).max().unwrap_or_default();
    // A minute of steady state, or what there is of it.
    let to = end.min(begin + 1000 * (LEARNT + 60));
    let from = (begin + 1000 * LEARNT).min(to);
    let within = |request: &&Request| (from..to).contains(&request.at_ms);
    let minutes = (to - from).max(1) as f64 / 60_000.0;
    let answered = all().filter(within).filter(|request| request.status == 200).count() as f64 / minutes;
    let sum = f64::from(LIMIT) * PROVIDERS as f64;
    let what = format!("{PROVIDERS} providers of {LIMIT} requests a minute, limits {how}");
    report.line(
        format!("{what}: answered a minute; peer: all that they allow"),
        count(answered),
        count(sum),
        Some(100.0 * answered / sum),
        Bar::Percent(90.0),
    );
    let refused = all().filter(within).filter(|request| request.status == 429).count();
    let ever = all().filter(|request| request.status == 429).count();
    report.line(
        format!("{what}: 429 once they are known"),
        format!("{refused}, {ever} before"),
        "-".to_owned(),
        Some(refused as f64),
        Bar::Never,
    );
    let each: Vec<String> = lists.iter().map(|list| count(list.len() as f64)).collect();
    report.note(format!(
        "Limits {how}: {} titles in {:.1} s, {open} of them without an answer; requests to each provider: {}. Measured from second {LEARNT} on, for {:.0} s.",
        count(number as f64),
        (end - begin) as f64 / 1000.0,
        each.join(", "),
        60.0 * minutes
    ));
}
