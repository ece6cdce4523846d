//! What people do today: a function in Python that asks the model for one row after the other.

use super::LATENCY;
use super::shop::{self, Shop};
use crate::bench::step;
use crate::data;
use crate::measure::Timing;
use crate::report::{Bar, Report, count, milliseconds};
use std::ops::Range;
use std::time::Instant;

/// Asks for some titles and says what `misses` of them would take.
pub fn run(shop: &Shop, report: &mut Report, numbers: Range<usize>, misses: usize, ours: [&Timing; 2]) {
    let mut session = shop.session();
    let offered: i64 = session.one("SELECT count(*) FROM pg_available_extensions WHERE name = 'plpython3u'");
    if offered == 0 {
        let how =
            "the package postgresql-plpython3 of the server's version has it, and `make bench` fetches it where it can";
        return report.note(format!("The function in Python was not measured, skipped: no plpython3u here ({how})."));
    }
    if let Err(e) = session.batch_execute("CREATE EXTENSION plpython3u") {
        let why = e.as_db_error().map_or_else(|| e.to_string(), |e| e.message().to_owned());
        return report.note(format!("The function in Python was not measured, skipped: {why}."));
    }
    session.run(&function(&shop.model.url()));
    let titles = shop::titles(numbers.clone());
    let rows = titles.len();
    let sql = "SELECT ask_model(title) FROM unnest($1::text[]) title";
    let time = step(&format!("{rows} misses, row by row in Python"), || {
        let start = Instant::now();
        let answers = session.query(sql, &[&titles]).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let time = start.elapsed();
        let answers: Vec<_> = answers.iter().map(|row| (row.get(0), None)).collect();
        shop::check(numbers, &answers);
        time
    });
    let whole = time.as_secs_f64() * 1e3 / rows as f64 * misses as f64;
    let number = count(misses as f64);
    for (timing, pack, bar) in [(ours[0], 1, Bar::Faster), (ours[1], 10, Bar::AtLeast(20.0))] {
        let work = format!("{number} distinct misses, pack {pack}; peer: a function in plpython3u, row by row");
        let ratio = whole / timing.median();
        report.line(work, milliseconds(timing.median()), milliseconds(whole), Some(ratio), bar);
    }
    report.note(format!(
        "The function in Python (`urllib.request.urlopen` for each row, as people write it) was measured on {rows} titles, \
         {} a title of which the model takes {} ms; for {number} titles its time is multiplied.",
        milliseconds(whole / misses as f64),
        LATENCY.as_millis()
    ));
}

fn function(url: &str) -> String {
    let list: String = data::paths().iter().map(|path| format!("- {path}\n")).collect();
    let instruction = format!("Reply with the category of the product and nothing else.\n\nCategories:\n{list}\n");
    // A JSON string is one of Python, too.
    let instruction = serde_json::Value::from(instruction);
    format!(
        r#"CREATE FUNCTION ask_model(title text) RETURNS text LANGUAGE plpython3u AS $python$
import json
import urllib.request

body = {{
    "model": "gpt-6-luna",
    "messages": [{{"role": "system", "content": {instruction}}}, {{"role": "user", "content": title}}],
}}
request = urllib.request.Request(
    "{url}/v1/chat/completions",
    data=json.dumps(body).encode(),
    headers={{"Content-Type": "application/json", "Authorization": "Bearer none"}},
)
with urllib.request.urlopen(request) as reply:
    return json.load(reply)["choices"][0]["message"]["content"]
$python$"#
    )
}
