//! What the gateway does with old money: what was in doubt for a day is spent, and old rows are summed up. A kill in the
//! middle changes nothing, and once is enough.

use crate::support::{Shop, builder, shop_in};
use pg_categorize_e2e::{Cluster, eventually};
use pg_categorize_fake_llm::{Config, Fault, Faults, Step};
use std::sync::Arc;

/// A shop in a cluster of its own, whose model spoils what is called so.
fn shop_of_its_own(name: &str) -> (Arc<Cluster>, Shop) {
    let cluster = Arc::new(builder().start());
    let spoiled =
        [Step::of_title("cut", Fault::CutBody).times(1000), Step::of_title("wrong", Fault::WrongLabel).times(1000)];
    let shop = shop_in(&cluster, name, Config { faults: Faults::script(spoiled), ..Config::default() });
    (cluster, shop)
}

/// Asks for a title; why there is no answer.
fn ask(shop: &Shop, title: &str) -> Option<String> {
    let mut session = shop.session();
    session.run("SET categorize.timeout_ms = 1500");
    let reason = session.text(&format!("SELECT reason FROM categorize_detail('{title}')"));
    shop.rest();
    reason
}

fn stop_gateways(shop: &Shop) {
    shop.rest();
    for pid in shop.gateways() {
        shop.session().run(&format!("SELECT pg_terminate_backend({pid}, 10000)"));
    }
}

/// Has a new gateway begin, and do first what is due. No money may move meanwhile.
fn begin_anew(shop: &Shop) {
    stop_gateways(shop);
    shop.session().run("SELECT categorize.set_budget('provider:fake', 0)");
    assert_eq!(ask(shop, "nobody pays for this").as_deref(), Some("budget_exceeded"));
    shop.session().run("SELECT categorize.drop_budget('provider:fake')");
}

/// Kills a gateway with SIGKILL while it writes its first row `when` into a table, at its start.
fn kill_in_the_middle(shop: &Shop, table: &str, when: &str) {
    stop_gateways(shop);
    shop.session().run(&format!(
        "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(50); RETURN new; END $$;
         CREATE TRIGGER stop AFTER INSERT ON categorize.{table} FOR EACH ROW {when} EXECUTE FUNCTION stop()"
    ));
    let mut session = shop.session();
    let asking = std::thread::spawn(move || session.batch_execute("SELECT categorize('somebody wakes it')").is_ok());
    let sleeping =
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_categorize gateway' AND wait_event = 'PgSleep'";
    eventually("the gateway is in the middle", 20, || shop.session().one::<i64>(sleeping) == 1);
    shop.database.cluster.kill(shop.gateway());
    _ = asking.join();
    let cluster = &shop.database.cluster;
    eventually("the server is back", 30, || {
        let client = cluster.config(&shop.database.name).connect(postgres::NoTls);
        // Before the postmaster has noticed, the old server still answers.
        client.is_ok_and(|mut client| client.query_one(sleeping, &[]).is_ok_and(|row| row.get::<_, i64>(0) == 0))
    });
    shop.session().run(&format!("DROP TRIGGER stop ON categorize.{table}"));
}

/// All that people see of money, a line each.
fn told(shop: &Shop) -> Vec<String> {
    let sql = "SELECT 'spend ' || s FROM (SELECT * FROM categorize.spend) s
                UNION ALL SELECT 'doubt ' || d FROM categorize.in_doubt d
                UNION ALL SELECT 'budget ' || b FROM (SELECT scope, period, settled_usd, reserved_usd, in_doubt_usd, remaining_usd
                                                        FROM categorize.budget_status) b
                ORDER BY 1";
    shop.session().column(sql)
}

/// Settled and reserved nano-dollars of today's budget of the database.
fn budget(shop: &Shop) -> (i64, i64) {
    let sql = "SELECT (settled_usd * 1e9)::bigint, (reserved_usd * 1e9)::bigint FROM categorize.budget_status
                WHERE scope = 'database' AND period = 'day'";
    let row = shop.session().query_one(sql, &[]).unwrap();
    (row.get(0), row.get(1))
}

