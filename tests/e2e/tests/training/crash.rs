//! Trainers that are killed or terminated.

use crate::{
    await_idle, by_itself, held_trainer, is_live, stocked, stocked_of_its_own, stored, teach, ten_minutes_pass, trainer,
};
use pg_categorize_e2e::{Session, eventually, within};
use std::thread::sleep;
use std::time::Duration;

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
    // It may have been the training that did it: not again at once.
    session.run("SELECT categorize.correct('a zorbix thing', 'Toys')");
    sleep(Duration::from_millis(700));
    assert_eq!((trainer(&mut session, "shop"), stored(&mut session)), (None, 0));
    ten_minutes_pass(&mut session);
    let mut session = database.session();
    session.run("SELECT categorize.correct('a plush toy', 'Toys')");
    eventually("a live model", 30, || is_live(&mut session));
    assert_eq!(session.text("SELECT categorize('a zorbix vumo')").as_deref(), Some("Toys"));
    // So does a crash of the whole server.
    await_idle(&mut session, "shop");
    let (holder, _) = held_trainer_again(&database, &mut session);
    drop(holder);
    drop(session);
    database.cluster.crash();
    let mut session = database.session();
    assert_eq!(session.text("SELECT categorize('a zorbix vumo')").as_deref(), Some("Toys"));
    ten_minutes_pass(&mut session);
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
    assert_eq!(session.text("SELECT categorize('a zorbix vumo')").as_deref(), Some("Toys"));
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
        // This one has had a training started, and does not ask again for a minute.
        session = database.session();
    }
    session.run("SELECT categorize.correct('a zorbix thing', 'Toys')");
    eventually("a live model", 30, || is_live(&mut session));
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
