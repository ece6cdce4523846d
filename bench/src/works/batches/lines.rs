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

/// Writes the lines of all batches with COPY; the time, and the bytes that were written.
pub fn write(bench: &Bench, shop: &Shop, session: &mut Session) -> (Timing, u64) {
    let file = shop.cluster().file("lines.jsonl");
    let body = Direct::new(&shop.model.url(), data::paths()).body(TITLE);
    let items = format!(r#"{{\"id\":1,\"title\":\"{TITLE}\"}}"#);
    let (before, after) = body.split_once(&items).unwrap_or_else(|| panic!("a body without its title: {body}"));
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    // The delimiter and the quote are characters that JSON escapes: each line is written as it is.
    let copy = format!(
        r#"COPY (SELECT '{{"custom_id":"' || lpad(to_hex(batch_id), 32, '0') || lpad(to_hex(ordinal), 32, '0')
                     || '","method":"POST","url":"/v1/chat/completions","body":' || {}
                     || btrim(to_json(string_agg('{{"id":' || number || ',"title":' || to_json(input) || '}}', ',' ORDER BY number))::text, '"')
                     || {} || '}}'
                FROM categorize.job GROUP BY batch_id, ordinal ORDER BY batch_id, ordinal)
           TO '{}' WITH (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')"#,
        text(before),
        text(after),
        file.display()
    );
    let runs = if bench.quick { 1 } else { RUNS };
    let timing = Timing::new((0..runs).map(|_| timed(session, &copy).0).collect());
    let bytes = std::fs::metadata(&file).map_or(0, |of| of.len());
    _ = std::fs::remove_file(&file);
    (timing, bytes)
}

/// Copies the rows of these tables into empty ones like them; one time for all of them together.
pub fn copy_in(bench: &Bench, shop: &Shop, session: &mut Session, tables: &[&str]) -> Timing {
    let file = |table: &str| shop.cluster().file(&format!("{table}.rows")).display().to_string();
    for table in tables {
        session.run(&format!("COPY categorize.{table} TO '{}'", file(table)));
    }
    let once = || {
        for table in tables {
            session.run(&format!("CREATE TABLE copied_{table} (LIKE categorize.{table} INCLUDING ALL)"));
        }
        session.run("CHECKPOINT");
        let start = Instant::now();
        for table in tables {
            session.run(&format!("COPY copied_{table} FROM '{}'", file(table)));
        }
        let time = start.elapsed();
        for table in tables {
            session.run(&format!("DROP TABLE copied_{table}"));
        }
        time
    };
    let runs = if bench.quick { 1 } else { RUNS };
    let timing = Timing::new(std::iter::repeat_with(once).take(runs).collect());
    tables.iter().for_each(|table| _ = std::fs::remove_file(file(table)));
    timing
}
