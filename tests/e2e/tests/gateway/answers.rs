//! What was paid for once is known, whatever became of those who asked.

use crate::support::shop;
use pg_categorize_fake_llm::{Config, Latency};
use std::time::Duration;

#[test]
fn an_answer_is_paid_for_once_and_known_from_then_on() {
    let shop = shop("paid_once", Config::default());
    let mut session = shop.session();
    let sql = "SELECT source || ' ' || origin || ' ' || (cost_usd > 0) || ' ' || provider FROM categorize_detail('red brick')";
    assert_eq!(session.text(sql).as_deref(), Some("llm llm true fake"));
    assert_eq!(session.text(sql).as_deref(), Some("cache llm false fake"));
    assert_eq!(shop.model.account().requests, 1);
    // Another session, and what was spent: to the nano-dollar what the provider charged.
    assert_eq!(shop.session().text(sql).as_deref(), Some("cache llm false fake"));
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    assert!(shop.charged() > 0);
}

#[test]
fn a_rollback_loses_neither_the_answer_nor_the_money() {
    let shop = shop("rolled_back", Config::default());
    let mut session = shop.session();
    session.run("BEGIN");
    assert!(session.text("SELECT categorize('red brick')").is_some());
    session.run("ROLLBACK");
    assert_eq!(shop.settled(), shop.charged());
    assert!(session.text("SELECT categorize_cached('red brick')").is_some());
    assert_eq!(shop.model.account().requests, 1);
}

#[test]
fn a_read_only_transaction_can_ask() {
    let shop = shop("read_only", Config::default());
    let mut session = shop.session();
    session.run("BEGIN READ ONLY");
    assert!(session.text("SELECT categorize('red brick')").is_some());
    session.run("COMMIT");
    assert_eq!(shop.settled(), shop.charged());
}

#[test]
fn planning_buys_nothing() {
    let shop = shop("planning", Config::default());
    let mut session = shop.session();
    session.run("CREATE TABLE t AS SELECT 'title ' || i AS title FROM generate_series(1, 20) i");
    session.run(
        "EXPLAIN SELECT categorize(title) FROM t WHERE categorize(title) = 'Toys' ORDER BY categorize('constant')",
    );
    session.run("PREPARE p AS SELECT categorize('constant'), categorize(title) FROM t");
    session.run("EXPLAIN EXECUTE p");
    session.run("SELECT * FROM categorize.explain('constant')");
    session.run("CREATE VIEW v AS SELECT categorize('constant')");
    assert_eq!(shop.model.account().requests, 0);
    session.run("EXECUTE p");
    assert!(shop.model.account().requests > 0);
}

#[test]
fn many_sessions_that_ask_the_same_pay_for_it_once() {
    let shop = shop("same_titles", Config { latency: Latency::Fixed(Duration::from_millis(20)), ..Config::default() });
    let titles = "SELECT array_agg('title ' || i) FROM generate_series(1, 200) i";
    std::thread::scope(|threads| {
        for _ in 0..20 {
            threads.spawn(|| {
                let answered = format!("SELECT count(category) FROM categorize_many(({titles}))");
                let answered: i64 = shop.session().one(&answered);
                assert_eq!(answered, 200);
            });
        }
    });
    let account = shop.model.account();
    assert_eq!((account.answers_paid, account.second_payments), (200, 0), "{account:?}");
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn ad_hoc_labels_are_asked_about_and_kept() {
    let shop = shop("ad_hoc", Config::default());
    let mut session = shop.session();
    let sql = "SELECT categorize('zxqv 4711', ARRAY['spam', 'work'])";
    let answer = session.text(sql);
    assert!(matches!(answer.as_deref(), Some("spam" | "work")), "{answer:?}");
    assert_eq!(session.text("SELECT categorize('zxqv 4711', ARRAY['work ', 'spam'])"), answer);
    assert_eq!(shop.model.account().requests, 1);
}

#[test]
fn a_person_is_heard_before_anything_is_paid_for() {
    let shop = shop("corrected", Config::default());
    let mut session = shop.session();
    session.run("SELECT categorize.correct('red brick', 'Tools')");
    assert_eq!(session.text("SELECT categorize('red brick')").as_deref(), Some("Tools"));
    // Under an old snapshot the session does not see the correction, and the gateway does.
    let mut old = shop.session();
    old.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1");
    session.run("SELECT categorize.correct('blue brick', 'Tools')");
    assert_eq!(old.text("SELECT categorize('blue brick')").as_deref(), Some("Tools"));
    assert_eq!(shop.model.account().requests, 0);
}

#[test]
fn what_a_transaction_has_not_committed_is_not_sent() {
    let shop = shop("uncommitted", Config::default());
    let mut session = shop.session();
    session.run("BEGIN; SELECT categorize.create_taxonomy('fresh', ARRAY['A', 'B'])");
    session.run(r#"SELECT categorize.configure('fresh', '{"tiers": ["llm"]}')"#);
    let reason = "SELECT reason FROM categorize_detail('red brick', 'fresh')";
    assert_eq!(session.text(reason).as_deref(), Some("uncommitted"));
    session.run("COMMIT");
    assert_eq!(session.text(reason), None);
    session.run("BEGIN; SELECT categorize.add_category('fresh', 'C')");
    assert_eq!(
        session.text("SELECT reason FROM categorize_detail('blue brick', 'fresh')").as_deref(),
        Some("uncommitted")
    );
    session.run("ROLLBACK");
    assert_eq!(shop.model.account().requests, 1);
}

#[test]
fn tenants_pay_for_themselves_and_share_nothing() {
    let shop = shop("two_tenants", Config::default());
    for tenant in ["a", "b"] {
        let mut session = shop.session();
        session.run(&format!("SELECT categorize.set_tenant('{tenant}', false)"));
        assert_eq!(session.text("SELECT source FROM categorize_detail('red brick')").as_deref(), Some("llm"));
    }
    assert_eq!(shop.model.account().requests, 2);
    // Unless the taxonomy says that they do.
    let mut admin = shop.session();
    admin.run(r#"SELECT categorize.configure('shop', '{"answer_scope": "shared"}')"#);
    for (tenant, source) in [("c", "llm"), ("d", "cache")] {
        let mut session = shop.session();
        session.run(&format!("SELECT categorize.set_tenant('{tenant}', false)"));
        assert_eq!(session.text("SELECT source FROM categorize_detail('green brick')").as_deref(), Some(source));
    }
    assert_eq!(shop.model.account().requests, 3);
}
