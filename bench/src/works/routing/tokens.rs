//! Tokens of an answer: by API, alone and in packs, with and without a cache of prefixes, with short labels and long ones.

use super::Sizes;
use super::market::{Market, PAID_ONLY};
use crate::bench::{Bench, step};
use crate::data::{self, product};
use crate::report::{Item, Report, Section, Table, count, figure};
use pg_categorize_fake_llm::{Account, Config};
use std::collections::HashMap;
use std::sync::Arc;

/// Titles in one request.
const PACK: usize = 10;

/// An API: what it is called, the kind of its provider, its path, a model that it has, and how that is
/// asked, beside what is shipped.
struct ApiOf {
    name: &'static str,
    kind: &'static str,
    path: &'static str,
    model: &'static str,
    /// Members of a JSON object.
    asked: &'static str,
}

const APIS: [ApiOf; 7] = [
    ApiOf {
        name: "OpenAI, json_schema",
        kind: "openai",
        path: "/v1",
        model: "gpt-6-luna",
        asked: r#""mode": "json_schema""#,
    },
    ApiOf {
        name: "OpenAI, decisions",
        kind: "openai",
        path: "/v1",
        model: "gpt-6-luna",
        asked: r#""mode": "decision""#,
    },
    ApiOf {
        name: "Anthropic, json_schema",
        kind: "anthropic",
        path: "/v1",
        model: "claude-haiku-5-5",
        asked: r#""mode": "json_schema""#,
    },
    ApiOf {
        name: "Anthropic, json_schema, cache_breakpoint",
        kind: "anthropic",
        path: "/v1",
        model: "claude-haiku-5-5",
        asked: r#""mode": "json_schema", "cache_breakpoint": true"#,
    },
    ApiOf {
        name: "Gemini, json_schema",
        kind: "gemini",
        path: "/v1beta",
        model: "gemini-3.8-flash",
        asked: r#""mode": "json_schema""#,
    },
    ApiOf {
        name: "Gemini, decisions",
        kind: "gemini",
        path: "/v1beta",
        model: "gemini-3.8-flash",
        asked: r#""mode": "decision""#,
    },
    ApiOf {
        name: "System One, decisions",
        kind: "systemone",
        path: "",
        model: "jev-latest",
        asked: r#""mode": "decision""#,
    },
];

/// What labels are long with.
const LONG: &str = "Everything for House, Garden, Workshop and Leisure of the Whole Family";

