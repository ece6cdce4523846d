//! The domain of pg_categorize: what a category, a rule, a fingerprint and a decision are, and how a title becomes one.
//!
//! No Postgres, no async, no clock, no `unsafe`: everything here is a function of its arguments, so that it is tested
//! and fuzzed without a server.

pub mod cascade;
pub mod category_path;
pub mod close_names;
pub mod error;
pub mod fingerprint;
pub mod growth;
pub mod lexical;
pub mod local_model;
pub mod memo;
pub mod normalise;
pub mod rules;
pub mod settings;
pub mod taxonomy;
