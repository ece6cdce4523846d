//! What was taken back leaves no trace, neither in its author's session nor in another.

use crate::changes::{CHANGES, INPUT};
use crate::{ask, assert_sees};
use pg_categorize_e2e::shared;

#[test]
fn a_transaction_sees_its_own_change_and_forgets_it_with_the_rollback() {
    let database = shared("rolled_back");
    let (mut a, mut b) = (database.session(), database.session());
    for case in CHANGES {
        a.run(&case.setup_sql());
        assert_sees(&mut a, case, false, "author, before");
        assert_sees(&mut b, case, false, "other, before");
        a.run(&format!("BEGIN; {}", case.change_sql()));
        assert_sees(&mut a, case, true, "author, in the transaction");
        if !case.locks_out() {
            assert_sees(&mut b, case, false, "other, before commit");
        }
        a.run("ROLLBACK");
        assert_sees(&mut a, case, false, "author, after rollback");
        assert_sees(&mut b, case, false, "other, after rollback");
    }
    database.cluster.assert_tidy();
}

#[test]
fn a_savepoint_takes_its_change_back() {
    let database = shared("savepoint");
    let (mut a, mut b) = (database.session(), database.session());
    for case in CHANGES {
        a.run(&case.setup_sql());
        a.run("BEGIN");
        assert_sees(&mut a, case, false, "author, before");
        // The check that nobody uses a table that is truncated counts our own scans, too.
        a.run(&format!("SAVEPOINT s; {}", case.change_sql()));
        assert_sees(&mut a, case, true, "author, in the savepoint");
        a.run("ROLLBACK TO s");
        assert_sees(&mut a, case, false, "author, after the savepoint");
        a.run("COMMIT");
        assert_sees(&mut a, case, false, "author, after commit");
        assert_sees(&mut b, case, false, "other, after commit");
    }
    database.cluster.assert_tidy();
}

/// The author's snapshots before and after ROLLBACK TO are alike in every number where another session has committed
/// a later transaction in between; they still differ in what they see.
#[test]
fn a_savepoint_takes_its_change_back_also_where_a_later_transaction_has_committed() {
    let database = shared("later_xid");
    let (mut a, mut b) = (database.session(), database.session());
    a.run("SELECT categorize.create_taxonomy('t', ARRAY['Books']); CREATE TABLE own (i int)");
    a.run("BEGIN; INSERT INTO own VALUES (1)");
    assert_eq!(ask(&mut a, "t"), None);
    a.run(&format!("SAVEPOINT s; SELECT categorize.correct('{INPUT}', 'Books', 't')"));
    b.run("SELECT pg_current_xact_id()");
    assert_eq!(ask(&mut a, "t").as_deref(), Some("Books"));
    a.run("ROLLBACK TO s");
    assert_eq!(ask(&mut a, "t"), None, "after the savepoint");
    a.run("COMMIT");
    assert_eq!(ask(&mut a, "t"), None, "after commit");
}

/// As above, for the state that an expression of PL/pgSQL keeps from one evaluation to the next.
#[test]
fn an_exception_block_takes_its_change_back_also_where_a_later_transaction_has_committed() {
    let database = shared("later_xid_block");
    let (mut a, mut b) = (database.session(), database.session());
    a.run("SELECT categorize.create_taxonomy('t', ARRAY['Books']); CREATE TABLE own (i int)");
    a.run(
        "CREATE FUNCTION twice(input text) RETURNS text[] LANGUAGE plpgsql AS $$
         DECLARE said text; answers text[];
         BEGIN
             INSERT INTO own VALUES (1);
             FOR i IN 1 .. 2 LOOP
                 BEGIN
                     IF i = 1 THEN
                         PERFORM categorize.correct(input, 'Books', 't');
                         PERFORM pg_sleep(0.6);
                     END IF;
                     said := categorize(input, 't');
                     answers := answers || coalesce(said, 'nothing');
                     IF i = 1 THEN RAISE EXCEPTION 'take it back'; END IF;
                 EXCEPTION WHEN raise_exception THEN
                     NULL;
                 END;
             END LOOP;
             RETURN answers;
         END $$",
    );
    let asking = std::thread::spawn(move || {
        let sql = format!("SELECT array_to_string(twice('{INPUT}'), ',')");
        (a.text(&sql), ask(&mut a, "t"))
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    b.run("SELECT pg_current_xact_id()");
    let (said, after) = asking.join().expect("no panic");
    assert_eq!(said.as_deref(), Some("Books,nothing"), "inside, then after the block was rolled back");
    assert_eq!(after, None);
}
