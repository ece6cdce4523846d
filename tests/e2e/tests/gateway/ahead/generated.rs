//! Statements that dice make, with the node and without it: the same rows, and the same titles paid for.
//!
//! `PREFETCH_STATEMENTS` tells how many, `PREFETCH_SEED` the first of their seeds.

use super::dice::{Dice, number};
use super::{Bought, bought_by, stocked};
use crate::support::Shop;
use pg_categorize_e2e::Session;
use pg_categorize_fake_llm::Config;

/// How a statement is run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// As it is.
    Selected,
    /// With a plan for every parameter.
    Prepared,
    /// Into a table that it makes.
    Created,
    /// Into a table that is there.
    Inserted,
    /// As an UPDATE with the same call and conditions.
    Updated,
    /// Some rows at a time, and not to its end.
    Fetched,
    /// By several processes.
    Parallel,
}

const WAYS: [Way; 7] =
    [Way::Selected, Way::Prepared, Way::Created, Way::Inserted, Way::Updated, Way::Fetched, Way::Parallel];

const SETTINGS: &str = "SET plan_cache_mode = auto; SET max_parallel_workers_per_gather = 0";
const GENERIC: &str = "SET plan_cache_mode = force_generic_plan";
const PARALLEL: &str =
    "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
                        SET min_parallel_table_scan_size = 0; SET min_parallel_index_scan_size = 0";

/// A statement that was made.
struct Statement {
    way: Way,
    sql: String,
    /// What its one parameter is, where it has one.
    bound: i32,
    /// Whether what it leaves out is told by its rows.
    has_limit: bool,
    /// Rows of each fetch.
    fetches: [i32; 3],
}

fn call(dice: &mut Dice) -> &'static str {
    dice.one(&[
        "categorize(i.title)",
        "categorize(upper(i.title))",
        "categorize(i.title || ' ' || i.brand)",
        "CASE WHEN i.price > 4 THEN categorize(i.title) END",
        "CASE i.brand WHEN 1 THEN categorize(i.title) WHEN 2 THEN 'two' ELSE categorize(i.title || '!') END",
        "coalesce(CASE WHEN i.price < 3 THEN 'cheap' END, categorize(i.title))",
        "(categorize_detail(i.title)).category",
        "categorize_cached(i.title)",
        "categorize(CASE WHEN i.price > 2 THEN i.title ELSE (100 / (i.price + 1))::text END)",
        "categorize(i.title, ARRAY['Toys', 'Tools', 'Other'])",
    ])
}

fn conditions(dice: &mut Dice, bound: &str) -> String {
    let mut conditions = vec![format!("i.id <= {bound}")];
    for _ in 0..dice.below(3) {
        conditions.push(
            dice.one(&[
                "i.price <> 3",
                "categorize(i.title) = 'Toys'",
                "(i.price > 5 OR categorize(i.title) = 'Tools')",
                "categorize(i.title || i.price) IS NOT NULL",
                "i.brand IN (1, 2, 3)",
                "EXISTS (SELECT FROM brand WHERE brand.id = i.brand AND categorize(name) = 'Toys')",
                "coalesce(random() < 2, false)",
            ])
            .to_owned(),
        );
    }
    conditions.join(" AND ")
}

/// A statement of a determined order over at most 80 items.
fn query(dice: &mut Dice, bound: &str, limit: &str) -> (String, bool) {
    let (call, conditions) = (call(dice), conditions(dice, bound));
    let from = dice.one(&[
        "item i",
        "part i",
        "item i JOIN brand b ON b.id = i.brand",
        "part i JOIN brand b ON b.id = i.brand",
        "item i LEFT JOIN brand b ON b.id = i.brand AND b.id > 3",
        "(SELECT * FROM item ORDER BY id OFFSET 0) i",
        "item i CROSS JOIN LATERAL categorize_detail(i.title || 'x') d",
    ]);
    let base = format!("SELECT i.id, {call} AS c FROM {from} WHERE {conditions}");
    let shape = dice.below(9);
    let sql = match shape {
        0 => format!("{base} ORDER BY i.id"),
        1 => format!("{base} ORDER BY i.id LIMIT {limit}"),
        2 => format!("{base} ORDER BY i.id LIMIT {limit} OFFSET {}", dice.below(5)),
        3 => format!("SELECT c, count(*) FROM ({base}) s GROUP BY c ORDER BY c"),
        4 => format!("WITH s AS ({base}) SELECT c, min(id) FROM s GROUP BY c ORDER BY 2 LIMIT {limit}"),
        5 => format!("SELECT * FROM ({base} ORDER BY i.id OFFSET 0) s WHERE c IS NOT NULL LIMIT {limit}"),
        6 => format!("SELECT DISTINCT c FROM ({base}) s ORDER BY c"),
        7 => format!("SELECT id, c, row_number() OVER (ORDER BY id) FROM ({base}) s ORDER BY id LIMIT {limit}"),
        _ => format!("({base} ORDER BY i.id LIMIT {limit}) UNION ALL (SELECT id, name FROM brand ORDER BY id)"),
    };
    (sql, !matches!(shape, 0 | 3 | 6))
}

fn update(dice: &mut Dice, bound: &str) -> String {
    let (call, conditions) = (call(dice), conditions(dice, bound));
    let from = dice.one(&["", "FROM brand b", "FROM part p"]);
    let join = match from {
        "FROM brand b" => "AND b.id = i.brand",
        "FROM part p" => "AND p.id = i.id AND p.price < 8",
        _ => "",
    };
    format!("UPDATE target i SET note = {call} {from} WHERE {conditions} {join}")
}

