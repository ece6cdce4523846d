//! Rules: the first match of many, against the best SQL with `~*`.

use super::peers::{self, Form};
use crate::bench::{Bench, step};
use crate::data;
use crate::measure::{self, Statement, Timing};
use crate::report::{Bar, Report, Row, count, figure, milliseconds};

/// A run of the peer above this is not repeated but scaled from smaller ones.
const LONGEST: f64 = 60_000.0;

/// Rules added by one statement.
const PORTION: usize = 1_000;

/// Only people's words: the peer knows nothing else either.
const RULES_ONLY: &str = r#"{"tiers": ["correction", "rule"]}"#;

/// Times both sides on the same rules and titles.
pub fn run(bench: &Bench, report: &mut Report) {
    let (rules, titles) = (bench.sizes.rules, bench.sizes.rule_titles);
    step("making titles", || {
        let mut session = bench.session();
        data::titles_table(&mut session, "titles", 3_000_000..3_000_000 + titles);
        data::titles_table(&mut session, "many_titles", 4_000_000..4_000_000 + bench.sizes.many_titles);
    });
    add_rules(bench, "rules", rules);
    peers::prepare(bench);
    bench.settle();
    let form = fastest(bench, report, rules, titles);
    let smaller = linearity(bench, report, form, rules, titles);
    check_identity(bench, report, form, rules, titles);
    // The peer that the bar names; the fastest form is told beside it.
    let outer = Statement::new(Form::DistinctOn.counted(rules, titles));
    let ours = Statement::new("SELECT count(categorize(title, 'rules')) FROM titles");
    let work = format!("{} rules on {} titles, first match", count(rules as f64), count(titles as f64));
    let predicted = smaller * rules as f64 * titles as f64;
    if predicted <= LONGEST {
        let peer = Statement::new(form.counted(rules, titles));
        // Other titles, so that the rules are compiled and the memo knows none of the answers.
        let others = "SELECT count(categorize(title, 'rules')) FROM many_titles WHERE id <= 10000";
        let warm = Statement::new(&ours.sql).after(others);
        let timings = step("rules against SQL", || measure::interleaved(bench, &[ours, peer, warm, outer]));
        assert_eq!(timings[0].answer, timings[1].answer, "titles with a rule");
        assert_eq!(timings[0].answer, timings[3].answer, "titles with a rule");
        // A backend compiles its rules once, so the bar is on what comes after; the first call stands beside it.
        report.compare(&format!("{work}; peer: rules outside"), &timings[2], &timings[3], Bar::AtLeast(200.0));
        report.compare(&format!("{work}; peer: the fastest SQL"), &timings[2], &timings[1], Bar::Faster);
        let first = format!("{work}, compiling them, in a fresh session; peer: rules outside");
        report.compare(&first, &timings[0], &timings[3], Bar::Faster);
    } else {
        let timing = measure::interleaved(bench, &[ours]).remove(0);
        let peer = format!("{} (scaled)", milliseconds(predicted));
        let ratio = Some(predicted / timing.median());
        report.rows.push(Row { work, ours: milliseconds(timing.median()), peer, ratio, bar: Bar::AtLeast(200.0) });
        report.timed("rules: ours", &timing);
    }
    alone(bench, report);
}

/// Adds the first `count` rules to a new taxonomy, and makes a table of that name with what the peer needs.
pub(super) fn add_rules(bench: &Bench, name: &str, number: usize) {
    super::create_taxonomy(bench, name);
    step(&format!("adding {} rules", count(number as f64)), || {
        let mut session = bench.session();
        session.run(&format!("SELECT categorize.configure('{name}', '{RULES_ONLY}')"));
        session.run("CREATE TEMP TABLE wanted (n int PRIMARY KEY, pattern text, category text, priority int)");
        let escaped = |text: &str| text.replace('\\', "\\\\");
        let row = |(i, p): (usize, data::Pattern)| {
            format!("{}\t{}\t{}\t{}", i + 1, escaped(&p.regex), p.category, p.priority)
        };
        data::copy(&mut session, "wanted", data::patterns(number).into_iter().enumerate().map(row));
        session.run(&format!("CREATE TABLE {name} (n int, id bigint, pattern text, priority int)"));
        for low in (0..number).step_by(PORTION) {
            let add = format!("categorize.add_rule('{name}', pattern, category, 'regex', priority)");
            session.run(&format!(
                "INSERT INTO {name} SELECT n, {add}, pattern, priority
                   FROM (SELECT * FROM wanted WHERE n > {low} AND n <= {low} + {PORTION} ORDER BY n) ordered"
            ));
            if low + PORTION < number {
                println!("    {} rules added", count((low + PORTION) as f64));
            }
        }
    });
}

