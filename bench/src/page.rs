//! The report as a page of the docs, and its table on the terminal.

use crate::bench::{Bench, SETTINGS};
use crate::measure;
use crate::report::{Chart, Item, Report, Section, count, figure};
use crate::works::{
    BATCHES, GATEWAY, LOCAL_MODEL, PLAN, ROUTING, SIMILARITY, TOKENS, batches, gateway, plan, routing, similarity,
};
use crate::{machine, svg};
use std::fmt::Write;
use std::path::Path;

const HEAD: [&str; 6] = ["work", "ours", "peer", "ratio", "bar", "ok?"];

const HOW_TO_READ: &str = "\
**Ours** and **peer** are medians as the client sees them, of runs that take turns (ours, peer, ours, peer, ...), each
in a fresh session after one unmeasured run of both, one process without parallel workers, everything vacuumed and in
memory. **Ratio** is ours divided by peer where the bar says *at most*, and peer divided by ours where it says *x faster*.
For growth it is the slope of the least-squares line through log(time) over log(size): 1 is proportional to the size, and
below 1 is better than that. A percentage is that of ours, and *points* are ours less the peer, in percentage points. Both
sides give the same answers, and the run stops where they do not; only the local model is compared with a classifier that
answers otherwise. A ratio carries over to another machine better than a time does.";

/// A page of the docs.
pub struct Page {
    title: &'static str,
    file: &'static str,
    /// What the names of its works begin with; the works that no page names are on the first.
    of: Option<&'static str>,
    settings: &'static [&'static str],
    /// Whether its figures are medians of as many runs as the benchmark repeats.
    medians: bool,
    how_to_read: &'static str,
}

/// All pages.
pub const ALL: [Page; 8] = [
    Page {
        title: "Benchmarks",
        file: "benchmarks.md",
        of: None,
        settings: &SETTINGS,
        medians: true,
        how_to_read: HOW_TO_READ,
    },
    Page {
        title: "Benchmarks of the local model",
        file: "benchmarks-local-model.md",
        of: Some(LOCAL_MODEL),
        settings: &SETTINGS,
        medians: true,
        how_to_read: HOW_TO_READ,
    },
    Page {
        title: "Benchmarks of the gateway",
        file: "benchmarks-gateway.md",
        of: Some(GATEWAY),
        settings: &gateway::SETTINGS,
        medians: false,
        how_to_read: gateway::HOW_TO_READ,
    },
    Page {
        title: "Benchmarks of routing",
        file: "benchmarks-routing.md",
        of: Some(ROUTING),
        settings: &gateway::SETTINGS,
        medians: false,
        how_to_read: routing::HOW_TO_READ,
    },
    Page {
        title: "Tokens that are saved",
        file: "token-saving.md",
        of: Some(TOKENS),
        settings: &gateway::SETTINGS,
        medians: false,
        how_to_read: routing::HOW_TO_READ_TOKENS,
    },
    Page {
        title: "Benchmarks of similar answers",
        file: "benchmarks-similarity.md",
        of: Some(SIMILARITY),
        settings: &SETTINGS,
        medians: false,
        how_to_read: similarity::HOW_TO_READ,
    },
    Page {
        title: "Benchmarks of the plan node",
        file: "benchmarks-plan.md",
        of: Some(PLAN),
        settings: &SETTINGS,
        medians: false,
        how_to_read: plan::HOW_TO_READ,
    },
    Page {
        title: "Benchmarks of batches",
        file: "benchmarks-batches.md",
        of: Some(BATCHES),
        settings: &gateway::SETTINGS,
        medians: false,
        how_to_read: batches::HOW_TO_READ,
    },
];

/// Prints the table.
pub fn print(report: &Report) {
    let rows: Vec<[String; 6]> = report.rows.iter().map(super::report::Row::cells).collect();
    let head = HEAD.map(str::to_owned);
    let width = |column: usize| rows.iter().chain([&head]).map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |row: &[String; 6]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("{}", cells.join(" | ").trim_end());
    };
    println!();
    line(&head);
    line(&widths.map(|width| "-".repeat(width)));
    rows.iter().for_each(line);
    println!();
}

