//! Numbers by chance that are the same each time.

/// A small generator of its own: a run is told by its seed.
pub struct Dice(pub u64);

impl Dice {
    /// A number below this bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % bound
    }
}
