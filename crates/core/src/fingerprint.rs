//! The key of an exact answer: SHA-256 over who asks, what is asked of, and the normal form of the text.
//!
//! ```text
//! scope       = SHA-256( "pg_categorize" 0 | normaliser version | case | audience | taxonomy )     32 bytes
//! fingerprint = SHA-256( scope | 32 zero bytes | normal form )
//!               SHA-256( scope | SHA-256(image) | normal form )      where there is an image, with a text or without
//! ```
//!
//! The scope fills one 64-byte block of SHA-256 (FIPS 180-4), whose compression is done once and cloned: a title costs
//! only the blocks of its own bytes.

use crate::normalise::{Case, NORMALISER_VERSION};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// SHA-256 of scope and text, the primary key of `categorize.cache`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// Hexadecimal digits, so that it can travel in JSON.
impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = Cow::<str>::deserialize(deserializer)?;
        let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|d| d as u8);
        let mut bytes = [0; 32];
        let pairs = digits.as_bytes().chunks_exact(2);
        let whole = digits.len() == 64
            && bytes.iter_mut().zip(pairs).all(|(byte, pair)| {
                let value = digit(&pair[0]).zip(digit(&pair[1])).map(|(high, low)| high << 4 | low);
                value.map(|v| *byte = v).is_some()
            });
        if whole { Ok(Self(bytes)) } else { Err(D::Error::custom("no fingerprint: 64 hexadecimal digits are one")) }
    }
}

/// Who may be given the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// One tenant; the empty name is the tenant of those who have none.
    Tenant(&'a str),
    /// Every tenant of a taxonomy whose `answer_scope` is `shared`.
    Shared,
}

/// What the text is sorted into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// A taxonomy, by id: renaming it keeps its answers.
    Taxonomy(i32),
    /// Ad-hoc labels, trimmed, de-duplicated and sorted.
    Labels(&'a [String]),
}

/// Fingerprints the texts of one audience and target.
#[derive(Clone)]
pub struct Fingerprinter {
    scope: [u8; 32],
    prefix: Sha256,
}

impl Fingerprinter {
    /// Prepares the scope; lengths are written before every variable part, so that no two scopes share their bytes.
    pub fn new(audience: Audience<'_>, target: Target<'_>, case: Case) -> Self {
        let mut scope = Sha256::new();
        scope.update(b"pg_categorize\0");
        scope.update([NORMALISER_VERSION, u8::from(case == Case::Kept)]);
        match audience {
            Audience::Tenant(name) => {
                scope.update([0]);
                text(&mut scope, name);
            }
            Audience::Shared => scope.update([1]),
        }
        match target {
            Target::Taxonomy(id) => {
                scope.update([0]);
                scope.update(id.to_be_bytes());
            }
            Target::Labels(labels) => {
                scope.update([1]);
                scope.update((labels.len() as u64).to_be_bytes());
                labels.iter().for_each(|label| text(&mut scope, label));
            }
        }
        let scope = scope.finalize().into();
        Self { scope, prefix: Sha256::new_with_prefix(block(&scope, &[0; 32])) }
    }

    /// The fingerprint of a text that is already in its normal form.
    pub fn fingerprint(&self, normal_form: &str) -> Fingerprint {
        let mut hasher = self.prefix.clone();
        hasher.update(normal_form.as_bytes());
        Fingerprint(hasher.finalize().into())
    }

    /// The fingerprint of an image, by the SHA-256 of its bytes, with the normal form of the text beside it; empty where there
    /// is none. It is that of no text, and of no other image: what tells them apart is a SHA-256, and zeros are none that
    /// anybody knows.
    pub fn of_image(&self, digest: &[u8; 32], normal_form: &str) -> Fingerprint {
        let mut hasher = Sha256::new_with_prefix(block(&self.scope, digest));
        hasher.update(normal_form.as_bytes());
        Fingerprint(hasher.finalize().into())
    }
}

fn block(scope: &[u8; 32], image: &[u8; 32]) -> [u8; 64] {
    let mut block = [0; 64];
    block[..32].copy_from_slice(scope);
    block[32..].copy_from_slice(image);
    block
}

fn text(hasher: &mut Sha256, value: &str) {
    hasher.update((value.len() as u64).to_be_bytes());
    hasher.update(value.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(audience: Audience<'_>, target: Target<'_>, case: Case, text: &str) -> String {
        format!("{:?}", Fingerprinter::new(audience, target, case).fingerprint(text))
    }

    /// Stored caches depend on these bytes: a change here needs a new `NORMALISER_VERSION`.
    #[test]
    fn golden_vectors() {
        let labels = ["spam".to_owned(), "work".to_owned()];
        let rows = [
            hex(Audience::Tenant(""), Target::Taxonomy(1), Case::Folded, "nike air max 270"),
            hex(Audience::Tenant("acme"), Target::Taxonomy(1), Case::Folded, "nike air max 270"),
            hex(Audience::Shared, Target::Taxonomy(1), Case::Folded, "nike air max 270"),
            hex(Audience::Tenant(""), Target::Taxonomy(1000), Case::Kept, "Nike"),
            hex(Audience::Tenant(""), Target::Labels(&labels), Case::Folded, "invoice 7"),
        ];
        assert_eq!(rows.join("\n"), include_str!("fingerprint_golden.txt").trim_end());
    }

    #[test]
    fn an_image_is_neither_a_text_nor_another_image_nor_itself_with_a_text() {
        let of = |tenant| Fingerprinter::new(Audience::Tenant(tenant), Target::Taxonomy(1), Case::Folded);
        let (image, other) = ([1; 32], [2; 32]);
        let keys = [
            of("").fingerprint(""),
            of("").fingerprint("shoe"),
            of("").of_image(&image, ""),
            of("").of_image(&image, "shoe"),
            of("").of_image(&other, ""),
            of("acme").of_image(&image, ""),
            // Bytes that look like those of an image are a text all the same.
            of("").fingerprint(str::from_utf8(&image).unwrap()),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{at}");
        }
        assert_eq!(of("").of_image(&image, "shoe"), of("").of_image(&image, "shoe"));
    }

    /// Stored answers about images depend on these bytes, too.
    #[test]
    fn the_key_of_an_image_stays_what_it_is() {
        let key =
            Fingerprinter::new(Audience::Tenant(""), Target::Taxonomy(1), Case::Folded).of_image(&[7; 32], "nike");
        assert_eq!(format!("{key:?}"), "9b22574f011353be25782d61efd30d400a74e8b156d76f09028dbdc60e9f3ef6");
    }

    proptest! {
        #[test]
        fn tenants_never_share_a_key(a in ".{0,12}", b in ".{0,12}", text in ".{0,20}") {
            prop_assume!(a != b);
            prop_assert_ne!(
                hex(Audience::Tenant(&a), Target::Taxonomy(1), Case::Folded, &text),
                hex(Audience::Tenant(&b), Target::Taxonomy(1), Case::Folded, &text)
            );
        }
    }
}
