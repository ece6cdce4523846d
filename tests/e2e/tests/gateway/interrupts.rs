//! Whoever wants to stop, stops, while a provider hangs.

use crate::support::{Shop, builder, shop, shop_in};
use pg_categorize_e2e::{eventually, within};
use pg_categorize_fake_llm::{Config, Fault, Faults, Step};
use std::sync::Arc;

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
        within("DDL of a database", 5, || sql.split(';').for_each(|sql| owner.run(sql)));
    }
}

#[test]
fn the_server_stops_at_once() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "stopping", hanging());
    let mut session = shop.session();
    let hung = std::thread::spawn(move || session.batch_execute("SELECT categorize('hang')").is_err());
    wait_for_hang(&shop);
    within("a fast shutdown", 5, || cluster.stop());
    assert!(hung.join().unwrap());
    cluster.start();
    // Nobody knows whether it was charged: it counts until somebody says so.
    eventually("the attempt is in doubt", 20, || {
        shop.session().run("SELECT categorize('red brick')");
        shop.session().one::<i64>("SELECT count(*) FROM categorize.in_doubt") == 1
    });
    cluster.assert_tidy();
}
