//! What COPY takes for the same: lines out, rows in.

use crate::bench::Bench;
use crate::data;
use crate::measure::{Timing, timed};
use crate::works::gateway::{Direct, Shop};
use pg_categorize_e2e::Session;
use std::time::Instant;

/// What stands for the titles in a body.
const TITLE: &str = "what is asked about";

/// Of how many runs a median is.
const RUNS: usize = 3;

/// Writes the lines of all batches with COPY; the time, and the bytes that were written. What it reads lies ready: the texts in the
/// order of their requests.
pub fn write(bench: &Bench, shop: &Shop, session: &mut Session) -> (Timing, u64) {
    let file = shop.cluster().file("lines.jsonl");
    let body = Direct::new(&shop.model.url(), data::paths()).body(TITLE);
    let items = format!(r#"{{\"id\":1,\"title\":\"{TITLE}\"}}"#);
    let (before, after) = body.split_once(&items).unwrap_or_else(|| panic!("a body without its title: {body}"));
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    session.run(
        "CREATE TABLE sent AS
         SELECT i.batch_id, i.ordinal, i.first_number + u.place - 1 AS number, j.input
           FROM categorize.batch_item i CROSS JOIN unnest(i.jobs) WITH ORDINALITY AS u (id, place)
           JOIN categorize.job_entry j ON j.id = u.id
          ORDER BY i.batch_id, i.ordinal, u.place",
    );
    session.run("VACUUM ANALYZE sent");
    // The delimiter and the quote are characters that JSON escapes: each line is written as it is.
    let copy = format!(
        r#"COPY (SELECT '{{"custom_id":"' || lpad(to_hex(batch_id), 32, '0') || lpad(to_hex(ordinal), 32, '0')
                     || '","method":"POST","url":"/v1/chat/completions","body":' || {}
                     || btrim(to_json(string_agg('{{"id":' || number || ',"title":' || to_json(input) || '}}', ',' ORDER BY number))::text, '"')
                     || {} || '}}'
                FROM sent GROUP BY batch_id, ordinal ORDER BY batch_id, ordinal)
           TO '{}' WITH (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')"#,
        text(before),
        text(after),
        file.display()
    );
    let runs = if bench.quick { 1 } else { RUNS };
    let timing = Timing::new((0..runs).map(|_| timed(session, &copy).0).collect());
    let bytes = std::fs::metadata(&file).map_or(0, |of| of.len());
    _ = std::fs::remove_file(&file);
    session.run("DROP TABLE sent");
    (timing, bytes)
}

/// Copies these rows of tables into empty ones like them; one time for all of them together.
pub fn copy_in(bench: &Bench, shop: &Shop, session: &mut Session, tables: &[(&str, &str)]) -> Timing {
    let file = |table: &str| shop.cluster().file(&format!("{table}.rows")).display().to_string();
    for (table, rows) in tables {
        session.run(&format!("COPY (SELECT * FROM categorize.{table} WHERE {rows}) TO '{}'", file(table)));
    }
    let once = || {
        for (table, _) in tables {
            session.run(&format!("CREATE TABLE copied_{table} (LIKE categorize.{table} INCLUDING ALL)"));
        }
        session.run("CHECKPOINT");
        let start = Instant::now();
        for (table, _) in tables {
            session.run(&format!("COPY copied_{table} FROM '{}'", file(table)));
        }
        let time = start.elapsed();
        for (table, _) in tables {
            session.run(&format!("DROP TABLE copied_{table}"));
        }
        time
    };
    let runs = if bench.quick { 1 } else { RUNS };
    let timing = Timing::new(std::iter::repeat_with(once).take(runs).collect());
    tables.iter().for_each(|(table, _)| _ = std::fs::remove_file(file(table)));
    timing
}
