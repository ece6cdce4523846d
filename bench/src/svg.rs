//! Log-log line charts as SVG, written by hand: light background, no scripts, no fonts of their own.

use crate::report::{Chart, count, figure};
use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 44.0;
const TOP: f64 = 48.0;
/// Room for the axis' name and two lines of legend.
const BOTTOM: f64 = 112.0;

/// Colours that people who see fewer colours can tell apart (Okabe and Ito, 2008).
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// One axis, from a power of ten to another.
struct Axis {
    low: i32,
    high: i32,
    from: f64,
    to: f64,
}

impl Axis {
    fn new(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let lowest = values.clone().fold(f64::INFINITY, f64::min).log10().floor() as i32;
        let highest = values.fold(f64::NEG_INFINITY, f64::max).log10().ceil() as i32;
        Self { low: lowest, high: highest.max(lowest + 1), from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// Decades, and the lines between them: a value, and whether it gets a label. Few decades have labels between.
    fn ticks(&self) -> Vec<(f64, bool)> {
        let few = self.high - self.low <= 2;
        let labelled = move |digit: i32| digit == 1 || (few && [2, 5].contains(&digit));
        let decade = |power: i32| (1..10).map(move |digit| (f64::from(digit) * 10f64.powi(power), labelled(digit)));
        let mut ticks: Vec<(f64, bool)> = (self.low..self.high).flat_map(decade).collect();
        ticks.push((10f64.powi(self.high), true));
        ticks
    }
}

/// Draws a chart.
pub fn draw(chart: &Chart) -> String {
    let points = || chart.series.iter().flat_map(|series| series.points.iter().copied());
    let x = Axis::new(points().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let y = Axis::new(points().map(|point| point.1), HEIGHT - BOTTOM, TOP);
    let mut out = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222" role="img">
<title>{title}</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="28" font-size="16" font-weight="bold">{title}</text>
"##,
        title = escaped(&chart.title)
    );
    axes(&mut out, &x, &y);
    let (middle, below) = (f64::midpoint(LEFT, WIDTH - RIGHT), HEIGHT - BOTTOM + 40.0);
    put(&mut out, &format!(r#"<text x="{middle}" y="{below}" text-anchor="middle">{}</text>"#, escaped(chart.sizes)));
    let height = f64::midpoint(TOP, HEIGHT - BOTTOM);
    put(&mut out, &format!(r#"<text transform="translate(20 {height}) rotate(-90)" text-anchor="middle">time</text>"#));
    for (i, series) in chart.series.iter().enumerate() {
        let (colour, dash) = (COLOURS[i % COLOURS.len()], if series.peer { r#" stroke-dasharray="6 4""# } else { "" });
        let at = |(size, time): &(f64, f64)| (x.place(*size), y.place(*time));
        let line: Vec<String> = series.points.iter().map(at).map(|(px, py)| format!("{px:.1},{py:.1}")).collect();
        let stroke = format!(r#"fill="none" stroke="{colour}" stroke-width="2.5"{dash}"#);
        put(&mut out, &format!(r#"<polyline points="{}" {stroke}/>"#, line.join(" ")));
        for (px, py) in series.points.iter().map(at) {
            put(&mut out, &format!(r#"<circle cx="{px:.1}" cy="{py:.1}" r="4" fill="{colour}"/>"#));
        }
        legend(
            &mut out,
            i,
            &stroke,
            &format!("{} (slope {})", series.name, figure(crate::measure::slope(&series.points))),
        );
    }
    out.push_str("</svg>\n");
    out
}

fn axes(out: &mut String, x: &Axis, y: &Axis) {
    let (left, right, top, bottom) = (LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM);
    let stroke = |labelled: bool| if labelled { "#c8c8c8" } else { "#eeeeee" };
    for (value, labelled) in x.ticks() {
        let at = x.place(value);
        let colour = stroke(labelled);
        put(out, &format!(r#"<path d="M{at:.1} {top}V{bottom}" stroke="{colour}"/>"#));
        if labelled {
            let below = bottom + 18.0;
            put(out, &format!(r#"<text x="{at:.1}" y="{below}" text-anchor="middle">{}</text>"#, count(value)));
        }
    }
    for (value, labelled) in y.ticks() {
        let at = y.place(value);
        let colour = stroke(labelled);
        put(out, &format!(r#"<path d="M{left} {at:.1}H{right}" stroke="{colour}"/>"#));
        if labelled {
            let (before, line) = (left - 8.0, at + 4.5);
            put(out, &format!(r#"<text x="{before}" y="{line:.1}" text-anchor="end">{}</text>"#, duration(value)));
        }
    }
    put(out, &format!(r##"<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#444"/>"##));
}

fn legend(out: &mut String, number: usize, stroke: &str, name: &str) {
    let (x, y) = (LEFT, HEIGHT - 46.0 + 22.0 * number as f64);
    put(out, &format!(r#"<path d="M{x} {y}h28" {stroke}/>"#));
    put(out, &format!(r#"<text x="{}" y="{}">{}</text>"#, x + 36.0, y + 4.5, escaped(name)));
}

fn duration(milliseconds: f64) -> String {
    match milliseconds {
        v if v >= 1000.0 => format!("{} s", count(v / 1000.0)),
        v if v >= 1.0 => format!("{v:.0} ms"),
        v => format!("{v} ms"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn put(out: &mut String, line: &str) {
    writeln!(out, "{line}").expect("a String takes all");
}

#[cfg(test)]
mod tests {
    use super::Axis;

    #[test]
    fn an_axis_spans_whole_decades() {
        let axis = Axis::new([20.0, 3_000.0].into_iter(), 0.0, 300.0);
        assert_eq!((axis.low, axis.high), (1, 4));
        assert!((axis.place(100.0) - 100.0).abs() < 1e-9);
        assert_eq!(axis.ticks().iter().filter(|tick| tick.1).count(), 4, "decades only");
    }
}
