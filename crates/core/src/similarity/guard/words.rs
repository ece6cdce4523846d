//! The words that the guard knows, in normal form (case folded).

/// Units, with their other spellings: the first of a line stands for all.
const UNITS: &[&[&str]] = &[
    &["ml", "millilitre", "millilitres", "milliliter", "milliliters"],
    &["l", "ltr", "ltrs", "litre", "litres", "liter", "liters"],
    &["cl"],
    &["mg"],
    &["g", "gm", "gms", "gram", "grams", "gr"],
    &["kg", "kgs", "kilo", "kilos", "kilogram", "kilograms"],
    &["oz", "ounce", "ounces"],
    &["lb", "lbs", "pound", "pounds"],
    &["mm"],
    &["cm", "cms"],
    &["m", "mtr", "mtrs", "metre", "metres", "meter", "meters"],
    &["km"],
    &["inch", "inches", "in", "\"", "''", "''"],
    &["ft", "foot", "feet", "'"],
    &["kb"],
    &["mb"],
    &["gb", "gig", "gigs"],
    &["tb"],
    &["w", "watt", "watts"],
    &["kw"],
    &["v", "volt", "volts"],
    &["a", "amp", "amps"],
    &["mah"],
    &["hz"],
    &["mhz"],
    &["ghz"],
    &["mp", "megapixel", "megapixels"],
    &["tc"],
    &["%", "percent"],
    &["pc", "pcs", "piece", "pieces", "pack", "packs", "pk", "ct", "count"],
    &["day", "days"],
    &["week", "weeks"],
    &["month", "months"],
    &["year", "years", "yr", "yrs"],
    &["k", "kt", "carat", "ct."],
    &["usd", "$"],
    &["eur", "€"],
    &["gbp", "£"],
];

/// Sizes by letters that mean nothing else.
const SIZES: &[&str] = &["xs", "xl", "xxl", "xxxl", "2xl", "3xl", "4xl", "5xl", "xxs"];

/// Sizes that are sizes where the word before says so.
const SIZES_IF_SAID: &[&str] = &["s", "m", "l", "small", "medium", "large"];

const NEGATIONS: &[&str] = &[
    "no",
    "not",
    "non",
    "never",
    "without",
    "w/o",
    "cannot",
    "except",
    "excluding",
    "none",
    "nor",
    "unable",
    "ohne",
    "nicht",
    "kein",
    "keine",
    "sans",
    "sin",
    "sem",
    "senza",
    "zonder",
];

const PURPOSES: &[&str] = &["for", "fits", "compatible", "für", "pour", "para", "per", "voor"];

/// Words between `for` and what it is for.
const BETWEEN: &[&str] = &["with", "a", "an", "the", "all", "your", "my", "use", "to", "die", "der", "das", "le", "la"];

const ACCESSORIES: &[&str] = &[
    "case",
    "cases",
    "cover",
    "covers",
    "charger",
    "chargers",
    "cable",
    "cables",
    "adapter",
    "adapters",
    "adaptor",
    "holder",
    "holders",
    "stand",
    "strap",
    "straps",
    "protector",
    "protectors",
    "guard",
    "skin",
    "skins",
    "pouch",
    "sleeve",
    "mount",
    "replacement",
    "spare",
    "refill",
    "refills",
    "cartridge",
    "cartridges",
    "remote",
    "dock",
    "accessory",
    "accessories",
    "hülle",
    "coque",
    "funda",
    "custodia",
    "lens",
    "filter",
    "filters",
    "battery",
    "batteries",
    "bag",
    "bags",
    "kit",
    "sticker",
    "stickers",
    "decal",
];

/// What a unit is usually called, where the word is one.
pub(super) fn unit(word: &str) -> Option<&'static str> {
    UNITS.iter().find(|spellings| spellings.contains(&word)).map(|spellings| spellings[0])
}

/// Whether a word is a size, after the word before it.
pub(super) fn is_size(word: &str, before: &str) -> bool {
    SIZES.contains(&word) || (before == "size" && SIZES_IF_SAID.contains(&word))
}

/// Whether a word negates: one of the list, `isn't`, `non-stick`, `sugar-free`.
pub(super) fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(&word)
        || word.ends_with("n't")
        || word.ends_with("n’t")
        || word.ends_with("-free")
        || word.starts_with("non-")
}

/// Whether what follows is what a thing is for.
pub(super) fn is_purpose(word: &str) -> bool {
    PURPOSES.contains(&word)
}

/// Whether a word may stand between `for` and what it is for.
pub(super) fn is_between(word: &str) -> bool {
    BETWEEN.contains(&word)
}

/// Whether a word is of a thing that goes with another.
pub(super) fn is_accessory(word: &str) -> bool {
    ACCESSORIES.contains(&word)
}
