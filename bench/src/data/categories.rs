//! Taxonomies: a tree of a hundred leaves for titles, flat ones of any size for growth.

use super::brands::brand;
use super::words::{ADJECTIVES, COLOURS, MATERIALS, capital, things};

/// The paths that products belong to.
pub fn paths() -> Vec<String> {
    things().map(|(department, thing)| path(department, thing)).collect()
}

/// `Clothing > Shirts`.
pub(super) fn path(department: &str, thing: &str) -> String {
    format!("{department} > {}s", capital(thing))
}

/// A taxonomy of exactly `count` categories (at most 10,000), as `create_taxonomy_from_json` takes it: things, then
/// things with a look, a material or a colour. All words of them occur in titles, so that matching has work to do.
pub fn flat(count: usize) -> String {
    let looks: Vec<&str> = [&ADJECTIVES[..], &MATERIALS, &COLOURS].concat();
    let things: Vec<(&str, &str)> = things().collect();
    let category = |number: usize| {
        let (department, thing) = things[number % things.len()];
        let noun = capital(thing);
        let label = match number / things.len() {
            0 => format!("{noun}s"),
            more => format!("{} {noun}s", looks[more - 1]),
        };
        let brand = brand(number * 7);
        format!(
            r#"{{"path":"{label}","description":"{label} and the like, of department {department}","examples":["{brand} {thing}","{thing} set"]}}"#
        )
    };
    format!("[{}]", (0..count).map(category).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn labels_are_distinct_up_to_ten_thousand() {
        let all = flat(10_000);
        let labels: HashSet<&str> =
            all.split("{\"path\":\"").skip(1).filter_map(|piece| piece.split('"').next()).collect();
        assert_eq!(labels.len(), 10_000);
        assert_eq!(paths().iter().collect::<HashSet<_>>().len(), 100);
    }
}
