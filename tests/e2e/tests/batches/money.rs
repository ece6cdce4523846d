//! Budgets hold for batches as for live calls.

use crate::support::{config, shop};
use pg_categorize_e2e::eventually;
use pg_categorize_fake_llm::{BatchConfig, Config};
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
