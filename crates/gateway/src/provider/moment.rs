//! Moments as providers write them, and the one at which Google's quotas of a day begin again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A moment such as `2026-11-22T06:00:00Z` (RFC 3339, 5.6).
pub(crate) fn rfc3339(text: &str) -> Option<SystemTime> {
    let number = |from: usize, to: usize| -> Option<i64> {
        text.get(from..to).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
    };
    let sign = |at: usize, allowed: &[u8]| text.as_bytes().get(at).is_some_and(|byte| allowed.contains(byte));
    let separated = sign(4, b"-") && sign(7, b"-") && sign(10, b"Tt ") && sign(13, b":") && sign(16, b":");
    let (month, day) = (number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let possible = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !separated || !possible {
        return None;
    }
    let rest = text.get(19..)?;
    let zone = rest.strip_prefix('.').map_or(rest, |parts| parts.trim_start_matches(|c: char| c.is_ascii_digit()));
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let of = |digits: &str| digits.parse::<u8>().ok().map(i64::from);
            let minutes = of(zone.get(1..3)?)? * 60 + of(zone.get(4..6)?)?;
            if *sign == b'-' { -minutes * 60 } else { minutes * 60 }
        }
        _ => return None,
    };
    let seconds = days(number(0, 4)?, month, day) * DAY + hour * HOUR + minute * 60 + second - offset;
    Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// How long it is until the next midnight in Los Angeles. `None` before 1970.
pub(super) fn until_midnight_pacific(now: SystemTime) -> Option<Duration> {
    let seconds = i64::try_from(now.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    // The first midnight that is still to come: of the days around, in universal time, each has one.
    let today = seconds.div_euclid(DAY);
    let midnights = (today - 1..=today + 1).map(|day| day * DAY + pacific_offset(day));
    let next = midnights.filter(|midnight| *midnight > seconds).min()?;
    u64::try_from(next - seconds).ok().map(Duration::from_secs)
}

/// Seconds by which Los Angeles is behind universal time as this day begins there. Summer time is from the second Sunday in
/// March to the first in November, at two in the morning (Energy Policy Act of 2005, section 110).
fn pacific_offset(day: i64) -> i64 {
    let year = year(day);
    // 1970-01-01 was a Thursday.
    let sunday_from = |day: i64| day + (3 - day).rem_euclid(7);
    let (begin, end) = (sunday_from(days(year, 3, 8)), sunday_from(days(year, 11, 1)));
    if begin < day && day <= end { 7 * HOUR } else { 8 * HOUR }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar (Hinnant 2013, "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The year of a day that is counted from 1970-01-01.
fn year(day: i64) -> i64 {
    let guess = 1970 + day.div_euclid(366);
    // A guess by the longest year is never too late.
    (guess..).find(|year| days(year + 1, 1, 1) > day).unwrap_or(guess)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> SystemTime {
        rfc3339(text).unwrap()
    }

    #[test]
    fn moments_are_read_in_all_their_forms() {
        let seconds = |text| at(text).duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(seconds("1970-01-01T00:00:00Z"), 0);
        assert_eq!(seconds("2026-11-22T06:00:00Z"), 1_795_327_200);
        assert_eq!(seconds("2026-11-22T06:00:00.123456Z"), 1_795_327_200);
        assert_eq!(seconds("2026-11-22T07:30:00+01:30"), 1_795_327_200);
        assert_eq!(seconds("2026-11-21T22:00:00-08:00"), 1_795_327_200);
        assert_eq!(seconds("2024-02-29T00:00:00Z"), 1_709_164_800);
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T06:00:00",
            "2026-13-22T06:00:00Z",
            "2026-11-22T25:00:00Z",
            "20261122T060000Z",
            "2026-11-22T06:00:00+1:00",
            "1960-01-01T00:00:00Z",
            "2026-11-22T06:00:0\u{e9}Z",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn the_day_of_a_quota_ends_at_midnight_in_los_angeles() {
        for (now, hours) in [
            // Winter: eight hours behind.
            ("2026-11-22T06:00:00Z", 2),
            ("2026-11-22T08:00:00Z", 24),
            // Summer: seven.
            ("2026-07-01T06:00:00Z", 1),
            // The days on which the clocks change, 2026-03-08 and 2026-11-01, have 23 and 25 hours.
            ("2026-03-08T08:00:00Z", 23),
            ("2026-11-01T07:00:00Z", 25),
            ("2027-01-01T07:00:00Z", 1),
        ] {
            assert_eq!(until_midnight_pacific(at(now)), Some(Duration::from_secs(hours * 3600)), "{now}");
        }
    }

    proptest! {
        #[test]
        fn midnight_is_at_most_a_day_and_an_hour_away(seconds in 0_u64..40_000_000_000) {
            let wait = until_midnight_pacific(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
            prop_assert!(!wait.is_zero() && wait <= Duration::from_secs(25 * 3600));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}", close in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2}|\\PC{0,4})") {
            _ = (rfc3339(&text), rfc3339(&close));
        }
    }
}
