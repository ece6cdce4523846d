//! The entries of the vocabulary by their text: a hash table in read-only data, made by `crates/core/models/generate.py`.

use std::ops::Range;

/// How many there are.
pub(super) const ENTRIES: usize = 30_522;

/// Bytes of the longest, with the mark of continuation.
const LONGEST: usize = 18;

/// What begins an entry that continues a word.
const CONTINUES: &[u8] = b"##";

const SLOTS: usize = 1 << 16;
const EMPTY: u16 = u16::MAX;

/// Slots, each an entry; where each entry's text ends; the texts. Open addressing, from the hash of the text on.
static BYTES: &[u8] = include_bytes!("../../models/minilm-256/vocabulary.bin");
const ENDS: usize = SLOTS * 2;
const TEXTS: usize = ENDS + ENTRIES * 4;

/// The longest entry that the rest of a word begins with, and how many of its bytes that takes.
pub(super) fn longest(rest: &[u8], continues: bool) -> Option<(u16, usize)> {
    let mark = if continues { CONTINUES } else { &[] };
    let mut hash = Hash::of(mark);
    let mut hashes = [hash; LONGEST];
    let most = rest.len().min(LONGEST - mark.len());
    for (byte, kept) in rest[..most].iter().zip(&mut hashes) {
        hash.add(*byte);
        *kept = hash;
    }
    (1..=most).rev().find_map(|length| Some((find(hashes[length - 1], mark, &rest[..length])?, length)))
}

fn find(hash: Hash, mark: &[u8], rest: &[u8]) -> Option<u16> {
    let mut slot = hash.slot();
    loop {
        let entry = u16::from_le_bytes([BYTES[slot * 2], BYTES[slot * 2 + 1]]);
        if entry == EMPTY {
            return None;
        }
        if BYTES[text(entry)].strip_prefix(mark) == Some(rest) {
            return Some(entry);
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// Where the text of an entry lies.
fn text(entry: u16) -> Range<usize> {
    let end = |entry: usize| {
        let at = ENDS + entry * 4;
        TEXTS + u32::from_le_bytes(std::array::from_fn(|i| BYTES[at + i])) as usize
    };
    let entry = usize::from(entry);
    let start = if entry == 0 { TEXTS } else { end(entry - 1) };
    start..end(entry)
}

/// FNV-1a in 32 bits (Fowler, Noll and Vo): adding a byte to what was hashed is one multiplication.
#[derive(Clone, Copy)]
struct Hash(u32);

impl Hash {
    fn of(bytes: &[u8]) -> Self {
        let mut hash = Self(0x811c_9dc5);
        bytes.iter().for_each(|byte| hash.add(*byte));
        hash
    }

    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }

    fn slot(self) -> usize {
        (self.0 ^ self.0 >> 16) as usize % SLOTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_that_a_text_can_have_is_found() {
        let mut longest_text = 0;
        for entry in 0..ENTRIES as u16 {
            let text = &BYTES[text(entry)];
            if text.starts_with(b"[") && text.len() > 1 {
                continue;
            }
            let (mark, rest) = match text.strip_prefix(CONTINUES) {
                Some(rest) if !rest.is_empty() => (CONTINUES, rest),
                _ => (&[][..], text),
            };
            assert_eq!(find(Hash::of(text), mark, rest), Some(entry));
            longest_text = longest_text.max(text.len());
        }
        assert_eq!(longest_text, LONGEST);
        assert_eq!(text(ENTRIES as u16 - 1).end, BYTES.len());
    }

    #[test]
    fn a_mark_of_continuation_is_no_part_of_a_word() {
        assert_eq!(find(Hash::of(b"zzzz"), &[], b"zzzz"), None);
        assert_ne!(longest(b"ing", true), longest(b"ing", false));
        assert_eq!(longest(b"", true), None);
    }
}
