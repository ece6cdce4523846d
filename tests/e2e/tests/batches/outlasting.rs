//! What batches outlast, and what outlasts them.

use crate::support::{builder, config, shop, shop_in};
use pg_categorize_e2e::{eventually, within};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_database_and_an_extension_with_batches_in_flight_are_dropped_at_once() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "in_flight", 0, config());
    shop.enqueue(20);
    shop.submit();
    let mut session = shop.session();
    within("DROP EXTENSION", 3, move || session.run("DROP EXTENSION pg_categorize"));
    eventually("its gateway leaves", 20, || shop.gateways().is_empty());
    let shop = shop_in(&cluster, "in_flight_2", 0, config());
    shop.enqueue(20);
    shop.submit();
    let mut session = cluster.connect("postgres");
    within("DROP DATABASE", 3, move || session.run("DROP DATABASE in_flight_2"));
    // No gateway is tried in vain for ever.
    cluster.restart();
    eventually("marks of databases that are gone are taken away", 20, || {
        let entries = std::fs::read_dir(cluster.data()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("pg_categorize.queue.")).count() == 0
    });
}

#[test]
fn a_copy_sends_and_polls_nothing_until_it_is_adopted() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "original", 0, config());
    shop.enqueue(20);
    shop.submit();
    cluster.connect("postgres").run("CREATE DATABASE copy TEMPLATE original");
    let mut copy = cluster.connect("copy");
    copy.run("SELECT categorize.enqueue(ARRAY['of the copy'], 'shop')");
    let before = shop.model.account();
    shop.model.advance(Duration::from_secs(660));
    copy.run("SELECT categorize.submit_batches(), categorize.poll_batches()");
    std::thread::sleep(Duration::from_secs(3));
    let states: Vec<String> = copy.column("SELECT state FROM categorize.batch");
    assert!(states == ["in_progress"] || states == ["submitted"], "{states:?}");
    assert_eq!(copy.one::<i64>("SELECT count(*) FROM categorize.job WHERE state = 'waiting'"), 1);
    assert_eq!(shop.model.account().batches.created, before.batches.created);
    // The original goes on, though nobody has asked it for anything since.
    shop.night();
    assert_eq!(shop.jobs("done"), 20);
    copy.run("SELECT categorize.adopt_database()");
    let open = "SELECT count(*) FROM categorize.batch WHERE ended_at IS NULL";
    eventually("the adopted one reads them, too", 60, || cluster.connect("copy").one::<i64>(open) == 0);
}

#[test]
fn the_kill_switch_stops_batches_within_a_second() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "switch", 0, config());
    shop.enqueue(20);
    shop.submit();
    cluster.configure(&["categorize.external = off".to_owned()]);
    cluster.connect("postgres").run("SELECT pg_reload_conf()");
    std::thread::sleep(Duration::from_secs(1));
    shop.session().run("SELECT categorize.enqueue(ARRAY['too late'], 'shop')");
    shop.session().run("SELECT categorize.submit_batches()");
    shop.model.advance(Duration::from_secs(660));
    shop.session().run("SELECT categorize.poll_batches()");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((shop.jobs("batched"), shop.jobs("waiting"), shop.model.account().batches.created), (20, 1, 1));
    cluster.configure(&["categorize.external = on".to_owned()]);
    cluster.connect("postgres").run("SELECT pg_reload_conf()");
    eventually("it goes on", 60, || shop.jobs("done") >= 20);
}

#[test]
fn a_gateway_stays_for_an_open_batch_and_leaves_without_one() {
    let cluster = Arc::new(builder().conf("categorize.gateway_idle = '1s'").start());
    let shop = shop_in(&cluster, "stays", 0, config());
    shop.enqueue(10);
    shop.submit();
    let gateways = shop.gateways();
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!((gateways.len(), shop.gateways()), (1, gateways));
    // It comes back by itself.
    cluster.restart();
    eventually("a gateway without anybody's asking", 20, || shop.gateways().len() == 1);
    shop.night();
    eventually("it leaves", 20, || shop.gateways().is_empty());
    assert_eq!(shop.jobs("done"), 10);
}

#[test]
fn a_provider_that_is_dropped_ends_its_batches() {
    let shop = shop("dropped_provider", 0, config());
    shop.enqueue(10);
    shop.submit();
    let mut session = shop.session();
    session.run("SELECT categorize.drop_provider('fake')");
    session.run("SELECT categorize.poll_batches()");
    shop.done();
    assert_eq!(session.text("SELECT state FROM categorize.batch_status").as_deref(), Some("failed"));
    let doubtful: i64 = session.one("SELECT count(*) FROM categorize.in_doubt");
    assert_eq!((doubtful, shop.jobs("waiting")), (2, 10));
}