/// Asks for titles in each way.
pub fn run(bench: &Bench, report: &mut Report) {
    let number = Sizes::of(bench).tokens;
    let shorts = data::paths();
    let longs: Vec<String> = shorts.iter().map(|path| long(path)).collect();
    let longest = |paths: &[String]| paths.iter().map(String::len).max().unwrap_or_default();
    let mut counted = Vec::new();
    let mut bounds = Vec::new();
    let mut market = Market::open();
    for api in APIS {
        for cached in [false, true] {
            let labels = (0..number).flat_map(|n| known(n as u64)).collect::<HashMap<_, _>>();
            let config =
                Config { labels: Arc::new(labels), prompt_cache: cached, keep_requests: false, ..Config::default() };
            let name = api.name;
            market
                .run(&format!(r#"SELECT categorize.set_model('{}', '{}', '{{{}}}')"#, api.model, api.kind, api.asked));
            market.run(&format!("SELECT categorize.set_price('{}', 0.10, 0.50)", api.model));
            market.add("model", api.kind, api.path, config, &settings(&api));
            for (paths, length) in [(&shorts, "short"), (&longs, "long")] {
                for pack in [1, PACK] {
                    let what =
                        format!("{name}, {length} labels, {pack} in a request{}", if cached { ", cached" } else { "" });
                    let taxonomy = what.to_lowercase();
                    market.taxonomy(
                        &taxonomy,
                        paths,
                        &format!(r#"{PAID_ONLY}, "upgrade": "never", "pack_size": {pack}"#),
                    );
                    let tokens = step(&what, || of(&market, &taxonomy, length, number));
                    counted.push((name, length, pack, cached, tokens));
                }
            }
            if !cached {
                bounds.push(bound(&market, &api, [&shorts, &longs]));
            }
            market.run("SELECT categorize.drop_provider('model')");
        }
    }
    let rows = counted.iter().filter(|row| !row.3).map(|(name, length, pack, _, plain)| {
        let cached = counted.iter().find(|row| (row.0, row.1, row.2, row.3) == (*name, *length, *pack, true));
        let cached = cached.map_or([0.0; 4], |row| row.4);
        let cells = [plain[0], cached[0], cached[1], cached[2], plain[3]].map(figure);
        [vec![(*name).to_owned(), (*length).to_owned(), pack.to_string()], cells.to_vec()].concat()
    });
    let head = vec![
        "API",
        "labels",
        "titles in a request",
        "input",
        "cached: plain input",
        "read from the cache",
        "written to it",
        "output",
    ];
    let text = format!(
        "Tokens of one answer. {} titles, 100 categories; the longest label has {} bytes where they are short and {} where they are long. \
         *Input* is without a cache of prefixes; with one, input is what is left of it, what is read from the cache (a tenth of the \
         price at most providers) and what is written to it, spread over the titles.",
        count(number as f64),
        longest(&shorts),
        longest(&longs)
    );
    let items = vec![Item::Text(text), Item::Table(Table { head, rows: rows.collect() })];
    report.sections.push(Section { title: "Tokens of an answer", items });
    let text = format!(
        "The most that a request lets a model write, and so the most that is reserved for output: thoughts where the model \
         thinks, the longest label and what stands around it for each title. By the ledger's reservations for 1 title and for {PACK}."
    );
    let head = vec!["API", "short, 1 title", "short, a pack", "long, 1 title", "long, a pack"];
    report.sections.push(Section {
        title: "Bounds of output",
        items: vec![Item::Text(text), Item::Table(Table { head, rows: bounds })],
    });
    told(report, &counted);
}

fn settings(api: &ApiOf) -> String {
    let like = if api.kind == "openai" { format!("{}, ", super::market::LIKE_OPENAI) } else { String::new() };
    format!(r#"{like}"model": "{}""#, api.model)
}

fn long(path: &str) -> String {
    format!("{LONG} > {path}")
}

/// Titles are others where labels are long: the model knows both.
fn known(number: u64) -> [(String, String); 2] {
    let product = product(number);
    [(title("short", number), product.category.clone()), (title("long", number), long(&product.category))]
}

fn title(length: &str, number: u64) -> String {
    let title = product(number).title;
    if length == "long" { format!("{title}.") } else { format!("{title}!") }
}

/// Plain input, input from the cache, input to the cache, and output, for each answer.
fn of(market: &Market, taxonomy: &str, length: &str, number: usize) -> [f64; 4] {
    let provider = market.providers.last().expect("one was added");
    let before = provider.account();
    let asked: Vec<String> = (0..number as u64).map(|n| title(length, n)).collect();
    let answers = market.ask(taxonomy, &asked.iter().map(String::as_str).collect::<Vec<_>>());
    for (answer, n) in answers.iter().zip(0..) {
        let category = product(n).category;
        let category = if length == "long" { long(&category) } else { category };
        assert_eq!(answer.category.as_ref(), Some(&category), "{taxonomy}: {:?}", answer.reason);
    }
    market.quiet();
    let after = provider.account();
    let difference = |of: fn(&Account) -> u64| (of(&after) - of(&before)) as f64 / number as f64;
    [
        difference(|account| account.tokens.input),
        difference(|account| account.tokens.cached_input),
        difference(|account| account.tokens.cache_write + account.tokens.cache_write_long),
        difference(|account| account.tokens.output),
    ]
}

/// What is reserved for output, where nothing else has a price.
fn bound(market: &Market, api: &ApiOf, paths: [&Vec<String>; 2]) -> Vec<String> {
    market.run(&format!("SELECT categorize.set_price('{}', 0, 1)", api.model));
    let mut row = vec![api.name.to_owned()];
    for (paths, length) in paths.into_iter().zip(["short", "long"]) {
        for pack in [1, PACK] {
            let taxonomy = format!("bound of {}, {length}, {pack}", api.name).to_lowercase();
            market.taxonomy(&taxonomy, paths, &format!(r#"{PAID_ONLY}, "upgrade": "never", "pack_size": {pack}"#));
            let newest = "SELECT coalesce(max(id), 0) FROM categorize.ledger";
            let before: i64 = market.session().one(newest);
            let asked: Vec<String> = (0..pack as u64).map(|n| title(length, n)).collect();
            market.ask(&taxonomy, &asked.iter().map(String::as_str).collect::<Vec<_>>());
            market.quiet();
            // A dollar for a million tokens is a thousand nano-dollars for one.
            let sql = format!(
                "SELECT max(amount_nanousd) / 1000 FROM categorize.ledger WHERE kind = 'reserve' AND id > {before}"
            );
            row.push(count(market.session().one::<i64>(&sql) as f64));
        }
    }
    row
}

/// What the tables come to in words.
fn told(report: &mut Report, counted: &[(&str, &str, usize, bool, [f64; 4])]) {
    for api in APIS {
        let input = |pack: usize| {
            let row = counted.iter().find(|row| (row.0, row.1, row.2, row.3) == (api.name, "short", pack, false));
            row.map_or(f64::NAN, |row| row.4[0])
        };
        report.note(format!(
            "{}: a pack of {PACK} takes {:.1}% of the input tokens of requests with one title.",
            api.name,
            100.0 * input(PACK) / input(1)
        ));
    }
}
