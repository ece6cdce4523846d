//! Whoever wants to stop, stops, while a provider hangs.

use crate::support::{Shop, builder, shop, shop_in};
use pg_categorize_e2e::{eventually, within};
use pg_categorize_fake_llm::{Config, Fault, Faults, Latency, Step};
use std::sync::Arc;
use std::time::Duration;

fn hanging() -> Config {
    Config { faults: Faults::script([Step::of_title("hang", Fault::Hang).times(1000)]), ..Config::default() }
}

/// Waits until the provider has a request that it will never answer.
fn wait_for_hang(shop: &Shop) {
    eventually("a request that hangs", 20, || shop.model.account().in_flight > 0);
}

#[test]
fn a_cancel_and_a_timeout_act_at_once_and_the_session_goes_on() {
    let shop = shop("cancel", hanging());
    let mut session = shop.session();
    let token = session.cancel_token();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            wait_for_hang(&shop);
            within("a cancel", 2, || token.cancel_query(postgres::NoTls).unwrap());
        });
        session.refused("57014", "SET statement_timeout = 0; SELECT categorize('hang')");
    });
    within("a statement timeout", 2, || {
        session.refused("57014", "SET statement_timeout = '200ms'; SELECT categorize('hang more')");
    });
    session.run("SET statement_timeout = 0; SET categorize.timeout_ms = 300");
    let reason = within("its own timeout", 2, || session.text("SELECT reason FROM categorize_detail('hang again')"));
    assert_eq!(reason.as_deref(), Some("timeout"));
    session.run("SET categorize.timeout_ms = 10000");
    assert!(session.text("SELECT categorize('red brick')").is_some(), "the connection is whole");
}

#[test]
fn a_termination_acts_at_once() {
    let shop = shop("terminate", hanging());
    let mut session = shop.session();
    let pid = session.pid();
    let mut other = shop.session();
    std::thread::scope(|threads| {
        let hung = threads.spawn(move || session.batch_execute("SELECT categorize('hang')").is_err());
        wait_for_hang(&shop);
        within("a termination", 2, || {
            assert!(other.one::<bool>(&format!("SELECT pg_terminate_backend({pid}, 10000)")));
            assert!(hung.join().unwrap());
        });
    });
    assert!(other.text("SELECT categorize('red brick')").is_some());
}

#[test]
fn an_answer_that_comes_after_its_caller_has_gone_is_kept() {
    let faults = Faults { slow_ms: 1500, ..Faults::script([Step::next(Fault::SlowBody)]) };
    let shop = shop("gone", Config { faults, ..Config::default() });
    let mut session = shop.session();
    session.refused("57014", "SET statement_timeout = '300ms'; SELECT categorize('red brick')");
    drop(session);
    eventually("the answer is kept", 20, || shop.session().text("SELECT categorize_cached('red brick')").is_some());
    eventually("it is paid for", 20, || shop.settled() == shop.charged());
    assert_eq!((shop.model.account().requests, shop.reserved()), (1, 0));
}

#[test]
fn others_that_wait_for_the_same_get_it_when_the_first_has_gone() {
    let faults = Faults { slow_ms: 1500, ..Faults::script([Step::next(Fault::SlowBody)]) };
    let shop = shop("leader", Config { faults, ..Config::default() });
    std::thread::scope(|threads| {
        let leader = threads.spawn(|| {
            shop.session().refused("57014", "SET statement_timeout = '600ms'; SELECT categorize('red brick')");
        });
        wait_for_hang(&shop);
        assert!(shop.session().text("SELECT categorize('red brick')").is_some());
        leader.join().unwrap();
    });
    assert_eq!(shop.model.account().requests, 1);
}

#[test]
fn a_plain_owner_can_drop_rename_and_copy_a_database_while_a_call_hangs() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "busy", hanging());
    let mut admin = cluster.connect("postgres");
    admin.run("CREATE ROLE owner LOGIN CREATEDB; ALTER DATABASE busy OWNER TO owner");
    let mut owner = cluster.connect_as("postgres", "owner");
    for (round, sql) in [
        "ALTER DATABASE busy RENAME TO renamed; ALTER DATABASE renamed RENAME TO busy",
        "CREATE DATABASE copy TEMPLATE busy",
        "DROP DATABASE busy",
    ]
    .into_iter()
    .enumerate()
    {
        let mut session = shop.session();
        let hung = std::thread::spawn(move || {
            _ = session.batch_execute(&format!("SELECT categorize('hang {round}')"));
            drop(session);
        });
        eventually("a request that hangs", 20, || shop.model.account().in_flight > 0);
        // The session itself is in the way of anybody; only our own processes must not be.
        admin.run(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = 'busy' AND backend_type = 'client backend'",
        );
        hung.join().unwrap();
        within("DDL of a database", 2, || sql.split(';').for_each(|sql| owner.run(sql)));
        if round < 2 {
            // The database lives on, and nobody has asked there since: the gateway that left has booked what it gave up.
            let doubtful = shop.session().one::<i64>("SELECT count(*) FROM categorize.in_doubt");
            assert_eq!((doubtful, shop.gateways().len()), (round as i64 + 1, 0));
            assert!(shop.reserved() > 0);
        }
    }
}

