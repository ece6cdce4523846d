//! From words to tokens: WordPiece (Schuster and Nakajima 2012) as BERT uses it, the longest entry first.

use super::vocabulary::longest;
use super::words::{Word, for_each_word};
use std::ops::ControlFlow;

/// Writes the tokens of a text and returns how many there are, at most as many as there is room for. A word that the entries
/// do not make up has none.
pub(super) fn tokens_into(text: &str, tokens: &mut [u16]) -> usize {
    let mut count = 0;
    // Breaks when there is no more room.
    let _ = for_each_word(text, |word| {
        count += pieces_into(word, &mut tokens[count..]);
        if count < tokens.len() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    count
}

fn pieces_into(word: &Word, tokens: &mut [u16]) -> usize {
    let Some(mut rest) = word.bytes() else { return 0 };
    let (mut count, mut continues) = (0, false);
    while !rest.is_empty() {
        let Some((token, length)) = longest(rest, continues) else { return 0 };
        if let Some(place) = tokens.get_mut(count) {
            *place = token;
            count += 1;
        }
        rest = &rest[length..];
        continues = true;
    }
    count
}
