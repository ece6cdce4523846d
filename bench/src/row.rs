//! One line of the table of results, and the bar that it must reach.

use crate::report::{count, figure};

/// What a work must reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bar {
    /// Ours divided by theirs, a slope, or a figure without a peer.
    AtMost(f64),
    /// Theirs divided by ours: so many times faster.
    AtLeast(f64),
    /// Ours divided by theirs: so many times as much.
    Times(f64),
    /// A share of ours, in percent.
    Percent(f64),
    /// Ours less theirs, in percentage points.
    Points(f64),
    /// Ours less theirs, or ours where there is no peer, in milliseconds.
    Milliseconds(f64),
    /// How often something happened that must not.
    Never,
    /// None: ours divided by theirs is shown and not judged.
    Ratio,
    /// None: the same is shown and not judged, as so many times as much.
    TimesShown,
    /// None: theirs divided by ours is shown and not judged.
    Faster,
    /// None: ours less theirs in percentage points is shown and not judged.
    Difference,
    /// None, nor anything to divide.
    None,
}

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    /// What was done.
    pub work: String,
    /// What it took us.
    pub ours: String,
    /// What it took the peer.
    pub peer: String,
    /// The figure that the bar is about.
    pub ratio: Option<f64>,
    /// The bar.
    pub bar: Bar,
}

impl Row {
    /// Whether the bar is reached; `None` where there is none.
    pub fn ok(&self) -> Option<bool> {
        match (self.bar, self.ratio) {
            (Bar::AtMost(most) | Bar::Milliseconds(most), Some(ratio)) => Some(ratio <= most),
            (Bar::Never, Some(ratio)) => Some(ratio == 0.0),
            (Bar::AtLeast(least) | Bar::Times(least) | Bar::Percent(least) | Bar::Points(least), Some(ratio)) => {
                Some(ratio >= least)
            }
            _ => None,
        }
    }

    /// The cells as they are printed.
    pub fn cells(&self) -> [String; 6] {
        let none = || "-".to_owned();
        let ratio = self.ratio.map_or_else(none, |ratio| match self.bar {
            Bar::AtLeast(_) | Bar::Faster => format!("{}x faster", figure(ratio)),
            Bar::Times(_) | Bar::TimesShown => format!("{}x", figure(ratio)),
            Bar::Percent(_) => format!("{ratio:.1}%"),
            Bar::Points(_) | Bar::Difference => format!("{ratio:+.2} points"),
            Bar::Milliseconds(_) => format!("{} ms", figure(ratio)),
            Bar::Never => count(ratio),
            // Three digits of small figures, too: 0.0072 is not 0.01.
            Bar::AtMost(most) if most < 0.1 => format!("{ratio:.4}"),
            // What is counted in whole numbers is told so.
            Bar::AtMost(most) if most >= 2.0 && ratio.fract() == 0.0 => count(ratio),
            Bar::AtMost(_) | Bar::Ratio | Bar::None => figure(ratio),
        });
        let bar = match self.bar {
            Bar::AtMost(most) => format!("at most {most}"),
            Bar::AtLeast(least) => format!("at least {least}x faster"),
            Bar::Times(least) => format!("at least {least}x"),
            Bar::Percent(least) => format!("at least {least}%"),
            Bar::Points(least) => format!("at least {least:+} points"),
            Bar::Milliseconds(most) => format!("at most {} ms", count(most)),
            Bar::Never => "none".to_owned(),
            Bar::Ratio | Bar::TimesShown | Bar::Faster | Bar::Difference | Bar::None => none(),
        };
        let ok = self.ok().map_or("-", |ok| if ok { "yes" } else { "NO" });
        [self.work.clone(), self.ours.clone(), self.peer.clone(), ratio, bar, ok.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bar: Bar, ratio: f64) -> Row {
        Row { work: String::new(), ours: String::new(), peer: String::new(), ratio: Some(ratio), bar }
    }

    #[test]
    fn bars_are_judged_from_the_side_they_name() {
        assert_eq!(row(Bar::AtMost(0.5), 0.6).ok(), Some(false));
        assert_eq!(row(Bar::AtLeast(4.0), 4.0).ok(), Some(true));
        assert_eq!(row(Bar::Points(-0.5), -0.49).ok(), Some(true));
        assert_eq!(row(Bar::Points(-0.5), -0.51).ok(), Some(false));
        assert_eq!(row(Bar::Percent(96.0), 95.9).ok(), Some(false));
        assert_eq!(row(Bar::Difference, -9.0).ok(), None);
        assert_eq!(row(Bar::Milliseconds(1.0), 1.01).ok(), Some(false));
        assert_eq!(row(Bar::Never, 0.0).ok(), Some(true));
        assert_eq!(row(Bar::Times(1.2), 1.19).cells()[3..], ["1.19x", "at least 1.2x", "NO"]);
        assert_eq!(row(Bar::Never, 1.0).cells()[3..], ["1", "none", "NO"]);
        assert_eq!(row(Bar::Points(-0.5), 0.25).cells()[3..], ["+0.25 points", "at least -0.5 points", "yes"]);
    }
}
