//! Which lines of a batch have come.

use super::custom_id::{CustomId, Token};

/// The requests of one batch, by their numbers.
#[derive(Debug, Clone)]
pub struct Register {
    token: Token,
    lines: Vec<Entry>,
    taken: u32,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    check: [u8; 8],
    taken: bool,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The result of this request, for the first time.
    First(u32),
    /// That of a request that had one before.
    Again(u32),
    /// Somebody else's: of no batch of ours, of another batch, or about other inputs.
    Foreign,
}

impl Register {
    /// A batch whose requests ask about these inputs.
    pub fn new(token: Token, checks: impl IntoIterator<Item = [u8; 8]>) -> Self {
        let lines = checks.into_iter().map(|check| Entry { check, taken: false }).collect();
        Self { token, lines, taken: 0 }
    }

    /// Takes a line of this name.
    pub fn take(&mut self, custom_id: &str) -> Taken {
        let id = CustomId::parse(custom_id).filter(|id| id.token == self.token);
        let Some(id) = id else { return Taken::Foreign };
        match self.lines.get_mut(id.ordinal as usize).filter(|entry| entry.check == id.check) {
            None => Taken::Foreign,
            Some(entry) if entry.taken => Taken::Again(id.ordinal),
            Some(entry) => {
                entry.taken = true;
                self.taken += 1;
                Taken::First(id.ordinal)
            }
        }
    }

    /// Lines that came, each counted once.
    pub fn taken(&self) -> u32 {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// In any order, repeated, and among lines of others.
        #[test]
        fn each_line_counts_once(order in proptest::collection::vec(0_u32..40, 0..200), other: u64) {
            let (token, stranger) = (Token::new(1, 1, 1), Token::new(other | 2, 1, 1));
            let checks = (0..30_u64).map(|at| at.to_be_bytes());
            let mut register = Register::new(token, checks);
            let mut seen = std::collections::BTreeSet::new();
            for ordinal in order {
                let check = u64::from(ordinal).to_be_bytes();
                let id = CustomId { token, ordinal, check };
                let expected = match ordinal {
                    30.. => Taken::Foreign,
                    _ if seen.insert(ordinal) => Taken::First(ordinal),
                    _ => Taken::Again(ordinal),
                };
                prop_assert_eq!(register.take(&id.to_string()), expected);
                prop_assert_eq!(register.take(&CustomId { token: stranger, ..id }.to_string()), Taken::Foreign);
                prop_assert_eq!(register.take(&CustomId { check: [9; 8], ..id }.to_string()), Taken::Foreign);
            }
            prop_assert_eq!(register.taken() as usize, seen.len());
        }
    }
}
