//! What is measured, a file each. A work makes its data, times both sides and adds to the report.

mod accuracy;
pub mod batches;
mod categories;
mod exact;
mod flipkart;
pub mod gateway;
mod growing_rules;
mod local_model;
mod peers;
pub mod plan;
mod repeats;
pub mod routing;
mod rules;
pub mod similarity;

use crate::bench::Bench;
use crate::data;
use crate::report::Report;
use std::process::ExitCode;

/// A work.
pub type Work = fn(&Bench, &mut Report);

/// The work of the local model, which has a page of its own.
pub const LOCAL_MODEL: &str = "local-model";

/// All works of the gateway together, which have a page of their own; the name of each begins with it.
pub const GATEWAY: &str = "gateway";

/// All works of several models and providers together, likewise.
pub const ROUTING: &str = "routing";

/// All works of the similarity tier and of what it is for, likewise.
pub const SIMILARITY: &str = "similarity";

/// All works of the plan node, likewise.
pub const PLAN: &str = "plan";

/// All works of batches, likewise.
pub const BATCHES: &str = "batches";

/// The work that counts tokens, which has a page of its own.
pub const TOKENS: &str = routing::TOKENS.0;

const OTHERS: [(&str, Work); 7] = [
    ("exact", exact::run),
    ("repeats", repeats::run),
    ("rules", rules::run),
    ("categories", categories::run),
    ("growing-rules", growing_rules::run),
    ("accuracy", accuracy::run),
    (LOCAL_MODEL, local_model::run),
];

/// All works by name, in their order.
pub fn all() -> impl Iterator<Item = (&'static str, Work)> {
    OTHERS
        .into_iter()
        .chain(gateway::ALL)
        .chain(routing::ALL)
        .chain([routing::TOKENS])
        .chain(similarity::ALL)
        .chain(plan::ALL)
        .chain(batches::ALL)
}

/// What a work has this program do in a process of its own; nothing where the arguments ask for a benchmark.
pub fn as_child(arguments: &[String]) -> Option<ExitCode> {
    local_model::as_child(arguments)
}

/// Makes the taxonomy that the made-up products belong to.
fn create_taxonomy(bench: &Bench, name: &str) {
    let create = "SELECT categorize.create_taxonomy($1, $2)";
    bench.session().execute(create, &[&name, &data::paths()]).unwrap_or_else(|e| panic!("{create}: {e}"));
}
