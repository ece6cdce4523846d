//! Audits: a share of free answers is asked of a strong model anyway, so that what free tiers are worth is known.

use crate::cascade::{CategoryId, TierName};
use crate::fingerprint::Fingerprint;
use serde::{Deserialize, Serialize};

/// Bytes of a text that is audited at most. Longer ones are few, dear, and no titles.
pub const MAX_BYTES: usize = 16 * 1024;

/// What a free tier said of an input that is audited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The tier, by its name.
    pub tier: String,
    /// The category.
    pub category: CategoryId,
    /// How sure, 0 to 1.
    pub confidence: f32,
}

/// Whether answers of this tier are audited: those that nobody has said, free, and not by a rule of a person.
pub const fn is_audited(tier: TierName) -> bool {
    matches!(tier, TierName::LocalModel | TierName::Similarity)
}

/// Whether an input is among the `share` (0 to 1) that are audited. It depends on nothing else: the same input is chosen, or not,
/// in every session and at every time. The key is a hash of the text, so that its beginning is as good as chance.
pub fn is_chosen(key: &Fingerprint, share: f64) -> bool {
    let [a, b, c, d, e, f, g, h, ..] = key.0;
    let drawn = u64::from_le_bytes([a, b, c, d, e, f, g, h]) as f64 / 2_f64.powi(64);
    drawn < share
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_share_is_kept_and_a_larger_one_has_all_of_a_smaller_one() {
        let keys: Vec<Fingerprint> =
            (0..20_000_u32).map(|i| Fingerprint(Sha256::digest(i.to_le_bytes()).into())).collect();
        let chosen = |share| keys.iter().filter(|key| is_chosen(key, share)).collect::<Vec<_>>();
        let (few, more) = (chosen(0.01), chosen(0.2));
        assert!((140..260).contains(&few.len()) && (3700..4300).contains(&more.len()), "{} {}", few.len(), more.len());
        assert!(few.iter().all(|key| more.contains(key)));
        assert_eq!((chosen(0.0).len(), chosen(1.0).len()), (0, keys.len()));
        assert!(is_chosen(&Fingerprint([0; 32]), 1e-9) && !is_chosen(&Fingerprint([0; 32]), 0.0));
    }
}
