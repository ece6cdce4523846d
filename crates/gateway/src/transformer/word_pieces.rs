//! The tokens of a text by the vocabulary of a model: WordPiece (Schuster and Nakajima 2012), the longest entry first, over the
//! words that BERT's uncased vocabularies see.

use hashbrown::HashMap;
use pg_categorize_core::embedding::words::{Word, for_each_word};
use serde_json::Value;
use std::ops::ControlFlow;

const CONTINUES: &str = "##";
const UNKNOWN: &str = "[UNK]";
const FIRST: &str = "[CLS]";
const LAST: &str = "[SEP]";

/// A vocabulary.
pub(super) struct WordPieces {
    begin: HashMap<Box<[u8]>, u32>,
    continues: HashMap<Box<[u8]>, u32>,
    longest: usize,
    unknown: u32,
    first: u32,
    last: u32,
}

impl WordPieces {
    /// Reads `tokenizer.json` of the library tokenizers (<https://huggingface.co/docs/tokenizers>).
    pub(super) fn parse(json: &[u8], entries: usize) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(json).map_err(|_| "tokenizer.json cannot be read".to_owned())?;
        let at = |path: &str| json.pointer(path);
        let is = |path: &str, text: &str| at(path).and_then(Value::as_str) == Some(text);
        let flag = |name: &str| at(&format!("/normalizer/{name}"));
        let is_uncased = is("/normalizer/type", "BertNormalizer")
            && ["lowercase", "clean_text", "handle_chinese_chars"]
                .iter()
                .all(|name| flag(name) == Some(&Value::Bool(true)))
            && flag("strip_accents").is_none_or(|strips| *strips != Value::Bool(false));
        let is_one = is_uncased
            && is("/pre_tokenizer/type", "BertPreTokenizer")
            && is("/model/type", "WordPiece")
            && is("/model/unk_token", UNKNOWN)
            && is("/model/continuing_subword_prefix", CONTINUES)
            && at("/model/max_input_chars_per_word").and_then(Value::as_u64) == Some(100);
        if !is_one {
            return Err("tokenizer.json is of another kind than BERT's uncased WordPiece".to_owned());
        }
        let vocabulary = at("/model/vocab").and_then(Value::as_object).ok_or("tokenizer.json has no vocabulary")?;
        let (mut begin, mut continues, mut longest) = (HashMap::new(), HashMap::new(), 0);
        for (text, id) in vocabulary {
            let id = id.as_u64().filter(|id| *id < entries as u64).and_then(|id| u32::try_from(id).ok());
            let id = id.ok_or("tokenizer.json has entries that the model does not know")?;
            let rest = text.strip_prefix(CONTINUES).filter(|rest| !rest.is_empty());
            let key: Box<[u8]> = rest.unwrap_or(text).as_bytes().into();
            longest = longest.max(key.len());
            _ = if rest.is_some() { continues.insert(key, id) } else { begin.insert(key, id) };
        }
        let special = |text: &str| {
            begin.get(text.as_bytes()).copied().ok_or_else(|| format!("tokenizer.json has no entry {text}"))
        };
        let (unknown, first, last) = (special(UNKNOWN)?, special(FIRST)?, special(LAST)?);
        Ok(Self { begin, continues, longest, unknown, first, last })
    }

    /// The tokens of a text between the first and the last, at most so many with both; `None` where it has none that is known:
    /// all such texts would be as near as can be.
    pub(super) fn tokens(&self, text: &str, most: usize) -> Option<Vec<u32>> {
        let mut tokens = vec![self.first];
        // Breaks when there is no more room.
        let _ = for_each_word(text, |word| {
            self.add(word, &mut tokens);
            if tokens.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        tokens.truncate(most - 1);
        let is_known = tokens[1..].iter().any(|token| *token != self.unknown);
        tokens.push(self.last);
        is_known.then_some(tokens)
    }

    /// The pieces of a word; one that is unknown where the entries do not make it up.
    fn add(&self, word: &Word, tokens: &mut Vec<u32>) {
        let before = tokens.len();
        let mut rest = word.bytes();
        while let Some(bytes) = rest.filter(|bytes| !bytes.is_empty()) {
            let entries = if tokens.len() == before { &self.begin } else { &self.continues };
            let most = bytes.len().min(self.longest);
            let found = (1..=most).rev().find_map(|length| Some((*entries.get(&bytes[..length])?, length)));
            rest = found.map(|(token, length)| {
                tokens.push(token);
                &bytes[length..]
            });
        }
        if rest.is_none() {
            tokens.truncate(before);
            tokens.push(self.unknown);
        }
    }
}
