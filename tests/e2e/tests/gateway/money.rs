//! Settled and reserved never exceed a limit by a nano-dollar, and every nano-dollar can be told.

use crate::support::{builder, shop, shop_in};
use pg_categorize_fake_llm::{Config, Fault, Faults, Latency, Step};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_budget_that_is_spent_stops_only_what_costs_money() {
    let shop = shop("spent", Config::default());
    let mut session = shop.session();
    // A fifth of a cent, in the face of 200 titles in 200 requests.
    session.run("SELECT categorize.set_budget('database', 0.002, 'day')");
    let asked = "SELECT coalesce(reason, source) AS how, count(*) FROM categorize_many((SELECT array_agg('title ' || i)
                   FROM generate_series(1, 200) i)) GROUP BY 1 ORDER BY 1";
    let rows = session.query(asked, &[]).unwrap();
    let how: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(how, ["budget_exceeded", "llm"], "some are answered, the rest is refused");
    assert!(shop.charged() <= 2_000_000, "{}", shop.charged());
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    // Requests at the same time reserve more than they cost. One after the other, asked by themselves, spends the rest.
    session.run("SET categorize.prefetch = off");
    session.run("SELECT count(categorize('rest ' || i)) FROM generate_series(1, 100) i");
    session.run("RESET categorize.prefetch");
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    // One WARNING a statement, free tiers as before, and an error for those who want one.
    session.warnings();
    session.run("SELECT categorize('more than is left ' || i) FROM generate_series(1, 3) i");
    assert_eq!(session.warnings().len(), 1);
    session.run("SELECT categorize.correct('known', 'Toys')");
    assert_eq!(session.text("SELECT categorize('known')").as_deref(), Some("Toys"));
    session.run("SET categorize.on_unresolved = error");
    let error = session.refused("53400", "SELECT categorize('even more')");
    assert!(error.detail().is_some_and(|detail| detail.contains("budget_exceeded")), "{error:?}");
    let (settled, remaining): (i64, i64) = {
        let row = session
            .query_one(
                "SELECT (settled_usd * 1e9)::bigint, (remaining_usd * 1e9)::bigint FROM categorize.budget_status",
                &[],
            )
            .unwrap();
        (row.get(0), row.get(1))
    };
    assert_eq!((settled, remaining), (shop.charged(), 2_000_000 - shop.charged()));
}

