//! Vectors by a sentence transformer in this process: a BERT encoder (Devlin and others 2018, <https://arxiv.org/abs/1810.04805>)
//! whose last states are pooled (Reimers and Gurevych 2019, <https://arxiv.org/abs/1908.10084>).
//!
//! A model is a folder as the library sentence-transformers writes it: `config.json`, `tokenizer.json`, `model.safetensors`, and
//! `1_Pooling/config.json` and `sentence_bert_config.json` where they are there. What is read is of the superuser's choosing, and
//! is checked all the same: a model that is not of this form is refused in words, never guessed at.

mod config;
mod encoder;
mod weights;
mod word_pieces;
mod workshop;

pub(crate) use workshop::Workshop;

use config::{Config, Pooling};
use encoder::{Encoder, rows_of};
use ndarray::{ArrayView2, Axis, s};
use std::path::Path;
use word_pieces::WordPieces;

/// Bytes of `model.safetensors` at most: the largest models of this form have 1.3 GB.
const MOST_BYTES: u64 = 2 << 30;

/// Bytes of the other files at most.
const MOST_BYTES_OF_JSON: u64 = 64 << 20;

/// Tokens of texts that are gone through together, but for a text that has more by itself: what is worked on stays in the caches of
/// a processor.
const MOST_ROWS: usize = 256;

/// A model that is loaded.
pub struct Transformer {
    words: WordPieces,
    encoder: Encoder,
    pooling: Pooling,
    most_tokens: usize,
}

impl Transformer {
    /// Reads a model from its folder: seconds, and as much memory as its file has bytes, twice that for a moment.
    ///
    /// # Errors
    /// What is wrong with it, in a few words that name no folder.
    pub fn load(folder: &Path) -> Result<Self, String> {
        let json = |name: &str| read(folder, name, MOST_BYTES_OF_JSON);
        let config = Config::parse(&json("config.json")?)?;
        let words = WordPieces::parse(&json("tokenizer.json")?, config.vocab_size)?;
        let pooling = json("1_Pooling/config.json").map_or(Ok(Pooling::Mean), |text| Pooling::parse(&text))?;
        let limit = json("sentence_bert_config.json").ok().and_then(|text| config::most_tokens(&text));
        let encoder = Encoder::new(&config, &read(folder, "model.safetensors", MOST_BYTES)?)?;
        Ok(Self { words, encoder, pooling, most_tokens: limit.map_or(config.positions, |n| n.min(config.positions)) })
    }

    /// The vectors of texts, of length 1 each; `None` where one has no token that the model knows, or what is calculated is no number.
    /// Of a text that has more tokens than the model reads, its beginning counts. It ends, and has none, when `is_over` says so, which
    /// is asked after each few.
    pub fn embed(&self, texts: &[&str], is_over: impl Fn() -> bool) -> Option<Vec<Option<Vec<f32>>>> {
        let mut vectors = vec![None; texts.len()];
        let known = texts.iter().map(|text| self.words.tokens(text, self.most_tokens)).enumerate();
        let known: Vec<(usize, Vec<u32>)> = known.filter_map(|(at, tokens)| Some((at, tokens?))).collect();
        let mut known = known.as_slice();
        while !known.is_empty() {
            if is_over() {
                return None;
            }
            let mut count = 0;
            let fits = known.iter().take_while(|(_, tokens)| {
                count += tokens.len();
                count <= MOST_ROWS
            });
            let (now, later) = known.split_at(fits.count().max(1));
            let (places, tokens): (Vec<usize>, Vec<Vec<u32>>) = now.iter().cloned().unzip();
            let states = self.encoder.states(&tokens);
            for (place, rows) in places.into_iter().zip(rows_of(&tokens)) {
                vectors[place] = self.pooled(states.slice(s![rows, ..]));
            }
            known = later;
        }
        Some(vectors)
    }

    fn pooled(&self, states: ArrayView2<'_, f32>) -> Option<Vec<f32>> {
        let vector = match self.pooling {
            Pooling::Mean => states.mean_axis(Axis(0))?,
            Pooling::First => states.row(0).to_owned(),
        };
        let length = vector.dot(&vector).sqrt();
        (length.is_finite() && length > 0.0).then(|| (vector / length).to_vec())
    }

    /// Numbers of a vector.
    pub fn dimensions(&self) -> usize {
        self.encoder.dimensions()
    }
}

fn read(folder: &Path, name: &str, most: u64) -> Result<Vec<u8>, String> {
    let path = folder.join(name);
    let there = std::fs::metadata(&path).map_err(|error| format!("{name} cannot be read: {}", error.kind()))?;
    if !there.is_file() || there.len() > most {
        return Err(format!("{name} is no file, or has more than {most} bytes"));
    }
    std::fs::read(&path).map_err(|error| format!("{name} cannot be read: {}", error.kind()))
}

#[cfg(test)]
mod tests;
