//! From the queue to the cache.

use crate::support::{KINDS, builder, config, mixed, shop, shop_in};
use pg_categorize_e2e::eventually;
use pg_categorize_fake_llm::{Config, Fault, Faults, Step};
use std::sync::Arc;

#[test]
fn what_waits_is_answered_at_half_the_price_by_each_provider() {
    for (kind, (name, ..)) in KINDS.iter().enumerate() {
        let shop = shop(&format!("night_{name}"), kind, config());
        assert_eq!(shop.enqueue(93), 93, "{name}");
        shop.submit();
        assert_eq!(shop.jobs("batched"), 93, "{name}");
        assert!(shop.reserved() > 0 && shop.settled() == 0, "{name}");
        shop.night();
        let mut session = shop.session();
        assert_eq!(shop.jobs("done"), 93, "{name}");
        let kept = "SELECT count(*) FROM categorize.cache WHERE origin = 'llm' AND provider = 'fake'";
        assert_eq!(session.one::<i64>(kept), 93, "{name}");
        let account = shop.model.account().batches;
        assert_eq!((account.created, account.charged_lines), (1, 19), "{name}: packs of five");
        assert_eq!((shop.settled(), shop.reserved()), (account.charged_nanousd, 0), "{name}");
        let told =
            "SELECT (cost_usd * 1e9)::bigint, (live_cost_usd * 1e9)::bigint, answered FROM categorize.batch_status";
        let row = session.query_one(told, &[]).unwrap();
        let told: (i64, i64, i32) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(told, (account.charged_nanousd, account.live_nanousd, 93), "{name}");
        // Each is free from now on, and need not be queued.
        assert!(session.text("SELECT categorize('title 7')").is_some(), "{name}");
        assert_eq!(shop.enqueue(93), 0, "{name}");
        assert_eq!(shop.charged(), account.charged_nanousd, "{name}");
    }
}

#[test]
fn what_a_batch_did_not_answer_is_asked_again_and_then_live() {
    for (kind, (name, ..)) in KINDS.iter().enumerate() {
        let shop = shop(&format!("partial_{name}"), kind, Config { batches: mixed(), seed: 3, ..Config::default() });
        shop.enqueue(200);
        for _ in 0..3 {
            shop.submit();
            shop.night();
        }
        let mut session = shop.session();
        let open = "SELECT count(*) FROM categorize.job WHERE ended_at IS NULL";
        eventually("every title has an end", 60, || shop.session().one::<i64>(open) == 0);
        assert_eq!(shop.jobs("done"), 200, "{name}");
        let account = shop.model.account();
        assert!(account.batches.lost_lines > 0 && account.batches.created >= 2 && account.requests > 0, "{name}");
        // What was charged and is in no file is in doubt, at no less than it cost.
        let doubtful: i64 = session.one(
            "SELECT coalesce(sum(amount_nanousd), 0)::bigint FROM categorize.reservation WHERE state = 'in_doubt'",
        );
        assert_eq!(shop.reserved(), doubtful, "{name}");
        assert_eq!(shop.settled(), shop.charged() - account.batches.lost_nanousd, "{name}");
        assert!(doubtful >= account.batches.lost_nanousd, "{name}");
    }
}

#[test]
fn a_create_whose_reply_was_lost_is_found_and_not_sent_again() {
    for (kind, (name, ..)) in KINDS.iter().enumerate() {
        let faults = Faults::script([Step::of_api(&format!("{name}_batch_create"), Fault::Reset)]);
        let shop = shop(&format!("lost_{name}"), kind, Config { faults, ..config() });
        shop.enqueue(20);
        shop.session().run("SELECT categorize.submit_batches()");
        eventually("a create", 30, || shop.model.account().batches.created == 1);
        shop.night();
        assert_eq!((shop.jobs("done"), shop.model.account().batches.created), (20, 1), "{name}");
        assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0), "{name}");
    }
}

#[test]
fn a_full_batch_and_one_that_waited_are_sent_without_a_word() {
    let cluster = Arc::new(builder().conf("categorize.batch_maximum_wait = '2s'").start());
    let shop = shop_in(&cluster, "waited", 0, config());
    shop.enqueue(10);
    eventually("it is sent after two seconds", 30, || shop.model.account().batches.created == 1);
    shop.night();
    assert_eq!(shop.jobs("done"), 10);
}

#[test]
fn the_time_of_day_sends_what_waits_once() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "daily", 0, config());
    let mut session = shop.session();
    assert_eq!(shop.enqueue(10), 10);
    // The last run was long ago, and the server was down when it was time: it is made up for.
    session.run("UPDATE categorize.batch_schedule SET last_daily_at = now() - interval '3 days'");
    cluster.configure(&[
        "categorize.batch_time = '02:00'".to_owned(),
        "categorize.batch_time_zone = 'Asia/Tokyo'".to_owned(),
    ]);
    cluster.restart();
    eventually("a missed run is made up for", 30, || shop.model.account().batches.created == 1);
    shop.night();
    assert_eq!(shop.jobs("done"), 10);
    // Not twice: what comes now waits for the next day.
    let more = "SELECT categorize.enqueue(ARRAY['one more'], 'shop')";
    assert_eq!(shop.session().one::<i64>(more), 1);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!((shop.jobs("waiting"), shop.model.account().batches.created), (1, 1));
}

#[test]
fn too_many_categories_for_one_list_and_models_without_batches_are_asked_live() {
    let shop = shop("live_instead", 0, config());
    let mut session = shop.session();
    let paths = (0..400).map(|i| format!("'Department {} > Shelf {i}'", i % 20)).collect::<Vec<_>>().join(", ");
    session.run(&format!("SELECT categorize.create_taxonomy('large', ARRAY[{paths}])"));
    session.run(r#"SELECT categorize.configure('large', '{"tiers": ["correction", "cache", "llm"]}')"#);
    assert_eq!(session.one::<i64>("SELECT categorize.enqueue(ARRAY['a shovel', 'a doll'], 'large')"), 2);
    session.run("SELECT categorize.submit_batches()");
    let ended = "SELECT count(*) FROM categorize.job WHERE ended_at IS NOT NULL";
    eventually("both are asked live", 60, || shop.session().one::<i64>(ended) == 2);
    assert_eq!(shop.model.account().batches.created, 0);
    assert!(shop.model.account().requests > 0);
    assert_eq!(shop.settled(), shop.charged());
}
