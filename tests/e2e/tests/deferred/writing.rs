//! From a row without a category over a batch to the row with it.

use crate::support::{Shop, builder, config, shop, shop_in};
use pg_categorize_e2e::{Dice, Session, eventually};
use std::sync::Arc;
use std::time::Duration;

/// A table `product` whose open categories are filled by the night.
fn products(shop: &Shop) -> Session {
    let mut session = shop.session();
    session.run("CREATE TABLE product (id int PRIMARY KEY, title text, category text)");
    session.run(
        "CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON product FOR EACH ROW
         EXECUTE FUNCTION categorize_trigger('title', 'category', 'shop', 'deferred')",
    );
    session
}

const OPEN: &str = "SELECT count(*) FROM product WHERE category IS NULL";

#[test]
fn a_row_gets_its_category_from_the_batch_of_the_night() {
    for kind in 0..3 {
        let shop = shop(&format!("night_{kind}"), kind, config());
        let mut session = products(&shop);
        session.run("INSERT INTO product SELECT i, 'title ' || i % 10 FROM generate_series(1, 40) i");
        assert_eq!((session.one::<i64>(OPEN), shop.jobs("waiting")), (40, 10));
        shop.submit();
        session.run("UPDATE product SET title = 'another' WHERE id = 7");
        session.run("UPDATE product SET category = 'mine' WHERE id = 8");
        shop.night();
        eventually("rows are written", 20, || session.one::<i64>(OPEN) == 1);
        let same = "SELECT count(*) FROM product WHERE category = categorize_cached(title) AND id NOT IN (7, 8)";
        assert_eq!(session.one::<i64>(same), 38);
        assert_eq!(session.text("SELECT category FROM product WHERE id = 8").as_deref(), Some("mine"));
        let left: Vec<String> =
            session.column("SELECT reason FROM categorize.job_target WHERE state = 'failed' ORDER BY id");
        assert_eq!(left, ["row_changed", "row_changed"]);
        assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    }
}

#[test]
fn a_row_that_somebody_holds_is_written_once_he_lets_go_and_holds_up_no_other() {
    let shop = shop("held", 0, config());
    let mut session = products(&shop);
    session.run("INSERT INTO product SELECT i, 'title ' || i FROM generate_series(1, 20) i");
    let mut holder = shop.session();
    holder.run("BEGIN");
    holder.run("SELECT FROM product WHERE id = 13 FOR UPDATE");
    shop.submit();
    shop.night();
    eventually("all rows but one are written", 20, || session.one::<i64>(OPEN) == 1);
    assert_eq!(session.one::<i32>("SELECT id FROM product WHERE category IS NULL"), 13);
    holder.run("COMMIT");
    eventually("the last row is written", 20, || session.one::<i64>(OPEN) == 0);
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.job_target"), 0);
}

#[test]
fn a_table_that_somebody_holds_is_written_once_he_lets_go() {
    let shop = shop("held_table", 0, config());
    let mut session = products(&shop);
    session.run("INSERT INTO product SELECT i, 'title ' || i FROM generate_series(1, 20) i");
    shop.submit();
    let mut holder = shop.session();
    holder.run("BEGIN");
    holder.run("LOCK TABLE product IN SHARE MODE");
    shop.night();
    eventually("rows are tried", 20, || {
        session.one::<i64>("SELECT count(*) FROM categorize.job_target WHERE attempts > 0 AND sqlstate = '55P03'") == 20
    });
    holder.run("COMMIT");
    eventually("rows are written", 20, || session.one::<i64>(OPEN) == 0);
}

#[test]
fn what_a_trigger_says_of_a_row_is_in_no_log_and_stops_no_other_row() {
    let cluster = Arc::new(builder().conf("log_min_messages = 'notice'").start());
    let shop = shop_in(&cluster, "noisy", 0, config());
    let mut session = products(&shop);
    session.run(
        "CREATE FUNCTION noisy() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             RAISE WARNING 'seen: %', NEW.title;
             RAISE LOG 'noted: %', NEW.title;
             IF NEW.category IS NOT NULL AND NEW.id = 5 THEN RAISE EXCEPTION 'refused: %', NEW.title; END IF;
             RETURN NEW;
         END $$",
    );
    session.run("INSERT INTO product SELECT i, 'secret ' || i FROM generate_series(1, 20) i");
    session.run("CREATE TRIGGER noisy AFTER UPDATE ON product FOR EACH ROW EXECUTE FUNCTION noisy()");
    shop.submit();
    shop.night();
    eventually("rows are written", 20, || {
        session.one::<i64>("SELECT count(*) FROM categorize.job_target WHERE state <> 'failed'") == 0
    });
    assert_eq!(session.column::<i32>("SELECT id FROM product WHERE category IS NULL"), [5]);
    let why = "SELECT reason || ' ' || sqlstate FROM categorize.job_target";
    assert_eq!(session.text(why).as_deref(), Some("refused P0001"));
    let log = cluster.log();
    assert!(!log.contains("secret"), "{log}");
}

#[test]
fn a_database_is_dropped_while_a_trigger_of_its_rows_takes_its_time() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "slow", 0, config());
    let mut session = products(&shop);
    session.run("INSERT INTO product SELECT i, 'title ' || i FROM generate_series(1, 20) i");
    session.run(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$",
    );
    session.run("CREATE TRIGGER slow BEFORE UPDATE ON product FOR EACH ROW EXECUTE FUNCTION slow()");
    shop.submit();
    shop.night();
    let writers =
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_categorize writer' AND wait_event = 'PgSleep'";
    eventually("a writer is at it", 20, || session.one::<i64>(writers) == 1);
    drop(session);
    let began = std::time::Instant::now();
    cluster.connect("postgres").run("DROP DATABASE slow");
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[test]
fn a_writer_that_is_killed_comes_back_and_writes_each_row_once() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "killed_writer", 0, config());
    let mut session = products(&shop);
    session.run("CREATE TABLE written (id int)");
    session.run(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             INSERT INTO public.written VALUES (NEW.id);
             PERFORM pg_catalog.pg_sleep(0.004);
             RETURN NULL;
         END $$",
    );
    session.run("INSERT INTO product SELECT i, 'title ' || i FROM generate_series(1, 1000) i");
    session.run("CREATE TRIGGER note AFTER UPDATE ON product FOR EACH ROW EXECUTE FUNCTION note()");
    drop(session);
    shop.submit();
    shop.night();
    let (mut dice, mut killed) = (Dice(3), 0);
    for _ in 0..5 {
        eventually("a writer is at it, or has done all", 60, || {
            !shop.processes("writer").is_empty() || shop.session().one::<i64>(OPEN) == 0
        });
        std::thread::sleep(Duration::from_millis(dice.below(1500)));
        if let Some(writer) = shop.processes("writer").pop() {
            killed += i32::from(cluster.try_kill(writer));
        }
    }
    assert!(killed > 0, "no writer was met");
    eventually("all rows are written", 90, || shop.session().one::<i64>(OPEN) == 0);
    let mut session = shop.session();
    let written = session.query_one("SELECT count(*), count(DISTINCT id) FROM written", &[]).expect("a row");
    assert_eq!((written.get::<_, i64>(0), written.get::<_, i64>(1)), (1000, 1000), "{killed} kills");
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.job_target"), 0);
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}
