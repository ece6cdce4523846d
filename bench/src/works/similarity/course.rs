//! What became of a stream of titles: curves and counts.

use crate::report::{Chart, Kind, Series, Table, count};
use std::collections::BTreeMap;
use std::ops::Range;

/// The tiers, in their order.
const SOURCES: [&str; 5] = ["cache", "local_model", "similarity", "llm", "unresolved"];

/// What was said of one title.
pub struct Row {
    /// Whether it is the category of the title.
    pub right: bool,
    /// Whether there is an answer.
    pub answered: bool,
    /// Tier of the answer.
    pub source: String,
    /// Version of the local model that gave it; 0 is lexical matching.
    pub version: Option<String>,
}

/// What became of the titles of a stream.
#[derive(Default)]
pub struct Course {
    /// Each title, in the order in which they came.
    pub rows: Vec<Row>,
    /// Of each statement: titles, and answers that were paid for.
    pub paid: Vec<(usize, u64)>,
}

impl Course {
    /// The share of these titles that got their category.
    pub fn right(&self, range: Range<usize>) -> f64 {
        let size = range.len().max(1);
        self.rows[range].iter().filter(|row| row.right).count() as f64 / size as f64
    }

    /// Answers that were paid for by the statements that lie in this range.
    pub fn paid(&self, range: Range<usize>) -> u64 {
        let mut begin = 0;
        let mut paid = 0;
        for (titles, answers) in &self.paid {
            paid += if range.contains(&begin) { *answers } else { 0 };
            begin += titles;
        }
        paid
    }

    fn windows(&self, size: usize) -> impl Iterator<Item = Range<usize>> {
        let all = self.rows.len();
        (0..all).step_by(size).map(move |begin| begin..(begin + size).min(all))
    }
}

/// Which tier answered how many titles, and how rightly.
pub fn table(first: &Course, second: &Course, ends: usize) -> Table {
    let all = first.rows.len();
    let parts = [(first, 0..ends), (first, all - ends..all), (first, 0..all), (second, 0..all)];
    let cell = |source: &str, (course, range): &(&Course, Range<usize>)| {
        let of: Vec<&Row> = course.rows[range.clone()].iter().filter(|row| row.source == source).collect();
        if of.is_empty() {
            return "-".to_owned();
        }
        let right = of.iter().filter(|row| row.right).count() as f64 / of.len() as f64;
        format!("{} ({:.1}% right)", count(of.len() as f64), 100.0 * right)
    };
    let row = |source: &&str| {
        let mut row = vec![(*source).to_owned()];
        row.extend(parts.iter().map(|part| cell(source, part)));
        row
    };
    Table {
        head: vec!["source", "at the beginning", "at the end", "all", "all, a second time"],
        rows: SOURCES.iter().map(row).collect(),
    }
}

/// Share paid for and share right, window by window.
pub fn shares(course: &Course, alone: f64, window: usize) -> Chart {
    let of = |name: &str, share: &dyn Fn(Range<usize>) -> f64| Series {
        name: name.to_owned(),
        points: course.windows(window).map(|range| (range.end as f64, share(range))).collect(),
        peer: false,
    };
    let size = |range: &Range<usize>| range.len() as f64;
    let all = course.rows.len() as f64;
    Chart {
        kind: Kind::Course,
        file: "similarity-cascade",
        title: format!("The cascade from nothing on: windows of {} titles", count(window as f64)),
        sizes: "titles so far",
        series: vec![
            of("right", &|range| course.right(range)),
            of("paid for", &|range| course.paid(range.clone()) as f64 / size(&range)),
            Series {
                name: "right, the model alone".to_owned(),
                points: vec![(window as f64, alone), (all, alone)],
                peer: true,
            },
        ],
    }
}

/// What all of it has cost so far, beside a model that is asked for every title.
pub fn spending(course: &Course, answer: f64) -> Chart {
    let mut so_far = Vec::new();
    let (mut titles, mut paid) = (0, 0);
    for (more, answers) in &course.paid {
        titles += more;
        paid += answers;
        so_far.push((titles as f64, paid as f64 * answer));
    }
    let all = titles as f64;
    // A point for each statement would be a band of dots.
    let points = so_far.iter().copied().filter(|(titles, _)| *titles % (all / 20.0) < 1e-9).collect();
    Chart {
        kind: Kind::Spending,
        file: "similarity-cascade-cost",
        title: "The cascade from nothing on: what it has cost so far".to_owned(),
        sizes: "titles so far",
        series: vec![
            Series { name: "ours".to_owned(), points, peer: false },
            Series {
                name: "peer: the model for every title".to_owned(),
                points: vec![(0.0, 0.0), (all, all * answer)],
                peer: true,
            },
        ],
    }
}

/// Who had answered the first time what was asked of the model the second time, and how rightly.
pub fn again(first: &Course, second: &Course) -> String {
    let asked: Vec<(&Row, &Row)> =
        first.rows.iter().zip(&second.rows).filter(|(_, after)| after.source == "llm").collect();
    let lost = first.rows.iter().zip(&second.rows).filter(|(before, after)| before.answered && !after.answered).count();
    if asked.is_empty() {
        return format!("The second time nothing was asked of the model. Titles that lost their answer: {lost}.");
    }
    let who = |row: &Row| match row.version.as_deref() {
        Some("0") => "lexical matching".to_owned(),
        Some(version) => format!("version {version} of the local model"),
        None => format!("`{}`", row.source),
    };
    let mut before: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (row, _) in &asked {
        let (all, right) = before.entry(who(row)).or_default();
        *all += 1;
        *right += usize::from(row.right);
    }
    let told: Vec<String> =
        before.iter().map(|(who, (all, right))| format!("{all} by {who} ({right} rightly)")).collect();
    format!(
        "The second time {} titles were asked of the model, of which now {} are right. The first time they had been answered: {}. Titles that lost their answer: {lost}.",
        count(asked.len() as f64),
        count(asked.iter().filter(|(_, after)| after.right).count() as f64),
        told.join(", ")
    )
}
