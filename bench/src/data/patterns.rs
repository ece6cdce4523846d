//! Rules as people write them, in the syntax that both engines read alike.

use super::words::{ADJECTIVES, BRANDS, COLOURS, MATERIALS, UNITS, things};
use super::{pick, random};
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

fn pattern(number: u64) -> Pattern {
    let choice = number + (1 << 40);
    let things: Vec<(&str, &str)> = things().collect();
    let (department, thing) = *pick(&things, choice, 0);
    let (_, other) = *pick(&things, choice, 1);
    let lower = |list: &[&str], salt| pick(list, choice, salt).to_lowercase();
    let brand = lower(&BRANDS, 2);
    let second_brand = lower(&BRANDS, 3);
    let look = lower(&ADJECTIVES, 4);
    let material = lower(&MATERIALS, 5);
    let colour = lower(&COLOURS, 6);
    let unit = pick(&UNITS, choice, 7);
    let tens = 1 + random(choice.wrapping_mul(64).wrapping_add(8)) % 19;
    let digits = random(choice.wrapping_mul(64).wrapping_add(9)) % 1_000;
    let regex = match random(choice.wrapping_mul(64).wrapping_add(10)) % 10 {
        0..=2 => format!(r"\y{brand}\y.*\y{thing}s?\y"),
        3 | 4 => format!(r"\m({look}|{material})\s+{thing}s?\M"),
        5 => format!(r"\m({brand}|{second_brand})\M.*{material}"),
        6 => format!(r"{look}\s+{material}\s+({thing}|{other})s?\y"),
        7 => format!(r"\m{thing}s?\M.*\m{tens}[0-9]\s?{unit}\M"),
        8 => format!(r"\y{}{digits:03}\d+\y", &brand[..2]),
        _ => format!(r"\m{thing}s?\M.*{colour}.*\m{material}\M"),
    };
    let priority = (random(choice.wrapping_mul(64).wrapping_add(11)) % 10) as i32;
    Pattern { regex, category: super::categories::path(department, thing), priority }
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
