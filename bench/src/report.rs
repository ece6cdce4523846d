//! What a run found: one table, the growth behind it, and remarks.

use crate::measure::{self, Timing};
pub use crate::row::{Bar, Row};

/// Values at growing sizes.
#[derive(Debug)]
pub struct Series {
    /// What grows and what is measured.
    pub name: String,
    /// Size and milliseconds, or what the kind of the chart says.
    pub points: Vec<(f64, f64)>,
    /// Whether it is a peer's, drawn for comparison and not judged.
    pub peer: bool,
}

impl Series {
    /// A series of ours from sizes and their timings.
    pub fn new(name: &str, sizes: &[usize], timings: &[Timing]) -> Self {
        let points = sizes.iter().zip(timings).map(|(size, timing)| (*size as f64, timing.median())).collect();
        Self { name: name.to_owned(), points, peer: false }
    }

    /// The line of the table that judges it; `sizes` says what grows.
    pub fn row(&self, sizes: &str) -> Row {
        let (first, last) = (self.points[0], self.points[self.points.len() - 1]);
        Row {
            work: format!("growth, {} to {} {sizes}: {}", count(first.0), count(last.0), self.name),
            ours: format!("{} to {}", milliseconds(first.1), milliseconds(last.1)),
            peer: "-".to_owned(),
            ratio: Some(measure::slope(&self.points)),
            bar: Bar::AtMost(1.1),
        }
    }
}

/// What the axes of a chart stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Milliseconds over sizes, both logarithmic: a power of the size is a line, and the legend tells its slope.
    Growth,
    /// Shares over sizes, which are logarithmic.
    Learning,
    /// Shares over shares.
    Calibration,
    /// Shares over titles, in the order in which they came.
    Course,
    /// US dollars over titles, likewise.
    Spending,
    /// Shares over small shares.
    Bound,
}

/// One picture.
#[derive(Debug)]
pub struct Chart {
    /// What its axes stand for.
    pub kind: Kind,
    /// Name of its file, without the ending.
    pub file: &'static str,
    /// Above it.
    pub title: String,
    /// Below the horizontal axis.
    pub sizes: &'static str,
    /// Its lines.
    pub series: Vec<Series>,
}

/// A table of its own.
#[derive(Debug)]
pub struct Table {
    /// The names of its columns.
    pub head: Vec<&'static str>,
    /// Its cells.
    pub rows: Vec<Vec<String>>,
}

/// What a part of the page shows.
#[derive(Debug)]
pub enum Item {
    /// A paragraph.
    Text(String),
    /// Figures.
    Table(Table),
    /// A picture.
    Chart(Chart),
}

/// A part of the page about works that need more words.
#[derive(Debug)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// Its contents, in their order.
    pub items: Vec<Item>,
}

/// Everything that a run found.
#[derive(Debug, Default)]
pub struct Report {
    /// The table.
    pub rows: Vec<Row>,
    /// The growth behind some of its lines.
    pub charts: Vec<Chart>,
    /// Parts of the page of their own.
    pub sections: Vec<Section>,
    /// Remarks.
    pub notes: Vec<String>,
    /// Every timed statement: name, timing.
    pub timings: Vec<(String, Timing)>,
}

impl Report {
    /// Adds a line to the table.
    pub fn line(&mut self, work: String, ours: String, peer: String, ratio: Option<f64>, bar: Bar) {
        self.rows.push(Row { work, ours, peer, ratio, bar });
    }

    /// Adds a comparison of medians by division of ours by theirs, and remembers both.
    pub fn compare(&mut self, work: &str, ours: &Timing, peer: &Timing, bar: Bar) {
        let ratio = match bar {
            Bar::AtLeast(_) | Bar::Faster => peer.median() / ours.median(),
            _ => ours.median() / peer.median(),
        };
        let (one, other) = (milliseconds(ours.median()), milliseconds(peer.median()));
        self.line(work.to_owned(), one, other, Some(ratio), bar);
        self.timed(&format!("{work}: ours"), ours);
        self.timed(&format!("{work}: peer"), peer);
    }

    /// Remembers a timing.
    pub fn timed(&mut self, name: &str, timing: &Timing) {
        self.timings.push((name.to_owned(), timing.clone()));
    }

    /// Adds a chart and the lines that judge its series.
    pub fn grow(&mut self, chart: Chart) {
        let ours = chart.series.iter().filter(|series| !series.peer);
        self.rows.extend(ours.map(|series| series.row(chart.sizes)));
        self.charts.push(chart);
    }

    /// Adds a remark, and prints it at once.
    pub fn note(&mut self, text: String) {
        println!("    {text}");
        self.notes.push(text);
    }

    /// Whether nothing was measured or said.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.notes.is_empty()
    }

    /// The works that missed their bar.
    pub fn missed(&self) -> Vec<&str> {
        self.rows.iter().filter(|row| row.ok() == Some(false)).map(|row| row.work.as_str()).collect()
    }
}

/// A number with three significant digits or so.
pub fn figure(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Milliseconds as people read them.
pub fn milliseconds(value: f64) -> String {
    if value >= 10_000.0 { format!("{} s", figure(value / 1e3)) } else { format!("{} ms", figure(value)) }
}

/// A count with commas.
pub fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
