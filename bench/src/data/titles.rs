//! Titles as shops write them: brand, looks, thing, size, article number.

use super::brands::{BRANDS, brand};
use super::words::{ADJECTIVES, COLOURS, DEPARTMENTS, MATERIALS, PURPOSES, UNITS, capital};
use super::{draw, pick};

/// A title and where it belongs.
pub struct Product {
    /// Distinct from that of any other number below ten million.
    pub title: String,
    /// Path of its category, one of [`super::paths`].
    pub category: String,
}

/// The product of this number.
pub fn product(number: u64) -> Product {
    let (department, things) = pick(&DEPARTMENTS, number, 0);
    let thing = pick(things, number, 1);
    let brand = brand(draw(number, 2) as usize % BRANDS);
    let adjective = pick(&ADJECTIVES, number, 3);
    let material = pick(&MATERIALS, number, 4);
    let colour = pick(&COLOURS, number, 5);
    let purpose = pick(&PURPOSES, number, 6);
    let unit = pick(&UNITS, number, 7);
    let size = 5 + draw(number, 8) % 195;
    let noun = capital(thing);
    // A bijection on the numbers below ten million, so that article numbers look random and none comes twice.
    let article = format!("{}{:07}", &brand[..2].to_uppercase(), (number * 7_368_787 + 13) % 10_000_000);
    let title = match draw(number, 9) % 4 {
        0 => format!("{brand} {adjective} {material} {noun} {purpose}, {colour} ({article})"),
        1 => format!("{brand} {material} {noun} {size} {unit} {purpose} - {colour} {article}"),
        2 => format!("{brand} {adjective} {noun} {purpose} {colour} {material} {article}"),
        _ => format!("{adjective} {noun} by {brand}, {colour} {material}, {size}{unit}, {article}"),
    };
    Product { title, category: super::categories::path(department, thing) }
}

#[cfg(test)]
mod tests {
    use super::product;
    use std::collections::HashSet;

    #[test]
    fn titles_are_distinct_and_of_the_promised_length() {
        let titles: Vec<String> = (0..20_000).map(|number| product(number).title).collect();
        assert_eq!(titles.iter().collect::<HashSet<_>>().len(), titles.len());
        let mean = titles.iter().map(String::len).sum::<usize>() as f64 / titles.len() as f64;
        assert!((50.0..60.0).contains(&mean), "{mean}");
    }
}
