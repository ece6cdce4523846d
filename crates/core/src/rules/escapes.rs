//! Postgres users write `\m`, `\M`, `\y` and `\Y`; the regex parser wants `\b{start}`, `\b{end}`, `\b` and `\B`.
//!
//! The translation looks at escapes only, always a backslash and one character, so that `\\m` stays a backslash and
//! an m. It knows nothing of classes: inside `[...]` the parser itself refuses what comes out of here, which keeps one
//! grammar instead of two. Escapes of Postgres: <https://www.postgresql.org/docs/current/functions-matching.html>,
//! table "Regular Expression Constraint Escapes"; word boundaries of the parser:
//! <https://docs.rs/regex/latest/regex/#empty-matches>.

/// A pattern in the parser's syntax that still knows where each piece stood in the pattern of the user.
#[derive(Debug)]
pub(super) struct Translation {
    /// The pattern in the parser's syntax.
    pub(super) text: String,
    /// (byte offset here, byte offset in the user's pattern) at the start and after every rewritten escape.
    anchors: Vec<(usize, usize)>,
    /// Where rewritten escapes begin here.
    rewritten: Vec<usize>,
}

impl Translation {
    /// The byte offset in the user's pattern of the byte offset `here` of the translation.
    pub(super) fn user_offset(&self, here: usize) -> usize {
        let next = self.anchors.partition_point(|&(ours, _)| ours <= here);
        let (ours, theirs) = self.anchors[next - 1];
        // Inside a rewritten escape the best answer is its first byte.
        match self.rewritten.iter().position(|&start| start < here && self.anchor_after(start) > here) {
            Some(nth) => theirs + (self.rewritten[nth] - ours),
            None => theirs + (here - ours),
        }
    }

    /// Whether the translation wrote the escape that spans the byte offset `here`.
    pub(super) fn is_rewritten(&self, here: usize) -> bool {
        self.rewritten.iter().any(|&start| start <= here && here < self.anchor_after(start))
    }

    fn anchor_after(&self, start: usize) -> usize {
        self.anchors.iter().map(|&(ours, _)| ours).find(|&ours| ours > start).unwrap_or(self.text.len())
    }
}

/// Translates the word-boundary escapes of Postgres; every other byte stays as it is.
pub(super) fn translate(pattern: &str) -> Translation {
    let mut text = String::with_capacity(pattern.len() + 16);
    let mut anchors = vec![(0, 0)];
    let mut rewritten = Vec::new();
    let mut characters = pattern.char_indices().peekable();
    while let Some((_, character)) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        let Some((offset, escaped)) = characters.next() else {
            text.push('\\');
            break;
        };
        let brace_follows = characters.peek().is_some_and(|&(_, next)| next == '{');
        let replacement = match escaped {
            'm' => r"\b{start}",
            'M' => r"\b{end}",
            // `\y{` must not turn into the parser's own `\b{start}`.
            'y' if brace_follows => r"(?:\b)",
            'y' => r"\b",
            'Y' => r"\B",
            other => {
                text.push('\\');
                text.push(other);
                continue;
            }
        };
        rewritten.push(text.len());
        text.push_str(replacement);
        anchors.push((text.len(), offset + escaped.len_utf8()));
    }
    Translation { text, anchors, rewritten }
}

#[cfg(test)]
mod tests {
    use super::translate;

    #[test]
    fn golden_table_of_translations() {
        let table = [
            (r"\mfoo\M", r"\b{start}foo\b{end}"),
            (r"\yfoo\y", r"\bfoo\b"),
            (r"\Yfoo", r"\Bfoo"),
            (r"\\m", r"\\m"),
            (r"\\\m", r"\\\b{start}"),
            (r"\\\\y", r"\\\\y"),
            (r"a\yb|\Mc", r"a\bb|\b{end}c"),
            (r"\y{2}", r"(?:\b){2}"),
            (r"\y{start}", r"(?:\b){start}"),
            (r"\bfoo\B", r"\bfoo\B"),
            (r"\d\s\w\pM\p{M}", r"\d\s\w\pM\p{M}"),
            (r"[\m]", r"[\b{start}]"),
            ("\\", "\\"),
            ("a\\", "a\\"),
            (r"\é\y", r"\é\b"),
            ("plain", "plain"),
            ("", ""),
        ];
        for (postgres, rust) in table {
            assert_eq!(translate(postgres).text, rust, "{postgres}");
        }
    }

    #[test]
    fn offsets_lead_back_to_the_user() {
        let translation = translate(r"a\mb\yc");
        assert_eq!(translation.text, r"a\b{start}b\bc");
        for (here, user) in [(0, 0), (1, 1), (4, 1), (10, 3), (11, 4), (12, 4), (13, 6), (14, 7)] {
            assert_eq!(translation.user_offset(here), user, "offset {here}");
        }
        assert!(translation.is_rewritten(1) && translation.is_rewritten(9) && !translation.is_rewritten(10));
    }
}
