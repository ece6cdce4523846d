//! The titles of the demo against a taxonomy of ten thousand categories that is not theirs.
//!
//! Each shipped category was matched by hand with the node of Shopify's taxonomy that means the same; a list is right
//! where it has that node or one below it.

use crate::data::read;
use crate::{K, category_documents};
use pg_categorize_core::category_index::{CategoryIndex, Scratch};
use pg_categorize_core::normalise::{Case, normalise};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::Instant;

/// Shipped category, and the node that means the same; more than one where Shopify divides otherwise.
const MATCHED: &[(&str, &[&str])] = &[
    ("Audio > Earbuds & Earphones", &["Electronics > Audio > Audio Components > Headphones & Headsets"]),
    ("Audio > Headphones", &["Electronics > Audio > Audio Components > Headphones & Headsets"]),
    ("Audio > Portable Speakers", &["Electronics > Audio > Audio Components > Speakers"]),
    ("Automotive > Car Care", &["Vehicles & Parts > Vehicle Parts & Accessories > Vehicle Maintenance, Care & Decor"]),
    ("Bags & Luggage > Backpacks", &["Luggage & Bags > Backpacks"]),
    ("Bags & Luggage > Handbags", &["Apparel & Accessories > Handbags, Wallets & Cases"]),
    (
        "Bags & Luggage > Laptop & Messenger Bags",
        &[
            "Luggage & Bags > Messenger Bags",
            "Luggage & Bags > Briefcases",
            "Electronics > Electronics Accessories > Computer Accessories",
        ],
    ),
    ("Beauty > Face Care", &["Health & Beauty > Personal Care > Cosmetics > Skin Care"]),
    ("Beauty > Perfumes", &["Health & Beauty > Personal Care > Cosmetics > Perfumes & Colognes"]),
    ("Books > Fiction", &["Media > Books"]),
    ("Clothing > Jackets & Coats", &["Apparel & Accessories > Clothing > Outerwear"]),
    ("Clothing > T-Shirts & Polos", &["Apparel & Accessories > Clothing > Clothing Tops"]),
    ("Clothing > Women > Dresses", &["Apparel & Accessories > Clothing > Dresses"]),
    ("Clothing > Women > Tops & Blouses", &["Apparel & Accessories > Clothing > Clothing Tops"]),
    ("Computers > Keyboards & Mice", &["Electronics > Electronics Accessories > Computer Components > Input Devices"]),
    ("Computers > Laptops", &["Electronics > Computers > Laptops"]),
    (
        "Footwear > Running Shoes",
        &["Apparel & Accessories > Shoes > Athletic Shoes", "Apparel & Accessories > Shoes > Sneakers"],
    ),
    (
        "Footwear > Sandals & Slippers",
        &["Apparel & Accessories > Shoes > Sandals", "Apparel & Accessories > Shoes > Slippers"],
    ),
    (
        "Footwear > Sneakers",
        &["Apparel & Accessories > Shoes > Sneakers", "Apparel & Accessories > Shoes > Athletic Shoes"],
    ),
    ("Furniture > Sofas & Armchairs", &["Furniture > Sofas", "Furniture > Chairs"]),
    ("Furniture > Tables & Desks", &["Furniture > Tables", "Furniture > Office Furniture"]),
    ("Grocery > Chocolate & Sweets", &["Food, Beverages & Tobacco > Food Items > Candy & Chocolate"]),
    ("Grocery > Tea", &["Food, Beverages & Tobacco > Beverages > Tea & Infusions"]),
    ("Health > Vitamins & Supplements", &["Health & Beauty > Health Care > Fitness & Nutrition"]),
    ("Home Appliances > Vacuum Cleaners", &["Home & Garden > Household Appliances > Vacuums"]),
    ("Home Furnishing > Bed Sheets & Duvet Covers", &["Home & Garden > Linens & Bedding > Bedding"]),
    ("Jewellery > Necklaces & Pendants", &["Apparel & Accessories > Jewelry > Necklaces"]),
    ("Kitchen & Dining > Cookware", &["Home & Garden > Kitchen & Dining > Cookware & Bakeware"]),
    (
        "Kitchen & Dining > Mixers, Blenders & Juicers",
        &[
            "Home & Garden > Kitchen & Dining > Kitchen Appliances > Food Mixers & Blenders",
            "Home & Garden > Kitchen & Dining > Kitchen Appliances > Juicers",
        ],
    ),
    ("Kitchen & Dining > Mugs & Cups", &["Home & Garden > Kitchen & Dining > Tableware > Drinkware"]),
    ("Kitchen & Dining > Water Bottles & Flasks", &["Home & Garden > Kitchen & Dining > Food & Beverage Carriers"]),
    ("Lighting > Lamps", &["Home & Garden > Lighting > Lamps"]),
    (
        "Musical Instruments > Guitars & Basses",
        &["Arts & Entertainment > Hobbies & Creative Arts > Musical Instruments > String Instruments"],
    ),
    ("Outdoors > Tents & Shelters", &["Sporting Goods > Outdoor Recreation > Camping & Hiking > Tents"]),
    ("Pet Supplies > Dog & Cat Accessories", &["Animals & Pet Supplies > Pet Supplies"]),
    ("Pet Supplies > Dog Food & Treats", &["Animals & Pet Supplies > Pet Supplies > Dog Supplies"]),
    (
        "Phones & Accessories > Chargers & Cables",
        &["Electronics > Electronics Accessories > Power", "Electronics > Electronics Accessories > Cables"],
    ),
    ("Phones & Accessories > Mobile Phones", &["Electronics > Communications > Telephony"]),
    ("Phones & Accessories > Phone Cases & Covers", &["Electronics > Communications > Telephony"]),
    ("Sports & Fitness > Yoga & Pilates", &["Sporting Goods > Fitness & General Exercise Equipment > Yoga & Pilates"]),
    ("Stationery & Office > Notebooks & Diaries", &["Office Supplies > General Office Supplies > Paper Products"]),
    ("TV & Video > Televisions", &["Electronics > Video > Televisions"]),
    ("Tools & Hardware > Power Tools", &["Hardware > Tools"]),
    ("Toys & Games > Dolls & Playsets", &["Toys & Games > Toys > Dolls, Playsets & Toy Figures"]),
    ("Video Games > Games", &["Software > Video Game Software"]),
    ("Watches > Analogue Watches", &["Apparel & Accessories > Jewelry > Watches"]),
    ("Watches > Smartwatches & Fitness Trackers", &["Apparel & Accessories > Jewelry > Smart Watches"]),
];

