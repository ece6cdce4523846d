//! The words that titles, categories and rules are made of.

/// Departments with the things that they sell, ten each.
pub const DEPARTMENTS: [(&str, [&str; 10]); 10] = [
    ("Clothing", ["shirt", "jacket", "sweater", "hoodie", "blazer", "vest", "skirt", "blouse", "cardigan", "raincoat"]),
    (
        "Footwear",
        ["sneaker", "sandal", "loafer", "boot", "slipper", "moccasin", "trainer", "clog", "brogue", "espadrille"],
    ),
    (
        "Kitchen",
        ["kettle", "toaster", "blender", "saucepan", "skillet", "teapot", "colander", "whisk", "mixer", "grater"],
    ),
    (
        "Audio",
        [
            "headphone",
            "earbud",
            "speaker",
            "soundbar",
            "turntable",
            "amplifier",
            "microphone",
            "subwoofer",
            "receiver",
            "headset",
        ],
    ),
    (
        "Computers",
        ["laptop", "keyboard", "monitor", "router", "printer", "scanner", "webcam", "tablet", "charger", "projector"],
    ),
    (
        "Furniture",
        [
            "armchair",
            "bookcase",
            "wardrobe",
            "nightstand",
            "desk",
            "stool",
            "sideboard",
            "recliner",
            "bench",
            "cabinet",
        ],
    ),
    (
        "Outdoors",
        ["tent", "backpack", "lantern", "hammock", "compass", "thermos", "cooler", "kayak", "binocular", "canteen"],
    ),
    ("Tools", ["drill", "hammer", "screwdriver", "wrench", "sander", "chisel", "ladder", "clamp", "jigsaw", "grinder"]),
    ("Toys", ["puzzle", "doll", "scooter", "kite", "robot", "yoyo", "dominoes", "marble", "spinner", "teddy"]),
    ("Home", ["curtain", "pillow", "blanket", "candle", "mirror", "rug", "vase", "lamp", "basket", "towel"]),
];

/// What a thing is like.
pub const ADJECTIVES: [&str; 40] = [
    "Slim",
    "Classic",
    "Portable",
    "Compact",
    "Wireless",
    "Foldable",
    "Premium",
    "Vintage",
    "Modern",
    "Lightweight",
    "Heavy",
    "Ergonomic",
    "Adjustable",
    "Waterproof",
    "Insulated",
    "Quilted",
    "Padded",
    "Striped",
    "Checked",
    "Printed",
    "Smart",
    "Digital",
    "Electric",
    "Manual",
    "Rustic",
    "Handmade",
    "Organic",
    "Recycled",
    "Reversible",
    "Breathable",
    "Stackable",
    "Rotating",
    "Magnetic",
    "Cordless",
    "Silent",
    "Rugged",
    "Elegant",
    "Sporty",
    "Minimal",
    "Deluxe",
];

/// What it is made of.
pub const MATERIALS: [&str; 30] = [
    "Cotton",
    "Linen",
    "Leather",
    "Wool",
    "Denim",
    "Velvet",
    "Silk",
    "Nylon",
    "Canvas",
    "Suede",
    "Steel",
    "Bamboo",
    "Oak",
    "Walnut",
    "Ceramic",
    "Glass",
    "Copper",
    "Brass",
    "Titanium",
    "Rubber",
    "Marble",
    "Aluminium",
    "Acrylic",
    "Cork",
    "Rattan",
    "Granite",
    "Polyester",
    "Fleece",
    "Porcelain",
    "Bronze",
];

/// Its colour.
pub const COLOURS: [&str; 29] = [
    "Black",
    "White",
    "Navy",
    "Crimson",
    "Emerald",
    "Charcoal",
    "Ivory",
    "Teal",
    "Maroon",
    "Mustard",
    "Lavender",
    "Coral",
    "Olive",
    "Turquoise",
    "Beige",
    "Burgundy",
    "Indigo",
    "Peach",
    "Silver",
    "Golden",
    "Graphite",
    "Sapphire",
    "Amber",
    "Magenta",
    "Lilac",
    "Khaki",
    "Scarlet",
    "Azure",
    "Ochre",
];

/// For whom or what.
pub const PURPOSES: [&str; 8] =
    ["for Men", "for Women", "for Kids", "for Home", "for Travel", "for Office", "with Case", "Gift Set"];

/// A size with its unit.
pub const UNITS: [&str; 6] = ["cm", "ml", "mm", "kg", "inch", "watt"];

/// Every thing with its department.
pub fn things() -> impl Iterator<Item = (&'static str, &'static str)> {
    DEPARTMENTS.iter().flat_map(|(department, things)| things.iter().map(|thing| (*department, *thing)))
}

/// A word with a capital.
pub fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
