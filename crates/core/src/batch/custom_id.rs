//! How a line of a batch is named, so that its result is known for what it is in whatever order, file or company it comes.
//!
//! ```text
//! pgc - 16 hexadecimal digits of the batch - number of the request in it - 16 hexadecimal digits of its inputs
//! ```
//!
//! At most 48 of the letters, digits and hyphens that every provider takes (Anthropic: `^[a-zA-Z0-9_-]{1,64}$`).

use sha2::{Digest, Sha256};
use std::fmt;

/// What is before all names of ours.
const PREFIX: &str = "pgc-";

/// The name of a batch at its provider, that no other batch of any database has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token([u8; 8]);

/// The name of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CustomId {
    /// Of which batch.
    pub token: Token,
    /// Its number in there, from 0 on.
    pub ordinal: u32,
    /// What it asks about, see [`check`].
    pub check: [u8; 8],
}

impl Token {
    /// The name of a batch of this database. `system` is the identifier of the server's data, `database` the oid.
    pub fn new(system: u64, database: u32, batch: i64) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"pg_categorize batch\0");
        hash.update(system.to_be_bytes());
        hash.update(database.to_be_bytes());
        hash.update(batch.to_be_bytes());
        Self(first(&hash.finalize()))
    }

    /// As a number, by which a store keeps it.
    pub fn bits(self) -> i64 {
        i64::from_be_bytes(self.0)
    }

    /// The name of these bits.
    pub fn from_bits(bits: i64) -> Self {
        Self(bits.to_be_bytes())
    }
}

/// The digits by which the inputs of a request are known: of the fingerprints of all of them, in their order.
pub fn check<'a>(fingerprints: impl IntoIterator<Item = &'a [u8; 32]>) -> [u8; 8] {
    let mut hash = Sha256::new();
    for fingerprint in fingerprints {
        hash.update(fingerprint);
    }
    first(&hash.finalize())
}

fn first(digest: &[u8]) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(digest).for_each(|(byte, of)| *byte = *of);
    bytes
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for CustomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:016x}", self.token, self.ordinal, u64::from_be_bytes(self.check))
    }
}

impl CustomId {
    /// Reads a name; `None` where it is none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(PREFIX)?.split('-');
        let (token, ordinal, check) = (hex(parts.next()?)?, number(parts.next()?)?, hex(parts.next()?)?);
        parts.next().is_none().then_some(Self { token: Token(token), ordinal, check })
    }
}

/// Sixteen digits as they are written, and in no other way.
fn hex(text: &str) -> Option<[u8; 8]> {
    let canonical = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    u64::from_str_radix(text, 16).ok().filter(|_| canonical).map(u64::to_be_bytes)
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_differ_by_server_database_batch_and_inputs() {
        let token = Token::new(7, 5, 3);
        assert!([Token::new(8, 5, 3), Token::new(7, 6, 3), Token::new(7, 5, 4)].iter().all(|other| *other != token));
        assert_eq!(token.to_string().len(), 20);
        assert_eq!(Token::from_bits(token.bits()), token);
        assert_ne!(check([&[1; 32], &[2; 32]]), check([&[2; 32], &[1; 32]]));
        for text in ["", "pgc-", "pgc-0000000000000000-1", "r-1", "pgc-0000000000000000-01-0000000000000000"] {
            assert_eq!(CustomId::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(system: u64, batch: i64, ordinal: u32, check: [u8; 8]) {
            let id = CustomId { token: Token::new(system, 1, batch), ordinal, check };
            let text = id.to_string();
            prop_assert!(text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
            prop_assert_eq!(CustomId::parse(&text), Some(id));
        }

        #[test]
        fn no_other_text_is_a_name(text in "(pgc-)?[0-9a-fA-F+-]{0,50}|\\PC{0,30}") {
            prop_assert!(CustomId::parse(&text).is_none_or(|id| id.to_string() == text));
        }
    }
}
