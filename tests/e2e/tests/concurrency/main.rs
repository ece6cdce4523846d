//! Many sessions that change and ask at once: documented errors only, no deadlock, nothing left open.

mod busy;

use pg_categorize_e2e::{Session, shared, within};
use std::thread;
use std::time::Duration;

/// Asserts that no row refers to a taxonomy that is gone.
fn assert_nothing_orphaned(session: &mut Session) {
    for table in ["cache", "correction", "rule", "category"] {
        let orphans: i64 = session.one(&format!(
            "SELECT count(*) FROM categorize.{table} x WHERE taxonomy_id NOT IN (SELECT id FROM categorize.taxonomy)"
        ));
        assert_eq!(orphans, 0, "categorize.{table}");
    }
}

/// A writer looks, `drop_taxonomy` commits, the writer stores: it must say so and leave nothing behind.
#[test]
fn a_writer_notices_that_its_taxonomy_was_dropped_meanwhile() {
    let database = shared("dropped_meanwhile");
    let mut session = database.session();
    for writer in ["learn", "correct_many"] {
        session.run("SELECT categorize.create_taxonomy('t', ARRAY['A'])");
        let mut other = database.session();
        let sql = format!(
            "SELECT categorize.{writer}($$SELECT 'x' || i, 'A' FROM generate_series(1, 3) i, pg_sleep(1)$$, 't')"
        );
        let writing = thread::spawn(move || {
            // It may as well have made the other wait: then it succeeds, and what it stored goes with the taxonomy.
            let error = other.batch_execute(&sql).err();
            let state = error.map(|e| e.code().expect("a server's error").code().to_owned());
            assert!(state.is_none() || state.as_deref() == Some("22023"), "{sql}: {state:?}");
        });
        thread::sleep(Duration::from_millis(400));
        within("drop_taxonomy", 5, || session.run("SELECT categorize.drop_taxonomy('t')"));
        let said = writing.join();
        assert_nothing_orphaned(&mut session);
        assert!(said.is_ok(), "{writer}");
    }
}

#[test]
fn changes_wait_for_no_reader() {
    let database = shared("no_waiting");
    let (mut reader, mut writer) = (database.session(), database.session());
    writer.run("SELECT categorize.learn($$SELECT 'title', 'Audio'$$)");
    let reading = thread::spawn(move || {
        reader.column::<Option<String>>(
            "SELECT categorize('title') FROM generate_series(1, 40) WHERE pg_sleep(0.1) IS NOT NULL",
        )
    });
    thread::sleep(Duration::from_millis(300));
    for change in [
        "SELECT categorize.create_taxonomy('mine', ARRAY['A > B', 'C'])",
        r#"SELECT categorize.configure('products', '{"leaf_only": true}')"#,
        "SELECT categorize.correct('title', 'Watches')",
        "SELECT categorize.learn($$SELECT 'title', 'Cameras'$$)",
        "SELECT categorize.add_rule('products', 'title', 'Furniture')",
        "SELECT categorize.rename_category('products', 'Audio', 'Sound')",
        "SELECT categorize.drop_taxonomy('mine')",
    ] {
        within(change, 2, || writer.run(change));
    }
    assert!(!reading.is_finished(), "the changes came in the middle of the statement");
    assert_eq!(reading.join().expect("no panic"), vec![Some("Audio".to_owned()); 40]);
}

#[test]
fn two_creators_of_one_name_make_one_taxonomy() {
    let database = shared("one_name");
    let (mut a, mut b) = (database.session(), database.session());
    a.run("BEGIN; SELECT categorize.create_taxonomy('mine', ARRAY['A'])");
    let second = thread::spawn(move || {
        b.refused("42710", "SELECT categorize.create_taxonomy('mine', ARRAY['B'])");
        b
    });
    thread::sleep(Duration::from_millis(200));
    a.run("COMMIT");
    let mut b = second.join().expect("it is refused");
    assert_eq!(b.column::<String>("SELECT path FROM categorize.categories WHERE taxonomy = 'mine'"), ["A"]);

    // The second gets the name where the first takes it back.
    a.run("BEGIN; SELECT categorize.create_taxonomy('yours', ARRAY['A'])");
    let second = thread::spawn(move || b.run("SELECT categorize.create_taxonomy('yours', ARRAY['B'])"));
    thread::sleep(Duration::from_millis(200));
    a.run("ROLLBACK");
    second.join().expect("it is created");
    assert_eq!(a.column::<String>("SELECT path FROM categorize.categories WHERE taxonomy = 'yours'"), ["B"]);
}

#[test]
fn extensions_are_created_in_two_databases_at_once() {
    let database = shared("at_once");
    let mut session = database.session();
    let names: Vec<String> = (0..4).map(|i| format!("at_once_{i}")).collect();
    names.iter().for_each(|name| session.run(&format!("CREATE DATABASE {name}")));
    let creating: Vec<_> = names
        .into_iter()
        .map(|name| {
            let cluster = database.cluster.clone();
            thread::spawn(move || cluster.connect(&name).run("CREATE EXTENSION pg_categorize"))
        })
        .collect();
    creating.into_iter().for_each(|c| c.join().expect("it is created"));
}
