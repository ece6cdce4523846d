//! The queue under everything at once: gateways and postmasters that are killed, transactions that roll back, and every fault that a
//! provider of batches has. `make soak` runs two hundred of these; `make test` one for each provider.

use crate::support::{KINDS, Shop, builder, shop_in};
use pg_categorize_e2e::{Cluster, Dice, Session};
use pg_categorize_fake_llm::{BatchConfig, Config, Fault, Faults};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What waits or is open.
const OPEN: &str = "SELECT (SELECT count(*) FROM categorize.job WHERE ended_at IS NULL)
                         + (SELECT count(*) FROM categorize.batch WHERE ended_at IS NULL)";

/// Titles of a transaction.
const TITLES: u64 = 40;

/// Rounds of submit, night and poll after which a title is lost that has no end. Each title is in two batches at most before it is asked live;
/// a batch that fails leaves its titles to the next one.
const ROUNDS: usize = 40;

/// One of these rates.
fn rate(dice: &mut Dice, rates: &[f64]) -> f64 {
    rates[dice.below(rates.len() as u64) as usize]
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn no_kill_and_no_fault_loses_a_title_or_pays_it_twice() {
    let (runs, first) = (number("BATCH_SOAK_RUNS", 3), number("SOAK_SEED", 1));
    let cluster = Arc::new(builder().start());
    for seed in first..first + runs {
        let begin = Instant::now();
        let told = soak(&cluster, seed);
        println!("run {seed}: {told}, {:.0} s", begin.elapsed().as_secs_f64());
    }
}

/// What goes wrong in a run.
fn troubles(dice: &mut Dice, seed: u64) -> Config {
    let batches = BatchConfig {
        turnaround_s: (60, 600),
        refused: rate(dice, &[0.0, 0.2]),
        expired: rate(dice, &[0.0, 0.2]),
        errored: rate(dice, &[0.0, 0.1]),
        missing: rate(dice, &[0.0, 0.1]),
        duplicated: rate(dice, &[0.0, 0.3]),
        foreign: rate(dice, &[0.0, 1.0]),
        listing_lag_s: dice.below(2) * 120,
        ..BatchConfig::default()
    };
    let faults = Faults::random([
        (Fault::RateLimit, 0.04),
        (Fault::ServerError, 0.04),
        (Fault::Overloaded, 0.02),
        (Fault::CutBody, 0.04),
        (Fault::BrokenJson, 0.02),
        (Fault::Reset, 0.06),
        (Fault::WrongLabel, 0.02),
        (Fault::Hang, 0.003),
    ]);
    Config { seed, batches, faults, ..Config::default() }
}

fn soak(cluster: &Arc<Cluster>, seed: u64) -> String {
    let mut dice = Dice(seed);
    let kind = (seed % 3) as usize;
    let name = format!("soak_{seed}");
    let shop = shop_in(cluster, &name, kind, troubles(&mut dice, seed));
    let mut titles = 0;
    let kills = trouble(&shop, &mut dice, &mut titles);
    shop.model.set_faults(Faults::default());
    let rounds = settle(&shop);
    judge(&shop, titles);
    let account = shop.model.account();
    let told = format!(
        "{}, {titles} titles, {kills} kills, {} batches, {} lines charged, {} lost, {} live requests, {rounds} rounds",
        KINDS[kind].0,
        account.batches.created,
        account.batches.charged_lines,
        account.batches.lost_lines,
        account.charged_requests
    );
    drop(shop);
    told
}

/// Has titles queued, sent, run and read, and kills what does so; how often.
fn trouble(shop: &Shop, dice: &mut Dice, titles: &mut u64) -> u64 {
    let cluster = &shop.database.cluster;
    let mut kills = 0;
    for step in 0..12 {
        let mut session = shop.session();
        match if step == 0 { 0 } else { dice.below(6) } {
            0 => *titles += queue(&mut session, *titles, "COMMIT"),
            1 => _ = queue(&mut session, *titles, "ROLLBACK"),
            2 | 3 => session.run("SELECT categorize.submit_batches()"),
            _ => {
                shop.model.advance(Duration::from_secs(dice.below(400)));
                session.run("SELECT categorize.poll_batches()");
            }
        }
        drop(session);
        shop.places();
        std::thread::sleep(Duration::from_millis(dice.below(300)));
        let gateway = shop.gateways().pop();
        match (dice.below(6), gateway) {
            (0, _) => cluster.crash(),
            (1 | 2, Some(gateway)) => cluster.kill(gateway),
            _ => continue,
        }
        kills += 1;
    }
    kills
}

/// Queues the next titles in a transaction that ends so; how many they are.
fn queue(session: &mut Session, first: u64, end: &str) -> u64 {
    session.run(&format!(
        "BEGIN; SELECT categorize.enqueue(array_agg('title ' || i)) FROM generate_series({first}, {first} + {TITLES} - 1) i; {end}"
    ));
    TITLES
}

/// Lets nights pass until nothing is open; how many. Nothing is killed any more.
fn settle(shop: &Shop) -> usize {
    let mut session = shop.session();
    // Whatever was created is listed by the round after the one in which nobody knew: what is not, never was.
    let suspects = "SELECT id FROM categorize.batch WHERE ended_at IS NULL AND (record ->> 'suspect')::boolean";
    let mut unknown: Vec<i64> = Vec::new();
    for round in 0..ROUNDS {
        session.run("SELECT categorize.submit_batches()");
        let until = Instant::now() + Duration::from_secs(3);
        while session.one::<i64>(OPEN) > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(200));
        }
        if session.one::<i64>(OPEN) == 0 {
            return round;
        }
        // More than a day passes: at the provider, and for us, who have no such clock, in the records of what is not found.
        shop.model.advance(Duration::from_secs(26 * 3600));
        let age = "UPDATE categorize.batch
                      SET record = jsonb_set(record, '{submitted_at}', to_jsonb((record ->> 'submitted_at')::bigint - 26 * 3600))
                    WHERE id = ANY ($1) AND ended_at IS NULL AND (record ->> 'suspect')::boolean";
        session.execute(age, &[&unknown]).unwrap();
        unknown = session.column(suspects);
        session.run("SELECT categorize.poll_batches()");
    }
    let open =
        "SELECT coalesce(string_agg(state || ' ' || record, E'\\n'), '') FROM categorize.batch WHERE ended_at IS NULL";
    panic!("{}: titles without an end\n{}", shop.database.name, session.one::<String>(open));
}

