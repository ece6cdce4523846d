//! Vectors as providers write them, and whether they can be used.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The most dimensions that a table of vectors can hold (pgvector 0.8, type `vector`).
const MOST_DIMENSIONS: usize = 16_000;

/// The largest number of two bytes, in which vectors are stored, and the least above 0 (IEEE 754, binary16).
const LARGEST: f32 = 65_504.0;
const LEAST: f32 = 5.960_464_5e-8;

/// Numbers of JSON.
pub(super) fn from_numbers(numbers: &[Value]) -> Option<Vec<f32>> {
    numbers.iter().map(|number| Some(number.as_f64()? as f32)).collect()
}

/// Numbers of four bytes, the least first, in base64.
pub(super) fn from_base64(text: &str) -> Option<Vec<f32>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// Whether they have one length, and each has a direction, also once it is stored.
pub(super) fn are_usable(vectors: &[Vec<f32>]) -> bool {
    let length = vectors.first().map_or(0, Vec::len);
    let usable = |vector: &Vec<f32>| {
        vector.len() == length
            && vector.iter().all(|number| number.abs() <= LARGEST)
            && vector.iter().any(|number| number.abs() >= LEAST)
    };
    (1..=MOST_DIMENSIONS).contains(&length) && vectors.iter().all(usable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn vectors_without_a_direction_are_of_no_use() {
        let usable = |vectors: &[&[f32]]| are_usable(&vectors.iter().map(|vector| vector.to_vec()).collect::<Vec<_>>());
        assert!(usable(&[&[0.0, 1.0], &[-1.0, 0.5]]) && usable(&[&[-LARGEST, LEAST]]) && usable(&[&[0.0, -LEAST]]));
        for bad in
            [&[&[0.0, 0.0][..]][..], &[&[1.0], &[1.0, 2.0]], &[&[f32::NAN]], &[&[f32::INFINITY, 1.0]], &[&[]], &[]]
        {
            assert!(!usable(bad), "{bad:?}");
        }
        // As they are stored they would overflow, or have no direction.
        assert!(!usable(&[&[65_536.0, 1.0]]) && !usable(&[&[1.0, -70_000.0]]) && !usable(&[&[1e-9, -1e-9]]));
        assert!(!are_usable(&[vec![1.0; MOST_DIMENSIONS + 1]]));
    }

    #[test]
    fn what_is_no_number_is_no_vector() {
        let of = |value: Value| from_numbers(value.as_array().unwrap());
        assert_eq!(of(json!([0.5, -1])), Some(vec![0.5, -1.0]));
        assert_eq!(of(json!([0.5, null])), None);
        assert_eq!(of(json!(["1"])), None);
        // It is a number, and none of four bytes.
        assert_eq!(of(json!([1e300])), Some(vec![f32::INFINITY]));
        for bad in ["AAA", "AAAA", "AACAPw==x", "AACAPw=", "\u{e9}"] {
            assert_eq!(from_base64(bad), None, "{bad}");
        }
        assert_eq!(from_base64("AACAPwAAAMA="), Some(vec![1.0, -2.0]));
    }

    proptest! {
        #[test]
        fn base64_says_the_same(numbers in proptest::collection::vec(any::<f32>(), 0..9), junk in "\\PC{0,20}") {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            let read = from_base64(&STANDARD.encode(bytes)).unwrap();
            prop_assert!(read.iter().zip(&numbers).all(|(one, other)| one.to_bits() == other.to_bits()));
            prop_assert_eq!(read.len(), numbers.len());
            _ = from_base64(&junk);
        }
    }
}
