//! Few distinct titles in many rows: the memo of the backend against a join with a small table.

use super::exact;
use crate::bench::{Bench, step};
use crate::data;
use crate::measure::{self, Statement};
use crate::report::{Bar, Report, count};

/// Asks for the same titles again and again, in a session that has done so once.
pub fn run(bench: &Bench, report: &mut Report) {
    let (distinct, rows) = (bench.sizes.distinct, bench.sizes.rows[bench.sizes.rows.len() - 1]);
    super::create_taxonomy(bench, "repeats");
    step(&format!("making {} rows of {} titles", count(rows as f64), count(distinct as f64)), || {
        let mut session = bench.session();
        data::titles_table(&mut session, "popular", 2_000_000..2_000_000 + distinct);
        // hashint4 is as good as a die and always falls alike; abs() of its lowest value would overflow.
        session.run(&format!(
            "CREATE TABLE sales AS SELECT i AS id, p.title, p.category FROM generate_series(1, {rows}) i
               JOIN popular p ON p.id = 1 + (hashint4(i) & 2147483647) % {distinct} ORDER BY i"
        ));
        session.run("SELECT categorize.learn('SELECT title, category FROM popular', 'repeats')");
    });
    exact::cache_table(bench, "cache_popular", "popular");
    bench.settle();
    let ours = "SELECT count(categorize(title, 'repeats')) FROM sales";
    let peer = exact::join("sales", "cache_popular");
    exact::check_plan(bench, &peer);
    let asked = [Statement::new(ours).after(ours), Statement::new(&peer).after(&peer)];
    let timings = step("memo against the hash join", || measure::interleaved(bench, &asked));
    assert!(timings.iter().all(|t| t.answer == rows.to_string()), "not every title was answered: {timings:?}");
    let wrong: i64 =
        bench.session().one("SELECT count(*) FROM sales WHERE categorize(title, 'repeats') IS DISTINCT FROM category");
    assert_eq!(wrong, 0, "answers that differ from the peer's");
    let work = format!("{} distinct titles in {} rows, memo warm", count(distinct as f64), count(rows as f64));
    report.compare(&work, &timings[0], &timings[1], Bar::AtMost(0.6));
}
