//! How sure a model was of a label that it wrote token by token.
//!
//! A token has the probability that the model gave it where it stands. The label is decided by the tokens up to the first
//! one that no other choice goes on with; what follows is spelling. A constrained decoder tells the probabilities of the
//! model without the constraint, which need not sum to 1 over what may be written at all: at each token they are taken as
//! shares of those alternatives that some choice begins with (OpenAI, "Using logprobs", classification; the shares are
//! those of a conditional probability).

use std::ops::Range;

/// A token that was written, and what the model might have written in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// Its bytes: a character may be spread over several tokens.
    pub bytes: Vec<u8>,
    /// Its probability.
    pub probability: f64,
    /// The likeliest tokens in its place, itself mostly among them, with their probabilities.
    pub alternatives: Vec<(Vec<u8>, f64)>,
}

/// How sure a label is, and what else it might have been.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The probability of the label, 0 to 1.
    pub probability: f64,
    /// Probabilities of other choices, by their positions, as far as the alternatives tell them; not sorted.
    pub others: Vec<(usize, f64)>,
}

/// How sure the model was of `choices[chosen]`, which is what `tokens` say from `value.start` to `value.end`. Choices are
/// spelled as they are written there, with whatever ends them: otherwise one could be the begin of another. `None` where
/// the tokens say something else.
pub fn of_label(tokens: &[Token], value: Range<usize>, choices: &[&str], chosen: usize) -> Option<Estimate> {
    let label = choices.get(chosen)?.as_bytes();
    if label.len() != value.len() || label.is_empty() {
        return None;
    }
    let mut open: Vec<usize> = (0..choices.len()).filter(|at| choices[*at] != choices[chosen]).collect();
    let mut estimate = Estimate { probability: 1.0, others: Vec::new() };
    let mut begin = 0;
    for token in tokens {
        let end = begin + token.bytes.len();
        if end <= value.start {
            begin = end;
            continue;
        }
        if open.is_empty() || begin >= value.end {
            break;
        }
        // What of the label is there already, and what of the token comes before the label.
        let written = &label[begin.saturating_sub(value.start).min(label.len())..];
        let skipped = &token.bytes[..value.start.saturating_sub(begin)];
        let own = &token.bytes[skipped.len()..];
        if !goes_on(written, own) {
            return None;
        }
        let done = label.len() - written.len();
        let share = shares(token, skipped, done, &open, choices, label)?;
        for (other, of) in share.others {
            estimate.others.push((other, estimate.probability * of));
        }
        estimate.probability *= share.own;
        open.retain(|at| goes_on(&choices[*at].as_bytes()[done..], own));
        begin = end;
    }
    open.is_empty().then_some(estimate)
}

struct Shares {
    own: f64,
    others: Vec<(usize, f64)>,
}

/// Shares of what is written, and of what decides for another choice, among all that some choice goes on with.
fn shares(
    token: &Token,
    skipped: &[u8],
    done: usize,
    open: &[usize],
    choices: &[&str],
    label: &[u8],
) -> Option<Shares> {
    let (mut own, mut whole) = (token.probability, token.probability);
    let mut others: Vec<(usize, f64)> = Vec::new();
    for (bytes, probability) in &token.alternatives {
        let Some(text) = bytes.strip_prefix(skipped).filter(|text| !text.is_empty()) else { continue };
        if *bytes == token.bytes {
            continue;
        }
        let mut possible = open.iter().filter(|at| goes_on(&choices[**at].as_bytes()[done..], text));
        match (goes_on(&label[done..], text), possible.next(), possible.next()) {
            (true, None, _) => own += probability,
            (false, None, _) => continue,
            (false, Some(only), None) => others.push((*only, *probability)),
            // It decides nothing yet.
            _ => {}
        }
        whole += probability;
    }
    // Without alternatives the probability is what it is.
    let whole = if token.alternatives.is_empty() { 1.0 } else { whole };
    let valid = whole > 0.0 && whole.is_finite() && own.is_finite();
    valid.then(|| Shares {
        own: (own / whole).clamp(0.0, 1.0),
        others: others.into_iter().map(|(at, probability)| (at, (probability / whole).clamp(0.0, 1.0))).collect(),
    })
}

