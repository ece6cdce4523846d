//! How right the free tiers are. Shown, not judged.

use super::flipkart;
use crate::bench::{Bench, step};
use crate::data;
use crate::report::{Bar, Report, Row};
use pg_categorize_e2e::Session;

/// Equal-width bins of the calibration error.
pub(super) const BINS: usize = 15;

/// What was said of one title.
pub(super) struct Judged {
    /// Whether the best guess is the label.
    right: bool,
    /// How sure it was.
    confidence: f64,
    /// Whether that was sure enough to answer.
    answered: bool,
    /// Tier of the answer.
    pub(super) source: String,
}

/// The shipped sample against the shipped taxonomy, without anything learnt; then the data set beside the repository.
pub fn run(bench: &Bench, report: &mut Report) {
    let file = crate::root().join("demo/titles.tsv");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let judged = |part: &str| {
        let mut session = bench.session();
        let lines = text.lines().skip(1).filter(|line| part.is_empty() || line.ends_with(&format!("\t{part}")));
        load(&mut session, "sample", lines);
        let known = "SELECT count(DISTINCT category) FROM sample
                      WHERE NOT EXISTS (SELECT FROM categorize.categories c
                                         WHERE c.taxonomy = 'products' AND c.path = sample.category)";
        let unknown: i64 = session.one(known);
        assert_eq!(unknown, 0, "categories of the sample that the shipped taxonomy lacks");
        judge(&mut session, "sample", "products")
    };
    let all = step("the shipped sample against the shipped taxonomy", || judged(""));
    add(report, "demo/titles.tsv, shipped taxonomy, nothing learnt", &all);
    add(report, "the same, only the part that nothing was tuned on", &judged("rest"));
    flipkart::run(bench, report);
}

/// Makes a temporary table (title, category) of lines of which the first two columns are these.
pub(super) fn load<'a>(session: &mut Session, table: &str, lines: impl Iterator<Item = &'a str>) {
    session.run(&format!("CREATE TEMP TABLE {table} (title text, category text)"));
    let row = |line: &str| line.split('\t').take(2).collect::<Vec<_>>().join("\t").replace('\\', "\\\\");
    data::copy(session, table, lines.map(row));
}

/// Asks for every title of a table with its best guess.
pub(super) fn judge(session: &mut Session, table: &str, taxonomy: &str) -> Vec<Judged> {
    session.run("SET categorize.on_unresolved = 'best'");
    let sql = format!(
        "SELECT coalesce(d.category = s.category, false), coalesce(d.confidence, 0)::float8, d.source
           FROM {table} s CROSS JOIN LATERAL categorize_detail(s.title, '{taxonomy}') d"
    );
    let rows = session.query(&sql, &[]).unwrap_or_else(|e| panic!("{sql}\nfailed: {e}"));
    let judged = |row: &postgres::Row| {
        let source: String = row.get(2);
        Judged { right: row.get(0), confidence: row.get(1), answered: source != "unresolved", source }
    };
    rows.iter().map(judged).collect()
}

/// Adds a line on coverage, precision and calibration.
pub(super) fn add(report: &mut Report, name: &str, judged: &[Judged]) {
    let answered: Vec<&Judged> = judged.iter().filter(|j| j.answered).collect();
    let right = answered.iter().filter(|j| j.right).count();
    let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
    let guessed: Vec<&Judged> = judged.iter().filter(|j| j.confidence > 0.0).collect();
    let said = format!(
        "{} titles: {:.1}% answered, {:.1}% of those right",
        judged.len(),
        percent(answered.len(), judged.len()),
        percent(right, answered.len())
    );
    report.rows.push(Row {
        work: format!("accuracy: {name}"),
        ours: said,
        peer: "-".to_owned(),
        ratio: None,
        bar: Bar::None,
    });
    report.note(format!(
        "Accuracy, {name}: the best guess is right for {:.1}% of all titles; expected calibration error {:.3} ({BINS} bins, {} titles with a guess).",
        percent(judged.iter().filter(|j| j.right).count(), judged.len()),
        calibration_error(&guessed.iter().map(|j| (j.confidence, j.right)).collect::<Vec<_>>()),
        guessed.len()
    ));
}

/// Expected calibration error: the mean distance between confidence and accuracy, bin by bin (Naeini, Cooper and
/// Hauskrecht, 2015).
pub(super) fn calibration_error(guesses: &[(f64, bool)]) -> f64 {
    let mut bins = [(0.0, 0.0); BINS];
    for (confidence, right) in guesses {
        let bin = &mut bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += confidence;
        bin.1 += f64::from(u8::from(*right));
    }
    bins.iter().map(|(confidence, right)| (confidence - right).abs()).sum::<f64>() / guesses.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::calibration_error;

    #[test]
    fn a_coin_that_says_half_is_calibrated() {
        assert!(calibration_error(&[(0.5, true), (0.5, false)]) < 1e-9);
        assert!((calibration_error(&[(1.0, false), (0.9, true)]) - 0.55).abs() < 1e-9);
        assert!((calibration_error(&[(1.0, false)]) - 1.0).abs() < 1e-9);
    }
}
