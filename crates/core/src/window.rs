//! The distinct inputs of some rows that are looked at together, each with what was found of it.
//!
//! Keys lie end to end in one buffer, so that a window that is filled again and again allocates nothing in the steady state.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

#[derive(Debug)]
struct Place {
    hash: u64,
    start: usize,
    len: usize,
}

/// Inputs by number, in the order in which they first came.
#[derive(Debug)]
pub struct Window<V> {
    places: Vec<Place>,
    values: Vec<Option<V>>,
    numbers: HashTable<usize>,
    keys: Vec<u8>,
    hasher: DefaultHashBuilder,
}

impl<V> Default for Window<V> {
    fn default() -> Self {
        let hasher = DefaultHashBuilder::default();
        Self { places: Vec::new(), values: Vec::new(), numbers: HashTable::new(), keys: Vec::new(), hasher }
    }
}

impl<V> Window<V> {
    /// Number of distinct inputs.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The number of an input, from 0; it is added where it is new.
    pub fn add(&mut self, key: &[u8]) -> usize {
        let hash = self.hasher.hash_one(key);
        if let Some(number) = self.number(hash, key) {
            return number;
        }
        let number = self.places.len();
        self.places.push(Place { hash, start: self.keys.len(), len: key.len() });
        self.values.push(None);
        self.keys.extend_from_slice(key);
        let places = &self.places;
        self.numbers.insert_unique(hash, number, |number| places[*number].hash);
        number
    }

    /// The bytes of an input.
    pub fn key(&self, number: usize) -> &[u8] {
        let place = &self.places[number];
        &self.keys[place.start..][..place.len]
    }

    /// What was found of the input with this number.
    pub fn value(&self, number: usize) -> Option<&V> {
        self.values[number].as_ref()
    }

    /// Notes what was found.
    pub fn set(&mut self, number: usize, value: V) {
        self.values[number] = Some(value);
    }

    /// The bytes of all inputs in their order, beside the places for what is found of them.
    pub fn keys_and_values(&mut self) -> (impl Iterator<Item = &[u8]>, &mut [Option<V>]) {
        let keys = &self.keys;
        (self.places.iter().map(|place| &keys[place.start..][..place.len]), &mut self.values)
    }

    /// What was found of these bytes.
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        if self.places.is_empty() {
            return None;
        }
        self.number(self.hasher.hash_one(key), key).and_then(|number| self.value(number))
    }

    /// Whether these bytes are one of the inputs.
    pub fn contains(&self, key: &[u8]) -> bool {
        !self.places.is_empty() && self.number(self.hasher.hash_one(key), key).is_some()
    }

    /// Forgets all, and keeps the memory for the next rows.
    pub fn clear(&mut self) {
        self.places.clear();
        self.values.clear();
        self.numbers.clear();
        self.keys.clear();
    }

    fn number(&self, hash: u64, key: &[u8]) -> Option<usize> {
        let same = |number: &usize| self.places[*number].hash == hash && self.key(*number) == key;
        self.numbers.find(hash, same).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_has_one_number_and_what_was_found_of_it() {
        let mut window = Window::default();
        let numbers: Vec<_> = ["a", "b", "a", "", "ab", "", "b"].map(|key| window.add(key.as_bytes())).into();
        assert_eq!(numbers, [0, 1, 0, 2, 3, 2, 1]);
        assert_eq!(window.len(), 4);
        assert_eq!(window.get(b"b"), None);
        window.set(1, 'x');
        assert_eq!(window.get(b"b"), Some(&'x'));
        assert_eq!(window.get(b"c"), None);
        assert!(window.contains(b"ab") && !window.contains(b"abc"));
        assert_eq!(window.key(3), b"ab");
        let (keys, values) = window.keys_and_values();
        assert_eq!(keys.collect::<Vec<_>>(), [&b"a"[..], b"b", b"", b"ab"]);
        values[2] = Some('y');
        assert_eq!(window.get(b""), Some(&'y'));
    }

    #[test]
    fn what_is_cleared_is_gone() {
        let mut window = Window::default();
        for round in 0..3 {
            for i in 0..1000_u32 {
                assert!(!window.contains(&i.to_be_bytes()), "round {round}");
                let number = window.add(&i.to_be_bytes());
                window.set(number, i + round);
            }
            assert!((0..1000_u32).all(|i| window.get(&i.to_be_bytes()) == Some(&(i + round))));
            window.clear();
            assert!(window.is_empty() && window.get(&1_u32.to_be_bytes()).is_none());
        }
    }
}
