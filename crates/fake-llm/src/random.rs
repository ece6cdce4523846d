//! Chance that repeats: numbers that depend on a seed and a text or number only.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A number that depends on these only.
pub(crate) fn hash(seed: u64, text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), seed)
}

/// Uniform in [0, 1).
pub(crate) fn uniform(seed: u64, text: &str) -> f64 {
    unit(hash(seed, text))
}

/// Uniform in [0, 1), for a number in place of a text.
pub(crate) fn uniform_of(seed: u64, number: u64) -> f64 {
    unit(xxh3_64_with_seed(&number.to_le_bytes(), seed))
}

/// Standard normal (Box and Muller 1958, "A Note on the Generation of Random Normal Deviates").
pub(crate) fn normal(seed: u64, number: u64) -> f64 {
    let (radius, angle) = (uniform_of(seed, number), uniform_of(seed ^ 0x5eed, number));
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// The upper 53 bits, as many as an f64 holds.
fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}
