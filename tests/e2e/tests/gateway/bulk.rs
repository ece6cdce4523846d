//! Whole tables: in committed chunks, by several at once, after a crash, within a limit.

use crate::support::{Shop, builder, shop, shop_in};
use pg_categorize_e2e::{Session, eventually, within};
use pg_categorize_fake_llm::{Config, Latency};
use std::sync::Arc;
use std::time::Duration;

const CALL: &str = "CALL categorize.run('item', 'title', 'category', 'shop', chunk_size => 20)";

/// A shop with a table of 300 rows of 100 titles of which nothing is known; every write of a row is counted.
fn furnish(shop: &Shop) {
    shop.session().run(
        "CREATE TABLE item (id int PRIMARY KEY, title text, category text, writes int NOT NULL DEFAULT 0);
         INSERT INTO item SELECT i, 'thing number ' || (i * 7919) % 100 FROM generate_series(1, 300) i;
         CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN new.writes := old.writes + 1; RETURN new; END $$;
         CREATE TRIGGER count_write BEFORE UPDATE ON item FOR EACH ROW WHEN (new.category IS DISTINCT FROM old.category)
             EXECUTE FUNCTION count_write()",
    );
}

fn stocked(name: &str, latency_ms: u64) -> Shop {
    let shop = shop(name, slow(latency_ms));
    furnish(&shop);
    shop
}

fn slow(latency_ms: u64) -> Config {
    Config { latency: Latency::Fixed(Duration::from_millis(latency_ms)), ..Config::default() }
}

/// State of the newest run, and its rows done and written.
fn progress(session: &mut Session) -> (String, i64, i64) {
    let row = session
        .query_one("SELECT state, rows_done, rows_written FROM categorize.progress ORDER BY run DESC LIMIT 1", &[])
        .unwrap();
    (row.get(0), row.get(1), row.get(2))
}

fn open_rows(session: &mut Session) -> i64 {
    session.one("SELECT count(*) FROM item WHERE category IS NULL")
}

#[test]
fn two_at_once_do_each_row_once_and_pay_each_title_once() {
    let shop = stocked("bulk_two", 20);
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| shop.session().run(CALL));
        }
    });
    let mut session = shop.session();
    assert_eq!(session.one::<i64>("SELECT count(*) FROM item WHERE category IS NULL OR writes <> 1"), 0);
    assert_eq!(progress(&mut session), ("done".into(), 300, 300));
    let account = shop.model.account();
    assert_eq!((account.titles_paid, account.second_payments), (100, 0));
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    let told = session.one::<i64>("SELECT (settled_usd * 1e9)::bigint FROM categorize.progress");
    assert_eq!(told, shop.charged());
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.bulk_claim"), 0);
}

#[test]
fn what_is_cancelled_is_gone_on_with() {
    let shop = stocked("bulk_cancel", 200);
    shop.session().run(r#"SELECT categorize.configure('shop', '{"in_flight": 2}')"#);
    let mut session = shop.session();
    let token = session.cancel_token();
    std::thread::scope(|threads| {
        let run = threads.spawn(|| _ = session.refused("57014", CALL));
        eventually("some rows are paid for", 30, || shop.model.account().titles_paid > 20);
        assert_eq!(progress(&mut shop.session()).0, "running");
        within("a cancel", 5, || {
            token.cancel_query(postgres::NoTls).unwrap();
            run.join().unwrap();
        });
    });
    // The session is there, and does nothing.
    assert_eq!(progress(&mut shop.session()).0, "interrupted");
    assert!(open_rows(&mut session) > 0);
    session.run(CALL);
    assert_eq!((open_rows(&mut session), progress(&mut session)), (0, ("done".into(), 300, 300)));
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.progress"), 1);
    assert_eq!(shop.model.account().second_payments, 0);
}

#[test]
fn what_a_killed_session_left_is_done_by_the_next() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "bulk_kill", slow(100));
    furnish(&shop);
    shop.session().run(r#"SELECT categorize.configure('shop', '{"in_flight": 4}')"#);
    // The first sixty rows are answered by what is known, so that some chunks are committed before the kill.
    shop.session().run("SELECT categorize.learn('SELECT DISTINCT title, ''Toys'' FROM item WHERE id <= 60', 'shop')");
    let mut session = shop.session();
    let pid = session.pid();
    std::thread::scope(|threads| {
        let run = threads.spawn(move || session.batch_execute(CALL).is_err());
        eventually("some titles are paid for", 30, || shop.model.account().titles_paid > 4);
        cluster.kill(pid);
        assert!(run.join().unwrap());
    });
    eventually("the server is back", 60, || cluster.config("bulk_kill").connect(postgres::NoTls).is_ok());
    let mut session = shop.session();
    assert_eq!(progress(&mut session).0, "interrupted");
    within("going on", 60, || session.run(CALL));
    assert_eq!(open_rows(&mut session), 0);
    let (state, done, _) = progress(&mut session);
    assert_eq!((state.as_str(), done), ("done", 300));
    assert_eq!(session.one::<i64>("SELECT count(*) FROM item WHERE writes <> 1"), 0);
}