fn judge(shop: &Shop, titles: u64) {
    let name = &shop.database.name;
    let mut session = shop.session();
    let account = shop.model.account();
    shop.places();
    // None is lost.
    let jobs: i64 = session.one("SELECT count(*) FROM categorize.job");
    let reasons =
        "SELECT coalesce(string_agg(DISTINCT state || ' ' || coalesce(reason, ''), ', '), '') FROM categorize.job";
    assert_eq!((jobs, shop.jobs("done")), (titles as i64, titles as i64), "{name}: {}", session.one::<String>(reasons));
    let kept = "SELECT count(*) FROM categorize.cache WHERE origin = 'llm' AND provider = 'fake'";
    assert_eq!(session.one::<i64>(kept), titles as i64, "{name}: answers");
    // None is submitted twice: as many batches were created as know their name at the provider.
    let known: i64 = session.one("SELECT count(*) FROM categorize.batch WHERE record ->> 'remote' IS NOT NULL");
    assert_eq!(account.batches.created as i64, known, "{name}: batches");
    // None is paid twice, but where a live answer was lost with the gateway that asked: that is in doubt.
    let live_doubt = "FROM categorize.reservation r
                     WHERE NOT EXISTS (SELECT FROM categorize.batch_item i WHERE i.attempt_id = r.attempt_id)";
    let doubtful: i64 = session.one(&format!("SELECT coalesce(sum(inputs), 0) {live_doubt}"));
    assert!(account.unexplained_payments as i64 <= doubtful, "{name}: {} > {doubtful}", account.unexplained_payments);
    // The ledger is the provider's account: exactly where it is about batches, and but for what is in doubt where it is not.
    let of_batches = "SELECT coalesce(sum(l.amount_nanousd) FILTER (WHERE i.attempt_id IS NOT NULL), 0)::bigint,
                             coalesce(sum(l.amount_nanousd) FILTER (WHERE i.attempt_id IS NULL), 0)::bigint
                        FROM categorize.ledger l LEFT JOIN categorize.batch_item i USING (attempt_id)
                       WHERE l.kind IN ('settle', 'adjust')";
    let row = session.query_one(of_batches, &[]).unwrap();
    let (settled, live): (i64, i64) = (row.get(0), row.get(1));
    assert_eq!(
        settled,
        account.batches.charged_nanousd - account.batches.lost_nanousd,
        "{name}: batches in the ledger"
    );
    let worst: i64 = session.one(&format!("SELECT coalesce(sum(amount_nanousd), 0)::bigint {live_doubt}"));
    let off = account.charged_nanousd - live;
    assert!((0..=worst).contains(&off), "{name}: {off} of live requests are not in the ledger, {worst} in doubt");
    // What was saved is what the same tokens cost live, by hand, less what they cost.
    let told = "SELECT coalesce(sum(cost_usd * 1e9), 0)::bigint, coalesce(sum(live_cost_usd * 1e9), 0)::bigint FROM categorize.batch_status";
    let row = session.query_one(told, &[]).unwrap();
    let (cost, live_cost): (i64, i64) = (row.get(0), row.get(1));
    let by_hand = "SELECT coalesce(sum((l.input_tokens - l.cached_tokens) * 100 + l.cached_tokens * 10 + l.output_tokens * 500), 0)::bigint
                     FROM categorize.ledger l JOIN categorize.batch_item i USING (attempt_id) WHERE l.kind = 'settle'";
    assert_eq!((cost, live_cost), (settled, session.one(by_hand)), "{name}: savings");
    let saved: i64 = session.one("SELECT coalesce(sum(saved_usd * 1e9), 0)::bigint FROM categorize.savings");
    assert_eq!(saved, live_cost - cost, "{name}: the view");
    if account.batches.lost_lines == 0 {
        assert_eq!(live_cost, account.batches.live_nanousd, "{name}: savings by the provider");
    }
}
