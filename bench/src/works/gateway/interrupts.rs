//! Whoever wants to stop, stops, while the model hangs: how long that takes.

use super::shop::{self, Shop};
use super::{Sizes, process};
use crate::bench::{Bench, step};
use crate::measure::Timing;
use crate::report::{Bar, Report, milliseconds};
use pg_categorize_e2e::{Session, eventually};
use pg_categorize_fake_llm::{Config, Fault, Faults};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What a statement may take that ends by itself.
const PATIENCE: Duration = Duration::from_millis(500);

/// Interrupts calls in every way.
pub fn run(bench: &Bench, report: &mut Report) {
    let times = Sizes::of(bench).interrupts;
    let shop = Shop::open(Config { labels: shop::labels(0..1), ..Config::default() });
    shop.wake();
    shop.model.set_faults(Faults::random([(Fault::Hang, 1.0)]));
    let slowest = |report: &mut Report, what: &str, once: &mut dyn FnMut() -> Duration| {
        let timing = step(what, || Timing::new((0..times).map(|_| once()).collect()));
        let (_, slowest) = timing.range();
        let work = format!("a call hangs: {what}, the slowest of {times}");
        report.line(work, milliseconds(slowest), "-".to_owned(), Some(slowest), Bar::Milliseconds(100.0));
        report.timed(&format!("a call hangs: {what}"), &timing);
    };
    slowest(report, "pg_cancel_backend()", &mut || interrupted(&shop, "pg_cancel_backend"));
    slowest(report, "pg_terminate_backend()", &mut || interrupted(&shop, "pg_terminate_backend"));
    slowest(report, "statement_timeout, beyond its time", &mut || timed_out(&shop));
    dropped(&shop, times, report);
    stopped(&shop, times, report);
}

/// A session in whose call the model hangs, from the moment that it does.
struct Hanging {
    pid: i32,
    ended: JoinHandle<Instant>,
}

impl Hanging {
    fn begin(shop: &Shop, mut session: Session) -> Self {
        let before = shop.model.account().in_flight;
        let pid = session.pid();
        let ended = thread::spawn(move || {
            let answer = session.batch_execute(&format!("SELECT categorize('what hangs in {pid}')"));
            assert!(answer.is_err(), "the call was not interrupted");
            Instant::now()
        });
        eventually("a request that hangs", 20, || shop.model.account().in_flight > before);
        Self { pid, ended }
    }

    fn end(self) -> Instant {
        self.ended.join().expect("the session ends with an error")
    }
}

fn interrupted(shop: &Shop, function: &str) -> Duration {
    let mut other = shop.session();
    let hanging = Hanging::begin(shop, shop.session());
    let start = Instant::now();
    assert!(other.one::<bool>(&format!("SELECT {function}({})", hanging.pid)));
    hanging.end().saturating_duration_since(start)
}

fn timed_out(shop: &Shop) -> Duration {
    let mut session = shop.session();
    session.run(&format!("SET statement_timeout = {}", PATIENCE.as_millis()));
    let sql = format!("SELECT categorize('what hangs in {}')", session.pid());
    let start = Instant::now();
    session.refused("57014", &sql);
    start.elapsed().saturating_sub(PATIENCE)
}

/// DROP DATABASE by its plain owner, against one that has no gateway.
fn dropped(shop: &Shop, times: usize, report: &mut Report) {
    let cluster = shop.cluster();
    let mut admin = cluster.connect("postgres");
    admin.run("CREATE ROLE owner LOGIN CREATEDB");
    let config = Config { faults: Faults::random([(Fault::Hang, 1.0)]), ..Config::default() };
    let mut owner = cluster.connect_as("postgres", "owner");
    let mut once = || {
        let busy = Shop::within(cluster, "busy", config.clone());
        let quiet = cluster.extended("quiet");
        admin.run("ALTER DATABASE busy OWNER TO owner");
        admin.run("ALTER DATABASE quiet OWNER TO owner");
        let hanging = Hanging::begin(&busy, busy.session());
        assert!(busy.gateway().is_some(), "no gateway is in the way");
        // The session itself is in anybody's way; our own processes must not be.
        admin.run(&format!("SELECT pg_terminate_backend({}, 10000)", hanging.pid));
        hanging.end();
        let mut drop_it = |name: &str| {
            // DROP DATABASE writes what all databases changed: whoever came first would pay for the other.
            admin.run("CHECKPOINT");
            let start = Instant::now();
            owner.run(&format!("DROP DATABASE {name}"));
            start.elapsed()
        };
        let took = (drop_it("busy"), drop_it("quiet"));
        drop(quiet);
        took
    };
    let pairs = step("DROP DATABASE", || (0..times).map(|_| once()).collect());
    differ(report, "DROP DATABASE by its owner; peer: one that has no gateway", pairs);
}

/// A fast shutdown, against one while nothing is asked.
fn stopped(shop: &Shop, times: usize, report: &mut Report) {
    let cluster: Arc<_> = shop.cluster().clone();
    let stop = || {
        cluster.connect("postgres").run("CHECKPOINT");
        let file = std::fs::read_to_string(cluster.data().join("postmaster.pid")).expect("a running server");
        let pid = file.lines().next().and_then(|line| line.parse().ok()).expect("a process id");
        process::time_to_end(pid)
    };
    let once = || {
        let hanging = Hanging::begin(shop, shop.session());
        let ours = stop();
        hanging.end();
        cluster.start();
        let peer = stop();
        cluster.start();
        (ours, peer)
    };
    let pairs = step("fast shutdown", || (0..times).map(|_| once()).collect());
    differ(report, "fast shutdown; peer: while nothing is asked", pairs);
}

/// Ours less theirs, by medians.
fn differ(report: &mut Report, what: &str, pairs: Vec<(Duration, Duration)>) {
    let (ours, peer): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let (ours, peer) = (Timing::new(ours), Timing::new(peer));
    let (one, other) = (ours.median(), peer.median());
    let work = format!("a call hangs: {what}");
    report.line(work.clone(), milliseconds(one), milliseconds(other), Some(one - other), Bar::Milliseconds(100.0));
    report.timed(&format!("{work}: ours"), &ours);
    report.timed(&format!("{work}: peer"), &peer);
}
