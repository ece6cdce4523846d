//! How a fake provider behaves.

use crate::faults::Faults;
use crate::random;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// How a fake provider behaves. [`Config::default`] answers everything at once, without faults or limits.
#[derive(Debug, Clone)]
pub struct Config {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The true label of titles, by their exact text. A title that is not here gets a label that depends on its text.
    pub labels: Arc<HashMap<String, String>>,
    /// How often a known title is answered with another label, 0 to 1.
    pub error_rate: f64,
    /// Answers, latencies and random faults depend on this and on the text or the number of the request only.
    pub seed: u64,
    /// How long an answer takes. Errors come at once.
    pub latency: Latency,
    /// What goes wrong.
    pub faults: Faults,
    /// Requests a minute for a model and key, announced in the headers; a request beyond them is a 429.
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute for a model and key: those of the input, and the most that the output may have.
    pub tokens_per_minute: Option<u64>,
    /// The only key that is accepted; `None` accepts any, and none.
    pub key: Option<String>,
    /// Models that differ from [`Model::default`].
    pub models: BTreeMap<String, Model>,
    /// Whether what the client has not seen whole is charged all the same, as providers do.
    pub charge_lost: bool,
    /// Whether the account keeps a line for each request. Without, its memory grows with the distinct titles only.
    pub keep_requests: bool,
    /// Tokens of the largest request; a larger one gets `context_length_exceeded`.
    pub max_input_tokens: Option<u64>,
    /// Whether prefixes that are marked by a breakpoint are cached.
    pub prompt_cache: bool,
    /// How long a client may take to notice a 429 before further requests for the same model and key are held against
    /// it (`too_early_by_model`). The retry of the same titles is judged without it (`too_early`).
    pub notice: Duration,
}

/// What a model costs and how good it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// Nano-dollars for a million tokens of plain input.
    pub input: i64,
    /// The same for input that was read from the cache.
    pub cached_input: i64,
    /// The same for input that was written to the cache.
    pub cache_write: i64,
    /// The same for output.
    pub output: i64,
    /// In the place of [`Config::error_rate`]. What a better model gets wrong, a worse one gets wrong too.
    pub error_rate: Option<f64>,
}

/// How long an answer takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    /// Always this long.
    Fixed(Duration),
    /// Lognormal: the median, and the standard deviation of the logarithm.
    Lognormal(Duration, f64),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            labels: Arc::default(),
            error_rate: 0.0,
            seed: 0,
            latency: Latency::Fixed(Duration::ZERO),
            faults: Faults::default(),
            requests_per_minute: None,
            tokens_per_minute: None,
            key: None,
            models: BTreeMap::new(),
            charge_lost: true,
            keep_requests: true,
            max_input_tokens: None,
            prompt_cache: true,
            notice: Duration::from_millis(50),
        }
    }
}

/// The prices of gpt-6-luna (2026-11): 0.10 dollars in, 0.50 out, for a million.
impl Default for Model {
    fn default() -> Self {
        Self {
            input: 100_000_000,
            cached_input: 10_000_000,
            cache_write: 125_000_000,
            output: 500_000_000,
            error_rate: None,
        }
    }
}

impl Config {
    /// What this model costs and how good it is.
    pub(crate) fn model(&self, name: &str) -> Model {
        self.models.get(name).copied().unwrap_or_default()
    }

    /// How often this model errs.
    pub(crate) fn error_rate_of(&self, model: &str) -> f64 {
        self.model(model).error_rate.unwrap_or(self.error_rate).clamp(0.0, 1.0)
    }

    /// Labels from a file: a line for each title, the label behind a tab.
    pub fn labels_from(path: &Path) -> Result<Arc<HashMap<String, String>>> {
        let text = fs::read_to_string(path)?;
        let line = |(at, line): (usize, &str)| match line.split_once('\t') {
            Some((title, label)) => Ok((title.to_owned(), label.to_owned())),
            None => Err(Error::new(ErrorKind::InvalidData, format!("line {} has no tab", at + 1))),
        };
        let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty());
        lines.map(line).collect::<Result<_>>().map(Arc::new)
    }
}

impl Latency {
    /// How long the answer to this request takes.
    pub(crate) fn of(self, seed: u64, number: u64) -> Duration {
        match self {
            Self::Fixed(duration) => duration,
            Self::Lognormal(median, sigma) => {
                median.mul_f64((sigma * random::normal(seed ^ 0x1a7e, number)).exp().min(1000.0))
            }
        }
    }
}

/// `200` or `lognormal:200:0.3`, in milliseconds.
impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("{text:?} is neither MILLISECONDS nor lognormal:MEDIAN:SIGMA");
        let positive = |text: &str| text.parse().ok().filter(|number: &f64| (0.0..1e9).contains(number));
        let milliseconds = |text: &str| positive(text).map(|number| Duration::from_secs_f64(number / 1000.0));
        match text.strip_prefix("lognormal:") {
            None => milliseconds(text).map(Self::Fixed).ok_or_else(wrong),
            Some(rest) => {
                let (median, sigma) = rest.split_once(':').ok_or_else(wrong)?;
                let sigma = positive(sigma).ok_or_else(wrong)?;
                Ok(Self::Lognormal(milliseconds(median).ok_or_else(wrong)?, sigma))
            }
        }
    }
}