/// Runs every form once on all, unless a small part of it says that this would take too long.
fn fastest(bench: &Bench, report: &mut Report, rules: usize, titles: usize) -> Form {
    let (few_rules, few_titles) = (rules / 2, titles / 10);
    let time = |form: Form| {
        let part = measure::run_fresh(bench, &Statement::new(form.counted(few_rules, few_titles))).0.as_secs_f64();
        let predicted = part * 1e3 * (rules * titles) as f64 / (few_rules * few_titles) as f64;
        if predicted > LONGEST {
            return (predicted, " (scaled)");
        }
        (measure::run_fresh(bench, &Statement::new(form.counted(rules, titles))).0.as_secs_f64() * 1e3, "")
    };
    let timed = step("which SQL is fastest", || Form::ALL.map(|form| (form, time(form))));
    let told = timed.map(|(form, (time, scaled))| format!("{} {}{scaled}", form.name(), milliseconds(time)));
    report.note(format!("First match in SQL, one run of each form: {}. The fastest is the peer.", told.join("; ")));
    let best = timed.into_iter().min_by(|a, b| a.1.0.total_cmp(&b.1.0));
    best.expect("there are forms").0
}

/// Shows that the peer's time is proportional to pairs of rule and title; returns milliseconds a pair.
fn linearity(bench: &Bench, report: &mut Report, form: Form, rules: usize, titles: usize) -> f64 {
    let parts = [(rules / 5, titles), (rules * 2 / 5, titles), (rules, titles / 10), (rules, titles / 5)];
    let time = |(r, t): (usize, usize)| {
        let taken = measure::run_fresh(bench, &Statement::new(form.counted(r, t))).0.as_secs_f64() * 1e3;
        (format!("{} x {}: {}", count(r as f64), count(t as f64), milliseconds(taken)), taken / (r * t) as f64)
    };
    let timed = step("is the peer linear", || parts.map(time));
    let told: Vec<&str> = timed.iter().map(|(told, _)| told.as_str()).collect();
    let each: Vec<String> = timed.iter().map(|(_, each)| figure(each * 1e6)).collect();
    report.note(format!(
        "The peer ({}) on rules x titles: {}; that is {} nanoseconds a pair.",
        form.name(),
        told.join(", "),
        each.join(", ")
    ));
    // The fastest of the two larger parts, so that the prediction favours the peer.
    timed[1].1.min(timed[3].1)
}

/// Asserts that both sides name the same rule for every title.
fn check_identity(bench: &Bench, report: &mut Report, form: Form, rules: usize, titles: usize) {
    let pairs = form.pairs(rules, titles);
    let sql = format!(
        "WITH peer AS MATERIALIZED ({pairs})
         SELECT count(*) FILTER (WHERE ours.rule_id IS DISTINCT FROM peer.rule_id), count(peer.rule_id), count(*)
           FROM (SELECT t.id, (d.evidence->>'rule')::bigint AS rule_id
                   FROM titles t CROSS JOIN LATERAL categorize_detail(t.title, 'rules') d) ours
           LEFT JOIN peer ON peer.title_id = ours.id"
    );
    let row = step("comparing rule ids", || bench.session().query_one(&sql, &[]));
    let row = row.unwrap_or_else(|e| panic!("{sql}\nfailed: {e}"));
    let (wrong, matched, all): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!(wrong, 0, "titles whose first rule differs from the peer's");
    report.note(format!("The ids of the first rule agree on all {all} titles, of which a rule matches {matched}."));
}

/// What has no peer: many titles, and the first call of a session, which compiles the rules.
fn alone(bench: &Bench, report: &mut Report) {
    let (rules, many) = (count(bench.sizes.rules as f64), count(bench.sizes.many_titles as f64));
    let first = "SELECT categorize('a title', 'rules')";
    let asked = [
        Statement::new("SELECT count(categorize(title, 'rules')) FROM many_titles"),
        Statement::new(first),
        Statement::new(first).after(first),
    ];
    let timings: Vec<Timing> = step("many titles, and a first call", || measure::interleaved(bench, &asked));
    let ours = milliseconds(timings[0].median());
    let work = format!("{rules} rules on {many} titles");
    report.rows.push(Row { work: work.clone(), ours, peer: "-".to_owned(), ratio: None, bar: Bar::None });
    report.timed(&work, &timings[0]);
    report.timed("first call of a session, which compiles the rules", &timings[1]);
    report.note(format!(
        "Compiling: the first call of a session with {rules} rules takes {}, the second {}. It is part of the times in a fresh session.",
        milliseconds(timings[1].median()),
        milliseconds(timings[2].median())
    ));
}
