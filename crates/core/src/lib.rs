//! The domain of pg_categorize: what a category, a rule, a fingerprint and a decision are, and how a title becomes one.
//!
//! No Postgres, no async, no clock, no `unsafe`: everything here is a function of its arguments, so that it is tested
//! and fuzzed without a server.

pub mod audit;
pub mod batch;
pub mod budget;
pub mod bulk;
pub mod candidates;
pub mod cascade;
pub mod category_index;
pub mod category_path;
pub mod choices;
pub mod close_names;
pub mod complexity;
pub mod confidence;
pub mod dollars;
pub mod embedding;
pub mod embedding_model;
pub mod endpoint;
pub mod error;
pub mod estimate;
pub mod exact;
pub mod fingerprint;
pub mod flow;
pub mod frame;
pub mod growth;
pub mod image;
pub mod lexical;
pub mod local_model;
pub mod memo;
pub mod model_choice;
pub mod model_settings;
pub mod money;
pub mod normalise;
pub mod page_reads;
pub mod price;
pub mod price_list;
pub mod prompt;
pub mod provider_settings;
pub mod quality;
pub mod raw_request;
pub mod recent_answers;
pub mod rules;
pub mod settings;
pub mod shared_exact;
pub mod similarity;
pub mod taxonomy;
pub mod window;
