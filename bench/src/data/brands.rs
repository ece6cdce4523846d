//! Invented makers of things.

/// Beginnings and endings of the names of makers: together 900 of them.
const BRAND_HEADS: [&str; 30] = [
    "Nor", "Alt", "Brem", "Cast", "Dav", "Elm", "Fjor", "Galv", "Hart", "Isol", "Jarv", "Kest", "Lum", "Mir", "Orv",
    "Pel", "Quin", "Rav", "Solv", "Tam", "Ulv", "Vald", "West", "Xand", "Yar", "Zeph", "Bosk", "Corv", "Thorn", "Wick",
];
const BRAND_TAILS: [&str; 30] = [
    "vik", "ura", "ora", "elo", "enlo", "stad", "da", "ani", "wen", "olde", "by", "rel", "mora", "ando", "ika", "ella",
    "wick", "tara", "ello", "ang", "arin", "ix", "doro", "erby", "ista", "row", "yra", "quist", "holm", "nova",
];

/// Number of makers.
pub const BRANDS: usize = BRAND_HEADS.len() * BRAND_TAILS.len();

/// The maker of this number.
pub fn brand(number: usize) -> String {
    let number = number % BRANDS;
    format!("{}{}", BRAND_HEADS[number % BRAND_HEADS.len()], BRAND_TAILS[number / BRAND_HEADS.len()])
}

#[cfg(test)]
mod tests {
    use super::{BRANDS, brand};
    use std::collections::HashSet;

    #[test]
    fn names_are_distinct() {
        assert_eq!((0..BRANDS).map(brand).collect::<HashSet<_>>().len(), BRANDS);
    }
}
