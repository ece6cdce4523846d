//! What is measured, a file each. A work makes its data, times both sides and adds to the report.

mod accuracy;
mod categories;
mod exact;
mod flipkart;
mod growing_rules;
mod peers;
mod repeats;
mod rules;

use crate::bench::Bench;
use crate::data;
use crate::report::Report;

/// A work.
pub type Work = fn(&Bench, &mut Report);

/// All works by name, in their order.
pub const ALL: [(&str, Work); 6] = [
    ("exact", exact::run),
    ("repeats", repeats::run),
    ("rules", rules::run),
    ("categories", categories::run),
    ("growing-rules", growing_rules::run),
    ("accuracy", accuracy::run),
];

/// Makes the taxonomy that the made-up products belong to.
fn create_taxonomy(bench: &Bench, name: &str) {
    let create = "SELECT categorize.create_taxonomy($1, $2)";
    bench.session().execute(create, &[&name, &data::paths()]).unwrap_or_else(|e| panic!("{create}: {e}"));
}
