//! Whatever is killed whenever: no title is lost, no batch is sent twice, and the ledger is the provider's account.

use crate::support::{KINDS, builder, config, shop_in};
use pg_categorize_e2e::{Dice, eventually};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn kills_at_any_point_lose_nothing_and_pay_nothing_twice() {
    let cluster = Arc::new(builder().start());
    for (kind, (name, ..)) in KINDS.iter().enumerate() {
        for seed in 0..2_u64 {
            let mut dice = Dice(seed * 3 + kind as u64);
            let database = format!("killed_{name}_{seed}");
            let shop = shop_in(&cluster, &database, kind, config());
            shop.enqueue(60);
            shop.session().run("SELECT categorize.submit_batches()");
            for _ in 0..5 {
                std::thread::sleep(Duration::from_millis(dice.below(400)));
                if dice.below(2) == 0 {
                    cluster.crash();
                } else if let Some(gateway) = shop.gateways().pop() {
                    cluster.kill(gateway);
                }
                if dice.below(2) == 0 {
                    shop.model.advance(Duration::from_secs(300));
                }
            }
            shop.model.advance(Duration::from_secs(660));
            let open = "SELECT count(*) FROM categorize.job WHERE ended_at IS NULL";
            eventually("every title is answered", 60, || shop.session().one::<i64>(open) == 0);
            shop.done();
            let account = shop.model.account();
            let batches: i64 = shop.session().one("SELECT count(*) FROM categorize.batch");
            assert_eq!((shop.jobs("done"), account.batches.created as i64), (60, batches), "{database}");
            assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0), "{database}");
            let paid: i64 =
                shop.session().one("SELECT sum(inputs)::bigint FROM categorize.ledger WHERE kind = 'settle'");
            assert_eq!(paid, 60, "{database}");
        }
    }
}

#[test]
fn a_messenger_that_is_killed_comes_back_and_calls_once_for_each_job() {
    let cluster = Arc::new(builder().start());
    let shop = shop_in(&cluster, "killed_messenger", 0, config());
    let mut session = shop.session();
    session.run("CREATE TABLE called (job bigint)");
    session.run(
        "CREATE FUNCTION after_jobs(jobs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
         BEGIN
             INSERT INTO public.called SELECT pg_catalog.unnest(jobs);
             PERFORM pg_catalog.pg_sleep(0.3);
         END $$",
    );
    session.run("SELECT categorize.on_completion('after_jobs(bigint[])')");
    drop(session);
    let (mut dice, mut killed, rounds) = (Dice(7), 0, 6);
    for round in 1..=rounds {
        let titles = format!(
            "SELECT categorize.enqueue(array_agg('title ' || i)) FROM generate_series({round} * 100, {round} * 100 + 19) i"
        );
        assert_eq!(shop.session().one::<i64>(&titles), 20);
        shop.submit();
        shop.model.advance(Duration::from_secs(660));
        shop.session().run("SELECT categorize.poll_batches()");
        let open = "SELECT count(*) FROM categorize.job WHERE ended_at IS NULL";
        eventually("every title is answered", 60, || shop.session().one::<i64>(open) == 0);
        // It may be about to tell, or to call, or in the middle of a call.
        std::thread::sleep(Duration::from_millis(dice.below(500)));
        if let Some(messenger) = shop.processes("messenger").pop() {
            killed += i32::from(cluster.try_kill(messenger));
        }
    }
    assert!(killed > 0, "no messenger was met in {rounds} rounds");
    // A call that was broken off is made again after some seconds.
    let left = "SELECT (SELECT count(*) FROM categorize.news) + (SELECT count(*) FROM categorize.completion_call)";
    eventually("all is told", 90, || shop.session().one::<i64>(left) == 0);
    let mut session = shop.session();
    let jobs = session.one::<i64>("SELECT count(*) FROM categorize.job WHERE state = 'done'");
    assert_eq!(jobs, rounds * 20);
    let called = session.query_one("SELECT count(*), count(DISTINCT job) FROM called", &[]).expect("a row");
    assert_eq!((called.get::<_, i64>(0), called.get::<_, i64>(1)), (jobs, jobs), "{killed} kills");
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}
