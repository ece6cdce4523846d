//! Many titles at once: what a gateway needs for them. `PG_CATEGORIZE_QUEUE` says how many there are; it prints what it measured.

use crate::support::{builder, config, shop_in};
use pg_categorize_e2e::eventually;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Most that the gateway's memory may rise by, in kB.
const MOST: u64 = 64 * 1024;

#[test]
fn many_titles_are_sent_and_read_in_bounded_memory() {
    let titles: i32 = std::env::var("PG_CATEGORIZE_QUEUE").ok().and_then(|count| count.parse().ok()).unwrap_or(5_000);
    let cluster = Arc::new(builder().conf("statement_timeout = '10min'").start());
    let shop = shop_in(&cluster, "large", 0, config());
    let mut session = shop.session();
    session.run("SELECT categorize.set_budget('database', 1000, 'day', per_request_usd => 1)");
    session.run(r#"SELECT categorize.configure('shop', '{"pack_size": 10}')"#);
    // A gateway as it is before there is a queue.
    session.run("SELECT categorize('a first title')");
    let gateway = shop.gateways().pop().expect("a gateway");
    let before = memory(gateway).expect("a process");
    let most = Watch::begin(gateway);
    let began = Instant::now();
    assert_eq!(shop.enqueue(titles), i64::from(titles));
    let queued = began.elapsed();
    let began = Instant::now();
    session.run("SELECT categorize.submit_batches()");
    let left = "SELECT (SELECT count(*) FROM categorize.job WHERE state = 'waiting')
                     + (SELECT count(*) FROM categorize.batch WHERE state IN ('building', 'uploaded', 'submitted'))";
    eventually("all is with the provider", 300, || shop.session().one::<i64>(left) == 0);
    let sent = began.elapsed();
    let copied = copy(&mut session);
    let began = Instant::now();
    shop.model.advance(Duration::from_secs(660));
    session.run("SELECT categorize.poll_batches()");
    let open = "SELECT count(*) FROM categorize.batch WHERE ended_at IS NULL";
    eventually("all is read", 300, || shop.session().one::<i64>(open) == 0);
    let read = began.elapsed();
    let rise = most.end().saturating_sub(before);
    println!(
        "{titles} titles: queued in {queued:.1?}, sent in {sent:.1?} (COPY of the same lines {copied:.1?}), read in {read:.1?}; \
         memory rose by {rise} kB at most"
    );
    assert_eq!(shop.jobs("done"), i64::from(titles));
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    assert!(rise <= MOST, "{rise} kB");
}

/// The memory of its own that a process has, in kB; that which it shares with others of the server is not counted.
fn memory(pid: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Looks at a process's memory again and again.
struct Watch {
    over: Arc<AtomicBool>,
    most: JoinHandle<u64>,
}

impl Watch {
    fn begin(pid: i32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        let most = std::thread::spawn(move || {
            let mut most = 0;
            while !ends.load(Ordering::Relaxed) {
                most = most.max(memory(pid).unwrap_or(0));
                std::thread::sleep(Duration::from_millis(20));
            }
            most
        });
        Self { over, most }
    }

    /// The most that it was.
    fn end(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.most.join().expect("a thread that looks")
    }
}

/// How long COPY takes to write lines of the same length.
fn copy(session: &mut pg_categorize_e2e::Session) -> Duration {
    let began = Instant::now();
    session.run(
        "COPY (SELECT json_build_object('custom_id', ordinal, 'body', repeat('x', (SELECT bytes / requests FROM categorize.batch LIMIT 1)::int),
                                        'inputs', (SELECT json_agg(input) FROM categorize.job j WHERE j.id = ANY (jobs)))
                 FROM categorize.batch_item) TO PROGRAM 'cat > /dev/null'",
    );
    began.elapsed()
}
