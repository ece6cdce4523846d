//! Budgets hold for batches as for live calls.

use crate::support::{KINDS, config, shop};
use pg_categorize_e2e::eventually;
use pg_categorize_fake_llm::{BatchConfig, Config, Model};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_batch_goes_as_far_as_the_money_does() {
    let shop = shop("short", 0, config());
    let mut session = shop.session();
    session.run("SELECT categorize.set_budget('database', 0.0005, 'day')");
    shop.enqueue(500);
    session.run("SELECT categorize.submit_batches()");
    eventually("a batch of a part", 30, || shop.model.account().batches.created == 1);
    let inputs: i32 = session.one("SELECT inputs FROM categorize.batch");
    assert!((5..500).contains(&inputs), "{inputs}");
    assert!(shop.reserved() <= 500_000, "{}", shop.reserved());
    assert_eq!(shop.jobs("waiting"), 500 - i64::from(inputs));
    let alerts: i64 = session.one("SELECT count(*) FROM categorize.alert WHERE kind = 'batch_refused'");
    assert_eq!(alerts, 1);
    shop.night();
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    assert!(shop.settled() <= 500_000);
}

#[test]
fn a_request_above_the_cap_ends_and_holds_up_nobody() {
    let shop = shop("capped", 0, config());
    let mut session = shop.session();
    session.run("SELECT categorize.set_budget('database', 1, 'day', per_request_usd => 0.0000001)");
    shop.enqueue(5);
    session.run("SELECT categorize.submit_batches()");
    let reason = "SELECT count(*) FROM categorize.queue_status WHERE reason = 'request_too_expensive'";
    eventually("they fail", 30, || shop.session().one::<i64>(reason) == 1);
    assert_eq!((shop.reserved(), shop.model.account().batches.created), (0, 0));
}

#[test]
fn a_price_that_nobody_said_is_not_paid() {
    let shop = shop("unpriced", 0, config());
    let mut session = shop.session();
    // Newer, and without a price for batches.
    session.run("SELECT categorize.set_price('gpt-6-luna', 0.10, 0.50, cached_input_usd => 0.01)");
    shop.enqueue(5);
    session.run("SELECT categorize.submit_batches()");
    eventually("they are asked live", 60, || shop.jobs("done") == 5);
    assert_eq!(shop.model.account().batches.created, 0);
    assert_eq!(shop.settled(), shop.charged());
}

#[test]
fn a_cancelled_batch_keeps_what_was_done_and_pays_for_it() {
    let batches = BatchConfig { turnaround_s: (1200, 1200), ..BatchConfig::default() };
    let shop = shop("cancelled", 1, Config { batches, ..Config::default() });
    shop.enqueue(200);
    shop.submit();
    let mut session = shop.session();
    shop.model.advance(Duration::from_secs(30));
    let id: i64 = session.one("SELECT id FROM categorize.batch");
    assert!(session.one::<bool>(&format!("SELECT categorize.cancel_batch({id})")));
    let told = "SELECT (record ->> 'cancel_told')::boolean FROM categorize.batch";
    eventually("the provider is told", 30, || shop.session().one::<bool>(told));
    shop.night();
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    assert!(shop.jobs("cancelled") > 0);
    assert_eq!(shop.jobs("done") + shop.jobs("cancelled"), 200);
    assert!(!session.one::<bool>(&format!("SELECT categorize.cancel_batch({id})")));
}

#[test]
fn what_a_batch_left_unsure_is_paid_to_the_strong_model_and_not_to_the_cheap_one_again() {
    let cheap = Model { error_rate: Some(0.4), ..Model::default() };
    let strong = Model { error_rate: Some(0.0), input: 1_000_000_000, output: 5_000_000_000, ..Model::default() };
    let models = BTreeMap::from([(KINDS[0].2.to_owned(), cheap), ("gpt-6-sol".to_owned(), strong)]);
    let labels = (1..=100).map(|i| (format!("title {i}"), if i % 3 == 0 { "Toys" } else { "Tools" }.to_owned()));
    let shop = shop("unsure", 0, Config { models, labels: Arc::new(labels.collect()), ..config() });
    let mut session = shop.session();
    session.run("SELECT categorize.set_price('gpt-6-sol', 1, 5)");
    session.run(r#"SELECT categorize.configure('shop', '{"models": {"strong": "gpt-6-sol"}, "upgrade": "auto"}')"#);
    shop.enqueue(100);
    shop.submit();
    shop.night();
    let open = "SELECT count(*) FROM categorize.job WHERE ended_at IS NULL";
    eventually("every title has an end", 60, || shop.session().one::<i64>(open) == 0);
    let upgraded: i64 = session.one("SELECT count(*) FROM categorize.cache WHERE origin = 'llm' AND upgraded");
    // The cheap one would have erred forty times, and was not sure of most of those.
    assert!((20..90).contains(&upgraded), "{upgraded}");
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.cache WHERE origin = 'llm'"), 100);
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.unsure_answer"), 0);
    // Live, only the strong one was asked.
    let live = "SELECT DISTINCT model FROM categorize.ledger l
                 WHERE kind = 'settle' AND NOT EXISTS (SELECT FROM categorize.batch_item i WHERE i.attempt_id = l.attempt_id)";
    assert_eq!(session.column::<String>(live), ["gpt-6-sol"]);
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    // An answer says what it cost in all.
    assert_eq!(session.one::<i64>("SELECT sum(cost_nanousd)::bigint FROM categorize.cache"), shop.charged());
}
