//! A text as a point among others, near to what means the same: the mean of the vectors of its tokens.
//!
//! The model is a static table (Model2Vec, <https://github.com/MinishLab/model2vec>): a transformer, all-MiniLM-L6-v2, was
//! asked once for each entry of its vocabulary, and is not needed any more (`crates/core/models/generate.py`). So a vector costs
//! a look-up and an addition for each token. It knows English, and little else. Table and vocabulary lie in the library's
//! read-only data: nothing is loaded or allocated, and all processes of a server share their pages.

mod table;
mod vocabulary;
mod word_pieces;
pub mod words;

use word_pieces::tokens_into;

/// Name of the model, stored with every vector: those of different models have nothing to do with each other.
pub const MODEL: &str = "minilm-256";

/// Length of a vector.
pub const DIMENSIONS: usize = 256;

/// Bytes of a text that are read, as of the local model. What a text is about stands at its beginning.
pub const MAX_BYTES: usize = 16 * 1024;

/// Tokens of a text that are read, the limit of the reference implementation.
pub const MAX_TOKENS: usize = 512;

/// A vector of length 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(pub [f32; DIMENSIONS]);

/// The vector of a text in normal form, case folded; `None` where it has no token that the vocabulary knows. Of a long
/// text it reads the first [`MAX_TOKENS`] tokens within the first [`MAX_BYTES`] bytes.
pub fn embed(text: &str) -> Option<Embedding> {
    let mut tokens = [0; MAX_TOKENS];
    let bound = text.len().min(MAX_BYTES);
    let end = (0..=bound).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let count = tokens_into(&text[..end], &mut tokens);
    table::mean(&tokens[..count]).map(Embedding)
}

impl Embedding {
    /// How near two texts are: the cosine of the angle between their vectors, from -1 to 1.
    pub fn cosine(&self, other: &Self) -> f32 {
        table::dot(&self.0, &other.0).clamp(-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Golden {
        text: String,
        tokens: Vec<u16>,
        /// Signed bytes, in base64.
        vector: Option<String>,
    }

    fn tokens(text: &str) -> Vec<u16> {
        let mut found = [0; MAX_TOKENS];
        let count = tokens_into(text, &mut found);
        found[..count].to_vec()
    }

    /// Written by `crates/core/models/generate.py` with the PyPI packages tokenizers and model2vec.
    #[test]
    fn agrees_with_the_reference_implementation() {
        let lines: Vec<Golden> =
            include_str!("golden.jsonl").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert!(lines.len() > 60);
        for Golden { text, tokens: expected, vector } in lines {
            assert_eq!(tokens(&text), expected, "{text:?}");
            let ours = embed(&text);
            assert_eq!(ours.is_some(), vector.is_some(), "{text:?}");
            let (Some(ours), Some(vector)) = (ours, vector) else { continue };
            let theirs: Vec<f32> = STANDARD.decode(vector).unwrap().iter().map(|b| f32::from(*b as i8)).collect();
            let length = theirs.iter().map(|x| x * x).sum::<f32>().sqrt();
            let cosine = ours.0.iter().zip(&theirs).map(|(x, y)| x * y / length).sum::<f32>();
            assert!(cosine >= 0.999, "{text:?}: {cosine}");
        }
    }

    #[test]
    fn what_means_the_same_is_nearer() {
        let near = |a, b| embed(a).unwrap().cosine(&embed(b).unwrap());
        assert!(near("sofa", "couch") > near("sofa", "kettle") + 0.2);
        assert!((near("running shoes", "running shoes") - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_long_text_is_read_to_a_bound_and_never_cut_within_a_character() {
        let (shoes, kettles) = ("shoe ".repeat(MAX_TOKENS), "kettle ".repeat(200_000));
        assert_eq!(embed(&format!("{shoes}{kettles}")), embed(&shoes));
        assert_eq!(embed(&format!("{}shoe", " ".repeat(MAX_BYTES))), None);
        assert_eq!(embed(&"é".repeat(500_000)), None);
        assert!(embed(&format!("a {}", "é ".repeat(MAX_BYTES))).is_some());
    }

    proptest! {
        #[test]
        fn any_text_has_a_vector_of_length_one_or_none(
            text in prop_oneof![".{0,60}", "[a-z0-9 .,'-]{0,200}", any::<String>(), "[\\u{0}-\\u{2ff}\\u{300}-\\u{36f}]{0,40}"]
        ) {
            if let Some(Embedding(vector)) = embed(&text) {
                let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
                prop_assert!((length - 1.0).abs() < 1e-4, "{}", length);
                prop_assert!(!tokens(&text).is_empty());
            }
        }
    }
}
