//! A regex pattern of a user, from its text to the parsed form, or to an error the user can act on.

use regex_syntax::ParserBuilder;
use regex_syntax::ast::{self, ErrorKind as Syntax};
use regex_syntax::hir::Hir;

use super::escapes::{Translation, translate};
use crate::error::{Error, ErrorKind, Result};

/// Longest pattern of any kind, in bytes.
pub(super) const LONGEST_PATTERN: usize = 10_000;

/// Deepest nesting of groups, classes and repetitions.
const DEEPEST_NESTING: u32 = 100;

const INVALID: &str = "invalid rule pattern: not a valid regular expression";

/// Refuses patterns of more than [`LONGEST_PATTERN`] bytes.
///
/// # Errors
/// `LimitExceeded`.
pub(super) fn check_length(pattern: &str) -> Result<()> {
    if pattern.len() <= LONGEST_PATTERN {
        return Ok(());
    }
    Err(Error::new(ErrorKind::LimitExceeded, "rule pattern is too long")
        .detail(format!("The pattern has {} bytes; at most {LONGEST_PATTERN} are allowed.", pattern.len()))
        .hint("Split the pattern into several rules of the same category."))
}

/// Parses a pattern: Postgres word escapes, then the syntax of the `regex` crate, Unicode and case-insensitive.
///
/// # Errors
/// `InvalidParameter` for what the syntax refuses and for patterns that match the empty string, `LimitExceeded` for
/// nesting over [`DEEPEST_NESTING`].
pub(super) fn parse(pattern: &str) -> Result<Hir> {
    let translation = translate(pattern);
    let parsed = ParserBuilder::new()
        .case_insensitive(true)
        .nest_limit(DEEPEST_NESTING)
        .build()
        .parse(&translation.text)
        .map_err(|error| refusal(pattern, &translation, &error))?;
    if parsed.properties().minimum_len() == Some(0) {
        return Err(matches_everything(pattern));
    }
    Ok(parsed)
}

fn matches_everything(pattern: &str) -> Error {
    let error = Error::invalid("invalid rule pattern: it would match every title");
    if pattern.is_empty() {
        return error.detail("The pattern is empty.").hint("Write at least one character that a title must have.");
    }
    error
        .detail("The pattern matches the empty string, which is found in every title.")
        .hint("Make at least one part of the pattern mandatory, for example a+ instead of a*.")
}

/// The words for an error of the parser, with its position in the pattern of the user.
fn refusal(pattern: &str, translation: &Translation, error: &regex_syntax::Error) -> Error {
    let (start, reason) = match error {
        regex_syntax::Error::Parse(error) => (error.span().start.offset, error.kind().to_string()),
        regex_syntax::Error::Translate(error) => (error.span().start.offset, error.kind().to_string()),
        other => (0, other.to_string()),
    };
    let offset = translation.user_offset(start);
    let position = pattern.get(..offset).map_or(0, |before| before.chars().count()) + 1;
    let rest = pattern.get(offset..).unwrap_or_default();
    let kind = match error {
        regex_syntax::Error::Parse(error) => Some(error.kind()),
        _ => None,
    };
    match kind {
        Some(Syntax::UnsupportedLookAround) => {
            let group = if rest.starts_with("(?<") { rest.get(..4) } else { rest.get(..3) };
            Error::invalid("invalid rule pattern: look-around is not supported")
                .detail(format!("There is a look-around group {} at character {position}.", group.unwrap_or("(?")))
                .hint(
                    "Use \\y, \\m or \\M for word boundaries; to exclude something, \
                     match it with another rule of higher priority.",
                )
        }
        Some(Syntax::UnsupportedBackreference) => back_reference(rest, position),
        Some(Syntax::EscapeUnrecognized) if rest.starts_with("\\k") => back_reference(rest, position),
        Some(Syntax::NestLimitExceeded(_)) => Error::new(ErrorKind::LimitExceeded, "rule pattern is nested too deeply")
            .detail(format!("Nesting is deeper than {DEEPEST_NESTING} levels at character {position}."))
            .hint("Remove groups that are not needed, or split the pattern into several rules."),
        Some(kind) if translation.is_rewritten(start) && in_class(kind) => Error::invalid(INVALID)
            .detail(format!(
                "At character {position}: the word boundary {} cannot stand inside a character class.",
                rest.get(..2).unwrap_or_default()
            ))
            .hint("Move the word boundary out of the brackets."),
        _ => Error::invalid(INVALID)
            .detail(format!("At character {position}: {}.", one_line(&reason)))
            .hint("The syntax is that of https://docs.rs/regex/latest/regex/#syntax, plus \\m, \\M, \\y and \\Y."),
    }
}

fn back_reference(rest: &str, position: usize) -> Error {
    let reference: String = rest.chars().take(2).collect();
    Error::invalid("invalid rule pattern: back-references are not supported")
        .detail(format!("There is a back-reference {reference} at character {position}."))
        .hint("Write the repeated text out, for example (aa|bb) instead of (a|b)\\1.")
}

fn in_class(kind: &Syntax) -> bool {
    matches!(kind, ast::ErrorKind::ClassEscapeInvalid | ast::ErrorKind::ClassRangeLiteral)
}

fn one_line(reason: &str) -> String {
    reason.split_whitespace().collect::<Vec<_>>().join(" ")
}
