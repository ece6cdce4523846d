//! Growth by the number of categories: answers from the cache, and misses that go through lexical matching.

use crate::bench::{Bench, step};
use crate::data;
use crate::measure::{self, Statement, Timing};
use crate::report::{Chart, Kind, Report, Series, count};

/// Asks the same number of titles of larger and larger taxonomies.
pub fn run(bench: &Bench, report: &mut Report) {
    let (sizes, titles) = (bench.sizes.growth, bench.sizes.growth_titles);
    step("making titles", || {
        data::titles_table(&mut bench.session(), "known_titles", 5_000_000..5_000_000 + titles);
        data::titles_table(&mut bench.session(), "new_titles", 6_000_000..6_000_000 + titles);
    });
    sizes.iter().for_each(|size| create(bench, *size));
    bench.settle();
    let ask = |table: &str, size: &usize| {
        Statement::new(format!("SELECT count(categorize(title, 'flat_{size}')) FROM {table}"))
    };
    let asked: Vec<Statement> =
        ["known_titles", "new_titles"].iter().flat_map(|table| sizes.iter().map(|size| ask(table, size))).collect();
    let timings = step("asking taxonomies of all sizes", || measure::interleaved(bench, &asked));
    let (known, new) = timings.split_at(sizes.len());
    assert!(known.iter().all(|t| t.answer == titles.to_string()), "not every known title was answered: {known:?}");
    let answered: Vec<&str> = new.iter().map(|t: &Timing| t.answer.as_str()).collect();
    let number = count(titles as f64);
    report.note(format!(
        "Lexical matching of {number} new titles, by size of the taxonomy, was sure enough of {}.",
        answered.join(", ")
    ));
    report.grow(Chart {
        kind: Kind::Growth,
        file: "growth-categories",
        title: format!("{number} titles: time by categories of the taxonomy"),
        sizes: "categories",
        series: vec![
            Series::new(&format!("{number} from the cache"), sizes, known),
            Series::new(&format!("{number} misses, matched by words"), sizes, new),
        ],
    });
}

fn create(bench: &Bench, size: usize) {
    step(&format!("a taxonomy of {} categories, and learning", count(size as f64)), || {
        let mut session = bench.session();
        session.run(&format!("SELECT categorize.create_taxonomy_from_json('flat_{size}', '{}')", data::flat(size)));
        session.run(&format!(
            "CREATE TEMP TABLE path AS SELECT row_number() OVER (ORDER BY value->>'path') - 1 AS n, value->>'path' AS path
               FROM jsonb_array_elements('{}')",
            data::flat(size)
        ));
        session.run(&format!(
            "CREATE TABLE labels_{size} AS SELECT t.title, p.path FROM known_titles t JOIN path p ON p.n = t.id % {size}"
        ));
        session.run(&format!("SELECT categorize.learn('SELECT title, path FROM labels_{size}', 'flat_{size}')"));
    });
}
