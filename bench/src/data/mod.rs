//! Data made from a seed: the same on every machine.

mod brands;
mod categories;
mod large;
mod load;
mod patterns;
mod titles;
mod words;

pub use categories::{flat, paths};
pub use large::LargeShop;
pub use load::{copy, titles_table};
pub use patterns::{Pattern, patterns};
pub use titles::product;

/// A pseudo-random number from a position: SplitMix64 (Steele, Lea and Flood, 2014), which needs no state.
fn random(position: u64) -> u64 {
    let mut z = position.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A choice at a position: `salt`, below 64, tells the choices at one position apart.
fn draw(position: u64, salt: u64) -> u64 {
    random(position.wrapping_mul(64).wrapping_add(salt))
}

/// Puts a list into an order that depends on the seed only (Fisher and Yates, 1938).
pub fn shuffle<T>(list: &mut [T], seed: u64) {
    for last in (1..list.len()).rev() {
        let other = random(seed.rotate_left(32) ^ last as u64) % (last as u64 + 1);
        list.swap(last, other as usize);
    }
}

/// One of a list, by [`draw`].
fn pick<T>(list: &[T], position: u64, salt: u64) -> &T {
    &list[(draw(position, salt) % list.len() as u64) as usize]
}
