//! What the files of a model say of its form.

use pg_categorize_core::embedding_model::MOST_DIMENSIONS;
use serde::Deserialize;

/// Layers at most: BERT large has 24.
const MOST_LAYERS: usize = 64;

/// Positions at most, and numbers of the inner layer for each of a state: what one text takes to be embedded is bound by both.
const MOST_POSITIONS: usize = 4_096;
const MOST_INNER: usize = 16;

/// Entries of a vocabulary at most: those of many languages have 250,000.
const MOST_ENTRIES: usize = 1_000_000;

/// The form of an encoder, as `config.json` tells it
/// (<https://huggingface.co/docs/transformers/model_doc/bert#transformers.BertConfig>).
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    model_type: String,
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
    #[serde(rename = "hidden_size")]
    pub(super) dimensions: usize,
    #[serde(rename = "num_hidden_layers")]
    pub(super) layers: usize,
    #[serde(rename = "num_attention_heads")]
    pub(super) heads: usize,
    #[serde(rename = "intermediate_size")]
    pub(super) inner: usize,
    #[serde(rename = "max_position_embeddings")]
    pub(super) positions: usize,
    #[serde(rename = "type_vocab_size")]
    pub(super) types: usize,
    pub(super) vocab_size: usize,
    #[serde(rename = "layer_norm_eps", default = "epsilon")]
    pub(super) epsilon: f32,
}

fn absolute() -> String {
    "absolute".to_owned()
}

fn epsilon() -> f32 {
    1e-12
}

impl Config {
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        let config: Self =
            serde_json::from_slice(json).map_err(|_| "config.json is none of a BERT encoder".to_owned())?;
        let is_one =
            config.model_type == "bert" && config.hidden_act == "gelu" && config.position_embedding_type == "absolute";
        if !is_one {
            return Err("config.json is of another kind than BERT with absolute positions and gelu".to_owned());
        }
        let within = (1..=MOST_DIMENSIONS).contains(&config.dimensions)
            && (1..=MOST_LAYERS).contains(&config.layers)
            && (1..=config.dimensions).contains(&config.heads)
            && config.dimensions.is_multiple_of(config.heads)
            && (1..=config.dimensions * MOST_INNER).contains(&config.inner)
            && (3..=MOST_POSITIONS).contains(&config.positions)
            && (1..=MOST_ENTRIES).contains(&config.vocab_size)
            && (1..=MOST_ENTRIES).contains(&config.types)
            && (0.0..1.0).contains(&config.epsilon);
        within.then_some(config).ok_or_else(|| "config.json has sizes that no model has".to_owned())
    }
}

/// What of the last states is the vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// Their mean.
    Mean,
    /// That of the token before the first word, `[CLS]`.
    First,
}

impl Pooling {
    /// As `1_Pooling/config.json` tells it
    /// (<https://sbert.net/docs/package_reference/sentence_transformer/models.html#sentence_transformers.models.Pooling>).
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Modes {
            #[serde(default)]
            pooling_mode_cls_token: bool,
            #[serde(default)]
            pooling_mode_mean_tokens: bool,
            #[serde(default)]
            pooling_mode_max_tokens: bool,
            #[serde(default)]
            pooling_mode_mean_sqrt_len_tokens: bool,
            #[serde(default)]
            pooling_mode_weightedmean_tokens: bool,
            #[serde(default)]
            pooling_mode_lasttoken: bool,
        }
        let modes: Modes =
            serde_json::from_slice(json).map_err(|_| "1_Pooling/config.json cannot be read".to_owned())?;
        let others = modes.pooling_mode_max_tokens
            || modes.pooling_mode_mean_sqrt_len_tokens
            || modes.pooling_mode_weightedmean_tokens
            || modes.pooling_mode_lasttoken;
        match (modes.pooling_mode_mean_tokens, modes.pooling_mode_cls_token, others) {
            (true, false, false) => Ok(Self::Mean),
            (false, true, false) => Ok(Self::First),
            _ => Err("1_Pooling/config.json pools otherwise than by the mean or the first token".to_owned()),
        }
    }
}

/// How many tokens of a text are read, as `sentence_bert_config.json` tells it, where it does.
pub(super) fn most_tokens(json: &[u8]) -> Option<usize> {
    #[derive(Deserialize)]
    struct Limit {
        max_seq_length: usize,
    }
    serde_json::from_slice::<Limit>(json).ok().map(|limit| limit.max_seq_length.max(3))
}
