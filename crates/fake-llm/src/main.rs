//! The server as a program.

use clap::Parser;
use pg_categorize_fake_llm::{BatchConfig, Config, FakeLlm, Faults, Latency, LimitScope, Model};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

/// A provider server on 127.0.0.1: the APIs of OpenAI, Anthropic, Gemini, and System One. Prints where it listens; ends at SIGTERM.
#[derive(Parser)]
#[command(name = "fake-llm", version)]
struct Arguments {
    /// 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// True labels: a line for each title, the label behind a tab; an image is the line sha256:HEXADECIMAL
    #[arg(long, value_name = "FILE.tsv")]
    labels: Option<PathBuf>,
    /// How often a known title is answered with another label
    #[arg(long, default_value_t = 0.0)]
    error_rate: f64,
    /// MILLISECONDS or lognormal:MEDIAN:SIGMA
    #[arg(long, default_value = "0")]
    latency_ms: String,
    /// The same as --latency-ms
    #[arg(long, conflicts_with = "latency_ms")]
    latency: Option<String>,
    /// {"random":{"rate_limit":0.2},"script":[{"fault":"hang","title":"LEGO"}]}
    #[arg(long, value_name = "JSON")]
    faults: Option<String>,
    /// Beyond them is a 429; announced in headers
    #[arg(long)]
    requests_per_minute: Option<u32>,
    /// Beyond them is a 429; announced in headers
    #[arg(long)]
    tokens_per_minute: Option<u64>,
    /// All models of a key share its limits; else each has its own
    #[arg(long)]
    limit_accounts: bool,
    /// Tokens of the largest request
    #[arg(long)]
    max_input_tokens: Option<u64>,
    /// The only key that is accepted
    #[arg(long)]
    key: Option<String>,
    /// Answers, latencies and random faults depend on it
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// {"gpt-6-sol":{"input":2000000000,"output":10000000000,"error_rate":0.01,"latency_ms":300,
    /// "confidence":"overconfident"}}, in nano-dollars for a million tokens
    #[arg(long, value_name = "JSON")]
    models: Option<String>,
    /// How batches fare: {"expired":0.1,"missing":0.01,"listing_lag_s":30}
    #[arg(long, value_name = "JSON")]
    batches: Option<String>,
    /// What the client has not seen whole is not charged
    #[arg(long)]
    lost_are_free: bool,
    /// The account lists each request
    #[arg(long)]
    keep_requests: bool,
}

impl Arguments {
    fn config(self) -> Result<Config, Box<dyn Error>> {
        let labels = match &self.labels {
            Some(path) => Config::labels_from(path).map_err(|error| format!("{}: {error}", path.display()))?,
            None => Arc::default(),
        };
        Ok(Config {
            port: self.port,
            labels,
            error_rate: self.error_rate,
            seed: self.seed,
            latency: self.latency.as_deref().unwrap_or(&self.latency_ms).parse::<Latency>()?,
            faults: self.faults.map_or_else(|| Ok(Faults::default()), |json| serde_json::from_str(&json))?,
            requests_per_minute: self.requests_per_minute,
            tokens_per_minute: self.tokens_per_minute,
            limit_scope: if self.limit_accounts { LimitScope::Account } else { LimitScope::Model },
            max_input_tokens: self.max_input_tokens,
            key: self.key,
            models: self
                .models
                .map_or_else(|| Ok(BTreeMap::<String, Model>::new()), |json| serde_json::from_str(&json))?,
            batches: self.batches.map_or_else(|| Ok(BatchConfig::default()), |json| serde_json::from_str(&json))?,
            charge_lost: !self.lost_are_free,
            keep_requests: self.keep_requests,
            ..Config::default()
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Before the line that says so, lest a signal come between.
    let mut terminated = signal(SignalKind::terminate())?;
    let server = FakeLlm::try_start(Arguments::parse().config()?)?;
    println!("listening on {}", server.url());
    tokio::select! {
        _ = terminated.recv() => {}
        _ = ctrl_c() => {}
    }
    Ok(())
}
