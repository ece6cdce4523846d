//! Domain errors as Postgres errors: one mapping from kind to SQLSTATE.

use crate::pg::guard;
use crate::pg::scope::Scope;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::error::{Error, ErrorKind};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// Raises a domain error; does not return.
pub fn raise(error: Error) -> ! {
    let code = match error.kind {
        ErrorKind::InvalidParameter => PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        ErrorKind::OutOfMemory => PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
        ErrorKind::LimitExceeded => PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        ErrorKind::NotSupported => PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        ErrorKind::NotAllowed => PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
    };
    report(code, error.message, error.detail, error.hint)
}

/// Raises an error with its parts; does not return.
pub fn report(code: PgSqlErrorCode, message: impl Into<String>, detail: Option<String>, hint: Option<String>) -> ! {
    let mut report = ErrorReport::new(code, message.into(), "pg_categorize");
    if let Some(detail) = detail {
        report = report.set_detail(detail);
    }
    if let Some(hint) = hint {
        report = report.set_hint(hint);
    }
    report.report(PgLogLevel::ERROR);
    unreachable!("an ERROR does not return")
}

/// Raises what `categorize.on_unresolved = error` promises for a reason.
pub fn unresolved(reason: Reason, detail: Option<&str>, scope: Option<&Scope>) -> ! {
    let place = match scope.map(Scope::taxonomy) {
        Some(Some(taxonomy)) => format!(", in taxonomy \"{}\"", taxonomy.name),
        Some(None) => ", for ad-hoc labels".to_owned(),
        None => String::new(),
    };
    let code = match reason {
        Reason::BudgetExceeded | Reason::RequestTooExpensive => PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        Reason::InputTooLarge => PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        Reason::EmptyInput | Reason::NoTaxonomy => PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        Reason::BelowThreshold | Reason::NoneOfThese => PgSqlErrorCode::ERRCODE_NO_DATA_FOUND,
        Reason::Standby | Reason::ReadOnly => PgSqlErrorCode::ERRCODE_READ_ONLY_SQL_TRANSACTION,
        Reason::ProviderError | Reason::InvalidAnswer => PgSqlErrorCode::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
        Reason::Timeout | Reason::RateLimited | Reason::BreakerOpen => PgSqlErrorCode::ERRCODE_CONNECTION_FAILURE,
        _ => PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
    };
    let more = detail.map(|detail| format!(" {detail}")).unwrap_or_default();
    report(
        code,
        "input could not be categorized",
        Some(format!("Reason: {}{place}.{more}", reason.as_str())),
        Some(hint(reason).to_owned()),
    )
}

/// What helps against a reason, one or two sentences.
pub fn hint(reason: Reason) -> &'static str {
    match reason {
        Reason::GatewayDown if !guard::preloaded() => {
            "The library is not in shared_preload_libraries, so no language model can be asked; teach the free tiers with categorize.learn() or rules."
        }
        Reason::GatewayDown => {
            "The gateway is not running: see the server's log, and raise max_worker_processes where no worker slot is free."
        }
        Reason::Queued => "It is asked about later; categorize.queue_status shows what waits.",
        Reason::ReadOnly => "Queue it in a transaction that may write, and outside of parallel plans.",
        Reason::NoProvider => {
            "No language model is configured: add one with categorize.add_provider(), or teach the free tiers with categorize.learn() or rules."
        }
        Reason::ExternalOff => {
            "Requests to the outside are switched off by categorize.external or allow_external; in a copy of a database, until categorize.adopt_database()."
        }
        Reason::BudgetExceeded => {
            "categorize.budget_status shows what is spent; categorize.set_budget() sets another limit."
        }
        Reason::RequestTooExpensive => {
            "One request may cost what categorize.set_budget(per_request_usd => ...) says; smaller packs and cheaper models cost less."
        }
        Reason::UnknownPrice => "Say what the model costs with categorize.set_price().",
        Reason::RateLimited => "A limit of the provider or a full queue: ask again later, or with fewer at once.",
        Reason::BreakerOpen => "The provider failed too often of late; categorize.provider_health shows when and how.",
        Reason::Timeout => "The answer is kept when it comes; categorize.timeout_ms sets how long a call waits.",
        Reason::ProviderError => "categorize.provider_health shows what the provider's last failure was.",
        Reason::InvalidAnswer => "The model's answer was none of the categories; descriptions and examples help it.",
        Reason::NoneOfThese => {
            "The model found that no category fits; add the one that is missing, or correct the input."
        }
        Reason::Uncommitted => "Commit the changes of the taxonomy first; then its inputs can leave the database.",
        Reason::BelowThreshold => "categorize.explain() shows what each tier said; learn() and rules make it surer.",
        Reason::Standby => "A standby answers from what is known; ask the primary for the rest.",
        Reason::EmptyInput => "The input is empty or blank.",
        Reason::NoTaxonomy => "Name a taxonomy, or set categorize.taxonomy.",
        Reason::InputTooLarge => {
            "Texts of up to 1 MB are read, and images of up to categorize.max_image_size; pass the part that says what it is."
        }
        _ => "categorize.explain() shows what each tier said.",
    }
}

