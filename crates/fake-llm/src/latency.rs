//! How long an answer takes.

use crate::random;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

/// How long an answer takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Latency {
    /// Always this long.
    Fixed(Duration),
    /// Lognormal: the median, and the standard deviation of the logarithm.
    Lognormal(Duration, f64),
}

impl Latency {
    /// How long the answer to this request takes.
    pub(crate) fn of(self, seed: u64, number: u64) -> Duration {
        match self {
            Self::Fixed(duration) => duration,
            Self::Lognormal(median, sigma) => {
                median.mul_f64((sigma * random::normal(seed ^ 0x1a7e, number)).exp().min(1000.0))
            }
        }
    }
}

/// `200` or `lognormal:200:0.3`, in milliseconds.
impl FromStr for Latency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is neither MILLISECONDS nor lognormal:MEDIAN:SIGMA");
        let positive = |text: &str| text.parse().ok().filter(|number: &f64| (0.0..1e9).contains(number));
        let milliseconds = |text: &str| positive(text).map(|number| Duration::from_secs_f64(number / 1000.0));
        match text.strip_prefix("lognormal:") {
            None => milliseconds(text).map(Self::Fixed).ok_or_else(wrong),
            Some(rest) => {
                let (median, sigma) = rest.split_once(':').ok_or_else(wrong)?;
                let sigma = positive(sigma).ok_or_else(wrong)?;
                Ok(Self::Lognormal(milliseconds(median).ok_or_else(wrong)?, sigma))
            }
        }
    }
}

impl Display for Latency {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let milliseconds = |duration: &Duration| duration.as_secs_f64() * 1000.0;
        match self {
            Self::Fixed(duration) => write!(f, "{}", milliseconds(duration)),
            Self::Lognormal(median, sigma) => write!(f, "lognormal:{}:{sigma}", milliseconds(median)),
        }
    }
}

impl Serialize for Latency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A number of milliseconds, or a text.
impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_read_as_it_is_written() {
        for (json, latency) in [
            ("20", Latency::Fixed(Duration::from_millis(20))),
            ("\"1.5\"", Latency::Fixed(Duration::from_micros(1500))),
            ("\"lognormal:200:0.3\"", Latency::Lognormal(Duration::from_millis(200), 0.3)),
        ] {
            let read: Latency = serde_json::from_str(json).expect(json);
            assert_eq!(read, latency);
            let written = serde_json::to_string(&read).expect("JSON");
            assert_eq!(serde_json::from_str::<Latency>(&written).ok(), Some(latency));
        }
        for wrong in ["-1", "null", "\"lognormal:1\"", "\"soon\"", "{}"] {
            assert!(serde_json::from_str::<Latency>(wrong).is_err(), "{wrong}");
        }
    }
}
