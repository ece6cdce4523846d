//! `train()` beside others, and when it is cancelled.

use crate::{TEACH_MUCH, stocked, stored, teach};
use pg_categorize_e2e::{eventually, within};
use std::thread;
use std::time::Duration;

#[test]
fn a_timeout_ends_a_training_and_leaves_nothing() {
    let (database, mut session) = stocked("cancelled");
    session.run(TEACH_MUCH);
    for after in [20, 300, 1000] {
        session.run(&format!("SET statement_timeout = {after}"));
        within("train()", 4, || session.refused("57014", "SELECT categorize.train('much')"));
        session.run("RESET statement_timeout");
        assert_eq!(stored(&mut session), 0);
    }
    // Nothing is held any more.
    session.run(&teach(100));
    let locks: i64 = session.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = 'cancelled')");
    assert_eq!(locks, 0);
    session.run("SELECT categorize.train('t')");
    assert_eq!(stored(&mut session), 1);
    database.cluster.assert_tidy();
}

#[test]
fn a_client_that_leaves_takes_its_training_with_it() {
    let (database, mut session) = stocked("leaver");
    session.run(TEACH_MUCH);
    let mut leaver = database.session();
    let pid = leaver.pid();
    let training = thread::spawn(move || leaver.batch_execute("SELECT categorize.train('much')").is_err());
    thread::sleep(Duration::from_millis(200));
    session.run(&format!("SELECT pg_terminate_backend({pid})"));
    assert!(within("the end", 5, || training.join().expect("no panic")));
    assert_eq!(stored(&mut session), 0);
    database.cluster.assert_tidy();
}

#[test]
fn two_trainings_of_a_tenant_wait_for_each_other() {
    let (database, mut session) = stocked("two");
    session.run(&teach(200));
    let mut holder = database.session();
    holder.run("BEGIN; SELECT categorize.train('t')");
    let trainings: Vec<_> = (0..2)
        .map(|_| {
            let mut session = database.session();
            thread::spawn(move || session.run("SELECT categorize.train('t')"))
        })
        .collect();
    eventually("both wait", 10, || {
        session.one::<i64>("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = 'two')") == 2
    });
    // Another tenant, those who teach and those who ask do not.
    let mut other = database.session();
    other.run("SET statement_timeout = '5s'; SELECT categorize.set_tenant('other', false)");
    other.run(&teach(100));
    other.run("SELECT categorize.train('t')");
    session.run("SET statement_timeout = '5s'; SELECT categorize.correct('a zorbix thing', 'Toys')");
    session.run("SELECT categorize('a zorbix vumo'); SELECT categorize.add_category('t', 'Food')");
    // What is rolled back was not trained.
    holder.run("ROLLBACK");
    trainings.into_iter().for_each(|training| training.join().expect("it succeeds"));
    let versions: Vec<i32> = session.column("SELECT version FROM categorize.local_models ORDER BY 1");
    let live: i64 = session.one("SELECT count(*) FROM categorize.local_models WHERE active");
    assert_eq!((versions, live), (vec![1, 2], 1));
    database.cluster.assert_tidy();
}

#[test]
fn a_choice_made_meanwhile_stands() {
    let (database, mut session) = stocked("choice");
    session.run(&teach(100));
    session.run("SELECT categorize.train('t')");
    session.run(TEACH_MUCH);
    session.run("SELECT categorize.learn($$SELECT concat(input, ' of the second kind'), 'Tools' FROM categorize.cache WHERE input LIKE 'word1%'$$, 't')");
    let mut trainee = database.session();
    let training =
        thread::spawn(move || trainee.text("SELECT concat_ws('; ', version, active, note) FROM categorize.train('t')"));
    thread::sleep(Duration::from_millis(300));
    session.run("SELECT categorize.activate_model('t', 0)");
    let said = training.join().expect("it succeeds").expect("a row");
    assert!(said.starts_with("2; f; another model was made live during the training"), "{said}");
    let live: i64 = session.one("SELECT count(*) FROM categorize.local_models WHERE active");
    assert_eq!(live, 0);
    database.cluster.assert_tidy();
}
