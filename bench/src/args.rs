//! What the command line asks for.

use crate::works::{BATCHES, GATEWAY, LOCAL_MODEL, PLAN, ROUTING, SIMILARITY, TOKENS};
use std::path::PathBuf;

/// Works that are asked for together, by what their names begin with.
const GROUPS: [&str; 5] = [GATEWAY, ROUTING, SIMILARITY, PLAN, BATCHES];

/// The help text.
const HELP: &str = "\
pg_categorize_bench: both sides of every comparison in one run, on a throwaway cluster
(make bench BENCH_ARGS=\"...\" passes options on; PG_CONFIG names the PostgreSQL)

  WORK          a part of exact, repeats, rules, categories, growing-rules, accuracy (no page is written), local-model (its
                page is), gateway (its page is), or of gateway's: gateway-misses, gateway-overhead, gateway-same,
                gateway-faults, gateway-memory, gateway-interrupts, gateway-trouble (no page is written);
                routing and token-saving (their pages are), or of routing's: routing-upgrades, routing-calibration,
                routing-limits, routing-near, routing-complexity, routing-failover (no page is written); similarity (its page
                is), or of similarity's: similarity-cascade, similarity-speed, similarity-embedding, similarity-bound,
                similarity-recall, similarity-labels, similarity-growth (no page is written); plan (its page is), or of plan's:
                plan-exact, plan-growth, plan-misses, plan-mixed, plan-thrift, plan-copy, plan-order (no page is
                written);
                batches (its page is), or of batches': batches-night, batches-beside (no page is written)
  --quick       small sizes, to see that it works: no page is written, no bar is judged by the exit status
  --no-fail     exit with 0 also where a bar is missed
  --only WORKS  the same, comma-separated
  --large       plan-growth goes on to 10,000,000 rows: a quarter of an hour, and 10 GB of disk
  --reuse-peers take scikit-learn's figures from the last run, if there are any: minutes faster, but not one run
  --out DIR     write the pages and images/ there instead of docs/, also after --quick and --only
  --help        this text";

/// Options of one run.
#[derive(Debug, Default)]
pub struct Args {
    /// Small sizes.
    pub quick: bool,
    /// Whether what can grow to ten million rows does.
    pub large: bool,
    /// Never fail for a figure.
    pub no_fail: bool,
    /// The works to run; all of them if empty.
    pub only: Vec<String>,
    /// Whether scikit-learn's figures of an earlier run may stand.
    pub reuse_peers: bool,
    /// Where the page goes; `None` prints only.
    pub out: Option<PathBuf>,
}

impl Args {
    /// Reads the command line.
    ///
    /// # Errors
    /// What to print instead of running: the help text, or a complaint.
    pub fn parse(arguments: impl Iterator<Item = String>, works: &[&str]) -> Result<Self, String> {
        let mut args = Self::default();
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => args.quick = true,
                "--large" => args.large = true,
                "--no-fail" => args.no_fail = true,
                "--only" => {
                    let wanted = arguments.next().ok_or("--only needs works")?;
                    args.only.extend(wanted.split(',').map(str::to_owned));
                }
                "--reuse-peers" => args.reuse_peers = true,
                "--out" => args.out = Some(arguments.next().ok_or("--out needs a folder")?.into()),
                "--help" | "-h" => return Err(HELP.to_owned()),
                work if !work.starts_with('-') => args.only.push(work.to_owned()),
                other => return Err(format!("unknown option {other}\n{HELP}")),
            }
        }
        let known = |work: &String| works.contains(&work.as_str()) || GROUPS.contains(&work.as_str());
        if let Some(unknown) = args.only.iter().find(|work| !known(work)) {
            let (works, groups) = (works.join(", "), GROUPS.join(", "));
            return Err(format!("no work is called \"{unknown}\"; there are {works}, {groups}"));
        }
        let whole_pages = args
            .only
            .iter()
            .all(|work| [LOCAL_MODEL, GATEWAY, ROUTING, TOKENS, SIMILARITY, PLAN, BATCHES].contains(&work.as_str()));
        if args.out.is_none() && !args.quick && whole_pages {
            args.out = Some(crate::root().join("docs"));
        }
        Ok(args)
    }

    /// Whether this work is asked for.
    pub fn wants(&self, work: &str) -> bool {
        let is_asked = |wanted: &String| {
            wanted == work || (GROUPS.contains(&wanted.as_str()) && work.starts_with(wanted.as_str()))
        };
        self.only.is_empty() || self.only.iter().any(is_asked)
    }
}
