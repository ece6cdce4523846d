//! Axes: where a value lies, and which lines are drawn.

/// How far apart values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// By their ratio, from a power of ten to another.
    Logarithmic,
    /// By their difference: shares, from a tenth to another.
    Shares,
}

/// One axis, from one place of the picture to another.
pub struct Axis {
    scale: Scale,
    /// Powers of ten, or tenths.
    low: i32,
    high: i32,
    from: f64,
    to: f64,
}

impl Axis {
    /// The axis that holds these values.
    pub fn new(scale: Scale, values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let lowest = values.clone().fold(f64::INFINITY, f64::min);
        let highest = values.fold(f64::NEG_INFINITY, f64::max);
        let low = scale.steps(lowest).floor() as i32;
        let high = scale.steps(highest).ceil() as i32;
        Self { scale, low, high: high.max(low + 1), from, to }
    }

    /// Where a value lies.
    pub fn place(&self, value: f64) -> f64 {
        let share = (self.scale.steps(value) - f64::from(self.low)) / f64::from(self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// Steps, and the lines between them: a value, and whether it gets a label. Few decades have labels between.
    pub fn ticks(&self) -> Vec<(f64, bool)> {
        let steps = self.low..self.high;
        if self.scale == Scale::Shares {
            return (self.low..=self.high).map(|tenth| (f64::from(tenth) / 10.0, true)).collect();
        }
        let few = steps.len() <= 2;
        let labelled = move |digit: i32| digit == 1 || (few && [2, 5].contains(&digit));
        let decade = |power: i32| (1..10).map(move |digit| (f64::from(digit) * 10f64.powi(power), labelled(digit)));
        let mut ticks: Vec<(f64, bool)> = steps.flat_map(decade).collect();
        ticks.push((10f64.powi(self.high), true));
        ticks
    }
}

impl Scale {
    /// Powers of ten, or tenths; a tenth that is off by less than a thousandth is one.
    fn steps(self, value: f64) -> f64 {
        match self {
            Self::Logarithmic => value.log10(),
            Self::Shares => (value * 1e4).round() / 1e3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Axis, Scale};

    #[test]
    fn an_axis_spans_whole_decades() {
        let axis = Axis::new(Scale::Logarithmic, [20.0, 3_000.0].into_iter(), 0.0, 300.0);
        assert_eq!((axis.low, axis.high), (1, 4));
        assert!((axis.place(100.0) - 100.0).abs() < 1e-9);
        assert_eq!(axis.ticks().iter().filter(|tick| tick.1).count(), 4, "decades only");
    }

    #[test]
    fn an_axis_of_shares_spans_whole_tenths() {
        let axis = Axis::new(Scale::Shares, [0.42, 0.3, 0.99].into_iter(), 0.0, 70.0);
        assert_eq!((axis.low, axis.high), (3, 10));
        assert!((axis.place(0.5) - 20.0).abs() < 1e-9);
        assert_eq!(axis.ticks().len(), 8);
    }
}
