//! What trainers do not do: start in crowds, try the same again and again, hold up others.

use crate::{
    at_work, await_idle, busy_trainer, by_itself, held_trainer, is_live, logged, stocked, stocked_of_its_own, stored,
    teach, ten_minutes_pass, trainer,
};
use pg_categorize_e2e::{Database, eventually, within};
use std::thread::sleep;
use std::time::Duration;

const STARTED: &str = "DEBUG:  registering background worker \"pg_categorize trainer\"";

/// Corrects `count` inputs, one a transaction, each by a session of its own where `alone` says so.
fn correct(database: &Database, count: usize, category: &str, alone: bool) {
    let mut session = database.session();
    for i in 0..count {
        if alone {
            session = database.session();
        }
        session.run(&format!("SELECT categorize.correct('a zorbix thing {i}', '{category}', 't')"));
    }
}

#[test]
fn lessons_of_one_category_start_no_trainer() {
    let (database, mut session) = stocked_of_its_own(&["log_min_messages = debug1"]);
    correct(&database, 200, "Toys", false);
    correct(&database, 20, "Toys", true);
    assert_eq!(logged(&database, STARTED), 0);
    // The first of another category is heard at once by who has not heard of the others.
    database.session().run("SELECT categorize.correct('a hardcover novel', 'Books')");
    eventually("a live model", 30, || is_live(&mut session));
    await_idle(&mut session, "shop");
    assert_eq!(logged(&database, STARTED), 1);
    database.cluster.assert_tidy();
}

#[test]
fn many_lessons_start_few_trainers() {
    let (database, mut session) = stocked_of_its_own(&["log_min_messages = debug1"]);
    let (mut holder, _) = held_trainer(&database, &mut session);
    // A training is at work, which will look again.
    correct(&database, 60, "Toys", false);
    correct(&database, 30, "Books", true);
    assert_eq!(logged(&database, STARTED), 1);
    holder.run("COMMIT");
    await_idle(&mut session, "shop");
    assert!(is_live(&mut session));
    assert_eq!(session.one::<i32>("SELECT max(examples) FROM categorize.local_model"), 120);
    // Once for what was taught first, once for the rest.
    assert_eq!(stored(&mut session), 2);
    database.cluster.assert_tidy();
}

#[test]
fn one_trainer_works_and_one_waits() {
    let (database, _) = stocked("queue");
    let mut session = by_itself(&database, "train_after_growth = 25");
    let (mut holder, _) = held_trainer(&database, &mut session);
    // Others are due, too.
    for tenant in ["a", "b", "c", "d"] {
        let mut other = database.session();
        other.run(&format!("SELECT categorize.set_tenant('{tenant}', false)"));
        other.run(&teach(60));
        at_work(&mut session, "query = 'waiting for the other trainer of this database'");
    }
    let count =
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_categorize trainer' AND datname = 'queue'";
    eventually("all but two have ended", 30, || session.one::<i64>(count) == 2);
    holder.run("COMMIT");
    await_idle(&mut session, "queue");
    assert_eq!(stored(&mut session), 5);
    database.cluster.assert_tidy();
}

#[test]
fn a_training_that_failed_is_left_alone_for_a_while() {
    let (database, mut session) = stocked_of_its_own(&[]);
    session.run("ALTER TABLE categorize.local_model ADD CONSTRAINT nothing CHECK (false) NOT VALID");
    session.run(&teach(60));
    let failed = "could not train local model of taxonomy \"t\"";
    eventually("the training fails", 30, || logged(&database, failed) == 1);
    await_idle(&mut session, "shop");
    correct(&database, 20, "Toys", true);
    sleep(Duration::from_millis(700));
    assert_eq!((trainer(&mut session, "shop"), logged(&database, failed)), (None, 1));
    // Others are trained all the same, and who asks for it may.
    session.run("ALTER TABLE categorize.local_model DROP CONSTRAINT nothing");
    let mut other = database.session();
    other.run("SELECT categorize.set_tenant('other', false)");
    other.run(&teach(60));
    eventually("a model of another tenant", 30, || is_live(&mut other));
    await_idle(&mut session, "shop");
    assert!(!is_live(&mut session));
    ten_minutes_pass(&mut session);
    database.session().run("SELECT categorize.correct('a plush toy', 'Toys')");
    eventually("a live model", 30, || is_live(&mut session));
    database.cluster.assert_tidy();
}

#[test]
fn a_training_that_somebody_holds_does_not_hold_up_others() {
    let (database, mut holder) = stocked("idle");
    holder.run("SELECT categorize.set_tenant('a', false)");
    holder.run(&teach(100));
    holder.run("BEGIN; SELECT categorize.train('t')");
    let mut session = by_itself(&database, "train_after_growth = 25");
    session.run("BEGIN; SELECT categorize.set_tenant('a', false)");
    session.run(&teach(60));
    session.run("SELECT categorize.set_tenant('b', false)");
    session.run(&teach(60));
    session.run("COMMIT");
    eventually("a model of b", 30, || is_live(&mut session));
    await_idle(&mut session, "idle");
    assert!(database.cluster.log().contains("is being trained by another session"));
    // Nor do locks that anybody may take.
    assert_eq!(
        session.one::<i64>("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid IN (1, 2)"),
        0
    );
    holder.run("COMMIT");
    assert_eq!(stored(&mut session), 2);
    database.cluster.assert_tidy();
}

#[test]
fn a_trainer_that_computes_holds_nothing() {
    let (database, _) = stocked("light");
    let mut session = by_itself(&database, "train_after_growth = 25");
    let pid = busy_trainer(&mut session);
    let held = format!("SELECT count(*) FROM pg_locks WHERE pid = {pid} AND locktype = 'relation'");
    assert_eq!(session.one::<i64>(&held), 0);
    session.run("SET statement_timeout = '3s'");
    within("TRUNCATE", 3, || session.run("TRUNCATE categorize.local_model, categorize.quality"));
    session.run("SELECT categorize('a zorbix vumo')");
    within("DROP EXTENSION", 3, || session.run("DROP EXTENSION pg_categorize"));
    assert_eq!(trainer(&mut session, "light"), Some(pid), "it was to be at work still");
    await_idle(&mut session, "light");
    assert!(database.cluster.log().contains("the extension was dropped or updated"));
    assert_eq!(logged(&database, "NOTICE:  training local model"), 0);
    database.cluster.assert_tidy();
}
