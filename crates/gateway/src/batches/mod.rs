//! Batches at providers: what `pg_categorize_core::batch` decides is done here, and what the providers say is told to it.
//!
//! One trait for the three APIs. Requests are those that live calls make, one pack each, in a line; their replies are read
//! by the same code. Whatever a batch has, a few hundred requests of it are in memory at a time.

mod anthropic;
mod api;
mod build;
mod call;
mod driver;
mod feed;
mod gemini;
mod ingest;
mod lines;
mod live;
mod night;
mod openai;
mod perform;
mod question;
mod replies;
mod requests;
mod store;

pub use api::{BatchApi, Framing, ResultLine, Said, Traits, api};
pub use build::Built;
pub use driver::{Driver, Pass};
pub(crate) use night::run;
pub use question::{Agenda, Ended, Live, Question, Reply, Run};
pub use store::{LineResult, Lost, Made, NewRequest, Open, Outline, Part, Request, RequestItem, Store, Waiting};
