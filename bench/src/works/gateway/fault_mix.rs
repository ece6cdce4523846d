//! A model that fails in every third request: every row has an answer or a true reason, and every nano-dollar a line.

use super::Sizes;
use super::shop::{self, Shop};
use crate::bench::{Bench, step};
use crate::report::{Bar, Report, count, milliseconds};
use pg_categorize_e2e::Session;
use pg_categorize_fake_llm::{Account, Config, Fault, Faults, Latency};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often each goes wrong.
const RATES: [(Fault, f64); 6] = [
    (Fault::RateLimit, 0.20),
    (Fault::ServerError, 0.05),
    (Fault::CutBody, 0.02),
    (Fault::BrokenJson, 0.02),
    (Fault::Reset, 0.01),
    (Fault::Hang, 0.02),
];

/// Reasons that such a model can be to blame for.
const TRUE_REASONS: [&str; 4] = ["breaker_open", "provider_error", "rate_limited", "timeout"];

/// What must not happen: what it is, what happened instead, and how often it did.
type Wrong = (&'static str, String, u64);

/// Asks for titles while it does, and compares all accounts.
pub fn run(bench: &Bench, report: &mut Report) {
    let rows = Sizes::of(bench).faulty;
    let labels = shop::labels(0..rows);
    let latency = Latency::Fixed(Duration::from_millis(20));
    let shop = Shop::open(Config { labels, latency, keep_requests: false, ..Config::default() });
    let gateway = shop.wake();
    let started = "SELECT pg_postmaster_start_time()::text";
    let before: String = shop.session().one(started);
    shop.model.set_faults(Faults::random(RATES));
    let titles = shop::titles(0..rows);
    let what = format!("{} titles, 20% 429, 5% 500, 5% broken, 2% hang", count(rows as f64));
    let start = Instant::now();
    let answers = step(&what, || shop::ask(&mut shop.session(), &titles));
    let time = start.elapsed().as_secs_f64() * 1e3;
    step("waiting for the end of all attempts", || shop.quiet());

    let account = shop.model.account();
    let (answered, reasons) = judge(&answers);
    let untrue = reasons.iter().filter(|(reason, _)| !TRUE_REASONS.contains(reason)).map(|(_, rows)| rows).sum();
    let restarts = u64::from(shop.session().one::<String>(started) != before);
    let crashes = restarts + u64::from(shop.gateway() != Some(gateway));
    let mut wrong: Vec<Wrong> = vec![
        ("rows with neither an answer nor a true reason", format!("{} answered", count(answered as f64)), untrue),
        ("crashes", "-".to_owned(), crashes),
        ("requests for an input that may still be answered", "-".to_owned(), account.overlapping),
        ("requests sooner than their Retry-After", "-".to_owned(), account.too_early),
    ];
    wrong.extend(payments(&mut shop.session(), &account));
    wrong.extend(money(&mut shop.session(), &account));
    for (name, ours, times) in wrong {
        report.line(format!("{what}: {name}"), ours, "-".to_owned(), Some(times as f64), Bar::Never);
    }
    tell(&shop, report, &account, &reasons, time);
}

/// Rows that were answered, and those that were not by their reason.
fn judge(answers: &[shop::Answer]) -> (u64, BTreeMap<&str, u64>) {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, reason) in answers.iter().filter(|(category, _)| category.is_none()) {
        *reasons.entry(reason.as_deref().unwrap_or("no reason")).or_default() += 1;
    }
    (answers.len() as u64 - reasons.values().sum::<u64>(), reasons)
}

/// What was paid for a second time, by the provider's account, is what the faults lost or spoiled, and no more.
fn payments(session: &mut Session, account: &Account) -> [Wrong; 2] {
    let kept: i64 = session.one("SELECT count(*) FROM categorize.cache WHERE provider IS NOT NULL");
    let broken = account.answers_lost + account.answers_spoiled;
    // Whatever was paid for is either broken or kept, once: so second payments are the broken ones that were asked again.
    let off = account.answers_paid.abs_diff(broken + kept.unsigned_abs());
    let paid = format!("{} paid for, {broken} broken, {kept} kept", count(account.answers_paid as f64));
    let second = format!("{} second payments", account.second_payments);
    [
        ("second payments that no broken reply explains", second, account.unexplained_payments),
        ("answers paid for that are neither broken nor kept", paid, off),
    ]
}

/// Every charged attempt is in the ledger, and what it cost is settled or in doubt.
fn money(session: &mut Session, account: &Account) -> [Wrong; 2] {
    let row = session.query_one(
        "SELECT (SELECT count(DISTINCT attempt_id) FROM categorize.ledger WHERE kind = 'settle'),
                (SELECT coalesce(sum(amount_nanousd), 0)::bigint FROM categorize.ledger WHERE kind IN ('settle', 'adjust')),
                (SELECT count(*) FROM categorize.reservation),
                (SELECT coalesce(sum(amount_nanousd), 0)::bigint FROM categorize.reservation)",
        &[],
    );
    let row = row.unwrap_or_else(|e| panic!("the ledger: {e}"));
    let [settled, spent, doubtful, worst]: [i64; 4] = std::array::from_fn(|column| row.get(column));
    let attempts = format!("{} charged, {settled} settled, {doubtful} in doubt", account.charged_requests);
    let missing = account.charged_requests.saturating_sub((settled + doubtful).unsigned_abs());
    let dollars = |nano: i64| format!("{:.6}", nano as f64 / 1e9);
    let charged = account.charged_nanousd;
    let amounts = format!("charged ${}, settled ${}, in doubt ${}", dollars(charged), dollars(spent), dollars(worst));
    // Below what is settled there is nothing that was not charged.
    let off = (charged - spent - worst).max(0) + (spent - charged).max(0);
    [
        ("charged requests that are not in the ledger", attempts, missing),
        ("nano-dollars that the ledger does not account for", amounts, off.unsigned_abs()),
    ]
}

fn tell(shop: &Shop, report: &mut Report, account: &Account, reasons: &BTreeMap<&str, u64>, time: f64) {
    let wasted = "SELECT coalesce(sum(wasted_inputs), 0)::text || ' inputs, $' || coalesce(sum(wasted_usd), 0)::text
                    FROM categorize.spend";
    let doubtful = "SELECT coalesce(sum(inputs), 0)::text || ' inputs, at worst $' || coalesce(sum(worst_usd), 0)::text
                      FROM categorize.in_doubt";
    let list = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
    report.note(format!(
        "Fault mix: {} requests in {}; faults: {}. Rows without an answer, by reason: {}. `wasted` in categorize.spend: {}; \
         in doubt, and wasted once settled: {}. What hangs is given up after 60 s, which is longer than sessions wait by default (this one had 20 minutes).",
        account.requests,
        milliseconds(time),
        list(account.faults.iter().map(|(fault, times)| format!("{times} {fault:?}")).collect()),
        list(reasons.iter().map(|(reason, rows)| format!("{rows} {reason}")).collect()),
        shop.session().text(wasted).unwrap_or_default(),
        shop.session().text(doubtful).unwrap_or_default()
    ));
}
