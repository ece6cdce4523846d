//! What the peer found: scikit-learn's LinearSVC on the same splits.

use super::dataset::Data;
use super::judge::Figures;
use super::python;
use crate::bench::Bench;
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

/// One run of the peer.
#[derive(Debug, Clone, Deserialize)]
pub struct Run {
    /// Which titles.
    pub dataset: String,
    /// What the split, or the sample of labels, was made from.
    pub seed: u64,
    /// How many labels, or "all" of the training part.
    labels: Value,
    /// How good it was.
    #[serde(flatten)]
    pub figures: Figures,
    /// What vectorising, fitting and calibrating took, without fitting again to all of the training part.
    pub train_seconds: f64,
    /// The same, and fitting again.
    pub train_seconds_refit: f64,
    /// Titles vectorised and predicted in a second.
    pub titles_per_second: f64,
    /// Share of the titles of no category that were not answered.
    pub oos_refused: Option<f64>,
}

/// All runs of the peer.
pub struct Peer {
    runs: Vec<Run>,
    /// Whether they are of an earlier run.
    pub reused: bool,
}

impl Peer {
    /// Runs it, or reads what it found earlier where that is asked for and there is enough.
    ///
    /// # Errors
    /// Why there is no peer here.
    pub fn measure(bench: &Bench, data: &Data) -> Result<Self, String> {
        python::prepare(data)?;
        let file = python::folder().join(format!("linear_svc-{}-seeds.jsonl", bench.sizes.seeds));
        let earlier = bench.reuse_peers.then(|| read(&file)).and_then(Result::ok);
        if let Some(runs) = earlier.filter(|runs| is_complete(runs, bench.sizes.seeds)) {
            return Ok(Self { runs, reused: true });
        }
        python::run(bench, data, &file)?;
        Ok(Self { runs: read(&file)?, reused: false })
    }

    /// The runs on the whole training part of a set of titles, or on so many labels of it.
    pub fn of(&self, dataset: &str, labels: Option<usize>, seeds: usize) -> Vec<&Run> {
        self.runs.iter().filter(|run| run.dataset == dataset && run.labels() == labels).take(seeds).collect()
    }

    /// Titles that it predicts in a second on the split that suits it best.
    pub fn fastest(&self, dataset: &str) -> f64 {
        self.of(dataset, None, usize::MAX).iter().map(|run| run.titles_per_second).fold(0.0, f64::max)
    }
}

impl Run {
    /// How many labels; none for all.
    fn labels(&self) -> Option<usize> {
        self.labels.as_u64().map(|labels| labels as usize)
    }

    /// The rows of its training part and of its test part; a sample of labels has no test part of its own.
    ///
    /// # Panics
    /// Where the file that the peer's script wrote is not there.
    pub fn split(&self) -> (Vec<usize>, Vec<usize>) {
        let name = match self.labels() {
            Some(labels) => format!("splits/{}-curve-{labels}-{}.tsv", self.dataset, self.seed),
            None => format!("splits/{}-{}.tsv", self.dataset, self.seed),
        };
        let path = python::folder().join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let rows = |part: &str| {
            let pairs = text.lines().filter_map(|line| line.split_once('\t'));
            pairs.filter(|(_, of)| *of == part).filter_map(|(row, _)| row.parse().ok()).collect()
        };
        (rows("train"), rows("test"))
    }
}

fn read(file: &Path) -> Result<Vec<Run>, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    text.lines().map(|line| serde_json::from_str(line).map_err(|e| format!("{}: {e}", file.display()))).collect()
}

/// Whether there are two sets of five splits, three sizes of ten samples, and two sets that come split.
fn is_complete(runs: &[Run], seeds: usize) -> bool {
    let (splits, samples) = runs.iter().partition::<Vec<_>, _>(|run| run.labels().is_none());
    splits.len() >= 2 * seeds.min(5) + 2 && samples.len() >= 3 * seeds.min(10)
}
