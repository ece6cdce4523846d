//! What is kept of a batch.

use super::event::End;
use super::moment::Moment;
use serde::{Deserialize, Serialize};

/// How far a batch has come. The names are those of the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its requests are chosen, and their money is set aside.
    Building,
    /// Its file is with the provider, or it needs none.
    Uploaded,
    /// Its create is about to be sent, or was.
    Submitted,
    /// The provider works on it.
    InProgress,
    /// It has ended there; its results are being stored.
    Ingesting,
    /// All results are stored.
    Done,
    /// It brought nothing.
    Failed,
    /// Its time was over; what was done by then is stored.
    Expired,
    /// It was cancelled; what was done by then is stored.
    Cancelled,
}

/// How a batch is found again whose create was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// By a label of our own: metadata of OpenAI, the display name of Gemini.
    Label,
    /// By what is in its results: Anthropic takes no label.
    Contents,
}

/// A batch as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its number.
    pub id: i64,
    /// The provider, and so the key, that it goes to.
    pub provider: i32,
    /// How it is found again.
    pub matching: Matching,
    /// Whether its requests go in a file, before the create.
    pub by_file: bool,
    /// Requests in it.
    pub requests: u32,
    /// How far it has come.
    pub state: State,
    /// Its file at the provider.
    pub file: Option<String>,
    /// Its id at the provider.
    pub remote: Option<String>,
    /// When its create was about to be sent.
    pub submitted_at: Option<Moment>,
    /// Whether nobody knows if its create happened.
    pub suspect: bool,
    /// The batch at the provider that may be this one, and whose results are to be looked at.
    pub inspect: Option<String>,
    /// Those that turned out to be somebody else's.
    pub not_ours: Vec<String>,
    /// Whether somebody wants it cancelled.
    pub cancel_wanted: bool,
    /// Whether the provider was told so.
    pub cancel_told: bool,
    /// How it ended at the provider, and how many lines that says it has.
    pub ended: Option<(End, Option<u32>)>,
    /// How often its results were read to their end, and were fewer than that.
    pub short_readings: u32,
    /// Nothing is done about it before.
    pub next_at: Moment,
    /// Effects in a row that did not bring it further.
    pub tries: u32,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Building,
        Self::Uploaded,
        Self::Submitted,
        Self::InProgress,
        Self::Ingesting,
        Self::Done,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
    ];

    /// Its name in tables and views.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Uploaded => "uploaded",
            Self::Submitted => "submitted",
            Self::InProgress => "in_progress",
            Self::Ingesting => "ingesting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing is done any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Expired | Self::Cancelled)
    }
}

impl Batch {
    /// A batch that is being built, of so many requests.
    pub fn new(id: i64, provider: i32, matching: Matching, by_file: bool, requests: u32, now: Moment) -> Self {
        Self {
            id,
            provider,
            matching,
            by_file,
            requests,
            state: State::Building,
            file: None,
            remote: None,
            submitted_at: None,
            suspect: false,
            inspect: None,
            not_ours: Vec::new(),
            cancel_wanted: false,
            cancel_told: false,
            ended: None,
            short_readings: 0,
            next_at: now,
            tries: 0,
        }
    }

    /// Whether its create was, or may have been, sent, and the provider's id for it is not known.
    pub fn is_unanswered(&self) -> bool {
        self.state == State::Submitted && self.remote.is_none()
    }
}