#[test]
fn a_limit_holds_over_all_workers_and_what_is_free_goes_on() {
    let shop = stocked("bulk_limit", 20);
    let mut session = shop.session();
    assert!(session.text("SELECT categorize('what one costs')").is_some());
    let one = shop.settled();
    session.run("SELECT categorize.learn('SELECT title, ''Toys'' FROM item WHERE id > 290', 'shop')");
    let paid = shop.model.account().titles_paid;
    let limit = 60 * one;
    let call = CALL.replace(")", &format!(", max_usd => {}::numeric / 1000000000)", limit));
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| shop.session().run(&call));
        }
    });
    let spent = shop.settled() + shop.reserved() - one;
    assert!(spent <= limit, "{spent} of {limit}");
    // What is left does not pay for an input that is asked about twice at the worst price.
    let worst: i64 = session.one("SELECT max(amount_nanousd / inputs) FROM categorize.ledger WHERE kind = 'reserve'");
    assert!(limit - spent <= 2 * (worst + 1), "{spent} of {limit}, where one costs {worst} at most");
    let bought = shop.model.account().titles_paid - paid;
    // In company an input costs less than alone.
    assert!((10..=90).contains(&bought), "{bought}");
    assert!(session.one::<bool>("SELECT limit_reached FROM categorize.progress"));
    assert_eq!(progress(&mut session).0, "done");
    assert_eq!(session.one::<i64>("SELECT count(*) FROM item WHERE id > 290 AND category IS NULL"), 0);
    assert!(open_rows(&mut session) > 0);
    // With more money the rest is done, by a run of its own.
    session.run(CALL);
    assert_eq!(open_rows(&mut session), 0);
    // A dry run now knows what an input costs.
    session.run("UPDATE item SET title = 'new ' || title, category = NULL");
    let paid = shop.model.account().titles_paid;
    session.run(&CALL.replace(")", ", dry_run => true)"));
    let row = session
        .query_one(
            "SELECT state, rows_total, distinct_inputs, unresolved, (low_usd * 1e9)::bigint, (high_usd * 1e9)::bigint
               FROM categorize.progress ORDER BY run DESC LIMIT 1",
            &[],
        )
        .unwrap();
    let (low, high) = (row.get::<_, i64>(4), row.get::<_, i64>(5));
    assert_eq!(
        (row.get::<_, &str>(0), row.get::<_, i64>(1), row.get::<_, i64>(2), row.get::<_, i64>(3)),
        ("dry run", 300, 100, 300)
    );
    assert!(0 < low && low < high, "{low} to {high}");
    assert_eq!((shop.model.account().titles_paid, open_rows(&mut session)), (paid, 300));
    let before = shop.charged();
    session.run(CALL);
    shop.rest();
    let cost = shop.charged() - before;
    assert!(low <= cost && cost <= high, "{cost}, which is not from {low} to {high}");
}

