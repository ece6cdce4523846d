//! What is queued, by whom, and what a rollback takes back.

use crate::support::{config, shop};
use pg_categorize_e2e::eventually;

#[test]
fn a_rollback_takes_back_what_was_queued() {
    let shop = shop("rollback", 0, config());
    let mut session = shop.session();
    session.run("BEGIN");
    assert_eq!(session.one::<i64>("SELECT categorize.enqueue(ARRAY['one', 'two', 'One ', NULL, ' '])"), 2);
    session.run("SAVEPOINT s");
    assert_eq!(session.one::<i64>("SELECT categorize.enqueue(ARRAY['two', 'three'], priority => 9)"), 1);
    session.run("ROLLBACK TO s");
    session.run("COMMIT");
    let texts: Vec<String> = session.column("SELECT input FROM categorize.job ORDER BY 1");
    assert_eq!(texts, ["one", "two"]);
    session.run("BEGIN");
    session.run("SELECT categorize.enqueue(ARRAY['four'])");
    session.run("ROLLBACK");
    assert_eq!(shop.jobs("waiting"), 2);
    // What a person said needs no model.
    session.run("SELECT categorize.correct('five', 'Toys')");
    assert_eq!(session.one::<i64>("SELECT categorize.enqueue(ARRAY['five'])"), 0);
    // Prepared, it is queued by whoever commits it.
    assert_eq!(shop.model.account().batches.created, 0);
}

#[test]
fn sessions_that_queue_the_same_wait_for_each_other_and_ask_once() {
    let shop = shop("same", 0, config());
    let queue = |order: &str| {
        let mut session = shop.session();
        let sql = format!(
            "SELECT categorize.enqueue(array_agg('title ' || i ORDER BY i {order})) FROM generate_series(1, 2000) i"
        );
        std::thread::spawn(move || session.one::<i64>(&sql))
    };
    let threads: Vec<_> = ["", "DESC", "", "DESC"].map(queue).into_iter().collect();
    let new: i64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!((new, shop.jobs("waiting")), (2000, 2000));
}

#[test]
fn what_was_answered_meanwhile_is_not_paid_again() {
    let shop = shop("meanwhile", 0, config());
    assert_eq!(shop.enqueue(10), 10);
    let mut session = shop.session();
    session.run("SELECT categorize('title 3')");
    session.run("SELECT categorize.correct('title 4', 'Toys')");
    shop.submit();
    shop.night();
    assert_eq!(shop.jobs("done"), 10);
    let batched: i32 = session.one("SELECT inputs FROM categorize.batch");
    assert_eq!(batched, 8);
    assert_eq!(session.text("SELECT categorize('title 4')").as_deref(), Some("Toys"));
}

#[test]
fn texts_are_kept_no_longer_than_their_taxonomy_wants() {
    let shop = shop("forgetful", 0, config());
    let mut session = shop.session();
    session.run(r#"SELECT categorize.configure('shop', '{"store_input": false}')"#);
    shop.enqueue(7);
    assert_eq!(session.one::<i64>("SELECT count(input) FROM categorize.job"), 7);
    shop.submit();
    shop.night();
    assert_eq!(shop.jobs("done"), 7);
    assert_eq!(session.one::<i64>("SELECT count(input) FROM categorize.job"), 0);
    assert_eq!(session.one::<i64>("SELECT count(input) FROM categorize.cache"), 0);
    assert!(session.text("SELECT categorize('title 7')").is_some());
}

#[test]
fn a_taxonomy_that_is_dropped_ends_what_waits_and_what_is_in_batches_is_paid() {
    let shop = shop("dropped_taxonomy", 0, config());
    shop.enqueue(10);
    shop.submit();
    let mut session = shop.session();
    session.run("SELECT categorize.enqueue(ARRAY['too late'])");
    session.run("SELECT categorize.drop_taxonomy('shop')");
    shop.model.advance(std::time::Duration::from_secs(660));
    session.run("SELECT categorize.poll_batches(), categorize.submit_batches()");
    shop.done();
    let open = "SELECT count(*) FROM categorize.job WHERE ended_at IS NULL";
    eventually("nothing waits any more", 60, || {
        shop.session().run("SELECT categorize.submit_batches()");
        shop.session().one::<i64>(open) == 0
    });
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}
