//! Dollars as people write them, read exactly.

use crate::error::{Error, Result};
use crate::money::{Money, NANO};

/// Reads a decimal number of dollars; `name` is the argument it was given as, `most` the largest that can be meant.
///
/// # Errors
/// 22023 for what is no number, negative, above `most`, or finer than a nano-dollar.
pub fn parse(text: &str, name: &str, most: Money) -> Result<Money> {
    let refused = |what: &str| Error::invalid(format!("invalid value for \"{name}\": {text} {what}"));
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !is_number(whole) || !is_number(fraction) {
        return Err(refused("is no amount of dollars"));
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 9 {
        return Err(refused("is finer than a nano-dollar").hint("At most nine digits after the point are kept."));
    }
    let nano: i64 = format!("{fraction:0<9}").parse().unwrap_or(0);
    let too_large = || refused("is too large").hint(format!("At most {most} dollars are allowed."));
    let whole = if whole.is_empty() { Some(0) } else { whole.parse::<i64>().ok() };
    let amount = whole.and_then(|whole| whole.checked_mul(NANO)?.checked_add(nano)).ok_or_else(too_large)?;
    if negative && amount > 0 {
        return Err(refused("is negative"));
    }
    if amount > most.0 { Err(too_large()) } else { Ok(Money(amount)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MOST: Money = Money(1_000_000 * NANO);

    #[test]
    fn reads_to_the_nano_dollar_and_not_below() {
        let read = |text| parse(text, "limit_usd", MOST);
        assert_eq!(read("2").unwrap(), Money(2 * NANO));
        assert_eq!(read("0.100000000000").unwrap(), Money(100_000_000));
        assert_eq!(read("0.000000001").unwrap(), Money(1));
        assert_eq!(read("-0.00").unwrap(), Money::ZERO);
        assert_eq!(read("1000000").unwrap(), MOST);
        for bad in ["NaN", "Infinity", "", ".", "-", "1e3", "-1", "0.0000000001", "1000000.01", "99999999999999999999"]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_it_was(amount in 0..=MOST.0) {
            prop_assert_eq!(parse(&Money(amount).to_string(), "x", MOST).unwrap(), Money(amount));
        }
    }
}
