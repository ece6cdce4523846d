//! Close names for HINTs: what the caller may have meant.

/// Names are compared up to this many characters; nobody mistypes more, and the comparison is quadratic.
const COMPARED_CHARS: usize = 200;

/// The up to `limit` names of `known` closest to `name`, best first; far ones are left out.
///
/// Closeness is the Jaro-Winkler similarity of the lower-cased names (Winkler 1990), at least 0.75.
pub fn close_names<'a>(name: &str, known: impl IntoIterator<Item = &'a str>, limit: usize) -> Vec<&'a str> {
    let fold = |s: &str| s.chars().take(COMPARED_CHARS).flat_map(char::to_lowercase).collect::<String>();
    let name = fold(name);
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|k| (strsim::jaro_winkler(&name, &fold(k)), k))
        .filter(|(score, _)| *score >= 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.truncate(limit);
    scored.into_iter().map(|(_, k)| k).collect()
}

/// A HINT sentence that offers the close names, if there are any.
pub fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let close = close_names(name, known, 3);
    if close.is_empty() {
        return None;
    }
    let quoted: Vec<String> = close.iter().map(|c| format!("\"{c}\"")).collect();
    Some(format!("Perhaps you meant {}.", quoted.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_what_was_mistyped_and_nothing_far() {
        assert_eq!(close_names("conservativ", ["balanced", "conservative", "aggressive"], 3), ["conservative"]);
        assert_eq!(hint("qqq", ["balanced"]), None);
        assert_eq!(hint("Balancd", ["balanced"]).as_deref(), Some("Perhaps you meant \"balanced\"."));
    }
}
