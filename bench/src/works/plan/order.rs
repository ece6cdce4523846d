//! What the order of `categorize.run()` saves: the same table filled by it, which asks about representatives of dense groups first,
//! and chunk by chunk in the order of the key.

use crate::bench::{Bench, step};
use crate::data::copy;
use crate::report::{Bar, Report, count};
use crate::works::gateway::LATENCY;
use crate::works::routing::flipkart::{ABSENT, Titles};
use crate::works::routing::market::{CHEAP, LIKE_OPENAI, Market};
use crate::works::similarity::{WORKERS, embed};
use pg_categorize_fake_llm::{Config, Latency, Model};

/// Rows of a chunk: the default of `categorize.run()`.
const CHUNK: usize = 1_000;

/// How a table is filled.
type Fill = fn(&Market, usize);

/// What filling a table came to.
struct Bill {
    /// By the provider's own account.
    dollars: f64,
    answers: u64,
    /// Share of the rows that got their own category, 0 to 1.
    right: f64,
}

/// Fills a table in both orders, each from an empty taxonomy on in a cluster of its own.
pub fn run(bench: &Bench, report: &mut Report) {
    let Some(mut titles) = Titles::stream() else { return report.note(format!("plan-order was {ABSENT}.")) };
    titles.all.truncate(if bench.quick { 2_000 } else { usize::MAX });
    let rows = count(titles.all.len() as f64);
    let fill = |what: &str, by: Fill, report: &mut Report| {
        let market = open(&titles, report);
        step(&format!("{rows} rows {what}"), || by(&market, titles.all.len()));
        bill(&market)
    };
    let ours = fill("by categorize.run()", by_run, report);
    let peer = fill("in the order of the key", by_key, report);
    let work = format!("{rows} rows of flipkart by run(), dollars; peer: the same in chunks by the order of the key");
    let dollars = |bill: &Bill| format!("${:.4}", bill.dollars);
    report.line(work, dollars(&ours), dollars(&peer), Some(ours.dollars / peer.dollars), Bar::Ratio);
    let told = |bill: &Bill| {
        format!(
            "{} answers were bought and {:.1}% of the rows are right",
            count(bill.answers as f64),
            100.0 * bill.right
        )
    };
    report.note(format!(
        "Order of a bulk: by `run()` {}, in the order of the key {}. Each begins with the paths of the data and nothing else, all settings \
         the defaults but for the audits, which are off, and for a single model, which is right about 95 titles in 100; gateway, trainer \
         and indexer run as they do in any installation. Both pay for a repeated title once; the peer is a loop of plain UPDATEs \
         by 1,000 rows, so that the ratio is that of `run()` as a whole: what it asks about first, and its chunks. A model that is asked about every row would answer {rows} times.",
        told(&ours),
        told(&peer)
    ));
}

/// A table of these titles, and a model that knows them.
fn open(titles: &Titles, report: &mut Report) -> Market {
    let model = Model { error_rate: Some(0.05), ..Model::default() };
    let config = Config {
        labels: titles.labels(),
        models: [(CHEAP.0.to_owned(), model)].into(),
        latency: Latency::Fixed(LATENCY),
        keep_requests: false,
        ..Config::default()
    };
    let mut market = Market::open_with(&WORKERS);
    embed(&mut market.session(), "The order of a bulk", report);
    market.add("model", "openai", "/v1", config, LIKE_OPENAI);
    let settings = format!(r#""models": {{"cheap": "{}"}}, "upgrade": "never", "audit_share": 0"#, CHEAP.0);
    market.taxonomy("shop", &titles.categories(), &settings);
    let mut session = market.session();
    session.run("CREATE TABLE listing (id int PRIMARY KEY, title text NOT NULL, truth text NOT NULL, category text)");
    let rows = titles.all.iter().enumerate().map(|(at, (title, truth))| format!("{}\t{title}\t{truth}\t\\N", at + 1));
    copy(&mut session, "listing", rows);
    session.run("VACUUM ANALYZE listing");
    market
}

fn by_run(market: &Market, _rows: usize) {
    market.run("CALL categorize.run('listing', 'title', 'category', 'shop')");
}

fn by_key(market: &Market, rows: usize) {
    let mut session = market.session();
    for begin in (0..rows).step_by(CHUNK) {
        let chunk = format!("id > {begin} AND id <= {}", begin + CHUNK);
        session.run(&format!("UPDATE listing SET category = categorize(title, 'shop') WHERE {chunk}"));
    }
}

fn bill(market: &Market) -> Bill {
    market.quiet();
    let mut session = market.session();
    let open: i64 = session.one("SELECT count(*) FROM listing WHERE category IS NULL");
    let right = session.one("SELECT avg((category IS NOT DISTINCT FROM truth)::int)::float8 FROM listing");
    let all: i64 = session.one("SELECT count(*) FROM listing");
    // A model may say that none fits.
    assert!(open * 100 <= all, "{open} of {all} rows have no category");
    let account = market.providers[0].account();
    Bill { dollars: account.charged_nanousd as f64 / 1e9, answers: account.answers_paid, right }
}
