//! The n-grams of a text, hashed: words, pairs of words, and runs of three to five characters within a word.
//!
//! Words say what is known; runs of characters carry over to spellings, plurals and compounds that are not. Hashing
//! instead of a dictionary (Weinberger et al., "Feature hashing for large scale multitask learning", 2009) keeps a model
//! free of the texts that it was trained on.

/// Bits of a bucket: a million buckets, of which a shop's titles fill a tenth.
pub(super) const BUCKET_BITS: u32 = 20;

/// Part of every model: raise it when any n-gram lands in another bucket.
pub(super) const HASH_VERSION: u32 = 1;

/// Bytes of a text that are read; what a document is about stands in its beginning.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// Lengths of runs of characters, the boundaries of the word included.
const RUN: std::ops::RangeInclusive<usize> = 3..=5;

/// In scripts that write without spaces two characters are a word already.
const RUN_WITHOUT_SPACES: std::ops::RangeInclusive<usize> = 2..=4;

/// Stands for the beginning and the end of a word.
const BOUNDARY: u8 = b' ';

/// What an n-gram is made of. The two kinds weigh the same in a text, however many there are of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word, or two in a row.
    Word = 0,
    /// Characters in a row.
    Run = 1,
}

/// One n-gram of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ngram {
    pub(super) bucket: u32,
    pub(super) kind: Kind,
    /// The words that it belongs to, by position in the text: one, or two for a pair.
    pub(super) first_word: u32,
    pub(super) words: u32,
}

/// Calls `each` with every n-gram of a text in normal form.
#[inline]
pub(super) fn each_ngram(text: &str, mut each: impl FnMut(Ngram)) {
    let mut before: Option<u64> = None;
    for (position, word) in words(text).enumerate() {
        let first_word = position as u32;
        let hash = hash_bytes(word.as_bytes());
        each(Ngram { bucket: bucket(hash ^ 1), kind: Kind::Word, first_word, words: 1 });
        if let Some(before) = before {
            let pair = bucket(before.rotate_left(17) ^ hash ^ 2);
            each(Ngram { bucket: pair, kind: Kind::Word, first_word: first_word - 1, words: 2 });
        }
        before = Some(hash);
        each_run(word, |bucket| each(Ngram { bucket, kind: Kind::Run, first_word, words: 1 }));
    }
}

/// The words of a text: letters and digits in a row.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[inline]
fn each_run(word: &str, mut each: impl FnMut(u32)) {
    if word.is_ascii() {
        let bytes = word.as_bytes();
        let at = |i: usize| if i == 0 || i > bytes.len() { BOUNDARY } else { bytes[i - 1] };
        let length = bytes.len() + 2;
        for start in 0..length {
            let mut run = 0;
            for (i, position) in (start..length.min(start + RUN.end())).enumerate() {
                run |= u64::from(at(position)) << (8 * i);
                if i + 1 >= *RUN.start() {
                    each(bucket(run ^ ((i as u64 + 1) << 56)));
                }
            }
        }
        return;
    }
    let boundary = std::iter::once(char::from(BOUNDARY));
    let chars: Vec<char> = boundary.clone().chain(word.chars()).chain(boundary).collect();
    let run = if chars.iter().any(|c| writes_without_spaces(*c)) { RUN_WITHOUT_SPACES } else { RUN };
    for start in 0..chars.len() {
        let mut hash = 3;
        for (i, c) in chars[start..].iter().take(*run.end()).enumerate() {
            hash = mix(hash ^ u64::from(u32::from(*c)));
            if i + 1 >= *run.start() {
                each(bucket(hash));
            }
        }
    }
}

/// Chinese, Japanese, Thai, Lao, Khmer and Burmese letters.
fn writes_without_spaces(c: char) -> bool {
    matches!(u32::from(c), 0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x2e80..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = bytes.len() as u64;
    for part in bytes.chunks(8) {
        let mut padded = [0; 8];
        padded[..part.len()].copy_from_slice(part);
        hash = mix(hash ^ u64::from_le_bytes(padded));
    }
    hash
}

fn bucket(hash: u64) -> u32 {
    (mix(hash) >> (64 - BUCKET_BITS)) as u32
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every bit of the input moves every bit of the output.
#[inline]
pub(super) fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(text: &str, kind: Kind) -> usize {
        let mut count = 0;
        each_ngram(text, |n| count += usize::from(n.kind == kind));
        count
    }

    #[test]
    fn words_pairs_and_runs_within_words() {
        assert_eq!(count("red shoe", Kind::Word), 3);
        // " red ": three of 3, two of 4, one of 5; " shoe ": four, three, two.
        assert_eq!(count("red shoe", Kind::Run), 6 + 9);
        assert_eq!(count("!!! --", Kind::Word) + count("!!! --", Kind::Run), 0);
        assert_eq!(count("猫砂", Kind::Run), 3 + 2 + 1);
    }

    #[test]
    fn buckets_stay_where_models_on_disk_expect_them() {
        let mut buckets = Vec::new();
        each_ngram("ab é", |n| buckets.push(n.bucket));
        let expected = [1010817, 878638, 265866, 55544, 297661, 906739, 894081];
        assert_eq!((HASH_VERSION, &buckets[..]), (1, &expected[..]), "raise HASH_VERSION");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in any::<String>()) {
            let words = words(&text).count() as u32;
            each_ngram(&text, |n| {
                assert!(n.bucket < 1 << BUCKET_BITS && n.first_word + n.words <= words);
            });
        }
    }
}