/// Prints the recall of the list, and what it costs.
pub fn measure(folder: &Path) {
    let text = read(&folder.join("taxonomies/shopify_categories.tsv"));
    let paths: BTreeSet<Vec<String>> = text
        .lines()
        .skip(1)
        .filter_map(|line| Some(line.split_once('\t')?.1.split(" > ").map(str::to_owned).collect()))
        .collect();
    let paths: Vec<Vec<String>> = paths.into_iter().collect();
    let joined: Vec<String> = paths.iter().map(|path| path.join(" > ")).collect();
    let nodes = MATCHED.iter().flat_map(|(_, nodes)| *nodes);
    nodes.for_each(|node| assert!(joined.iter().any(|path| path == node), "no node {node}"));
    let start = Instant::now();
    let index = CategoryIndex::new(&category_documents(&paths));
    let built = start.elapsed().as_secs_f64() * 1e3;
    let matched: HashMap<&str, &[&str]> = MATCHED.iter().copied().collect();
    let demo = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/titles.tsv"));
    let mut scratch = Scratch::default();
    let (mut titles, mut first, mut right, mut seconds) = (0, 0, 0, 0.0);
    for line in demo.lines().skip(1) {
        let [title, category, _] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("bad line: {line}") };
        let Some(nodes) = matched.get(category) else { continue };
        let title = normalise(title, Case::Folded);
        let start = Instant::now();
        let list = index.shortlist(&title, &[], K, &mut scratch);
        seconds += start.elapsed().as_secs_f64();
        let is_right = |id: &i32| {
            let path = &joined[*id as usize - 1];
            nodes.iter().any(|node| path.strip_prefix(node).is_some_and(|r| r.is_empty() || r.starts_with(" > ")))
        };
        titles += 1;
        first += usize::from(list.first().is_some_and(is_right));
        right += usize::from(list.iter().any(is_right));
    }
    let percent = |n: usize| 100.0 * n as f64 / titles as f64;
    println!(
        "shopify: {} categories, {titles} titles of the demo: first {:.1}%, list of {K} {:.1}%; {:.0} microseconds, built in {built:.0} ms",
        paths.len(),
        percent(first),
        percent(right),
        seconds * 1e6 / titles as f64
    );
}