impl Statement {
    fn of(seed: u64) -> (Self, &'static str) {
        let mut dice = Dice(seed);
        let way = WAYS[dice.below(WAYS.len())];
        let bound = 1 + dice.below(80) as i32;
        let limit = 1 + dice.below(12);
        let (bound_text, limit_text) = match way {
            Way::Prepared => ("$1::int".to_owned(), "($1::int % 12 + 1)".to_owned()),
            _ => (bound.to_string(), limit.to_string()),
        };
        let (sql, has_limit) = match way {
            Way::Updated => (update(&mut dice, &bound_text), false),
            _ => query(&mut dice, &bound_text, &limit_text),
        };
        let fetches = [(); 3].map(|()| 1 + dice.below(6) as i32);
        let planner =
            dice.one(&["enable_hashjoin", "enable_nestloop", "enable_hashagg", "enable_sort", "enable_mergejoin"]);
        (Self { way, sql, bound, has_limit, fetches }, planner)
    }

    /// Its rows as text in their order, or in that of the text where processes make none.
    fn rows(&self, session: &mut Session) -> Result<Vec<String>, postgres::Error> {
        let as_text = format!("SELECT q::text AS line FROM ({}) q", self.sql);
        let texts = |rows: Vec<postgres::Row>| rows.iter().map(|row| row.get(0)).collect::<Vec<String>>();
        match self.way {
            Way::Selected => session.query(&as_text, &[]).map(texts),
            Way::Prepared => session.query(&as_text, &[&self.bound]).map(texts),
            Way::Created => {
                session.batch_execute(&format!("CREATE TEMP TABLE created AS {as_text}"))?;
                let lines = session.column("SELECT line FROM created ORDER BY ctid");
                session.run("DROP TABLE created");
                Ok(lines)
            }
            Way::Inserted => {
                session.run("TRUNCATE inserted");
                session.batch_execute(&format!("INSERT INTO inserted {as_text}"))?;
                Ok(session.column("SELECT line FROM inserted ORDER BY ctid"))
            }
            Way::Updated => {
                session.run("BEGIN");
                let updated = session.batch_execute(&self.sql);
                let lines = updated.map(|()| session.column("SELECT t::text FROM target t ORDER BY id"));
                session.run("ROLLBACK");
                lines
            }
            Way::Fetched => {
                let mut transaction = session.transaction()?;
                let portal = transaction.bind(&as_text, &[])?;
                let mut lines = Vec::new();
                for rows in self.fetches {
                    lines.extend(texts(transaction.query_portal(&portal, rows)?));
                }
                Ok(lines)
            }
            Way::Parallel => {
                let mut lines = session.query(&as_text, &[]).map(texts)?;
                lines.sort();
                Ok(lines)
            }
        }
    }

    fn bought(&self, shop: &Shop, session: &mut Session) -> Bought {
        bought_by(shop, session, |session| self.rows(session))
    }

    /// Its plan, for the values that it is run with.
    fn plan(&self, session: &mut Session) -> String {
        let sql = self.sql.replace("$1", &self.bound.to_string());
        session.column::<String>(&format!("EXPLAIN (COSTS OFF) {sql}")).join("\n")
    }
}

#[test]
fn generated_statements_give_and_pay_the_same_with_the_node_as_without() {
    let shop = stocked("ahead_generated", Config::default());
    let mut session = shop.session();
    session.run(
        "CREATE TABLE part (LIKE item) PARTITION BY RANGE (id);
         CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (20);
         CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (20) TO (50);
         CREATE TABLE part_3 PARTITION OF part FOR VALUES FROM (50) TO (1000);
         CREATE INDEX ON part (id);
         INSERT INTO part SELECT * FROM item;
         CREATE TABLE target AS SELECT *, NULL::text AS note FROM item;
         CREATE TABLE inserted (line text);
         ANALYZE part, target",
    );
    let (count, first) = (number("PREFETCH_STATEMENTS", 70), number("PREFETCH_SEED", 0));
    let (mut placed, mut gathered) = (0, 0);
    for seed in first..first + count {
        let (statement, planner) = Statement::of(seed);
        let settings = match statement.way {
            Way::Prepared => GENERIC,
            Way::Parallel => PARALLEL,
            _ => "",
        };
        session.run(&format!("{SETTINGS}; {settings}; SET {planner} = off; SET categorize.prefetch = off"));
        let plain = statement.bought(&shop, &mut session);
        session.run("SET categorize.prefetch = on");
        let ahead = statement.bought(&shop, &mut session);
        let plan = statement.plan(&mut session);
        session.run(&format!("RESET {planner}"));
        placed += u64::from(plan.contains("Custom Scan (Categorize)"));
        gathered += u64::from(plan.contains("Gather"));
        let what = format!("seed {seed}, {:?}, {planner} off\n{}\n{plan}", statement.way, statement.sql);
        assert_eq!(plain.0, ahead.0, "{what}");
        // How far processes are when a limit is reached is chance.
        if statement.way != Way::Parallel || !statement.has_limit {
            assert_eq!(plain.1, ahead.1, "{what}");
        }
    }
    println!("{placed} of {count} plans have the node, {gathered} are parallel");
    assert!(placed * 10 > count * 7, "only {placed} of {count} plans have the node");
    assert!(count < 50 || gathered > 0, "no plan is parallel");
    assert_eq!(shop.model.account().in_flight, 0);
    shop.database.cluster.assert_tidy();
}
