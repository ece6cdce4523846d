//! Paths of categories: `Footwear > Running Shoes`. A `>` inside a label is written `\>`, a backslash before it `\\>`.

use crate::error::{Error, Result};

/// What stands between two labels in a path that we write.
pub const SEPARATOR: &str = " > ";

/// Levels of a path; the bound keeps a hostile path from costing more than a title.
pub const MAX_DEPTH: usize = 32;

/// Bytes of a path; it is a key of an index, whose pages hold 2,704 bytes a row.
pub const MAX_PATH_BYTES: usize = 2000;

/// Splits a path into its labels, unescaped and trimmed.
///
/// # Errors
/// 22023 for an empty path or label, a control character, a path that is too long or too deep.
pub fn split(path: &str) -> Result<Vec<String>> {
    if path.len() > MAX_PATH_BYTES {
        return Err(Error::invalid("category path is too long")
            .detail(format!("It has {} bytes; at most {MAX_PATH_BYTES} are allowed.", path.len())));
    }
    if path.chars().any(char::is_control) {
        return Err(Error::invalid("category path contains a control character")
            .hint("Line breaks and tabs are control characters, too."));
    }
    let mut labels = vec![String::new()];
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if matches!(chars.peek(), Some('>' | '\\')) => last(&mut labels).extend(chars.next()),
            '>' => labels.push(String::new()),
            _ => last(&mut labels).push(c),
        }
    }
    for label in &mut labels {
        *label = label.trim().to_owned();
        if label.is_empty() {
            return Err(Error::invalid(format!("category path \"{path}\" has an empty label"))
                .hint("Write labels between > signs, as in 'Footwear > Running Shoes'."));
        }
    }
    if labels.len() > MAX_DEPTH {
        return Err(Error::invalid(format!("category path \"{path}\" is too deep"))
            .detail(format!("It has {} levels; at most {MAX_DEPTH} are allowed.", labels.len())));
    }
    Ok(labels)
}

/// The path of these labels, from the root down.
pub fn join<S: AsRef<str>>(labels: &[S]) -> String {
    labels.iter().map(|label| escape(label.as_ref())).collect::<Vec<_>>().join(SEPARATOR)
}

/// A label as it stands inside a path.
pub fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('>', "\\>")
}

fn last(labels: &mut [String]) -> &mut String {
    labels.last_mut().expect("split starts with one label and only adds")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splits_trims_and_unescapes() {
        assert_eq!(split("Footwear>Running Shoes").unwrap(), ["Footwear", "Running Shoes"]);
        assert_eq!(split(r" A \> B > C\\ ").unwrap(), ["A > B", "C\\"]);
        assert_eq!(split(r"C:\dir").unwrap(), [r"C:\dir"]);
        for bad in ["", " ", "A >", "> A", "A > > B", "A\u{7}"] {
            assert!(split(bad).is_err(), "{bad:?}");
        }
        assert!(split(&vec!["a"; MAX_DEPTH + 1].join(">")).is_err());
        assert!(split(&"x".repeat(MAX_PATH_BYTES + 1)).is_err());
    }

    proptest! {
        #[test]
        fn join_then_split_gives_the_labels(labels in prop::collection::vec("[a-z>\\\\ &]{1,8}", 1..6)) {
            let labels: Vec<String> = labels.iter().map(|l| l.trim().to_owned()).collect();
            prop_assume!(labels.iter().all(|l| !l.is_empty()));
            prop_assert_eq!(split(&join(&labels)).unwrap(), labels);
        }

        #[test]
        fn never_panics(path in any::<String>()) {
            let _ = split(&path);
        }
    }
}