#[test]
fn the_server_stops_at_once() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "stopping", hanging());
    let mut session = shop.session();
    let hung = std::thread::spawn(move || session.batch_execute("SELECT categorize('hang')").is_err());
    wait_for_hang(&shop);
    within("a fast shutdown", 2, || cluster.stop());
    assert!(hung.join().unwrap());
    cluster.start();
    // Nobody knows whether it was charged: it counts until somebody says so.
    eventually("the attempt is in doubt", 20, || {
        shop.session().run("SELECT categorize('red brick')");
        shop.session().one::<i64>("SELECT count(*) FROM categorize.in_doubt") == 1
    });
    cluster.assert_tidy();
}

/// A provider that answers most requests soon, and some long after everybody has gone.
fn slow_now_and_then() -> Config {
    let faults = Faults { slow_ms: 3000, ..Faults::random([(Fault::SlowBody, 0.1)]) };
    Config { faults, latency: Latency::Fixed(Duration::from_millis(20)), ..Config::default() }
}

/// Has many requests in flight, some of which are being answered, and then what is to happen.
fn in_the_middle_of_much(shop: &Shop, then: impl FnOnce()) {
    shop.session().run(r#"SELECT categorize.configure('shop', '{"pack_size": 1, "in_flight": 20}')"#);
    let mut session = shop.session();
    let asked = std::thread::spawn(move || {
        let titles = "SELECT array_agg('title ' || i) FROM generate_series(1, 2000) i";
        _ = session.batch_execute(&format!("SELECT * FROM categorize_many(({titles}))"));
    });
    eventually("many answers", 20, || shop.model.account().answers_paid > 100);
    eventually("answers that take long", 20, || shop.model.account().in_flight > 3);
    then();
    asked.join().unwrap();
}

/// Every request that the provider saw is settled or in doubt, and so is what it charged.
fn all_is_accounted_for(shop: &Shop) {
    // What was given up on is charged all the same, once the provider is through with it.
    eventually("the provider is through", 20, || shop.model.account().in_flight == 0);
    let account = shop.model.account();
    let settled: i64 =
        shop.session().one("SELECT count(DISTINCT attempt_id) FROM categorize.ledger WHERE kind = 'settle'");
    let doubtful: i64 = shop.session().one("SELECT count(*) FROM categorize.in_doubt");
    assert_eq!(account.requests as i64, settled + doubtful, "{settled} are settled, {doubtful} are in doubt");
    assert!(settled > 0 && doubtful > 0, "{settled} are settled, {doubtful} are in doubt");
    assert!(account.charged_nanousd <= shop.settled() + shop.reserved());
    // What was paid for is known.
    let known: i64 = shop.session().one("SELECT count(*) FROM categorize.cache WHERE origin = 'llm'");
    assert_eq!(known, settled);
}

#[test]
fn what_is_in_flight_when_the_server_stops_is_settled_or_in_doubt() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "stopping", slow_now_and_then());
    in_the_middle_of_much(&shop, || within("a fast shutdown", 2, || cluster.stop()));
    cluster.start();
    // Before any gateway is there: the one that left has booked all of it.
    assert!(shop.gateways().is_empty());
    all_is_accounted_for(&shop);
    cluster.assert_tidy();
}

#[test]
fn what_is_in_flight_when_a_database_is_renamed_or_moved_is_settled_or_in_doubt() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "moving", slow_now_and_then());
    in_the_middle_of_much(&shop, || {
        let mut admin = cluster.connect("postgres");
        admin.run(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = 'moving' AND backend_type = 'client backend'",
        );
        within("renaming a database", 2, || admin.run("ALTER DATABASE moving RENAME TO moved"));
        admin.run("ALTER DATABASE moved RENAME TO moving");
    });
    assert!(shop.gateways().is_empty());
    all_is_accounted_for(&shop);
    cluster.assert_tidy();
}
