//! When Google wants to be asked again: it says so in the body of an error.
//!
//! Source: <https://ai.google.dev/gemini-api/docs/rate-limits> and the messages of `google.rpc` (error_details.proto).

use super::super::headers::seconds;
use super::super::moment::until_midnight_pacific;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// How long to wait. A quota of a day is there again at midnight in Los Angeles, whatever else is said.
pub(super) fn wait(body: &Value, now: SystemTime) -> Option<Duration> {
    let body = body.get(0).unwrap_or(body);
    let details = body.get("error")?.get("details")?.as_array()?;
    let is = |detail: &Value, name: &str| {
        detail.get("@type").and_then(Value::as_str).is_some_and(|kind| kind.ends_with(name))
    };
    let failures = details.iter().filter(|detail| is(detail, "google.rpc.QuotaFailure"));
    let mut violations = failures.filter_map(|failure| failure.get("violations")?.as_array()).flatten();
    let of_day = |violation: &Value| {
        violation.get("quotaId").and_then(Value::as_str).is_some_and(|quota| quota.contains("PerDay"))
    };
    if violations.any(of_day) {
        return until_midnight_pacific(now);
    }
    let info = details.iter().find(|detail| is(detail, "google.rpc.RetryInfo"))?;
    let delay = info.get("retryDelay")?.as_str()?.strip_suffix('s')?;
    seconds(delay.parse().ok()?).filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_delay_is_read_and_a_quota_of_a_day_is_waited_for() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_327_200);
        let wait = |details: Value| wait(&json!({ "error": { "code": 429, "details": details } }), now);
        let delay = |delay: &str| json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay });
        let quota = |id: &str| {
            let violation = json!({ "quotaId": id, "quotaValue": "10" });
            json!({ "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation] })
        };
        assert_eq!(wait(json!([delay("31s")])), Some(Duration::from_secs(31)));
        assert_eq!(
            wait(json!([quota("RequestsPerMinute-FreeTier"), delay("31.5s")])),
            Some(Duration::from_millis(31_500))
        );
        // 2026-11-22 06:00 is two hours before midnight there.
        let of_day = json!([quota("RequestsPerMinute"), quota("RequestsPerDay-FreeTier"), delay("31s")]);
        assert_eq!(wait(of_day), Some(Duration::from_secs(7200)));
        for nothing in [
            json!([]),
            json!(null),
            json!([delay("31")]),
            json!([delay("-1s")]),
            json!([delay("0s")]),
            json!([delay("1e300s")]),
            json!([1, null, {"@type": 5}]),
        ] {
            assert_eq!(wait(nothing.clone()), None, "{nothing}");
        }
    }
}
