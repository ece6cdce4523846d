//! What a model thinks of one item.

/// What a model says about one item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Opinion {
    /// Which option.
    pub(crate) option: usize,
    /// How probable it says that it is right.
    pub(crate) confidence: f64,
    /// The truth where it was missed.
    pub(crate) missed: Option<usize>,
}

impl Opinion {
    /// Its confidence as models write it, to thousandths.
    pub(crate) fn written(&self) -> f64 {
        (self.confidence * 1000.0).round() / 1000.0
    }

    /// A probability for each of so many options, 1 in sum; `next` is the second likeliest.
    pub(crate) fn probabilities(&self, options: usize, next: Option<usize>) -> Vec<f64> {
        let least = match options {
            0 | 1 => 1.0,
            2 => 0.51,
            _ => 0.34,
        };
        let sure = self.confidence.max(least);
        let others = options.saturating_sub(2);
        let (second, other) = match others {
            0 => (1.0 - sure, 0.0),
            _ => ((1.0 - sure) / 2.0, (1.0 - sure) / 2.0 / others as f64),
        };
        (0..options)
            .map(|at| match at {
                at if at == self.option => sure,
                at if Some(at) == next => second,
                _ => other,
            })
            .collect()
    }
}
