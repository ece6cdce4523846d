//! Statements that end at any moment, by their timeout or because somebody cancels them: nothing that was paid for is lost,
//! and nothing stays behind.
//!
//! `PREFETCH_MOMENTS` tells how many, `PREFETCH_SEED` the seed.

use super::dice::{Dice, number};
use super::stocked;
use crate::support::Shop;
use pg_categorize_e2e::{Session, eventually, within};
use pg_categorize_fake_llm::{Config, Latency};
use std::thread;
use std::time::Duration;

/// A statement over titles that nobody has asked for yet.
fn statement(dice: &mut Dice, round: u64) -> String {
    let call = format!("categorize(title || ' of round {round}')");
    match dice.below(8) {
        0 => format!("SELECT {call} FROM item ORDER BY id LIMIT 100"),
        1 => format!("SELECT {call} AS c, count(*) FROM item WHERE id <= 100 GROUP BY c"),
        2 => format!("SELECT id FROM item WHERE id <= 100 AND {call} = 'Toys'"),
        3 => format!("INSERT INTO filled SELECT id, {call} FROM item WHERE id <= 100"),
        4 => format!("UPDATE filled SET category = {call} FROM item WHERE item.id = filled.id AND item.id <= 60"),
        5 => format!("SELECT count({call}) FROM item CROSS JOIN generate_series(1, 3) WHERE item.id <= 40"),
        6 => format!(
            "SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0;
             SELECT {call} AS c, count(*) FROM item WHERE id <= 100 GROUP BY c"
        ),
        // It goes on in the transaction in which it was stopped.
        _ => format!(
            "DO $$ BEGIN
                 PERFORM {call} FROM item WHERE id <= 80;
                 RAISE EXCEPTION 'was not stopped' USING ERRCODE = 'P0002';
             EXCEPTION WHEN query_canceled OR no_data_found THEN
                 PERFORM categorize(title) FROM item WHERE id <= 3;
             END $$"
        ),
    }
}

/// Runs a statement that ends after some time by one of the two means; whether it was stopped.
fn stopped(session: &mut Session, other: &mut Session, pid: i32, sql: &str, time: Duration, by_timeout: bool) -> bool {
    let result = if by_timeout {
        set_timeout(session, time);
        session.batch_execute(sql)
    } else {
        set_timeout(session, Duration::ZERO);
        thread::scope(|threads| {
            threads.spawn(|| {
                thread::sleep(time);
                other.one::<bool>(&format!("SELECT pg_cancel_backend({pid})"))
            });
            session.batch_execute(sql)
        })
    };
    if let Err(error) = &result {
        let code = error.code().map(postgres::error::SqlState::code);
        assert_eq!(code, Some("57014"), "{sql}\nfailed otherwise: {error:?}");
    }
    result.is_err()
}

/// The timeout of what comes next. The last one holds for this statement, too, and so does a cancel that came late.
fn set_timeout(session: &mut Session, time: Duration) {
    let set = format!("SET statement_timeout = {}", time.as_millis());
    eventually("the timeout is set", 30, || session.batch_execute(&set).is_ok());
}

/// Kilobytes that belong to a process alone, by /proc (proc(5), RssAnon).
fn memory(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a line of its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number of kilobytes")
}

/// Waits until the account of the model is that of the books, and asserts that all answers are kept.
fn assert_nothing_lost(shop: &Shop) {
    eventually("nothing is in flight", 20, || shop.model.account().in_flight == 0);
    eventually("all is booked", 20, || (shop.settled(), shop.reserved()) == (shop.charged(), 0));
    let account = shop.model.account();
    let mut session = shop.session();
    let stored = "SELECT count(*) FROM categorize.cache";
    eventually("all is stored", 20, || session.one::<i64>(stored) as u64 == account.titles_paid);
    let open: i64 = session.one("SELECT count(*) FROM categorize.reservation");
    let known: i64 = session.one("SELECT count(*) FROM categorize.cache");
    assert_eq!((open, known as u64, account.second_payments, account.answers_lost), (0, account.titles_paid, 0, 0));
}

#[test]
fn statements_that_end_at_any_moment_lose_nothing() {
    let latency = Latency::Fixed(Duration::from_millis(60));
    let shop = stocked("ahead_moments", Config { latency, ..Config::default() });
    let (mut session, mut other) = (shop.session(), shop.session());
    // What the memo keeps is no leak.
    session.run("SET categorize.memo_size = 0; CREATE TABLE filled AS SELECT id, ''::text AS category FROM item");
    let pid = session.pid();
    assert!(session.text("SELECT categorize('wake')").is_some());
    let (count, seed) = (number("PREFETCH_MOMENTS", 100), number("PREFETCH_SEED", 0));
    let mut dice = Dice(seed);
    let (mut ended, mut before) = (0, 0);
    for round in 0..count {
        // On a busy machine all that has little time is stopped: some have enough.
        let time = if round % 10 == 9 { 30_000 } else { 1 + dice.below(120) as u64 };
        let time = Duration::from_millis(time);
        let by_timeout = dice.below(2) == 0 || round % 10 == 9;
        let sql = statement(&mut dice, round);
        ended += u64::from(stopped(&mut session, &mut other, pid, &sql, time, by_timeout));
        if round == count / 3 {
            before = memory(pid);
        }
    }
    let after = memory(pid);
    println!("{ended} of {count} were stopped; {before} kB after a third of them, {after} kB after all");
    assert!(ended * 4 > count && ended < count, "{ended} of {count} were stopped");
    set_timeout(&mut session, Duration::ZERO);
    let contexts = "SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'Categorize'";
    assert_eq!(session.one::<i64>(contexts), 0);
    assert!(after < before + 4096, "{before} kB grew to {after} kB");
    assert_eq!(session.pid(), pid);
    within("a whole statement", 30, || assert!(session.query("SELECT categorize(title) FROM item", &[]).is_ok()));
    assert_nothing_lost(&shop);
    shop.database.cluster.assert_tidy();
}
