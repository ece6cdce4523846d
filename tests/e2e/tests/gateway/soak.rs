//! The money under everything at once: sessions that commit, roll back and are killed, gateways and postmasters that are
//! killed, faults of the provider. `make soak` runs twenty of these; `make test` a short one.

use crate::support::{builder, shop_in};
use pg_categorize_e2e::{Dice, eventually};
use pg_categorize_fake_llm::{Config, Fault, Faults, Latency};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn no_kill_and_no_rollback_spends_a_nano_dollar_too_much() {
    let (runs, first) = (number("SOAK_RUNS", 1), number("SOAK_SEED", 1));
    for seed in first..first + runs {
        soak(seed, number("SOAK_SESSIONS", 24), Duration::from_secs(number("SOAK_SECONDS", 12)));
    }
}

fn soak(seed: u64, sessions: u64, time: Duration) {
    let cluster = Arc::new(builder().conf("categorize.timeout_ms = 3000").start());
    let faults = Faults::random([
        (Fault::RateLimit, 0.05),
        (Fault::ServerError, 0.02),
        (Fault::CutBody, 0.02),
        (Fault::Reset, 0.01),
        (Fault::Hang, 0.005),
        (Fault::WrongLabel, 0.02),
    ]);
    let latency = Latency::Lognormal(Duration::from_millis(30), 0.5);
    // A dollar is gone after some hundred requests.
    let price = pg_categorize_fake_llm::Model { input: 10_000_000_000, output: 50_000_000_000, ..Default::default() };
    let models = [("gpt-6-luna".to_owned(), price)].into();
    let shop = shop_in(&cluster, "soak", Config { seed, faults, latency, models, ..Config::default() });
    let mut admin = shop.session();
    admin.run("SELECT categorize.set_price('gpt-6-luna', 10, 50)");
    admin.run("SELECT categorize.set_budget('database', 1, 'day', per_request_usd => 0.5)");
    admin.run(r#"SELECT categorize.configure('shop', '{"pack_size": 4, "pack_wait_ms": 5}')"#);
    drop(admin);

    let (over, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|threads| {
        for session in 0..sessions {
            let (shop, over, asked) = (&shop, &over, &asked);
            threads.spawn(move || {
                let mut dice = Dice(seed << 32 | session);
                while !over.load(Relaxed) {
                    // A server that restarts refuses connections.
                    let Ok(mut client) = shop.database.cluster.config("soak").connect(postgres::NoTls) else {
                        std::thread::sleep(Duration::from_millis(100));
                        continue;
                    };
                    for _ in 0..5 {
                        let first = dice.below(400);
                        let end = if session % 2 == 0 { "COMMIT" } else { "ROLLBACK" };
                        let sql = format!(
                            "BEGIN; SELECT count(*) FROM categorize_many((SELECT array_agg('title ' || i)
                               FROM generate_series({first}, {first} + 6) i), 'shop'); {end}"
                        );
                        if client.batch_execute(&sql).is_err() || over.load(Relaxed) {
                            break;
                        }
                        asked.fetch_add(7, Relaxed);
                    }
                }
            });
        }
        let mut dice = Dice(seed);
        let end = Instant::now() + time;
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(400 + dice.below(1200)));
            match dice.below(4) {
                0 => cluster.crash(),
                kind => {
                    let kind = if kind == 1 { "pg_categorize gateway" } else { "client backend" };
                    let found = cluster.config("postgres").connect(postgres::NoTls).ok().and_then(|mut client| {
                        let sql = format!(
                            "SELECT pid FROM pg_stat_activity WHERE backend_type = '{kind}' AND datname = 'soak'"
                        );
                        let rows = client.query(&sql, &[]).ok()?;
                        let at = usize::try_from(dice.below(rows.len().max(1) as u64)).ok()?;
                        rows.get(at).map(|row| row.get::<_, i32>(0))
                    });
                    if let Some(pid) = found {
                        _ = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
                    }
                }
            }
        }
        over.store(true, Relaxed);
    });
    eventually("the server is back", 60, || cluster.config("soak").connect(postgres::NoTls).is_ok());
    // One more call has a gateway put what was under way in doubt.
    eventually("nothing is under way", 60, || {
        let mut session = shop.session();
        session.run("SELECT categorize('the last one')");
        session.one::<i64>("SELECT count(*) FROM categorize.reservation WHERE state = 'open'") == 0
    });
    let (charged, settled, doubtful) = (shop.charged(), shop.settled(), shop.reserved());
    println!(
        "    seed {seed}: {} inputs asked, provider charged {charged}, settled {settled}, in doubt {doubtful}, of 1000000000",
        asked.load(Relaxed)
    );
    assert!(charged > 0 && asked.load(Relaxed) > 0, "nothing happened");
    assert!(settled + doubtful <= 1_000_000_000, "the limit does not hold: {settled} + {doubtful}");
    assert!(charged <= settled + doubtful, "the ledger does not account for all: {charged}");
    assert!(settled <= charged, "more is settled than was charged: {settled} of {charged}");
    let counter =
        "SELECT (settled_usd * 1e9)::bigint || ' ' || (reserved_usd * 1e9)::bigint FROM categorize.budget_status
                    WHERE scope = 'database' AND period = 'day'";
    assert_eq!(
        shop.session().text(counter),
        Some(format!("{settled} {doubtful}")),
        "the counters are those of the ledger"
    );
}