#[test]
fn a_request_above_its_cap_and_a_model_without_a_price_are_not_asked() {
    let shop = shop("refused_money", Config::default());
    let mut session = shop.session();
    session.run("SELECT categorize.set_budget('database', 1, 'day', per_request_usd => 0.000001)");
    let reason = "SELECT reason FROM categorize_detail('red brick')";
    assert_eq!(session.text(reason).as_deref(), Some("request_too_expensive"));
    session.run("SELECT categorize.drop_provider('fake')");
    assert_eq!(session.text(reason).as_deref(), Some("no_provider"));
    shop.connect_provider(&mut session, "nameless", r#"{"model": "nobody-knows-its-price"}"#);
    assert_eq!(session.text(reason).as_deref(), Some("unknown_price"));
    assert_eq!(shop.model.account().requests, 0);
    session.run("SELECT categorize.set_price('nobody-knows-its-price', 0, 0)");
    assert_eq!(session.text(reason), None);
    assert_eq!((shop.settled(), shop.reserved()), (0, 0));
}

#[test]
fn every_budget_a_request_falls_under_holds() {
    let shop = shop("scopes", Config::default());
    let mut admin = shop.session();
    for scope in ["tenant:poor", "taxonomy:shop", "provider:fake"] {
        admin.run(&format!("SELECT categorize.set_budget('{scope}', 0, 'month', time_zone => 'Asia/Tokyo')"));
        let mut session = shop.session();
        if scope.starts_with("tenant") {
            assert_eq!(session.text("SELECT reason FROM categorize_detail('rich brick')"), None);
            session.run("SELECT categorize.set_tenant('poor', false)");
        }
        let title = format!("SELECT reason FROM categorize_detail('brick of {scope}')");
        assert_eq!(session.text(&title).as_deref(), Some("budget_exceeded"), "{scope}");
        admin.run(&format!("SELECT categorize.drop_budget('{scope}', 'month')"));
        assert_eq!(session.text(&title), None, "{scope}");
    }
    // A budget that begins in the middle of a period counts what was spent in it before.
    let spent = shop.settled();
    admin.run("SELECT categorize.set_budget('provider:fake', 0.0000001, 'day')");
    assert!(spent > 100);
    assert_eq!(admin.text("SELECT reason FROM categorize_detail('one more')").as_deref(), Some("budget_exceeded"));
}

#[test]
fn what_is_in_doubt_counts_until_somebody_settles_it() {
    let faults = Faults::script([Step::of_title("cut", Fault::CutBody).times(1000)]);
    let shop = shop("in_doubt", Config { faults, ..Config::default() });
    let mut session = shop.session();
    session.run("SET categorize.timeout_ms = 1500");
    assert!(session.text("SELECT reason FROM categorize_detail('cut it')").is_some());
    shop.rest();
    let attempts: Vec<i64> = session.column("SELECT attempt_id FROM categorize.in_doubt ORDER BY 1");
    assert!(!attempts.is_empty());
    let worst = shop.reserved();
    assert!(worst >= shop.charged() && shop.settled() == 0);
    let reserved = "SELECT (reserved_usd * 1e9)::bigint FROM categorize.budget_status WHERE scope = 'database'";
    assert_eq!(session.one::<i64>(reserved), worst);
    session.run(&format!("SELECT categorize.settle_in_doubt({}, 0.000000042)", attempts[0]));
    assert_eq!(shop.settled(), 42);
    session.refused("22023", &format!("SELECT categorize.settle_in_doubt({}, 0)", attempts[0]));
    let left: i64 = session.one("SELECT count(*) FROM categorize.in_doubt");
    assert_eq!(left, attempts.len() as i64 - 1);
}

#[test]
fn the_ceiling_of_the_server_holds_over_its_databases() {
    let cluster = Arc::new(builder().conf("categorize.cluster_limit_usd_day = 0.004").start());
    let shops = ["one", "two"].map(|name| shop_in(&cluster, name, Config::default()));
    for shop in &shops {
        let asked =
            "SELECT count(*) FROM categorize_many((SELECT array_agg('title ' || i) FROM generate_series(1, 300) i))
                      WHERE reason = 'budget_exceeded'";
        assert!(shop.session().one::<i64>(asked) > 0);
    }
    let charged = shops.iter().map(crate::support::Shop::charged).sum::<i64>();
    assert!(charged > 0 && charged <= 4_000_000, "{charged}");
    // It survives the server.
    cluster.crash();
    let mut session = shops[0].session();
    session.run("SELECT count(categorize('again ' || i)) FROM generate_series(1, 300) i");
    let charged = shops.iter().map(crate::support::Shop::charged).sum::<i64>();
    assert!(charged <= 4_000_000, "{charged}");
}

#[test]
fn usage_above_the_reservation_is_booked_and_stops_the_model() {
    let faults = Faults::script([Step::next(Fault::UsageAbove)]);
    let shop = shop("above", Config { faults, ..Config::default() });
    let mut session = shop.session();
    session.run("SELECT categorize.drop_provider('fake'); SELECT categorize.set_price('plain', 0.10, 0.50)");
    shop.connect_provider(&mut session, "plain", r#"{"model": "plain"}"#);
    session.run("SELECT categorize('red brick')");
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    let kinds: Vec<String> = session.column("SELECT DISTINCT kind FROM categorize.ledger ORDER BY 1");
    assert_eq!(kinds, ["adjust", "reserve", "settle"]);
    assert_eq!(
        session.text("SELECT kind FROM categorize.alert ORDER BY 1 LIMIT 1").as_deref(),
        Some("reservation_exceeded")
    );
    assert_eq!(session.text("SELECT reason FROM categorize_detail('blue brick')").as_deref(), Some("breaker_open"));
}

#[test]
fn the_shares_of_a_pack_add_up_to_what_it_cost() {
    let latency = Latency::Fixed(Duration::from_millis(50));
    let shop = shop("shares", Config { latency, ..Config::default() });
    let mut admin = shop.session();
    admin.run(r#"SELECT categorize.configure('shop', '{"pack_wait_ms": 400, "pack_size": 6}')"#);
    admin.run("CREATE ROLE share_a LOGIN IN ROLE categorize_user; CREATE ROLE share_b LOGIN IN ROLE categorize_user");
    std::thread::scope(|threads| {
        for (role, titles) in [("share_a", "ARRAY['one', 'two']"), ("share_b", "ARRAY['three', 'four', 'five', 'six']")]
        {
            let database = &shop.database;
            threads.spawn(move || {
                let mut session = database.session_as(role);
                let cost: i64 = session
                    .one(&format!("SELECT (sum(cost_usd) * 1e9)::bigint FROM categorize_many({titles}, 'shop')"));
                assert!(cost > 0);
            });
        }
    });
    assert_eq!(shop.model.account().requests, 1, "they shared a request");
    shop.rest();
    let spent = "SELECT (sum(spent_usd) * 1e9)::bigint FROM categorize.spend";
    assert_eq!(admin.one::<i64>(spent), shop.charged());
    let roles: Vec<String> = admin.column("SELECT DISTINCT role FROM categorize.spend ORDER BY 1");
    assert_eq!(roles, ["share_a", "share_b"]);
    assert_eq!(shop.settled(), shop.charged());
}