/// A class of errors as people write it: five digits and letters.
pub fn sqlstate(code: PgSqlErrorCode) -> String {
    // Six bits each, the first lowest, as MAKE_SQLSTATE of Postgres packs them.
    (0..5).map(|at| char::from((((code as i32) >> (6 * at)) & 0x3f) as u8 + b'0')).collect()
}

/// An argument that must not be NULL.
///
/// # Errors
/// 22004 where it is.
pub fn given<T>(value: Option<T>, name: &str) -> T {
    value.unwrap_or_else(|| {
        report(
            PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
            format!("argument \"{name}\" must not be NULL"),
            None,
            None,
        )
    })
}

/// Warns the caller.
pub fn warn(message: &str) {
    ErrorReport::new(PgSqlErrorCode::ERRCODE_WARNING, message.to_owned(), "pg_categorize").report(PgLogLevel::WARNING);
}

/// Tells whoever looks for it, at level DEBUG1.
pub fn debug(message: &str) {
    let code = PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION;
    ErrorReport::new(code, message.to_owned(), "pg_categorize").report(PgLogLevel::DEBUG1);
}

/// Warns the caller, and says what helps.
pub fn warn_with_hint(message: &str, hint: &str) {
    warn_in_full(message, None, hint);
}

/// Warns the caller with all parts of a message.
pub fn warn_in_full(message: &str, detail: Option<&str>, hint: &str) {
    let mut report = ErrorReport::new(PgSqlErrorCode::ERRCODE_WARNING, message.to_owned(), "pg_categorize");
    if let Some(detail) = detail {
        report = report.set_detail(detail);
    }
    report.set_hint(hint).report(PgLogLevel::WARNING);
}

/// Tells the caller what he may not have meant.
pub fn notice(message: &str, detail: String, hint: String) {
    let code = PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION;
    let report = ErrorReport::new(code, message.to_owned(), "pg_categorize").set_detail(detail).set_hint(hint);
    report.report(PgLogLevel::NOTICE);
}

/// Writes to the server's log, not to the client.
pub fn log(message: &str, detail: Option<String>, hint: Option<&str>) {
    let mut report =
        ErrorReport::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, message.to_owned(), "pg_categorize");
    if let Some(detail) = detail {
        report = report.set_detail(detail);
    }
    if let Some(hint) = hint {
        report = report.set_hint(hint);
    }
    report.report(PgLogLevel::LOG_SERVER_ONLY);
}

/// Refuses a caller with 42501.
pub fn not_allowed(message: &str, hint: &str) -> ! {
    report(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, message, None, Some(hint.to_owned()))
}

/// Raises that a trained model does not fit into memory: Rust would end the process instead, and with it all sessions.
///
/// # Errors
/// 53200.
pub fn no_memory_for_model(bytes: usize) -> ! {
    report(
        PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
        "out of memory",
        Some(format!("Failed on request of size {bytes} for a trained model.")),
        None,
    )
}
