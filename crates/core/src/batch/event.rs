//! What is done about a batch, and what is heard of it.

use super::moment::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One effect on the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Sends the file of requests. Sending it twice costs nothing: a file alone does nothing.
    Upload,
    /// Creates the batch. Not idempotent.
    Create,
    /// Lists the provider's batches, to find one whose create was not answered.
    Find {
        /// When that was about to be sent.
        since: Moment,
    },
    /// Looks whether the results of an ended batch at the provider are those of this one.
    Inspect {
        /// Its id there.
        remote: String,
    },
    /// Asks how far the provider is.
    Poll {
        /// The id there.
        remote: String,
    },
    /// Asks the provider to cancel it.
    Cancel {
        /// The id there.
        remote: String,
    },
    /// Reads the results, and stores them as they come.
    Fetch {
        /// The id there.
        remote: String,
    },
}

/// What an effect told, or somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The file is with the provider, under this name.
    Uploaded(String),
    /// It is certain that no file, or no batch, came of it.
    NotDone(Trouble),
    /// The batch exists, under this id.
    Created(String),
    /// Nobody knows whether a create happened.
    Unanswered,
    /// The batch with our label is in the list.
    Found(String),
    /// The list was read to where it matters. Nothing in it has our label; these may be ours by time and count.
    Listed(Vec<Candidate>),
    /// Whether the results that were looked at are ours.
    Inspected {
        /// The batch at the provider.
        remote: String,
        /// Whether they are.
        ours: bool,
    },
    /// The provider has not ended it.
    Running,
    /// The provider has ended it.
    Ended {
        /// How.
        how: End,
        /// Lines that its results have, where the provider says.
        lines: Option<u32>,
    },
    /// The provider knows no such batch any more.
    Gone,
    /// The provider was told to cancel it, or it is too late for that.
    CancelTold,
    /// Its results were read to their end and stored; so many distinct lines of them were ours.
    Fetched(u32),
    /// An effect failed that changes nothing.
    Failed(Trouble),
    /// Somebody wants it cancelled.
    CancelWanted,
}

/// A batch at the provider that may be ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id there.
    pub remote: String,
    /// Whether its results can be looked at.
    pub ended: bool,
}

/// How a batch ended at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With its results.
    Completed,
    /// Nothing of it was run: the provider has something against it.
    Refused,
    /// Nothing of it was run: the provider has no room now.
    NoRoom,
    /// Its time was over.
    Expired,
    /// It was cancelled.
    Cancelled,
}

/// Why an effect failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It may pass, not before the provider's wait where it says one.
    Passing(Option<Duration>),
    /// This batch will never be taken.
    Lasting,
    /// No batch is taken until somebody acts: a key, a quota.
    Stopped,
}
