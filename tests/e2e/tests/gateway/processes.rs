//! The launcher and the gateways: when they are there, when they go, and what they survive.

use crate::support::{builder, shop, shop_in};
use pg_categorize_e2e::{Cluster, eventually};
use pg_categorize_fake_llm::{Config, FakeLlm, Fault, Faults, Step};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Arc;

#[test]
fn a_gateway_comes_when_it_is_needed_and_leaves_when_it_is_not() {
    let cluster = Arc::new(builder().conf("categorize.gateway_idle = '1s'").start());
    let shop = shop_in(&cluster, "idle", Config::default());
    let launchers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_categorize launcher'";
    assert_eq!(shop.session().one::<i64>(launchers), 1);
    assert!(shop.gateways().is_empty());
    for title in ["one", "two"] {
        assert!(shop.session().text(&format!("SELECT categorize('{title}')")).is_some());
        assert_eq!(shop.gateways().len(), 1);
        eventually("an idle gateway leaves", 20, || shop.gateways().is_empty());
    }
    // A session that was connected to the gateway that left.
    let mut session = shop.session();
    for i in 0..3 {
        assert!(session.text(&format!("SELECT categorize('three {i}')")).is_some());
        eventually("an idle gateway leaves", 20, || shop.gateways().is_empty());
    }
    cluster.assert_tidy();
}

#[test]
fn without_preload_all_but_the_model_answers() {
    let cluster = Arc::new(Cluster::builder().preload(false).start());
    let database = cluster.extended("plain");
    let mut session = database.session();
    assert!(session.text("SELECT categorize('Nike Air Max 270')").is_some());
    let row = session.query_one("SELECT reason, evidence ->> 'hint' FROM categorize_detail('zxqv 4711')", &[]).unwrap();
    assert_eq!(row.get::<_, String>(0), "gateway_down");
    assert!(row.get::<_, String>(1).contains("shared_preload_libraries"));
}

#[test]
fn no_free_worker_is_said_and_costs_nothing_else() {
    let cluster = Arc::new(builder().conf("max_worker_processes = 1").start());
    let shop = shop_in(&cluster, "no_worker", Config::default());
    let mut session = shop.session();
    let row = session.query_one("SELECT reason, evidence::text FROM categorize_detail('red brick')", &[]).unwrap();
    assert_eq!(row.get::<_, String>(0), "gateway_down");
    assert!(row.get::<_, String>(1).contains("max_worker_processes"), "{}", row.get::<_, String>(1));
    session.run("SELECT categorize.correct('red brick', 'Toys')");
    assert_eq!(session.text("SELECT categorize('red brick')").as_deref(), Some("Toys"));
}

#[test]
fn a_gateway_that_is_killed_is_back_and_has_lost_nothing() {
    let cluster = Arc::new(builder().start());
    let faults = Faults::script([Step::of_title("hang", Fault::Hang).times(1000)]);
    let shop = shop_in(&cluster, "killed", Config { faults, ..Config::default() });
    shop.session().run("SELECT categorize('red brick')");
    let settled = shop.settled();
    let mut session = shop.session();
    let hung = std::thread::spawn(move || session.batch_execute("SELECT categorize('hang')").is_err());
    eventually("a request that hangs", 20, || shop.model.account().in_flight > 0);
    cluster.kill(shop.gateway());
    // The server restarts, as after any process that is killed. Until the postmaster has noticed, a session may still be told
    // that the gateway is down.
    _ = hung.join();
    eventually("the server is back and knows what is in doubt", 30, || {
        let Ok(mut client) = cluster.config("killed").connect(postgres::NoTls) else { return false };
        let asked = client.query_one("SELECT categorize('blue brick', 'shop') IS NOT NULL", &[]);
        let doubtful = client.query_one("SELECT count(*) FROM categorize.in_doubt", &[]);
        asked.is_ok_and(|row| row.get(0)) && doubtful.is_ok_and(|row| row.get::<_, i64>(0) == 1)
    });
    assert!(shop.settled() > settled);
    assert!(shop.charged() <= shop.settled() + shop.reserved());
}

#[test]
fn terminating_a_gateway_is_harmless() {
    let shop = shop("terminated_gateway", Config::default());
    for i in 0..5 {
        assert!(shop.session().text(&format!("SELECT categorize('title {i}')")).is_some());
        let pid = shop.gateway();
        shop.session().run(&format!("SELECT pg_terminate_backend({pid}, 10000)"));
    }
    assert_eq!(shop.settled(), shop.charged());
}

#[test]
fn signals_do_not_disturb_it() {
    let shop = shop("signals", Config::default());
    shop.session().run("SELECT categorize('first')");
    let pid = shop.gateway().to_string();
    std::thread::scope(|threads| {
        for signal in ["-HUP", "-USR1", "-URG"] {
            let pid = &pid;
            threads.spawn(move || {
                for _ in 0..20 {
                    let storm = format!("for i in $(seq 200); do kill {signal} {pid}; done");
                    assert!(Command::new("bash").args(["-c", &storm]).status().unwrap().success());
                }
            });
        }
        for i in 0..100 {
            assert!(shop.session().text(&format!("SELECT categorize('title {i}')")).is_some());
        }
    });
    assert_eq!(shop.gateway().to_string(), pid, "it is still the same process");
}

