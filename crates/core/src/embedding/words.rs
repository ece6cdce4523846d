//! The words of a text as BERT's uncased vocabulary sees them (<https://github.com/google-research/bert>, `tokenization.py`):
//! lower case, without accents and control characters; a mark of punctuation and a Chinese character is a word.

use std::ops::ControlFlow;
use unicode_normalization::char::decompose_canonical;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// Characters that a word may have to be looked up.
const MAX_CHARACTERS: usize = 100;

/// A word that is being read, without memory of its own elsewhere.
pub struct Word {
    bytes: [u8; MAX_CHARACTERS * 4],
    length: usize,
    characters: usize,
}

impl Word {
    /// Its text; `None` where it is too long to be a word.
    pub fn bytes(&self) -> Option<&[u8]> {
        (self.characters <= MAX_CHARACTERS).then(|| &self.bytes[..self.length])
    }

    fn push(&mut self, c: char) {
        self.characters += 1;
        if self.characters <= MAX_CHARACTERS {
            self.length += c.encode_utf8(&mut self.bytes[self.length..]).len();
        }
    }

    fn clear(&mut self) {
        (self.length, self.characters) = (0, 0);
    }
}

/// Calls `f` with the words in their order until it breaks.
pub fn for_each_word<F: FnMut(&Word) -> ControlFlow<()>>(text: &str, f: F) -> ControlFlow<()> {
    let word = Word { bytes: [0; MAX_CHARACTERS * 4], length: 0, characters: 0 };
    let mut reader = Reader { word, f };
    for c in text.chars() {
        if c.is_ascii() {
            reader.read(c.to_ascii_lowercase(), is_control(c))?;
        } else {
            reader.read_decomposed(c)?;
        }
    }
    reader.end()
}

struct Reader<F> {
    word: Word,
    f: F,
}

impl<F: FnMut(&Word) -> ControlFlow<()>> Reader<F> {
    fn read_decomposed(&mut self, c: char) -> ControlFlow<()> {
        if c == char::REPLACEMENT_CHARACTER || is_control(c) {
            return ControlFlow::Continue(());
        }
        let alone = is_chinese(c);
        if alone {
            self.end()?;
        }
        let mut flow = ControlFlow::Continue(());
        decompose_canonical(c, |part| {
            if part.general_category() == GeneralCategory::NonspacingMark {
                return;
            }
            for lower in part.to_lowercase() {
                if flow.is_continue() {
                    flow = self.read(lower, false);
                }
            }
        });
        flow?;
        if alone { self.end() } else { ControlFlow::Continue(()) }
    }

    fn read(&mut self, c: char, control: bool) -> ControlFlow<()> {
        if control {
            return ControlFlow::Continue(());
        }
        if c.is_whitespace() {
            return self.end();
        }
        if !is_punctuation(c) {
            self.word.push(c);
            return ControlFlow::Continue(());
        }
        self.end()?;
        self.word.push(c);
        self.end()
    }

    fn end(&mut self) -> ControlFlow<()> {
        let flow = if self.word.characters > 0 { (self.f)(&self.word) } else { ControlFlow::Continue(()) };
        self.word.clear();
        flow
    }
}

fn is_control(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r');
    }
    use GeneralCategory::{Control, Format, PrivateUse};
    matches!(c.general_category(), Control | Format | PrivateUse)
}

fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_punctuation();
    }
    c.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// The blocks of CJK unified ideographs, which BERT takes for words of their own. Kana and Hangul are written with spaces,
/// or so it holds.
fn is_chinese(c: char) -> bool {
    matches!(c,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2a6df}'
        | '\u{2a700}'..='\u{2b73f}' | '\u{2b740}'..='\u{2b81f}' | '\u{2b820}'..='\u{2ceaf}' | '\u{2f800}'..='\u{2fa1f}')
}
