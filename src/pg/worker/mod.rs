//! Processes of our own, beside those that answer.

pub mod trainer;
