//! How the index grows, and the time of a look-up with it; and many tenants who know little each.

use super::{Sizes, vectors};
use crate::bench::{Bench, step};
use crate::data;
use crate::measure;
use crate::report::{Bar, Chart, Item, Kind, Report, Section, Series, Table, count, figure};
use pg_categorize_e2e::{Cluster, Database, Session};
use std::sync::Arc;

/// Settings of the server: room for an index of a million vectors, which is built by two processes as anywhere.
const SERVER: [&str; 9] = [
    "shared_buffers = '3GB'",
    "maintenance_work_mem = '2GB'",
    "categorize.training_memory = '2GB'",
    "work_mem = '64MB'",
    "max_wal_size = '16GB'",
    "checkpoint_timeout = '1h'",
    "full_page_writes = off",
    "synchronous_commit = off",
    "autovacuum = off",
];

/// Titles that one statement learns.
const PORTION: usize = 100_000;

/// Titles that nobody knows, from this number on.
const UNKNOWN: usize = 5_000_000;

const WHAT: &str = "\
Made-up titles of 100 categories, learnt; the vectors (halfvec, 256 dimensions) are made and indexed by the worker, whose time
is from the end of learn() until all could be found. A look-up is one title that nobody knows in a statement of many, asked of
the similarity tier alone through SQL. The server has 3 GB of shared_buffers, and 2 GB of memory for building
(`categorize.training_memory`).";

/// Grows one taxonomy after the other.
pub fn run(bench: &Bench, report: &mut Report) {
    let Sizes { growth, looked_up, .. } = Sizes::of(bench);
    let cluster = step("starting a cluster with room for the index", || {
        SERVER.iter().fold(Cluster::builder(), |builder, line| builder.conf(line)).start()
    });
    let database = Arc::new(cluster).extended("growth");
    let mut session = database.session();
    if let Err(why) = vectors::install(&mut session) {
        return report.note(format!("The growth of the index was not measured, {why}."));
    }
    data::titles_table(&mut session, "known", 0..growth[growth.len() - 1]);
    data::titles_table(&mut session, "asked", UNKNOWN..UNKNOWN + looked_up);
    let mut points = Vec::new();
    let mut rows = Vec::new();
    for size in *growth {
        let name = format!("shop_{size}");
        create(&mut session, &name);
        learn(&mut session, &name, *size);
        let index = vectors::await_index(&mut session, &name, *size as i64);
        session.run("CHECKPOINT");
        let each = look_up(bench, &database, &name, *looked_up);
        points.push((*size as f64, each));
        let megabytes = |bytes: i64| figure(bytes as f64 / 1e6);
        rows.push(vec![
            count(*size as f64),
            if index.has_hnsw { "HNSW" } else { "exact scan" }.to_owned(),
            figure(index.took.as_secs_f64()),
            megabytes(index.bytes.0),
            if index.has_hnsw { megabytes(index.bytes.1) } else { "-".to_owned() },
            figure(each * 1e3),
        ]);
    }
    tell(report, &points);
    let head = vec![
        "titles known",
        "searched by",
        "vectors and index made, s",
        "vectors, MB",
        "index, MB",
        "a look-up, microseconds",
    ];
    let chart = Chart {
        kind: Kind::Growth,
        file: "similarity-growth",
        title: "A look-up by titles known".to_owned(),
        sizes: "titles known",
        series: vec![Series { name: "similarity tier".to_owned(), points, peer: false }],
    };
    let items = vec![Item::Text(WHAT.to_owned()), Item::Table(Table { head, rows }), Item::Chart(chart)];
    report.sections.push(Section { title: "Growth", items });
    tenants(bench, report, &database);
}

fn create(session: &mut Session, name: &str) {
    let create = "SELECT categorize.create_taxonomy($1, $2)";
    session.execute(create, &[&name, &data::paths()]).unwrap_or_else(|e| panic!("{create}: {e}"));
    session.run(&format!(r#"SELECT categorize.configure('{name}', '{{"tiers": ["similarity"]}}')"#));
}

fn learn(session: &mut Session, name: &str, size: usize) {
    step(&format!("learning {} titles", count(size as f64)), || {
        // One transaction: the worker begins when all of it is there, as after a first load.
        session.run("BEGIN");
        for begin in (0..size).step_by(PORTION) {
            let end = (begin + PORTION).min(size);
            session.run(&format!(
                "SELECT categorize.learn('SELECT title, category FROM known WHERE id > {begin} AND id <= {end}', '{name}')"
            ));
        }
        session.run("COMMIT");
    });
}

/// Milliseconds that one of many look-ups takes, the median of some statements.
fn look_up(bench: &Bench, database: &Database, name: &str, asked: usize) -> f64 {
    let sql = format!("SELECT count(categorize(title, '{name}')) FROM asked");
    let mut session = database.session();
    measure::timed(&mut session, &sql);
    let mut runs: Vec<f64> = (0..bench.repetitions)
        .map(|_| measure::timed(&mut database.session(), &sql).0.as_secs_f64() * 1e3 / asked as f64)
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}

/// The last size against one a hundredth of it, beside what growth with the logarithm would be.
fn tell(report: &mut Report, points: &[(f64, f64)]) {
    let (last, many) = points[points.len() - 1];
    let (first, few) = points[points.len().saturating_sub(3)];
    report.line(
        format!("a look-up among {} titles; peer: among {}", count(last), count(first)),
        format!("{} microseconds", figure(many * 1e3)),
        format!("{} microseconds", figure(few * 1e3)),
        Some(many / few),
        Bar::Ratio,
    );
    report.note(format!(
        "Growth with the logarithm from {} to {} titles would be {}.",
        count(first),
        count(last),
        figure(last.ln() / first.ln())
    ));
}

/// Many tenants in one index, each asked among its own few titles.
fn tenants(bench: &Bench, report: &mut Report, database: &Database) {
    let (tenants, each) = Sizes::of(bench).tenants;
    let mut session = database.session();
    create(&mut session, "shared");
    step(&format!("{} tenants learn {each} titles each", count(tenants as f64)), || {
        for tenant in 0..tenants {
            let begin = tenant * each;
            session.run(&format!(
                "SET categorize.tenant = 'tenant {tenant}';
                 SELECT categorize.learn('SELECT title, category FROM known WHERE id > {begin} AND id <= {}', 'shared')",
                begin + each
            ));
        }
    });
    session.run("RESET categorize.tenant");
    let index = vectors::await_index(&mut session, "shared", (tenants * each) as i64);
    let sql = "SELECT count(categorize(title, 'shared')) FROM (SELECT title FROM asked ORDER BY id LIMIT 100) a";
    let mut times: Vec<f64> = (0..tenants)
        .step_by((tenants / 50).max(1))
        .map(|tenant| {
            session.run(&format!("SET categorize.tenant = 'tenant {tenant}'"));
            measure::timed(&mut session, sql).0.as_secs_f64() * 1e3 / 100.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    report.line(
        format!("a look-up of one of {} tenants with {each} titles each, exact scan", count(tenants as f64)),
        format!("{} microseconds", figure(times[times.len() / 2] * 1e3)),
        "-".to_owned(),
        None,
        Bar::None,
    );
    report.note(format!(
        "{} tenants: vectors made in {} s, {} MB; the slowest of {} tenants takes {} microseconds a look-up.",
        count(tenants as f64),
        figure(index.took.as_secs_f64()),
        figure(index.bytes.0 as f64 / 1e6),
        times.len(),
        figure(times[times.len() - 1] * 1e3)
    ));
}