impl Page {
    /// Whether a work is told of here.
    pub fn is_of(&self, work: &str) -> bool {
        self.of == ALL.iter().filter_map(|page| page.of).find(|of| work.starts_with(of))
    }

    /// Writes the page and its pictures into a folder.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, bench: &Bench, report: &Report, folder: &Path) -> std::io::Result<()> {
        let images = folder.join("images");
        std::fs::create_dir_all(&images)?;
        let in_sections = report.sections.iter().flat_map(|section| &section.items).filter_map(|item| match item {
            Item::Chart(chart) => Some(chart),
            _ => None,
        });
        for chart in report.charts.iter().chain(in_sections) {
            std::fs::write(images.join(format!("{}.svg", chart.file)), svg::draw(chart))?;
        }
        let file = folder.join(self.file);
        std::fs::write(&file, page(bench, report, self))?;
        println!("written: {}", file.display());
        Ok(())
    }
}

fn page(bench: &Bench, report: &Report, of: &Page) -> String {
    let mut page = format!("# {}\n\nMade by `make bench`, which writes this page; do not edit it.\n\n", of.title);
    machine::lines(bench).iter().for_each(|line| put(&mut page, &format!("- {line}")));
    if of.medians {
        put(&mut page, &format!("- Medians of {} runs.", bench.repetitions));
    }
    put(&mut page, &format!("- Server settings of both sides: `{}`.\n", of.settings.join("`, `")));
    if !report.rows.is_empty() {
        table(&mut page, &HEAD, report.rows.iter().map(|row| row.cells().to_vec()));
    }
    put(&mut page, of.how_to_read);
    if !report.charts.is_empty() {
        put(&mut page, "\n## Growth\n");
        put(&mut page, "Milliseconds at each size. The steepest step is the slope between two neighbouring sizes.\n");
        report.charts.iter().for_each(|chart| growth(&mut page, chart));
    }
    report.sections.iter().for_each(|part| section(&mut page, part));
    put(&mut page, "\n## Remarks\n");
    report.notes.iter().for_each(|note| put(&mut page, &format!("- {note}")));
    if !report.timings.is_empty() {
        put(&mut page, "\n## All timings\n");
        let timing = |(name, timing): &(String, measure::Timing)| {
            let (lowest, highest) = timing.range();
            vec![name.clone(), figure(timing.median()), figure(lowest), figure(highest)]
        };
        table(&mut page, &["statement", "median ms", "lowest", "highest"], report.timings.iter().map(timing));
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn section(page: &mut String, section: &Section) {
    put(page, &format!("\n## {}\n", section.title));
    for item in &section.items {
        match item {
            Item::Text(text) => put(page, &format!("{text}\n")),
            Item::Table(of) => table(page, &of.head, of.rows.iter().cloned()),
            Item::Chart(chart) => picture(page, chart),
        }
    }
}

fn growth(page: &mut String, chart: &Chart) {
    let mut head = vec![chart.sizes.to_owned()];
    head.extend(chart.series[0].points.iter().map(|(size, _)| count(*size)));
    head.extend(["slope".to_owned(), "steepest step".to_owned()]);
    let rows = chart.series.iter().map(|series| {
        let mut row = vec![series.name.clone()];
        row.extend(series.points.iter().map(|(_, time)| figure(*time)));
        row.extend([figure(measure::slope(&series.points)), figure(measure::steepest(&series.points))]);
        row
    });
    table(page, &head, rows);
    picture(page, chart);
}

fn picture(page: &mut String, chart: &Chart) {
    put(page, &format!("![{}](images/{}.svg)\n", chart.title, chart.file));
}

fn table(page: &mut String, head: &[impl AsRef<str>], rows: impl Iterator<Item = Vec<String>>) {
    let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
    put(page, &format!("| {} |", head.join(" | ")));
    put(page, &format!("|{}", "---|".repeat(head.len())));
    for row in rows {
        // A bar inside a cell would end it.
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        put(page, &format!("| {} |", cells.join(" | ")));
    }
    put(page, "");
}

fn put(page: &mut String, line: &str) {
    writeln!(page, "{line}").expect("a String takes all");
}
