//! Trainers that are killed, terminated, or whose database goes.

use crate::{await_idle, by_itself, held_trainer, is_live, stocked, stocked_of_its_own, stored, teach, trainer};
use pg_categorize_e2e::{Session, eventually, within};

#[test]
fn a_killed_trainer_leaves_nothing_and_the_next_lesson_trains() {
    let (database, mut session) = stocked_of_its_own(&[]);
    let (holder, pid) = held_trainer(&database, &mut session);
    database.cluster.kill(pid);
    drop(holder);
    // Postgres ends all processes with the one that was killed.
    eventually("all sessions end", 30, || session.batch_execute("").is_err());
    eventually("the server is back", 30, || Session::open(&database.cluster.config("shop")).is_ok());
    let mut session = database.session();
    assert_eq!((trainer(&mut session, "shop"), stored(&mut session)), (None, 0));
    session.run("SELECT categorize.correct('a plush thing', 'Toys')");
    eventually("a live model", 30, || is_live(&mut session));
    assert_eq!(session.text("SELECT categorize('a plush bear')").as_deref(), Some("Toys"));
    // So does a crash of the whole server.
    await_idle(&mut session, "shop");
    let (holder, _) = held_trainer_again(&database, &mut session);
    drop(holder);
    drop(session);
    database.cluster.crash();
    let mut session = database.session();
    assert_eq!(session.text("SELECT categorize('a plush bear')").as_deref(), Some("Toys"));
    session.run("SELECT categorize.correct('another plush thing', 'Toys')");
    eventually("a second model", 30, || stored(&mut session) >= 2);
}

/// As `held_trainer`, with other examples.
fn held_trainer_again(database: &pg_categorize_e2e::Database, session: &mut Session) -> (Session, i32) {
    session.run("BEGIN");
    session.run(&teach(200));
    session.run("ROLLBACK; DELETE FROM categorize.cache");
    held_trainer(database, session)
}

#[test]
fn without_preloading_models_are_trained_as_well() {
    let builder = pg_categorize_e2e::Cluster::builder().preload(false).conf("categorize.train_after_growth = 25");
    let (database, mut session) = crate::stock(std::sync::Arc::new(builder.start()).extended("plain"));
    session.run(&teach(60));
    eventually("a live model", 30, || is_live(&mut session));
    assert_eq!(session.text("SELECT categorize('a plush bear')").as_deref(), Some("Toys"));
    database.cluster.assert_tidy();
}

#[test]
fn a_terminated_trainer_ends_at_once() {
    let (database, _) = stocked("terminated");
    let mut session = by_itself(&database, "train_after_growth = 25");
    for end in ["pg_terminate_backend", "pg_cancel_backend"] {
        session.run("DELETE FROM categorize.cache");
        let (mut holder, pid) = held_trainer(&database, &mut session);
        session.run(&format!("SELECT {end}({pid})"));
        within(end, 5, || await_idle(&mut session, "terminated"));
        holder.run("COMMIT");
        assert_eq!(stored(&mut session), 0, "{end}");
    }
    session.run("SELECT categorize.correct('a plush thing', 'Toys')");
    eventually("a live model", 30, || is_live(&mut session));
    database.cluster.assert_tidy();
}

#[test]
fn a_database_is_dropped_under_its_trainer() {
    let (database, _) = stocked("doomed");
    let mut session = by_itself(&database, "train_after_growth = 25");
    let (holder, _) = held_trainer(&database, &mut session);
    let mut outside = database.cluster.connect("postgres");
    within("DROP DATABASE", 10, || outside.run("DROP DATABASE doomed WITH (FORCE)"));
    assert_eq!(trainer(&mut outside, "doomed"), None);
    drop(holder);
    database.cluster.assert_tidy();
}

#[test]
fn a_server_stops_under_its_trainer() {
    let (database, mut session) = stocked_of_its_own(&[]);
    let (holder, _) = held_trainer(&database, &mut session);
    within("a fast stop", 20, || database.cluster.restart());
    drop(holder);
    let mut session = database.session();
    assert_eq!(stored(&mut session), 0);
    database.cluster.assert_tidy();
}

#[test]
fn one_trainer_works_and_one_waits() {
    let (database, _) = stocked("queue");
    let mut session = by_itself(&database, "train_after_growth = 25");
    let (mut holder, _) = held_trainer(&database, &mut session);
    // Each lesson from now on finds a training due, since none has been done.
    for i in 0..10 {
        session.run(&format!("SELECT categorize.correct('a plush thing {i}', 'Toys')"));
    }
    let count =
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_categorize trainer' AND datname = 'queue'";
    eventually("all but two have ended", 30, || session.one::<i64>(count) == 2);
    holder.run("COMMIT");
    await_idle(&mut session, "queue");
    assert!(is_live(&mut session));
    // The first may have read before the last lesson came; the one that waited has looked again.
    assert!((1..=2).contains(&stored(&mut session)));
    database.cluster.assert_tidy();
}