/// Whether `text` may come where `rest` is still to be written. A token may reach beyond the end.
fn goes_on(rest: &[u8], text: &[u8]) -> bool {
    let common = rest.len().min(text.len());
    !rest.is_empty() && rest[..common] == text[..common]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(text: &str, probability: f64, alternatives: &[(&str, f64)]) -> Token {
        let alternatives = alternatives.iter().map(|(text, p)| (text.as_bytes().to_vec(), *p)).collect();
        Token { bytes: text.as_bytes().to_vec(), probability, alternatives }
    }

    fn of(tokens: &[Token], choices: &[&str], chosen: usize) -> Option<Estimate> {
        let text: Vec<u8> = tokens.iter().flat_map(|token| token.bytes.clone()).collect();
        let start = text.iter().rposition(|byte| *byte == b':')? + 2;
        of_label(tokens, start..start + choices[chosen].len(), choices, chosen)
    }

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn the_first_token_that_tells_labels_apart_is_the_last_that_counts() {
        let tokens = [
            token("{\"category\":\"", 1.0, &[]),
            token("Toys", 0.6, &[("Toys", 0.6), ("Books", 0.2), ("Sure", 0.1)]),
            token(" and", 0.001, &[]),
            token(" more\"", 0.001, &[]),
        ];
        let estimate = of(&tokens, &["Toys and more\"", "Books\""], 0).unwrap();
        // `Sure` begins no label: what is left is shared by the two.
        assert!(near(estimate.probability, 0.75), "{estimate:?}");
        assert!(matches!(estimate.others[..], [(1, p)] if near(p, 0.25)), "{estimate:?}");
    }

    #[test]
    fn labels_with_a_common_begin_are_told_apart_where_they_part() {
        let tokens = [
            token("{\"category\":", 1.0, &[]),
            token("\"Toys", 0.9, &[("\"Toys", 0.9), ("\"Books", 0.1)]),
            token("\"}", 0.3, &[("\"}", 0.3), (" >", 0.5), ("\"", 0.2)]),
        ];
        let choices = ["Toys\"", "Toys > Games\"", "Books\""];
        let estimate = of(&tokens, &choices, 0).unwrap();
        // The closing quote ends the label in two of its spellings.
        assert!(near(estimate.probability, 0.9 * 0.5), "{estimate:?}");
        assert!(near(estimate.others.iter().map(|(_, p)| p).sum::<f64>(), 0.1 + 0.45), "{estimate:?}");
    }

    #[test]
    fn without_alternatives_the_probability_is_not_made_up() {
        let tokens = [token(":\"", 1.0, &[]), token("To", 0.5, &[]), token("ys\"", 0.5, &[])];
        assert!(near(of(&tokens, &["Toys\"", "Tools\""], 0).unwrap().probability, 0.25));
        assert!(near(of(&tokens, &["Toys\"", "Books\""], 0).unwrap().probability, 0.5));
        assert!(near(of(&tokens, &["Toys\""], 0).unwrap().probability, 1.0));
    }

    #[test]
    fn tokens_that_say_something_else_estimate_nothing() {
        let tokens = [token(":\"", 1.0, &[]), token("Toys\"", 0.5, &[])];
        assert_eq!(of(&tokens, &["Tops\"", "Books\""], 0), None);
        assert_eq!(of_label(&tokens, 2..9, &["Toys\"", "Books\""], 0), None);
        assert_eq!(of_label(&tokens, 2..7, &["Toys\"", "Books\""], 5), None);
        assert_eq!(of_label(&[], 0..5, &["Toys\"", "Books\""], 0), None);
        let impossible = [token(":\"", 1.0, &[]), token("Toys\"", 0.0, &[("Sure", 1.0)])];
        assert_eq!(of(&impossible, &["Toys\"", "Books\""], 0), None);
    }

    proptest! {
        #[test]
        fn an_estimate_is_a_distribution(
            parts in proptest::collection::vec(("[ab\"]{1,3}", 0.0..1.0_f64, proptest::collection::vec(("[ab\"]{0,3}", 0.0..1.0_f64), 0..4)), 0..5),
            choices in proptest::collection::vec("[ab]{0,4}\"", 1..5),
            start in 0_usize..4, length in 0_usize..6, chosen in 0_usize..6,
        ) {
            let tokens: Vec<Token> = parts.iter().map(|(text, probability, alternatives)| {
                let alternatives: Vec<(&str, f64)> = alternatives.iter().map(|(text, p)| (text.as_str(), *p)).collect();
                token(text, *probability, &alternatives)
            }).collect();
            let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
            if let Some(estimate) = of_label(&tokens, start..start + length, &choices, chosen) {
                prop_assert!((0.0..=1.0).contains(&estimate.probability));
                let others: f64 = estimate.others.iter().map(|(_, p)| p).sum();
                prop_assert!(estimate.probability + others <= 1.0 + 1e-9, "{:?}", estimate);
            }
        }
    }
}
