//! Ends of cursors and of tables while a look-up is open.

use crate::{assert_tidy, stocked};

#[test]
fn a_cursor_of_an_aborted_savepoint_goes_with_it() {
    let (database, mut session) = stocked("lost_cursor");
    session.run("BEGIN; SAVEPOINT s; DECLARE c CURSOR FOR SELECT categorize(title) FROM items");
    assert_eq!(session.column::<String>("FETCH 3 FROM c").len(), 3);
    session.run("ROLLBACK TO s");
    assert_eq!(session.text("SELECT categorize('item 2')").as_deref(), Some("Even"));
    session.refused("34000", "FETCH 1 FROM c");
    session.run("ROLLBACK");
    assert_tidy(&database, &mut session);
}

#[test]
fn cursors_with_hold_outlive_their_transaction() {
    let (database, mut session) = stocked("hold");
    session.run("BEGIN; DECLARE held SCROLL CURSOR WITH HOLD FOR SELECT categorize(title) FROM items ORDER BY id");
    assert_eq!(session.column::<String>("FETCH 2 FROM held"), ["Odd", "Even"]);
    session.run("COMMIT");
    assert_eq!(session.column::<String>("FETCH 3 FROM held"), ["Odd", "Even", "Odd"]);
    assert_eq!(session.column::<String>("FETCH BACKWARD 1 FROM held"), ["Even"]);
    session.run("CLOSE held");
    assert_tidy(&database, &mut session);
}

#[test]
fn tables_are_free_again_once_a_statement_has_ended() {
    let (database, mut session) = stocked("free_tables");
    session.run(
        "CREATE FUNCTION label(title text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN categorize(title); END $$",
    );
    session.run("BEGIN; SELECT categorize('item 1'); TRUNCATE categorize.cache; ROLLBACK");
    // PL/pgSQL keeps the state of its expressions until the transaction ends.
    session.run("BEGIN; SELECT label('item 1'); TRUNCATE categorize.cache; ROLLBACK");
    session.run("BEGIN; SELECT label('item 1'); REINDEX TABLE categorize.cache; ROLLBACK");
    assert_tidy(&database, &mut session);
}

#[test]
fn a_scan_that_could_only_be_opened_halfway_is_opened_anew_and_leaks_nothing() {
    let (database, mut session) = stocked("halfway");
    let mut other = database.session();
    // The heap can be locked, its index cannot: the second step of opening fails, and PL/pgSQL goes on.
    other.run("BEGIN; REINDEX INDEX categorize.cache_fingerprint_idx");
    session.run(
        "CREATE FUNCTION tries() RETURNS int LANGUAGE plpgsql AS $$
         DECLARE
             failed int := 0;
             said text;
         BEGIN
             FOR i IN 1 .. 3 LOOP
                 BEGIN
                     said := categorize('item 1');
                 EXCEPTION WHEN lock_not_available THEN
                     failed := failed + 1;
                 END;
             END LOOP;
             RETURN failed;
         END $$;
         SET categorize.memo_size = 0;
         SET lock_timeout = '100ms'",
    );
    session.run("BEGIN");
    assert_eq!(session.one::<i32>("SELECT tries()"), 3);
    other.run("ROLLBACK");
    assert_eq!(session.one::<i32>("SELECT tries()"), 0);
    assert_eq!(session.text("SELECT categorize('item 1')").as_deref(), Some("Odd"));
    session.run("COMMIT");
    assert_tidy(&database, &mut session);
}
