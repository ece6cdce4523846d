//! Rules as people write them, in the syntax that both engines read alike.

use super::brands::{BRANDS, brand};
use super::words::{ADJECTIVES, COLOURS, MATERIALS, UNITS, things};
use super::{draw, pick};
use std::collections::HashSet;

/// A rule to be added.
pub struct Pattern {
    /// Read alike by Postgres and by us: `\m \M \y`, alternation, `?`, `+`, `.*`, classes.
    pub regex: String,
    /// Path of its category, one of [`super::paths`].
    pub category: String,
    /// 0 to 9: many rules share one, so that the order of their ids decides, too.
    pub priority: i32,
}

/// The first `count` rules, all different.
pub fn patterns(count: usize) -> Vec<Pattern> {
    let mut seen = HashSet::new();
    (1_u64..).map(pattern).filter(|pattern| seen.insert(pattern.regex.clone())).take(count).collect()
}

/// Most rules name a kind of thing in two or three words, or a maker with a thing; some sizes, article numbers, or sets
/// of words. The mix is our guess at what shops write. It matters: rules of which every title contains a word cost us
/// more, since the automaton then finds more candidates.
fn pattern(number: u64) -> Pattern {
    let choice = number + (1 << 40);
    let things: Vec<(&str, &str)> = things().collect();
    let (department, thing) = *pick(&things, choice, 0);
    let (_, other) = *pick(&things, choice, 1);
    let lower = |list: &[&str], salt| pick(list, choice, salt).to_lowercase();
    let maker = |salt| brand(draw(choice, salt) as usize % BRANDS).to_lowercase();
    let (first, second) = (maker(2), maker(3));
    let (look, other_look) = (lower(&ADJECTIVES, 4), lower(&ADJECTIVES, 12));
    let (material, colour) = (lower(&MATERIALS, 5), lower(&COLOURS, 6));
    let unit = pick(&UNITS, choice, 7);
    let (tens, digits) = (1 + draw(choice, 8) % 19, draw(choice, 9) % 100);
    let regex = match draw(choice, 10) % 20 {
        0..=5 => format!(r"\y({look}|{other_look}|{material}) {thing}s?\y"),
        6..=8 => format!(r"\m{look} {material} ({thing}|{other})s?\M"),
        9..=12 => format!(r"\y{first}\y.*\y{thing}s?\y"),
        13 | 14 => format!(r"\m({first}|{second})\M.*\m(for (men|women|kids)|{material})\M"),
        15 | 16 => format!(r"\y{thing}s? {tens}[0-9]\s?{unit}\y"),
        17 => format!(r"\y{}{digits:02}\d+\y", &first[..2]),
        18 => format!(r"\m{material} {thing}s?\M.*\m{colour}\M"),
        _ => format!(r"\m{thing}s? (for|by) ({first}|men|women)\M"),
    };
    Pattern { regex, category: super::categories::path(department, thing), priority: (draw(choice, 11) % 10) as i32 }
}

#[cfg(test)]
mod tests {
    use super::patterns;

    #[test]
    fn there_are_ten_thousand_and_they_are_always_the_same() {
        let all = patterns(10_000);
        assert_eq!(all.len(), 10_000);
        assert_eq!(all[999].regex, patterns(1_000)[999].regex);
    }
}