#[test]
fn who_speaks_otherwise_is_refused_and_disturbs_nobody() {
    let shop = shop("versions", Config::default());
    shop.session().run("SELECT categorize('first')");
    let oid: u32 = shop.session().one::<i64>("SELECT oid::bigint FROM pg_database WHERE datname = 'versions'") as u32;
    let path = shop.database.cluster.data().join(format!("pg_stat_tmp/pg_categorize.{oid}.sock"));
    for bytes in
        [&[2, 0, 0, 0, 99, 123][..], &[255, 255, 255, 255, 1], &[3, 0, 0, 0, 1, 33, 33], b"GET / HTTP/1.1\r\n\r\n"]
    {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(bytes).unwrap();
        let mut said = Vec::new();
        // What of ours it has not read makes its hanging up an error.
        _ = stream.read_to_end(&mut said);
        assert!(String::from_utf8_lossy(&said).contains("Refused"), "{bytes:?}: {said:?}");
    }
    // Others that connect and say nothing, or leave in the middle.
    let silent: Vec<_> = (0..50).map(|_| UnixStream::connect(&path).unwrap()).collect();
    UnixStream::connect(&path).unwrap().write_all(&[200, 0, 0, 0, 1, 123]).unwrap();
    assert!(shop.session().text("SELECT categorize('second')").is_some());
    drop(silent);
}

#[test]
fn a_stale_socket_is_replaced() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "stale", Config::default());
    shop.session().run("SELECT categorize('first')");
    cluster.crash();
    assert!(shop.session().text("SELECT categorize('second')").is_some());
}

#[test]
fn a_copy_of_a_database_spends_nothing_until_it_is_adopted() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "original", Config::default());
    cluster.connect("postgres").run("CREATE DATABASE clone TEMPLATE original");
    let mut clone = cluster.connect("clone");
    let reason = "SELECT reason || coalesce(evidence::text, '') FROM categorize_detail('red brick', 'shop')";
    let said = clone.text(reason).unwrap();
    assert!(said.starts_with("external_off") && said.contains("adopt_database"), "{said}");
    assert_eq!(shop.model.account().requests, 0);
    clone.run("SELECT categorize.adopt_database()");
    assert_eq!(clone.text(reason), None);
    assert_eq!(shop.session().text("SELECT reason FROM categorize_detail('red brick')"), None);
}

#[test]
fn the_kill_switch_stops_all_within_a_second_or_so() {
    let cluster = Arc::new(builder().start());
    let faults = Faults::script([Step::of_title("hang", Fault::Hang).times(1000)]);
    let shop = shop_in(&cluster, "switched", Config { faults, ..Config::default() });
    let mut session = shop.session();
    let hung = std::thread::spawn(move || session.text("SELECT reason FROM categorize_detail('hang')"));
    eventually("a request that hangs", 20, || shop.model.account().in_flight > 0);
    cluster.connect("postgres").run("ALTER SYSTEM SET categorize.external = off");
    cluster.connect("postgres").run("SELECT pg_reload_conf()");
    eventually("the request is dropped", 5, || shop.model.account().in_flight == 0);
    assert_eq!(hung.join().unwrap().as_deref(), Some("external_off"));
    assert_eq!(shop.session().text("SELECT reason FROM categorize_detail('blue')").as_deref(), Some("external_off"));
    cluster.connect("postgres").run("ALTER SYSTEM RESET categorize.external");
    cluster.connect("postgres").run("SELECT pg_reload_conf()");
    eventually("it is on again", 10, || shop.session().text("SELECT reason FROM categorize_detail('green')").is_none());
}

#[test]
fn a_hundred_sessions_ask_at_once() {
    let shop = shop("hundred", Config::default());
    std::thread::scope(|threads| {
        for session in 0..100 {
            let shop = &shop;
            threads.spawn(move || {
                let titles = format!("SELECT array_agg('title {session} ' || i) FROM generate_series(1, 5) i");
                let answered = format!("SELECT count(category) FROM categorize_many(({titles}))");
                assert_eq!(shop.session().one::<i64>(&answered), 5);
            });
        }
    });
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn a_standby_says_that_it_cannot_ask() {
    let cluster = Arc::new(builder().conf("wal_level = replica").start());
    let shop = shop_in(&cluster, "leader", Config::default());
    shop.session().run("SELECT categorize('red brick')");
    let standby = cluster.replica();
    let mut session = standby.connect("leader");
    eventually("the answer arrives", 30, || session.text("SELECT categorize('red brick', 'shop')").is_some());
    assert_eq!(session.text("SELECT reason FROM categorize_detail('blue brick', 'shop')").as_deref(), Some("standby"));
    drop(FakeLlm::spawn(Config::default()));
}
