//! A map from raw input bytes, each with an owner, to small answers, bounded by bytes: a hit neither normalises nor hashes with SHA-256.
//!
//! Two generations stand in for an LRU list: when the young one fills half the budget, the old one is dropped and the
//! young one grows old; a hit in the old one moves up. Keys lie end to end in one buffer, so that an insert allocates
//! nothing in the steady state. A stream that never repeats would pay for nothing: after many misses in a row, only one
//! in eight look-ups is made, until one hits.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

#[derive(Debug)]
struct Entry<V> {
    hash: u64,
    owner: u32,
    start: u32,
    len: u32,
    value: V,
}

#[derive(Debug)]
struct Generation<V> {
    table: HashTable<Entry<V>>,
    keys: Vec<u8>,
}

impl<V: Copy> Generation<V> {
    fn new() -> Self {
        Self { table: HashTable::new(), keys: Vec::new() }
    }

    fn get(&self, hash: u64, owner: u32, key: &[u8]) -> Option<V> {
        let same = |e: &Entry<V>| {
            e.hash == hash && e.owner == owner && &self.keys[e.start as usize..][..e.len as usize] == key
        };
        self.table.find(hash, same).map(|e| e.value)
    }

    fn insert(&mut self, hash: u64, owner: u32, key: &[u8], value: V) {
        let entry = Entry { hash, owner, start: self.keys.len() as u32, len: key.len() as u32, value };
        self.keys.extend_from_slice(key);
        self.table.insert_unique(hash, entry, |e| e.hash);
    }

    fn bytes(&self) -> usize {
        self.keys.capacity() + self.table.capacity() * (size_of::<Entry<V>>() + 1)
    }

    fn clear(&mut self) {
        self.table.clear();
        self.keys.clear();
    }
}

/// The bounded map. `V` is copied out.
#[derive(Debug)]
pub struct Memo<V> {
    budget: usize,
    young: Generation<V>,
    old: Generation<V>,
    hasher: DefaultHashBuilder,
    misses_in_a_row: u32,
    skipped: bool,
}

/// Misses in a row after which a memo looks only now and then.
const COLD: u32 = 16_384;

impl<V: Copy> Memo<V> {
    /// An empty memo that holds at most about `budget` bytes; 0 keeps nothing.
    pub fn new(budget: usize) -> Self {
        let budget = budget.min(u32::MAX as usize);
        Self {
            budget,
            young: Generation::new(),
            old: Generation::new(),
            hasher: DefaultHashBuilder::default(),
            misses_in_a_row: 0,
            skipped: false,
        }
    }

    /// The answer kept for exactly these bytes of this owner.
    pub fn get(&mut self, owner: u32, key: &[u8]) -> Option<V> {
        self.misses_in_a_row = self.misses_in_a_row.wrapping_add(1).max(1);
        self.skipped = self.misses_in_a_row > COLD && !self.misses_in_a_row.is_multiple_of(8);
        if self.skipped {
            return None;
        }
        let hash = self.hasher.hash_one((owner, key));
        let found = match self.young.get(hash, owner, key) {
            Some(value) => value,
            None => {
                let value = self.old.get(hash, owner, key)?;
                self.put(hash, owner, key, value);
                value
            }
        };
        self.misses_in_a_row = 0;
        Some(found)
    }

    /// Whether these bytes of this owner are kept, without counting as a look-up. A memo that has missed for long is not looked
    /// into, and says no.
    pub fn contains(&self, owner: u32, key: &[u8]) -> bool {
        if self.misses_in_a_row > COLD {
            return false;
        }
        let hash = self.hasher.hash_one((owner, key));
        self.young.get(hash, owner, key).or_else(|| self.old.get(hash, owner, key)).is_some()
    }

    /// Keeps an answer; the caller has just missed it. Keys that would fill a tenth of the memo are not kept.
    pub fn insert(&mut self, owner: u32, key: &[u8], value: V) {
        if !self.skipped && key.len() < self.budget / 20 {
            self.put(self.hasher.hash_one((owner, key)), owner, key, value);
        }
    }

    /// Bytes it may hold.
    pub fn budget(&self) -> usize {
        self.budget
    }

    /// Bytes held now.
    pub fn bytes(&self) -> usize {
        self.young.bytes() + self.old.bytes()
    }

    fn put(&mut self, hash: u64, owner: u32, key: &[u8], value: V) {
        let full = self.young.keys.len() + key.len() > self.budget / 4
            || (self.young.table.len() + 1) * (size_of::<Entry<V>>() + 1) > self.budget / 8;
        if full {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(hash, owner, key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_used_and_stays_within_its_budget() {
        let mut memo = Memo::new(1 << 16);
        for i in 0..100_000_u32 {
            let key = format!("title number {i}");
            assert_eq!(memo.get(1, key.as_bytes()), None);
            memo.insert(1, key.as_bytes(), i);
            assert!(memo.get(1, b"title number 0").is_some(), "a key in use was lost at {i}");
            assert!(memo.bytes() <= 1 << 16, "{} bytes", memo.bytes());
        }
        assert_eq!(memo.get(1, b"title number 99999"), Some(99_999));
        assert_eq!(memo.get(2, b"title number 99999"), None);
        assert!(memo.contains(1, b"title number 0") && !memo.contains(2, b"title number 0"));
        assert_eq!(memo.get(1, b"title number 5"), None);
    }

    #[test]
    fn warms_up_again_when_a_stream_begins_to_repeat() {
        let mut memo = Memo::new(1 << 24);
        for i in 0..100_000_u32 {
            let key = i.to_be_bytes();
            assert_eq!(memo.get(1, &key), None);
            memo.insert(1, &key, i);
        }
        let mut hits = 0;
        for _ in 0..10 {
            for i in 0..1000_u32 {
                let key = i.to_be_bytes();
                match memo.get(1, &key) {
                    Some(value) => hits += u32::from(value == i),
                    None => memo.insert(1, &key, i),
                }
            }
        }
        assert!(hits > 8000, "{hits}");
    }

    #[test]
    fn a_memo_of_nothing_keeps_nothing() {
        let mut memo = Memo::new(0);
        memo.insert(1, b"", 1);
        memo.insert(1, b"a", 1);
        assert_eq!(memo.get(1, b"a"), None);
    }
}
