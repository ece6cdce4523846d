//! Batch APIs in virtual time: requests that are answered later, at half the price.
//!
//! What the providers share is here once: files, batches, when each line is done and what becomes of it. A file for each
//! provider tells it in its own form.

mod anthropic;
mod anthropic_told;
mod call;
mod clock;
mod config;
mod end;
pub(crate) mod gemini;
mod gemini_files;
mod gemini_told;
mod job;
mod line;
mod openai;
mod openai_files;
mod openai_lines;
mod openai_told;
mod registry;
mod routes;

pub(crate) use clock::Clock;
pub use config::BatchConfig;
pub(crate) use job::How;
pub(crate) use registry::{Registry, settle};
pub(crate) use routes::routes;
