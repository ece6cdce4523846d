//! The ratios that pg_categorize claims: one command, both sides of each comparison in one run.
//!
//! `make bench` runs it; `make bench BENCH_ARGS=--help` lists its options. The results are docs/benchmarks.md,
//! docs/benchmarks-local-model.md, docs/benchmarks-gateway.md, docs/benchmarks-routing.md, docs/token-saving.md,
//! docs/benchmarks-similarity.md, docs/benchmarks-plan.md and docs/benchmarks-batches.md.

mod args;
mod bench;
mod data;
mod machine;
mod measure;
mod page;
mod report;
mod row;
mod svg;
mod works;

use args::Args;
use bench::{Bench, step};
use report::Report;
use std::path::Path;
use std::process::ExitCode;

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bench/ lies in the repository")
}

fn main() -> ExitCode {
    if let Some(code) = works::as_child(&std::env::args().skip(1).collect::<Vec<_>>()) {
        return code;
    }
    let names: Vec<&str> = works::all().map(|(name, _)| name).collect();
    let args = match Args::parse(std::env::args().skip(1), &names) {
        Ok(args) => args,
        Err(text) => {
            println!("{text}");
            return ExitCode::from(2);
        }
    };
    if args.quick {
        println!("==> Quick run: sizes are too small for the bars, which are shown and not judged");
    }
    let bench = step("starting a throwaway cluster", || Bench::start(&args));
    let mut missed = false;
    for page in page::ALL {
        let mut report = Report::default();
        for (name, work) in works::all().filter(|(name, _)| args.wants(name) && page.is_of(name)) {
            println!("==> {name}");
            work(&bench, &mut report);
        }
        if report.is_empty() {
            continue;
        }
        page::print(&report);
        if let Some(folder) = &args.out
            && let Err(e) = page.write(&bench, &report, folder)
        {
            println!("cannot write to {}: {e}", folder.display());
            return ExitCode::from(2);
        }
        report.missed().iter().for_each(|work| println!("bar missed: {work}"));
        missed |= !report.missed().is_empty();
    }
    ExitCode::from(u8::from(missed && !args.no_fail && !args.quick))
}
