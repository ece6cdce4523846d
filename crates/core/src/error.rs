//! What can go wrong in the domain. The glue maps each kind to one SQLSTATE; nothing here knows Postgres.

use std::fmt;

/// The class of a domain error; each stands for one SQLSTATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A parameter has a value that cannot be meant (22023).
    InvalidParameter,
    /// The machine has no memory left (53200).
    OutOfMemory,
    /// A stated bound of memory or count would be exceeded (54000).
    LimitExceeded,
    /// Something that is not built, or never will be (0A000).
    NotSupported,
    /// The caller, or the superuser's settings, do not allow it (42501).
    NotAllowed,
}

/// An error with the three parts of a Postgres message: lower-case primary, DETAIL and HINT as sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The class, hence the SQLSTATE.
    pub kind: ErrorKind,
    /// Primary message, lower case, no full stop.
    pub message: String,
    /// DETAIL, whole sentences.
    pub detail: Option<String>,
    /// HINT, whole sentences.
    pub hint: Option<String>,
}

/// Result of the domain.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind` with its primary message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None, hint: None }
    }

    /// 22023 with its primary message.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidParameter, message)
    }

    /// Adds the DETAIL.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the HINT.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
