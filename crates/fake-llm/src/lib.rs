//! A provider server for tests, demo and benchmarks: the APIs that pg_categorize speaks in their native forms, answers
//! from a file of labels with a set error rate and latency, faults by probability or script, and an account of what it
//! charged that judges the client's ledger.
//!
//! It shares no code with the gateway: a judge that errs as the judged does finds nothing.
//!
//! ```no_run
//! use pg_categorize_fake_llm::{Config, FakeLlm, Fault, Faults, Step};
//!
//! # async fn test() {
//! let faults = Faults::script([Step::next(Fault::RateLimit), Step::of_title("LEGO", Fault::Hang)]);
//! let server = FakeLlm::start(Config { faults, ..Config::default() }).await;
//! let base = format!("{}/v1", server.url());
//! assert_eq!(server.account().charged_nanousd, 0);
//! # }
//! ```

mod account;
mod api;
mod batch;
mod book;
mod config;
mod connection;
mod control;
mod date;
mod delay;
mod faults;
mod latency;
mod limits;
mod listen;
mod model;
mod opinion;
mod oracle;
mod outage;
mod random;
mod reply;
mod server;
mod tokens;
mod visit;

pub use account::{Account, Batches, Payments, Request};
pub use batch::BatchConfig;
pub use config::{Config, LimitScope};
pub use delay::RetryAfter;
pub use faults::{Fault, Faults, Step};
pub use latency::Latency;
pub use model::{Confidence, Model};
pub use oracle::Oracle;
pub use outage::Outage;
pub use server::FakeLlm;
pub use tokens::{IMAGE_TOKENS, Tokens};
