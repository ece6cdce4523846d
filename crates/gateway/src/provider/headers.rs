//! Headers that say when to come again and how much is left.

use super::{Limits, moment};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// What `x-ratelimit-*` headers say (OpenAI, "Rate limits: headers"; compatible servers send them, too), or those of
/// Anthropic, of which the plain tokens are the limit that is reached first ("Rate limits: response headers").
pub(super) fn limits(headers: &HeaderMap, now: SystemTime) -> Limits {
    let told = Limits {
        requests_limit: parsed(headers, "x-ratelimit-limit-requests"),
        requests_remaining: parsed(headers, "x-ratelimit-remaining-requests"),
        requests_reset: text(headers, "x-ratelimit-reset-requests").and_then(duration),
        tokens_limit: parsed(headers, "x-ratelimit-limit-tokens"),
        tokens_remaining: parsed(headers, "x-ratelimit-remaining-tokens"),
        tokens_reset: text(headers, "x-ratelimit-reset-tokens").and_then(duration),
    };
    if told != Limits::default() {
        return told;
    }
    let now = server_time(headers).unwrap_or(now);
    let until = |name| moment::rfc3339(text(headers, name)?)?.duration_since(now).ok();
    let requests = Limits {
        requests_limit: parsed(headers, "anthropic-ratelimit-requests-limit"),
        requests_remaining: parsed(headers, "anthropic-ratelimit-requests-remaining"),
        requests_reset: until("anthropic-ratelimit-requests-reset"),
        ..Limits::default()
    };
    if headers.contains_key("anthropic-ratelimit-tokens-limit") {
        return Limits {
            tokens_limit: parsed(headers, "anthropic-ratelimit-tokens-limit"),
            tokens_remaining: parsed(headers, "anthropic-ratelimit-tokens-remaining"),
            tokens_reset: until("anthropic-ratelimit-tokens-reset"),
            ..requests
        };
    }
    Limits {
        tokens_limit: parsed(headers, "anthropic-ratelimit-input-tokens-limit"),
        tokens_remaining: parsed(headers, "anthropic-ratelimit-input-tokens-remaining"),
        tokens_reset: until("anthropic-ratelimit-input-tokens-reset"),
        ..requests
    }
}

/// How long a provider asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date (RFC 9110 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let ms = text(headers, "retry-after-ms").and_then(|ms| seconds(ms.parse::<f64>().ok()? / 1000.0));
    let wait = ms.or_else(|| {
        let value = text(headers, RETRY_AFTER.as_str())?;
        match value.parse() {
            Ok(number) => seconds(number),
            Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(server_time(headers).unwrap_or(now)).ok(),
        }
    });
    wait.filter(|wait| !wait.is_zero())
}

/// What the server's own clock says, which need not be what ours says.
fn server_time(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, DATE.as_str())?).ok()
}

/// Whether the provider says that trying again is of use (or of none).
pub(super) fn should_retry(headers: &HeaderMap) -> Option<bool> {
    parsed(headers, "x-should-retry")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

fn parsed<T: FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    text(headers, name)?.parse().ok()
}

/// A span of so many seconds, unless there is none.
pub(super) fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

/// `120ms`, `1s`, `6m0s`, `1h2m3s`; a number alone is of seconds.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(number) = text.parse() {
        return seconds(number);
    }
    let (mut sum, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let factor = match &after[..unit] {
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * factor;
        rest = &after[unit..];
    }
    Some(sum).filter(|_| !text.is_empty()).and_then(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn wait(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        retry_after(&headers(pairs), SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777))
    }

    #[test]
    fn durations_are_read_as_providers_write_them() {
        for (text, ms) in [("120ms", 120), ("1s", 1000), ("6m0s", 360_000), ("1h2m3.5s", 3_723_500), ("59", 59_000)] {
            assert_eq!(duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "ms", "1x", "-1s", "1e400", "NaN", "inf", "1.2.3s", "s1"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn limits_are_read_where_they_are_numbers() {
        let limits = limits(
            &headers(&[
                ("x-ratelimit-limit-requests", "500"),
                ("x-ratelimit-remaining-requests", "-1"),
                ("x-ratelimit-limit-tokens", "200000"),
                ("x-ratelimit-remaining-tokens", "many"),
                ("x-ratelimit-reset-tokens", "6m0s"),
            ]),
            SystemTime::UNIX_EPOCH,
        );
        let expected = Limits {
            requests_limit: Some(500),
            tokens_limit: Some(200_000),
            tokens_reset: Some(Duration::from_secs(360)),
            ..Limits::default()
        };
        assert_eq!(limits, expected);
    }

    #[test]
    fn the_limits_of_anthropic_end_at_moments() {
        let told = [
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "1994-11-06T08:49:47Z"),
            ("anthropic-ratelimit-input-tokens-limit", "30000"),
            ("anthropic-ratelimit-input-tokens-remaining", "29000"),
            ("anthropic-ratelimit-input-tokens-reset", "1994-11-06T08:49:07Z"),
        ];
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let expected = Limits {
            requests_limit: Some(50),
            requests_remaining: Some(0),
            requests_reset: Some(Duration::from_secs(10)),
            tokens_limit: Some(30_000),
            tokens_remaining: Some(29_000),
            tokens_reset: None,
        };
        assert_eq!(limits(&headers(&told), now), expected);
        let both = [&told[..], &[("anthropic-ratelimit-tokens-limit", "20000")]].concat();
        let expected = Limits { tokens_limit: Some(20_000), tokens_remaining: None, ..expected };
        assert_eq!(limits(&headers(&both), now), expected);
    }

    #[test]
    fn the_wait_is_read_in_each_of_its_forms() {
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(wait(&[("retry-after-ms", "1500"), ("retry-after", "9")]), ms(1500));
        assert_eq!(wait(&[("retry-after-ms", "soon"), ("retry-after", "9")]), ms(9000));
        assert_eq!(wait(&[("retry-after", "0.5")]), ms(500));
        assert_eq!(wait(&[("retry-after", "86400")]), ms(86_400_000));
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]), ms(10_000));
        // A server whose clock is an hour late means ten seconds as well.
        let late = [("retry-after", "Sun, 06 Nov 1994 07:49:47 GMT"), ("date", "Sun, 06 Nov 1994 07:49:37 GMT")];
        assert_eq!(wait(&late), ms(10_000));
        for value in ["0", "-5", "NaN", "inf", "1e300", "Sun, 06 Nov 1994 08:49:27 GMT", "later"] {
            assert_eq!(wait(&[("retry-after", value)]), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(value in "\\PC{0,30}", number in "[0-9.]{1,12}(ms|s|m|h|d|µs)?") {
            for value in [value, number] {
                _ = duration(&value);
                let Ok(value) = reqwest::header::HeaderValue::from_bytes(value.as_bytes()) else { continue };
                let names = [
                    "retry-after",
                    "retry-after-ms",
                    "x-should-retry",
                    "x-ratelimit-limit-requests",
                    "anthropic-ratelimit-tokens-limit",
                    "anthropic-ratelimit-requests-reset",
                ];
                let headers = names.iter().map(|name| (name.parse().unwrap(), value.clone())).collect();
                _ = (retry_after(&headers, SystemTime::UNIX_EPOCH), should_retry(&headers), limits(&headers, SystemTime::UNIX_EPOCH));
            }
        }
    }
}
