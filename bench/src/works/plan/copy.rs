//! COPY into a table whose trigger fills a column, against one with a trivial trigger in C that fills the same column.

use crate::bench::{Bench, step};
use crate::data;
use crate::measure::{self, Statement};
use crate::report::{Bar, Report, count};
use crate::works::{create_taxonomy, exact};

const TITLES: &str = "copy_titles";

/// Learns all titles, and copies them into three tables.
pub fn run(bench: &Bench, report: &mut Report) {
    let size = if bench.quick { 10_000 } else { 100_000 };
    let rows = count(size as f64);
    let mut session = bench.session();
    if !session.one::<bool>("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'insert_username')") {
        report.note("plan-copy was skipped: the contrib module spi is not installed.".to_owned());
        return;
    }
    step(&format!("making {rows} titles"), || data::titles_table(&mut session, TITLES, 0..size));
    create_taxonomy(bench, "copied");
    exact::learn(bench, TITLES, "copied", "id", 0..size);
    let file = bench.file("copy_titles");
    session.run(&format!(
        "CREATE EXTENSION insert_username;
         COPY {TITLES} (title) TO '{}';
         CREATE TABLE copy_plain (title text, category text);
         CREATE TABLE copy_trivial (LIKE copy_plain);
         CREATE TABLE copy_ours (LIKE copy_plain);
         CREATE TRIGGER fill BEFORE INSERT ON copy_trivial FOR EACH ROW EXECUTE FUNCTION insert_username('category');
         CREATE TRIGGER fill BEFORE INSERT ON copy_ours FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category', 'copied')",
        file.display()
    ));
    bench.settle();
    let into = |table: &str| {
        Statement::new(format!("COPY {table} (title) FROM '{}'", file.display())).after(format!("TRUNCATE {table}"))
    };
    let asked = [into("copy_ours"), into("copy_trivial"), into("copy_plain")];
    let timings = step("COPY with our trigger, a trivial one and none", || measure::interleaved(bench, &asked));
    let filled: i64 = session.one("SELECT count(category) FROM copy_ours");
    assert_eq!(filled, size as i64, "not every title was answered");
    let [ours, trivial, plain] = &timings[..] else { unreachable!("three statements were timed") };
    report.compare(
        &format!("COPY of {rows} cached titles with our trigger; peer: a trivial trigger in C"),
        ours,
        trivial,
        Bar::AtMost(1.8),
    );
    report.compare(
        &format!("COPY of {rows} titles with a trivial trigger in C; peer: no trigger"),
        trivial,
        plain,
        Bar::Ratio,
    );
}
