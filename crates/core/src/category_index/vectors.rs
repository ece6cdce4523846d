//! The categories as vectors, 256 bytes each, compared one by one: a scan of 15,000 takes a fraction of a millisecond, and
//! needs no index that would have to be built.

use crate::embedding::{DIMENSIONS, Embedding, embed};
use crate::lexical::{Document, keep_best};
use crate::normalise::{Case, normalise};

/// How much each label counts, beside the one below it. Beyond three levels a path would say little of its end. Chosen on
/// flipkart, myntra and Shopify's taxonomy (`examples/candidates`).
const LABEL_ABOVE: f32 = 0.7;
/// How much a description counts beside the category's own label, and all examples together.
const DESCRIPTION: f32 = 0.5;
const EXAMPLES: f32 = 1.0;

/// The vectors, as signed bytes times a scale.
#[derive(Debug)]
pub(super) struct CategoryVectors {
    bytes: Vec<i8>,
    scales: Vec<f32>,
}

impl CategoryVectors {
    pub(super) fn new(documents: &[Document]) -> Self {
        let mut vectors = Self { bytes: Vec::with_capacity(documents.len() * DIMENSIONS), scales: Vec::new() };
        for document in documents {
            let sum = sum(document);
            let largest = sum.iter().fold(0.0f32, |m, x| m.max(x.abs()));
            let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
            let step = largest.max(f32::MIN_POSITIVE) / 127.0;
            vectors.bytes.extend(sum.map(|x| (x / step).round() as i8));
            vectors.scales.push(if length > 1e-6 { step / length } else { 0.0 });
        }
        vectors
    }

    /// Writes the nearest `k` into `out`, nearest first: each by its place, with its cosine.
    pub(super) fn rank(&self, text: &str, k: usize, out: &mut Vec<(u32, f32)>) {
        self.cosines(text, out);
        keep_best(out, k);
    }

    /// Writes all into `out`, in their order, with their cosines; none where the text has no vector.
    pub(super) fn cosines(&self, text: &str, out: &mut Vec<(u32, f32)>) {
        out.clear();
        if let Some(embedding) = embed(text) {
            pulp::Arch::new().dispatch(Scan { vectors: self, embedding: &embedding, out });
        }
    }
}

struct Scan<'a> {
    vectors: &'a CategoryVectors,
    embedding: &'a Embedding,
    out: &'a mut Vec<(u32, f32)>,
}

impl pulp::WithSimd for Scan<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { vectors, embedding, out } = self;
        let step = embedding.0.iter().fold(0.0f32, |m, x| m.max(x.abs())) / 127.0;
        let query: [i16; DIMENSIONS] = embedding.0.map(|x| (x / step).round() as i16);
        out.resize(vectors.scales.len(), (0, 0.0));
        let rows = vectors.bytes.chunks_exact(DIMENSIONS).zip(&vectors.scales);
        // A loop, and products in 16 bits, which 127 times 127 fits: what the compiler makes of an iterator's closure, or of
        // products in 32 bits, takes two to three times as long.
        for (place, ((row, scale), at)) in out.iter_mut().zip(rows.zip(0..)) {
            let mut product = 0;
            for i in 0..DIMENSIONS {
                product += i32::from(i16::from(row[i]) * query[i]);
            }
            *place = (at, product as f32 * step * scale);
        }
    }
}

/// The sum of the vectors of its texts.
fn sum(document: &Document) -> [f32; DIMENSIONS] {
    let mut sum = [0.0; DIMENSIONS];
    let mut add = |text: &str, weight: f32| {
        if let Some(vector) = embed(&normalise(text, Case::Folded)) {
            sum.iter_mut().zip(vector.0).for_each(|(s, x)| *s += x * weight);
        }
    };
    for (label, above) in document.labels.iter().rev().zip(0..) {
        add(label, LABEL_ABOVE.powi(above));
    }
    add(&document.description, DESCRIPTION);
    for example in &document.examples {
        add(example, EXAMPLES / document.examples.len() as f32);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_are_those_of_the_vectors_that_were_rounded() {
        let labels = ["Running shoes", "Sofas", "Kettles", "zzqx 15", ""];
        let documents = labels.map(|label| Document { labels: vec![label.to_owned()], ..Document::default() });
        let vectors = CategoryVectors::new(&documents);
        let mut found = Vec::new();
        for text in ["couch", "running shoes", "a kettle for tea"] {
            vectors.cosines(text, &mut found);
            assert_eq!(found.len(), labels.len());
            for ((at, cosine), (i, label)) in found.iter().zip((0..).zip(labels)) {
                let exact = embed(&normalise(label, Case::Folded)).zip(embed(text)).map_or(0.0, |(a, b)| a.cosine(&b));
                assert!(*at == i && (cosine - exact).abs() < 0.01, "{text}, {label}: {cosine}, not {exact}");
            }
        }
        vectors.cosines("", &mut found);
        assert_eq!(found, []);
    }
}