#[test]
fn what_is_in_doubt_for_a_day_is_spent_once() {
    let (_cluster, shop) = shop_of_its_own("doubted");
    assert_eq!(ask(&shop, "red brick"), None);
    assert!(ask(&shop, "cut it").is_some());
    let (paid, worst) = (shop.settled(), shop.reserved());
    let attempts: Vec<i64> = shop.session().column("SELECT attempt_id FROM categorize.in_doubt ORDER BY 1");
    assert!(attempts.len() >= 2, "{attempts:?}");
    assert_eq!(budget(&shop), (paid, worst));
    // All but the last have been in doubt for a day, and the last nearly so.
    let age = |attempt: &i64, age: &str| {
        shop.session().run(&format!(
            "UPDATE categorize.reservation SET in_doubt_since = clock_timestamp() - interval '{age}' WHERE attempt_id = {attempt}"
        ));
    };
    let (last, old) = attempts.split_last().unwrap();
    old.iter().for_each(|attempt| age(attempt, "24 hours"));
    age(last, "23 hours 50 minutes");
    let left: i64 =
        shop.session().one(&format!("SELECT amount_nanousd FROM categorize.reservation WHERE attempt_id = {last}"));

    kill_in_the_middle(&shop, "ledger", "WHEN (new.settled_by = 'expired')");
    assert_eq!((shop.settled(), shop.reserved()), (paid, worst));
    assert_eq!(budget(&shop), (paid, worst));

    for _ in 0..2 {
        begin_anew(&shop);
        assert_eq!((shop.settled(), shop.reserved()), (paid + worst - left, left));
        assert_eq!(budget(&shop), (paid + worst - left, left));
        let expired: Vec<i64> = shop.session().column(
            "SELECT l.attempt_id FROM categorize.ledger l JOIN categorize.ledger r USING (attempt_id, amount_nanousd, reserved_at)
              WHERE l.settled_by = 'expired' AND l.kind = 'settle' AND r.kind = 'reserve' ORDER BY 1",
        );
        assert_eq!(expired, old, "each at its worst case, in the period in which it was reserved");
    }
    shop.session().refused("22023", &format!("SELECT categorize.settle_in_doubt({}, 0)", old[0]));
    assert!(shop.charged() <= shop.settled() + shop.reserved());
}

#[test]
fn a_ledger_that_is_summed_up_tells_the_same() {
    let (cluster, shop) = shop_of_its_own("summed_up");
    shop.session().run(
        "SELECT categorize.set_budget('database', 5, 'month'), categorize.set_budget('taxonomy:shop', 5, 'month')",
    );
    for title in ["one", "two", "three"] {
        assert_eq!(ask(&shop, title), None);
    }
    assert!(ask(&shop, "wrong again").is_some() && ask(&shop, "cut it").is_some());
    let doubtful = shop.session().one::<i64>("SELECT count(*) FROM categorize.in_doubt");
    assert!(doubtful > 0);
    stop_gateways(&shop);
    // Time goes by, of which the counters know nothing.
    shop.session().run(
        "UPDATE categorize.ledger SET reserved_at = reserved_at - interval '36 hours';
         UPDATE categorize.reservation SET reserved_at = reserved_at - interval '36 hours';
         -- Some were sixty hours ago, and of one day there is a row already.
         UPDATE categorize.ledger SET reserved_at = reserved_at - interval '24 hours'
          WHERE attempt_id IN (SELECT attempt_id FROM categorize.ledger WHERE kind = 'settle' ORDER BY 1 LIMIT 1);
         INSERT INTO categorize.ledger_day
         SELECT (reserved_at AT TIME ZONE 'UTC')::date, provider_id, provider, model, tenant, taxonomy_id, role, application_name,
                query_id, 1, 2, 1, 300, 40, 50, 6000, 3000
           FROM categorize.ledger WHERE kind = 'settle' ORDER BY attempt_id DESC LIMIT 1;
         DELETE FROM categorize.budget_counter",
    );
    assert_eq!(ask(&shop, "today"), None);
    stop_gateways(&shop);
    shop.session().run("DELETE FROM categorize.budget_counter");
    let before = told(&shop);
    let rows = |table: &str| shop.session().one::<i64>(&format!("SELECT count(*) FROM categorize.{table}"));
    let (single, days) = (rows("ledger"), rows("ledger_day"));

    cluster.connect("postgres").run("ALTER SYSTEM SET categorize.ledger_retention = 1");
    cluster.connect("postgres").run("SELECT pg_reload_conf()");
    eventually("the setting counts", 10, || {
        shop.session().text("SHOW categorize.ledger_retention").as_deref() == Some("1")
    });
    kill_in_the_middle(&shop, "ledger_day", "");
    assert_eq!((told(&shop), rows("ledger"), rows("ledger_day")), (before.clone(), single, days));

    for _ in 0..2 {
        begin_anew(&shop);
        assert_eq!(told(&shop), before);
        // What was asked today, and what is in doubt.
        assert_eq!(rows("ledger"), 2 + doubtful);
        assert!(rows("ledger_day") > days);
        // The counters are made from it.
        shop.session().run("DELETE FROM categorize.budget_counter");
    }
    assert_eq!(rows("reservation"), doubtful);
}
