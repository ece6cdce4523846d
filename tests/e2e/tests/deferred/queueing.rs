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
    let pid = session.pid();
    session.run("SELECT categorize('warm')");
    let before = resident(pid);
    session.run("BEGIN");
    session
        .run("INSERT INTO product SELECT i, 'a product of some name, number ' || i FROM generate_series(1, 150000) i");
    session.run("SAVEPOINT s");
    session.run(
        "INSERT INTO product SELECT i, 'a product of some name, number ' || i FROM generate_series(150001, 300000) i",
    );
    session.run("ROLLBACK TO s");
    session.run("COMMIT");
    let grown = resident(pid).saturating_sub(before);
    assert_eq!(shop.jobs("waiting"), 150_000);
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.job_target WHERE state = 'waiting'"), 150_000);
    println!("a load of 150,000 rows: {} MB more in the session", grown >> 10);
    // Kept whole they would be more than 100 MB; a part of this is the server's own buffers.
    assert!(grown < 160 * 1024, "{grown} kB");
}

/// The most memory that a process has had, in kB.
fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
