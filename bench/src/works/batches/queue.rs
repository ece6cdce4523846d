//! Titles that wait, go to the provider and come back.

use crate::data::product;
use crate::works::gateway::{self, Shop};
use pg_categorize_e2e::{Session, eventually};
use pg_categorize_fake_llm::{BatchConfig, Config};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Seconds after which the provider has the results of all batches.
const NIGHT: u64 = 600;

/// Seconds that a step may take.
const PATIENCE: u64 = 600;

/// Titles in batches that the provider has. It is asked of a table of a few rows: to count the queue again and again would take
/// more of the processors than sending it does.
const SENT: &str = "SELECT coalesce(sum(inputs), 0)::bigint FROM categorize.batch WHERE state = 'in_progress'";

const OPEN: &str = "SELECT count(*) FROM categorize.batch WHERE ended_at IS NULL";

/// A shop whose titles of these numbers a provider of batches knows, and that sends none by itself.
pub fn open(numbers: Range<usize>, pack: usize) -> Shop {
    let batches = BatchConfig { turnaround_s: (NIGHT, NIGHT), ..BatchConfig::default() };
    let labels = gateway::labels(numbers);
    // The ledger takes it that batches have no cached prompts, as no provider promises them.
    let config = Config { labels, keep_requests: false, prompt_cache: false, batches, ..Config::default() };
    let shop = Shop::open_with(config, &["categorize.batch_time = ''", "categorize.batch_when_full = off"]);
    shop.session().run("SELECT categorize.set_batch_price('gpt-6-luna', 0.05, 0.25)");
    // All categories are offered: of short lists an input may be asked about twice, which no batch does.
    shop.configure(&format!(r#""pack_size": {pack}, "candidates": 200, "upgrade": "never""#));
    shop
}

/// Queues products in one statement; how long that takes.
pub fn enqueue(session: &mut Session, numbers: Range<usize>) -> Duration {
    let titles = gateway::titles(numbers);
    let sql = "SELECT categorize.enqueue($1)";
    let start = Instant::now();
    let row = session.query_one(sql, &[&titles]).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let time = start.elapsed();
    assert_eq!(row.get::<_, i64>(0), titles.len() as i64, "titles that were queued");
    time
}

/// Sends so many titles, which wait; how long it takes until the provider has accepted them.
pub fn send(session: &mut Session, titles: usize) -> Duration {
    let start = Instant::now();
    session.run("SELECT categorize.submit_batches()");
    eventually("the provider has all batches", PATIENCE, || session.one::<i64>(SENT) == titles as i64);
    let time = start.elapsed();
    let states = "SELECT string_agg(DISTINCT state || ' ' || coalesce(reason, ''), ', ') FROM categorize.job";
    assert_eq!(session.one::<String>(states), "batched ", "what became of the titles");
    time
}

/// Lets the provider's night pass, and reads what it has then; how long the reading takes.
pub fn read(shop: &Shop, session: &mut Session) -> Duration {
    shop.model.advance(Duration::from_secs(NIGHT + 1));
    // Whoever asks for the account has all ended batches made up: the results lie ready when the clock starts.
    let completed = shop.model.account().batches.completed;
    assert_eq!(
        completed as i64,
        session.one::<i64>("SELECT count(*) FROM categorize.batch"),
        "batches that have ended"
    );
    let start = Instant::now();
    session.run("SELECT categorize.poll_batches()");
    eventually("all results are stored", PATIENCE, || session.one::<i64>(OPEN) == 0);
    start.elapsed()
}

/// Asserts that every product has its own category, once, and that the ledger is the provider's account.
pub fn check(shop: &Shop, session: &mut Session, numbers: Range<usize>) {
    let done: i64 = session.one("SELECT count(*) FROM categorize.job WHERE state = 'done'");
    assert_eq!(done, numbers.len() as i64, "titles that were answered");
    for sampled in numbers.clone().step_by(numbers.len().div_ceil(100).max(1)) {
        let product = product(sampled as u64);
        let sql = "SELECT categorize($1)";
        let row = session.query_one(sql, &[&product.title]).unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(row.get::<_, Option<String>>(0), Some(product.category), "{}", product.title);
    }
    let settled: i64 = session.one(
        "SELECT coalesce(sum(amount_nanousd), 0)::bigint FROM categorize.ledger WHERE kind IN ('settle', 'adjust')",
    );
    let account = shop.model.account();
    assert_eq!(settled, account.charged_nanousd + account.batches.charged_nanousd, "nano-dollars in the ledger");
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.reservation"), 0, "reservations");
    assert_eq!(account.second_payments, 0, "second payments");
}
