//! What the replies of these APIs have in common.

use super::api::{Listed, Page};
use crate::provider::moment::rfc3339;
use pg_categorize_core::batch::Moment;
use serde_json::Value;
use std::time::UNIX_EPOCH;

/// A text that says something.
pub(super) fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A moment as of RFC 3339.
pub(super) fn moment(value: &Value, name: &str) -> Option<Moment> {
    let since = rfc3339(&text(value, name)?)?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok().map(Moment)
}

/// Counts together; `None` where one is not told, or they are more than anything has.
pub(super) fn sum(counts: impl IntoIterator<Item = Option<u64>>) -> Option<u64> {
    counts.into_iter().try_fold(0_u64, |sum, count| sum.checked_add(count?))
}

/// `{"data": [...], "has_more": true, "last_id": "..."}`, as OpenAI and Anthropic list.
pub(super) fn page(list: &Value, listed: impl Fn(&Value) -> Option<Listed>) -> Option<Page> {
    let batches: Vec<_> = list.get("data")?.as_array()?.iter().filter_map(listed).collect();
    let more = list.get("has_more").and_then(Value::as_bool) == Some(true);
    let last = text(list, "last_id").or_else(|| batches.last().map(|last| last.remote.clone()));
    Some(Page { next: last.filter(|_| more), batches })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_nothing_can_have_are_none() {
        assert_eq!(sum([Some(1), Some(2)]), Some(3));
        assert_eq!(sum([Some(1), None]), None);
        assert_eq!(sum([Some(u64::MAX), Some(1)]), None);
    }
}
