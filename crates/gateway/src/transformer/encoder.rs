//! The arithmetic of a BERT encoder (Devlin and others 2018; Vaswani and others 2017, <https://arxiv.org/abs/1706.03762>), over the
//! tokens of several texts at once, one below the other: weights are gone through once for all of them, and nothing is padded.

use super::config::Config;
use super::weights::Weights;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, s};
use std::f32::consts::FRAC_1_SQRT_2;
use std::ops::Range;

/// An encoder.
pub(super) struct Encoder {
    words: Array2<f32>,
    /// Those of the first type of token are added in.
    positions: Array2<f32>,
    first: Norm,
    layers: Vec<Layer>,
    heads: usize,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attended: Linear,
    after_attention: Norm,
    inner: Linear,
    outer: Linear,
    last: Norm,
}

/// `x W' + b`.
struct Linear {
    weight: Array2<f32>,
    bias: Array1<f32>,
}

/// Layer normalisation (Ba and others 2016, <https://arxiv.org/abs/1607.06450>).
struct Norm {
    weight: Array1<f32>,
    bias: Array1<f32>,
    epsilon: f32,
}

impl Encoder {
    pub(super) fn new(config: &Config, bytes: &[u8]) -> Result<Self, String> {
        let weights = Weights::parse(bytes)?;
        let size = config.dimensions;
        let norm = |name: &str| Norm::new(&weights, name, config);
        let layer = |number: usize| {
            let of = |name: &str| format!("encoder.layer.{number}.{name}");
            let linear = |name: &str, to, from| Linear::new(&weights, &of(name), to, from);
            Ok(Layer {
                query: linear("attention.self.query", size, size)?,
                key: linear("attention.self.key", size, size)?,
                value: linear("attention.self.value", size, size)?,
                attended: linear("attention.output.dense", size, size)?,
                after_attention: norm(&of("attention.output.LayerNorm"))?,
                inner: linear("intermediate.dense", config.inner, size)?,
                outer: linear("output.dense", size, config.inner)?,
                last: norm(&of("output.LayerNorm"))?,
            })
        };
        let table = |name: &str, rows| weights.matrix(&format!("embeddings.{name}.weight"), (rows, size));
        let types = table("token_type_embeddings", config.types)?;
        Ok(Self {
            words: table("word_embeddings", config.vocab_size)?,
            positions: table("position_embeddings", config.positions)? + types.row(0),
            first: norm("embeddings.LayerNorm")?,
            layers: (0..config.layers).map(layer).collect::<Result<_, String>>()?,
            heads: config.heads,
        })
    }

    /// Numbers of a state.
    pub(super) fn dimensions(&self) -> usize {
        self.words.ncols()
    }

    /// The last states of the tokens of each text, a row each, one text below the other. Each has at least one token, and no more than
    /// there are positions, and all are entries.
    pub(super) fn states(&self, texts: &[Vec<u32>]) -> Array2<f32> {
        let entries: Vec<usize> = texts.iter().flatten().map(|token| *token as usize).collect();
        let mut states = self.words.select(Axis(0), &entries);
        for rows in rows_of(texts) {
            let mut of_text = states.slice_mut(s![rows.clone(), ..]);
            of_text += &self.positions.slice(s![..rows.len(), ..]);
        }
        self.first.apply(&mut states);
        for layer in &self.layers {
            let attended = layer.attended.apply(&layer.attend(&states, texts, self.heads));
            states += &attended;
            layer.after_attention.apply(&mut states);
            let mut inner = layer.inner.apply(&states);
            inner.mapv_inplace(gelu);
            states += &layer.outer.apply(&inner);
            layer.last.apply(&mut states);
        }
        states
    }
}

/// Where the rows of each text are.
pub(super) fn rows_of(texts: &[Vec<u32>]) -> impl Iterator<Item = Range<usize>> {
    texts.iter().scan(0, |end, text| {
        let start = *end;
        *end += text.len();
        Some(start..*end)
    })
}

impl Layer {
    /// What each state takes from all of its text, by each head.
    fn attend(&self, states: &Array2<f32>, texts: &[Vec<u32>], heads: usize) -> Array2<f32> {
        let (query, key, value) = (self.query.apply(states), self.key.apply(states), self.value.apply(states));
        let width = states.ncols() / heads;
        let scale = 1.0 / (width as f32).sqrt();
        let mut attended = Array2::zeros(states.raw_dim());
        for rows in rows_of(texts) {
            for head in 0..heads {
                let of = s![rows.clone(), head * width..(head + 1) * width];
                let mut shares = query.slice(of).dot(&key.slice(of).t());
                shares.rows_mut().into_iter().for_each(|row| softmax(row, scale));
                attended.slice_mut(of).assign(&shares.dot(&value.slice(of)));
            }
        }
        attended
    }
}

impl Linear {
    fn new(weights: &Weights<'_>, name: &str, to: usize, from: usize) -> Result<Self, String> {
        let weight = weights.matrix(&format!("{name}.weight"), (to, from))?;
        Ok(Self { weight, bias: weights.vector(&format!("{name}.bias"), to)? })
    }

    fn apply(&self, states: &Array2<f32>) -> Array2<f32> {
        let weight: ArrayView2<'_, f32> = self.weight.t();
        states.dot(&weight) + &self.bias
    }
}

impl Norm {
    fn new(weights: &Weights<'_>, name: &str, config: &Config) -> Result<Self, String> {
        let of = |part: &str| weights.vector(&format!("{name}.{part}"), config.dimensions);
        Ok(Self { weight: of("weight")?, bias: of("bias")?, epsilon: config.epsilon })
    }

    fn apply(&self, states: &mut Array2<f32>) {
        for mut row in states.rows_mut() {
            let count = row.len() as f32;
            let mean = row.sum() / count;
            row -= mean;
            let variance = row.dot(&row) / count;
            row /= (variance + self.epsilon).sqrt();
            row *= &self.weight;
            row += &self.bias;
        }
    }
}

/// Shares that are 1 together, of numbers that are scaled before. The largest is taken off, so that none overflows.
fn softmax(mut row: ArrayViewMut1<'_, f32>, scale: f32) {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.mapv_inplace(|x| ((x - most) * scale).exp());
    let sum = row.sum();
    row /= sum;
}

/// The Gaussian error linear unit, exact (Hendrycks and Gimpel 2016, <https://arxiv.org/abs/1606.08415>).
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + libm::erff(x * FRAC_1_SQRT_2))
}
