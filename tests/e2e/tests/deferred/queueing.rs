//! What is kept in a session until its transaction ends.

use crate::support::{builder, config, shop, shop_in};
use std::sync::Arc;

#[test]
fn what_is_prepared_is_queued_by_whoever_commits_it() {
    let cluster = Arc::new(builder().conf("max_prepared_transactions = 5").start());
    let shop = shop_in(&cluster, "prepared", 0, config());
    let mut session = shop.session();
    session.run("SET categorize.mode = 'deferred'");
    for (name, text) in [("kept", "one"), ("undone", "two")] {
        session.run("BEGIN");
        assert_eq!(session.text(&format!("SELECT categorize('{text}')")), None);
        session.run(&format!("PREPARE TRANSACTION '{name}'"));
    }
    assert_eq!(shop.jobs("waiting"), 0);
    let mut other = shop.session();
    other.run("COMMIT PREPARED 'kept'");
    other.run("ROLLBACK PREPARED 'undone'");
    assert_eq!(session.column::<String>("SELECT input FROM categorize.job"), ["one"]);
    // What one transaction kept is not the next one's.
    session.run("SELECT 1");
    assert_eq!(shop.jobs("waiting"), 1);
}

#[test]
fn a_standby_says_that_it_cannot_queue() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "standby", 0, config());
    let replica = cluster.replica();
    replica.catch_up(&cluster);
    let mut session = replica.connect("standby");
    session.run("SET categorize.taxonomy = 'shop'");
    session.run("SET categorize.mode = 'deferred'");
    assert_eq!(session.text("SELECT reason FROM categorize_detail('one')").as_deref(), Some("standby"));
    session.refused("25006", "SELECT categorize.enqueue_query('SELECT ''one''')");
    assert_eq!(shop.jobs("waiting"), 0);
}

#[test]
fn who_drops_the_extension_has_nothing_more_to_queue() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "dropping", 0, config());
    let mut session = shop.session();
    session.run("SET categorize.mode = 'deferred'");
    session.run("BEGIN");
    session.run("SELECT categorize('the last')");
    session.run("DROP EXTENSION pg_categorize");
    session.run("COMMIT");
    session.run("CREATE EXTENSION pg_categorize");
    assert_eq!(shop.jobs("waiting"), 0);
}

#[test]
fn a_load_of_many_rows_takes_little_memory_and_is_queued_whole() {
    let shop = shop("load", 0, config());
    let mut session = shop.session();
    session.run("CREATE TABLE product (id int PRIMARY KEY, title text, category text)");
    session.run(
        "CREATE TRIGGER fill BEFORE INSERT ON product FOR EACH ROW
         EXECUTE FUNCTION categorize_trigger('title', 'category', 'shop', 'deferred')",
    );
    session.run("SET statement_timeout = 0");
    let pid = session.pid();
    session.run("SELECT categorize('warm')");
    let before = memory(pid);
    let insert = |from: i32| {
        let to = from + ROWS - 1;
        format!(
            "INSERT INTO product SELECT i, i || repeat(' and a long name', 60) FROM generate_series({from}, {to}) i"
        )
    };
    session.run("BEGIN");
    session.run(&insert(1));
    let grown = memory(pid).saturating_sub(before);
    session.run("SAVEPOINT s");
    session.run(&insert(ROWS + 1));
    session.run("ROLLBACK TO s");
    session.run("COMMIT");
    assert_eq!(shop.jobs("waiting"), i64::from(ROWS));
    let waiting = "SELECT count(*) FROM categorize.job_target WHERE state = 'waiting'";
    assert_eq!(session.one::<i64>(waiting), i64::from(ROWS));
    println!("a load of {ROWS} rows: {} MB more in the session", grown >> 10);
    // Kept whole, each with its text and that of its row, they would be 88 MB.
    assert!(grown < 64 * 1024, "{grown} kB");
}

/// Rows of a load, of a kilobyte each.
const ROWS: i32 = 40_000;

/// The memory of its own that a process has, in kB.
fn memory(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
