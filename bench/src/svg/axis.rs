//! Axes: where a value lies, and which lines are drawn.

/// How far apart values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// By their ratio, from a power of ten to another.
    Logarithmic,
    /// By their difference: shares, from a tenth to another.
    Shares,
    /// By their difference: anything, from 0 on, in steps of 1, 2 or 5 times a power of ten.
    Even,
}

/// Steps that an even axis has at most.
const STEPS: f64 = 10.0;

/// One axis, from one place of the picture to another.
pub struct Axis {
    scale: Scale,
    /// What a step of an even axis stands for.
    step: f64,
    /// Powers of ten, tenths, or steps.
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
        let step = step(highest);
        let low = if scale == Scale::Even { 0 } else { scale.steps(lowest, step).floor() as i32 };
        let high = scale.steps(highest, step).ceil() as i32;
        Self { scale, step, low, high: high.max(low + 1), from, to }
    }

    /// Where a value lies.
    pub fn place(&self, value: f64) -> f64 {
        let share = (self.scale.steps(value, self.step) - f64::from(self.low)) / f64::from(self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// Steps, and the lines between them: a value, and whether it gets a label. Few decades have labels between.
    pub fn ticks(&self) -> Vec<(f64, bool)> {
        let steps = self.low..self.high;
        match self.scale {
            Scale::Shares => return (self.low..=self.high).map(|tenth| (f64::from(tenth) / 10.0, true)).collect(),
            Scale::Even => return (self.low..=self.high).map(|at| (f64::from(at) * self.step, true)).collect(),
            Scale::Logarithmic => {}
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
    /// Powers of ten, tenths or steps; what is off by less than a thousandth of one is none more.
    fn steps(self, value: f64, step: f64) -> f64 {
        match self {
            Self::Logarithmic => value.log10(),
            Self::Shares => (value * 1e4).round() / 1e3,
            Self::Even => (value / step * 1e3).round() / 1e3,
        }
    }
}

/// The least of 1, 2 and 5 times a power of ten of which a few reach this.
fn step(highest: f64) -> f64 {
    let least = highest.max(f64::MIN_POSITIVE) / STEPS;
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power).find(|step| *step >= least * 0.999).unwrap_or(10.0 * power)
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

    #[test]
    fn an_even_axis_begins_at_nothing_and_has_round_steps() {
        let axis = Axis::new(Scale::Even, [500.0, 10_000.0].into_iter(), 0.0, 100.0);
        assert_eq!((axis.low, axis.high, axis.step), (0, 10, 1_000.0));
        assert!((axis.place(2_500.0) - 25.0).abs() < 1e-9);
        let axis = Axis::new(Scale::Even, [0.01, 0.05].into_iter(), 0.0, 50.0);
        let ticks: Vec<f64> = axis.ticks().iter().map(|tick| (tick.0 * 1e6).round() / 1e6).collect();
        assert_eq!((ticks[0], ticks[1], ticks[10]), (0.0, 0.005, 0.05));
    }
}
