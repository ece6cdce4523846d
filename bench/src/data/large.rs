//! Titles of a large real taxonomy, made from the words of its paths.

use super::brands::{BRANDS, brand};
use super::words::{ADJECTIVES, COLOURS, MATERIALS, UNITS};
use super::{draw, pick};

/// A shop that sells something of every category, of some much more than of others.
pub struct LargeShop {
    /// The words of each label, and those of the label above it.
    categories: Vec<(Vec<String>, Vec<String>)>,
}

impl LargeShop {
    /// The shop of these categories.
    pub fn new<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        let categories = paths.map(|path| {
            let mut labels = path.rsplit(" > ").map(words);
            (labels.next().unwrap_or_default(), labels.next().unwrap_or_default())
        });
        Self { categories: categories.collect() }
    }

    /// The title of this number, and the position of its category. Half of all titles are of a quarter of the
    /// categories. As in shops, words of the label may be missing, and none but its last is sure to be there.
    pub fn title(&self, number: u64) -> (String, usize) {
        let choice = number + (1 << 44);
        let count = self.categories.len();
        let share = draw(choice, 0) as f64 / u64::MAX as f64;
        let rank = ((share * share * count as f64) as usize).min(count - 1);
        // A prime, so that what sells well is not all of one department.
        let category = rank * 7_919 % count;
        let (label, above) = &self.categories[category];
        let last = label.len().saturating_sub(1);
        let kept = label
            .iter()
            .enumerate()
            .filter(|(i, _)| *i == last || !draw(choice, 20 + *i as u64 % 20).is_multiple_of(5));
        let noun: Vec<&str> = kept.map(|(_, word)| word.as_str()).collect();
        let noun = noun.join(" ");
        let maker = brand(draw(choice, 1) as usize % BRANDS);
        let (adjective, colour) = (pick(&ADJECTIVES, choice, 2), pick(&COLOURS, choice, 3));
        let (material, unit) = (pick(&MATERIALS, choice, 4), pick(&UNITS, choice, 5));
        let size = 5 + draw(choice, 6) % 195;
        let hint = if above.is_empty() || !draw(choice, 7).is_multiple_of(3) { "" } else { pick(above, choice, 8) };
        let title = match draw(choice, 9) % 4 {
            0 => format!("{maker} {adjective} {noun} {hint} {colour}"),
            1 => format!("{maker} {material} {noun}, {size} {unit} {hint}"),
            2 => format!("{adjective} {hint} {noun} by {maker} ({colour})"),
            _ => format!("{noun} {hint} {maker} {colour} {material} {size}{unit}"),
        };
        (title, category)
    }
}

/// The words of a label.
fn words(label: &str) -> Vec<String> {
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    label.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::LargeShop;
    use std::collections::HashMap;

    #[test]
    fn every_category_sells_something_and_titles_name_it() {
        let paths: Vec<String> = (0..100).map(|i| format!("Shop > Garden & Yard > Large Thing{i}")).collect();
        let shop = LargeShop::new(paths.iter().map(String::as_str));
        let mut sold: HashMap<usize, usize> = HashMap::new();
        for number in 0..10_000 {
            let (title, category) = shop.title(number);
            assert!(title.contains(&format!("Thing{category}")), "{title}");
            *sold.entry(category).or_default() += 1;
        }
        assert_eq!(sold.len(), 100);
        assert!(sold.values().max() > sold.values().min().map(|least| least * 5).as_ref());
    }
}