#[test]
fn what_a_gateway_that_is_gone_left_under_way_is_not_waited_for() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "bulk_left", slow(5000));
    furnish(&shop);
    let mut session = shop.session();
    assert!(session.text("SELECT categorize('what one costs')").is_some());
    let worst: i64 = session.one("SELECT max(amount_nanousd / inputs) FROM categorize.ledger WHERE kind = 'reserve'");
    // The representative of all titles may be asked about, and nothing beside it.
    let call = CALL.replace(")", &format!(", max_usd => {}::numeric / 1000000000)", worst * 3 / 2));
    let pid = session.pid();
    std::thread::scope(|threads| {
        let run = threads.spawn(|| session.batch_execute(&call).is_err());
        eventually("it asks", 30, || shop.model.account().in_flight > 0);
        cluster.kill(pid);
        assert!(run.join().unwrap());
    });
    eventually("the server is back", 60, || cluster.config("bulk_left").connect(postgres::NoTls).is_ok());
    let mut session = shop.session();
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.reservation WHERE state = 'open'"), 1);
    session.run("SET statement_timeout = '60s'");
    session.run(&call);
    assert_eq!((open_rows(&mut session), progress(&mut session)), (300, ("done".into(), 300, 0)));
    assert!(session.one::<bool>("SELECT limit_reached FROM categorize.progress"));
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.reservation WHERE state = 'in_doubt'"), 1);
}

#[test]
fn a_limit_of_nothing_buys_nothing() {
    let shop = stocked("bulk_nothing", 0);
    let mut session = shop.session();
    session.run(&CALL.replace(")", ", max_usd => 0)"));
    assert_eq!((shop.model.account().requests, open_rows(&mut session)), (0, 300));
    assert_eq!(progress(&mut session), ("done".into(), 300, 0));
}

#[test]
fn what_changes_while_it_is_asked_about_is_not_written_over() {
    let shop = stocked("bulk_changes", 800);
    let mut session = shop.session();
    std::thread::scope(|threads| {
        let run = threads.spawn(|| shop.session().run(&CALL.replace("20", "1000")));
        eventually("it asks about rows that it has read", 20, || {
            let mut session = shop.session();
            session.one("SELECT count(*) > 0 FROM categorize.bulk_claim WHERE to_key IS NOT NULL")
                && shop.model.account().in_flight > 0
        });
        // Nobody waits for it meanwhile.
        within("changes beside a run", 2, || {
            session.run(
                "UPDATE item SET title = 'another' WHERE id = 1;
                 UPDATE item SET category = 'mine' WHERE id = 2;
                 DELETE FROM item WHERE id = 3;
                 ALTER TABLE item ADD COLUMN more int",
            );
        });
        run.join().unwrap();
    });
    assert_eq!(session.text("SELECT category FROM item WHERE id = 1"), None);
    assert_eq!(session.text("SELECT category FROM item WHERE id = 2").as_deref(), Some("mine"));
    assert_eq!(open_rows(&mut session), 1);
    assert_eq!(progress(&mut session), ("done".into(), 300, 297));
    session.run(CALL);
    assert_eq!(open_rows(&mut session), 0);
}

#[test]
fn a_claim_that_expires_is_taken_over_and_no_row_is_written_twice() {
    let shop = stocked("bulk_expire", 0);
    let mut holder = shop.session();
    let mut transaction = holder.transaction().unwrap();
    transaction.batch_execute("SELECT FROM item WHERE id = 150 FOR UPDATE").unwrap();
    let call = CALL.replace(")", ", claim_timeout => '300 ms')");
    std::thread::scope(|threads| {
        let waiting = "SELECT count(*) FROM pg_stat_activity
                        WHERE query LIKE 'CALL%' AND datname = 'bulk_expire' AND wait_event_type = 'Lock'";
        let expired = "SELECT count(*) FROM categorize.bulk_claim WHERE expires_at < clock_timestamp()";
        threads.spawn(|| shop.session().run(&call));
        eventually("the first waits for the row", 20, || shop.session().one::<i64>(waiting) == 1);
        eventually("its claim expires", 20, || shop.session().one::<i64>(expired) == 1);
        threads.spawn(|| shop.session().run(&call));
        eventually("both wait for the row", 20, || shop.session().one::<i64>(waiting) == 2);
        transaction.commit().unwrap();
    });
    let mut session = shop.session();
    assert_eq!(session.one::<i64>("SELECT count(*) FROM item WHERE category IS NULL OR writes <> 1"), 0);
    assert_eq!(progress(&mut session), ("done".into(), 300, 300));
}
