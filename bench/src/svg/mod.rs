//! Line charts as SVG, written by hand: light background, no scripts, no fonts of their own.

mod axis;

use crate::report::{Chart, Kind, Series, count, figure};
use axis::{Axis, Scale};
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

/// Draws a chart.
pub fn draw(chart: &Chart) -> String {
    let points = || chart.series.iter().flat_map(|series| series.points.iter().copied());
    let (across, up) = scales(chart.kind);
    let x = Axis::new(across, points().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let y = Axis::new(up, points().map(|point| point.1), HEIGHT - BOTTOM, TOP);
    let mut out = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222" role="img">
<title>{title}</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="28" font-size="16" font-weight="bold">{title}</text>
"##,
        title = escaped(&chart.title)
    );
    axes(&mut out, chart.kind, &x, &y);
    let (middle, below) = (f64::midpoint(LEFT, WIDTH - RIGHT), HEIGHT - BOTTOM + 40.0);
    put(&mut out, &format!(r#"<text x="{middle}" y="{below}" text-anchor="middle">{}</text>"#, escaped(chart.sizes)));
    let height = f64::midpoint(TOP, HEIGHT - BOTTOM);
    put(
        &mut out,
        &format!(
            r#"<text transform="translate(20 {height}) rotate(-90)" text-anchor="middle">{}</text>"#,
            heights(chart.kind)
        ),
    );
    for (i, series) in chart.series.iter().enumerate() {
        let (colour, dash) = (COLOURS[i % COLOURS.len()], if series.peer { r#" stroke-dasharray="6 4""# } else { "" });
        let at = |(size, time): &(f64, f64)| (x.place(*size), y.place(*time));
        let line: Vec<String> = series.points.iter().map(at).map(|(px, py)| format!("{px:.1},{py:.1}")).collect();
        let stroke = format!(r#"fill="none" stroke="{colour}" stroke-width="2.5"{dash}"#);
        put(&mut out, &format!(r#"<polyline points="{}" {stroke}/>"#, line.join(" ")));
        for (px, py) in series.points.iter().map(at) {
            put(&mut out, &format!(r#"<circle cx="{px:.1}" cy="{py:.1}" r="4" fill="{colour}"/>"#));
        }
        legend(&mut out, i, &stroke, &name(chart.kind, series));
    }
    out.push_str("</svg>\n");
    out
}

fn scales(kind: Kind) -> (Scale, Scale) {
    match kind {
        Kind::Growth => (Scale::Logarithmic, Scale::Logarithmic),
        Kind::Learning => (Scale::Logarithmic, Scale::Shares),
        Kind::Calibration => (Scale::Shares, Scale::Shares),
        Kind::Course | Kind::Bound => (Scale::Even, Scale::Shares),
        Kind::Spending => (Scale::Even, Scale::Even),
    }
}

/// What stands beside the vertical axis.
fn heights(kind: Kind) -> &'static str {
    match kind {
        Kind::Growth => "time",
        Kind::Learning | Kind::Course | Kind::Bound => "share of titles",
        Kind::Spending => "US dollars",
        Kind::Calibration => "share that was right",
    }
}

/// What the legend says.
fn name(kind: Kind, series: &Series) -> String {
    match kind {
        Kind::Growth => format!("{} (slope {})", series.name, figure(crate::measure::slope(&series.points))),
        _ => series.name.clone(),
    }
}

fn axes(out: &mut String, kind: Kind, x: &Axis, y: &Axis) {
    let across = |value| match kind {
        Kind::Calibration | Kind::Bound => percent(value),
        _ => count(value),
    };
    let up = |value| match kind {
        Kind::Growth => duration(value),
        Kind::Spending => format!("${value:.2}"),
        _ => percent(value),
    };
    let (left, right, top, bottom) = (LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM);
    let stroke = |labelled: bool| if labelled { "#c8c8c8" } else { "#eeeeee" };
    for (value, labelled) in x.ticks() {
        let at = x.place(value);
        let colour = stroke(labelled);
        put(out, &format!(r#"<path d="M{at:.1} {top}V{bottom}" stroke="{colour}"/>"#));
        if labelled {
            let below = bottom + 18.0;
            put(out, &format!(r#"<text x="{at:.1}" y="{below}" text-anchor="middle">{}</text>"#, across(value)));
        }
    }
    for (value, labelled) in y.ticks() {
        let at = y.place(value);
        let colour = stroke(labelled);
        put(out, &format!(r#"<path d="M{left} {at:.1}H{right}" stroke="{colour}"/>"#));
        if labelled {
            let (before, line) = (left - 8.0, at + 4.5);
            put(out, &format!(r#"<text x="{before}" y="{line:.1}" text-anchor="end">{}</text>"#, up(value)));
        }
    }
    put(out, &format!(r##"<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#444"/>"##));
}

fn legend(out: &mut String, number: usize, stroke: &str, name: &str) {
    // Two lines, and columns beside each other where there are more.
    let (x, y) = (LEFT + 330.0 * (number / 2) as f64, HEIGHT - 46.0 + 22.0 * (number % 2) as f64);
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

fn percent(share: f64) -> String {
    // Tenths of a percent only where there are some.
    format!("{}%", (share * 1e3).round() / 10.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn put(out: &mut String, line: &str) {
    writeln!(out, "{line}").expect("a String takes all");
}
