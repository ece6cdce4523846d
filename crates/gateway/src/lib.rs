//! The gateway: asks language models for what the free tiers could not answer, once, within the budget, and tells
//! everybody who waits for it.
//!
//! It knows no Postgres. What it needs of the database it asks through [`store`]; what it is asked comes over a unix
//! socket in the frames of `pg_categorize_core::frame`.

mod album;
mod ask;
mod attempt;
pub mod batches;
mod clock;
mod comparing;
mod connection;
mod desk;
mod dispatch;
mod embedder;
pub mod embeddings;
mod flight;
mod gateway;
mod halted;
mod health;
pub mod http;
mod kept_vectors;
mod lane;
mod mail;
mod near_answers;
mod piece;
pub mod plan;
pub mod provider;
mod route_choice;
#[cfg(test)]
mod scenes;
pub mod secret;
pub mod sender;
mod server;
pub mod share;
pub mod store;
mod switch;
mod verdicts;

pub use gateway::{Gateway, Options};
