//! Committed changes, seen from another session.

use crate::changes::{CHANGES, Change};
use crate::{ask, assert_sees};
use pg_categorize_e2e::{Cluster, Database, Session, shared};
use std::sync::Arc;

/// Makes every change in session A while session B, which has asked before, stands by: `before` is run in B once it
/// has seen the old answer inside whatever it began, `after` once A has committed.
fn each_change(
    database: &Database,
    begin: &str,
    mut change: impl FnMut(&mut Session, &Change),
    mut after: impl FnMut(&mut Session, &Change),
) {
    let (mut a, mut b) = (database.session(), database.session());
    for case in CHANGES {
        a.run(&case.setup_sql());
        b.run(begin);
        assert_sees(&mut b, case, false, "before");
        assert_sees(&mut b, case, false, "before, from the memo");
        change(&mut a, case);
        after(&mut b, case);
    }
    for session in [&mut a, &mut b] {
        assert_eq!(session.warnings(), Vec::<String>::new());
    }
    database.cluster.assert_tidy();
}

fn plainly(a: &mut Session, case: &Change) {
    a.run(&case.change_sql());
}

fn next_statement(b: &mut Session, case: &Change) {
    assert_sees(b, case, true, "next statement");
    assert_sees(b, case, true, "and the one after");
}

#[test]
fn next_statement_sees_a_commit() {
    each_change(&shared("autocommit"), "", plainly, next_statement);
}

#[test]
fn open_read_committed_transaction_sees_a_commit() {
    each_change(
        &shared("read_committed"),
        "BEGIN",
        |a, case| {
            if case.locks_out() {
                // It would wait for the reader, whose transaction is open.
                return;
            }
            plainly(a, case);
        },
        |b, case| {
            if case.locks_out() {
                return b.run("COMMIT");
            }
            next_statement(b, case);
            b.run("COMMIT");
            assert_sees(b, case, true, "after its transaction");
        },
    );
}

#[test]
fn repeatable_read_keeps_its_view_until_it_ends() {
    each_change(
        &shared("repeatable_read"),
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
        |a, case| {
            if !case.locks_out() {
                plainly(a, case);
            }
        },
        |b, case| {
            assert_sees(b, case, false, "its own snapshot");
            assert_sees(b, case, false, "its own snapshot, again");
            b.run("COMMIT");
            assert_sees(b, case, !case.locks_out(), "after its transaction");
        },
    );
}

#[test]
fn a_session_in_replica_role_tells_the_others() {
    let in_replica_role = |a: &mut Session, case: &Change| {
        a.run("SET session_replication_role = replica");
        plainly(a, case);
        a.run("RESET session_replication_role");
    };
    each_change(&shared("replica_role"), "", in_replica_role, next_statement);
}

#[test]
fn a_prepared_transaction_tells_the_others_when_a_third_commits_it() {
    let database = shared("two_phase");
    let mut third = database.session();
    let prepared = |a: &mut Session, case: &Change| {
        a.run(&format!("BEGIN; {}", case.change_sql()));
        a.run(&format!("PREPARE TRANSACTION '{}'", case.name));
        if !case.locks_out() {
            assert_sees(a, case, false, "prepared is not committed, also for its author");
            assert_sees(&mut third, case, false, "prepared is not committed");
        }
        third.run(&format!("COMMIT PREPARED '{}'", case.name));
        assert_sees(a, case, true, "the author, after COMMIT PREPARED");
    };
    each_change(&database, "", prepared, next_statement);
}

#[test]
fn without_preload_the_next_statement_sees_a_commit() {
    let cluster = Arc::new(Cluster::builder().preload(false).start());
    each_change(&cluster.extended("plain"), "", plainly, next_statement);
}

#[test]
fn a_standby_sees_a_commit_once_it_is_replayed() {
    let primary = Arc::new(Cluster::builder().start());
    let database = primary.extended("shop");
    let standby = primary.replica();
    standby.catch_up(&primary);
    let (mut a, mut b) = (database.session(), standby.connect("shop"));
    let mut open = standby.connect("shop");
    for case in CHANGES {
        a.run(&case.setup_sql());
        standby.catch_up(&primary);
        // A reader's open transaction on the standby would stop the replay of a change that locks tables.
        open.run(if case.locks_out() { "" } else { "BEGIN" });
        assert_sees(&mut b, case, false, "before, on the standby");
        assert_sees(&mut open, case, false, "before, in a transaction on the standby");
        a.run(&case.change_sql());
        standby.catch_up(&primary);
        assert_sees(&mut b, case, true, "after replay");
        assert_sees(&mut open, case, true, "after replay, in a transaction that was open");
        open.run(if case.locks_out() { "" } else { "COMMIT" });
    }
    standby.assert_tidy();
}

#[test]
fn a_taxonomy_comes_and_goes_for_everyone() {
    let database = shared("comes_and_goes");
    let (mut a, mut b) = (database.session(), database.session());
    for _ in 0..3 {
        b.refused("22023", "SELECT categorize('kayak', 'boats')");
        a.run("SELECT categorize.create_taxonomy('boats', ARRAY['Kayak'])");
        a.run(r#"SELECT categorize.configure('boats', '{"local_model_threshold": 0}')"#);
        assert_eq!(b.text("SELECT categorize('kayak', 'boats')").as_deref(), Some("Kayak"));
        a.run("SELECT categorize.drop_taxonomy('boats')");
    }
    // The shipped one, too: its rows are never changed, only overridden.
    a.run("SELECT categorize.learn($$SELECT 'qwxv telescope 17', 'Footwear'$$)");
    assert_eq!(ask(&mut b, "products").as_deref(), Some("Footwear"));
    a.run("SELECT categorize.rename_category('products', 'Footwear', 'Shoes & Co')");
    assert_eq!(ask(&mut b, "products").as_deref(), Some("Shoes & Co"));
    a.run("SELECT categorize.drop_taxonomy('products')");
    b.refused("22023", "SELECT categorize('Nike Air Max 270')");
}
