//! Log-probabilities of a chat completion: how sure each of its answers is.

use super::ItemAnswer;
use super::probabilities::Probabilities;
use pg_categorize_core::choices::Choices;
use pg_categorize_core::confidence::Source;
use pg_categorize_core::confidence::log_probabilities::{Token, of_label};
use pg_categorize_core::prompt::quoted;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::ops::Range;

/// The reply as it was asked for, with the places of its labels. In any other form the tokens are not looked at.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    items: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    id: u64,
    #[serde(borrow)]
    category: &'a RawValue,
}

/// Gives the answers in `text` the confidence that its tokens tell. Those of which they tell nothing keep theirs.
pub(super) fn refine(answers: &mut [ItemAnswer], text: &str, tokens: &Value, choices: &Choices) {
    let Some(tokens) = tokens.as_array().and_then(|tokens| tokens.iter().map(token).collect::<Option<Vec<_>>>()) else {
        return;
    };
    // What was written beside the answer, such as thoughts, is not always told: then no place is known.
    if !tokens.iter().flat_map(|token| &token.bytes).eq(text.as_bytes()) {
        return;
    }
    let Ok(written) = serde_json::from_str::<Written<'_>>(text) else { return };
    let labels: Vec<&str> = choices.offered().into_iter().map(|(label, _)| label).collect();
    let spelled: Vec<String> = labels.iter().map(|label| quoted(label).split_off(1)).collect();
    let spelled: Vec<&str> = spelled.iter().map(String::as_str).collect();
    for answer in answers {
        let mut entries = written.items.iter().filter(|entry| entry.id == u64::from(answer.id));
        // One that was given twice is as unsure as its readers took it to be.
        let (Some(entry), None) = (entries.next(), entries.next()) else { continue };
        let Some((value, spelling)) = place(text, entry.category) else { continue };
        let Some(chosen) = spelled.iter().position(|one| *one == spelling) else { continue };
        if choices.read(labels[chosen]) != answer.verdict {
            continue;
        }
        let Some(estimate) = of_label(&tokens, value, &spelled, chosen) else { continue };
        let mut of: Vec<(&str, f64)> = vec![(labels[chosen], estimate.probability)];
        for (other, probability) in estimate.others {
            match of.iter_mut().find(|(label, _)| *label == labels[other]) {
                Some((_, sum)) => *sum += probability,
                None => of.push((labels[other], probability)),
            }
        }
        let told = Probabilities { choice: Some(labels[chosen]), confidence: None, of }.answer(answer.id, choices);
        *answer = ItemAnswer { source: Source::LogProbabilities, rationale: answer.rationale.take(), ..told };
    }
}

/// Where a label stands in the text, and how it is spelled there: from behind its opening quote to behind the closing one.
fn place<'a>(text: &str, label: &'a RawValue) -> Option<(Range<usize>, &'a str)> {
    let json = label.get();
    let spelling = json.strip_prefix('"')?;
    // It is a slice of the text.
    let begin = (json.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let end = begin.checked_add(json.len()).filter(|end| *end <= text.len())?;
    Some((begin + 1..end, spelling))
}

fn token(value: &Value) -> Option<Token> {
    let (bytes, probability) = told(value)?;
    let alternatives = value.get("top_logprobs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Some(Token { bytes, probability, alternatives: alternatives.iter().filter_map(told).collect() })
}

/// A token's bytes, which are told apart from its text as they may be a part of a character, and its probability.
fn told(value: &Value) -> Option<(Vec<u8>, f64)> {
    let byte = |byte: &Value| byte.as_u64().and_then(|byte| u8::try_from(byte).ok());
    let bytes = match value.get("bytes").and_then(Value::as_array) {
        Some(bytes) => bytes.iter().map(byte).collect::<Option<Vec<u8>>>()?,
        None => value.get("token")?.as_str()?.as_bytes().to_vec(),
    };
    Some((bytes, value.get("logprob")?.as_f64()?.min(0.0).exp()))
}

#[cfg(test)]
mod tests {
    use super::super::question::answers;
    use super::*;
    use pg_categorize_core::choices::{Choice, Verdict};
    use proptest::prelude::*;
    use serde_json::json;

    fn shop() -> Choices {
        let labels = ["Toys", "Toys > Games", "Caf\u{e9} \"de\" luxe"].into_iter().enumerate();
        Choices::new(labels.map(|(i, label)| Choice { id: i as i32, label: label.into(), description: None }).collect())
    }

    fn said(text: &str, probability: f64, others: &[(&str, f64)]) -> Value {
        let one = |text: &str, p: f64| json!({ "token": text, "logprob": p.ln(), "bytes": text.as_bytes() });
        let mut token = one(text, probability);
        token["top_logprobs"] = others.iter().map(|(text, p)| one(text, *p)).chain([one(text, probability)]).collect();
        token
    }

    fn refined(tokens: &[Value], ids: &[u32]) -> Vec<ItemAnswer> {
        let text: String = tokens.iter().map(|token| token["token"].as_str().unwrap()).collect();
        let mut answers = answers(&text, &shop(), ids);
        refine(&mut answers, &text, &json!(tokens), &shop());
        answers
    }

    #[test]
    fn each_item_of_a_pack_has_the_confidence_of_its_own_tokens() {
        let answers = refined(
            &[
                said("{\"items\":[{\"id\":1,\"category\":\"", 1.0, &[]),
                said("Toys", 0.8, &[("Caf", 0.2)]),
                said("\",\"confidence\":0.99},", 0.5, &[(" > Games\"", 0.5)]),
                said("{\"id\":2,\"category\":\"Caf", 0.9, &[("{\"id\":2,\"category\":\"Toys", 0.1)]),
                said("\u{e9} \\\"de\\\" luxe\",\"confidence\":0.5}]}", 1.0, &[]),
            ],
            &[1, 2],
        );
        assert_eq!(answers[0].verdict, Verdict::Category(0));
        assert!((answers[0].confidence - 0.4).abs() < 1e-6, "{answers:?}");
        let of: Vec<i32> = answers[0].alternatives.iter().map(|(id, _)| *id).collect();
        assert!(of.contains(&1) && of.contains(&2), "{answers:?}");
        assert_eq!(answers[1].verdict, Verdict::Category(2));
        assert!((answers[1].confidence - 0.9).abs() < 1e-6, "{answers:?}");
        assert!(answers.iter().all(|answer| answer.source == Source::LogProbabilities));
    }

    #[test]
    fn a_character_may_be_spread_over_tokens() {
        let piece =
            |text: &str, bytes: &[u8]| json!({ "token": text, "logprob": -0.1, "bytes": bytes, "top_logprobs": [] });
        let text = "{\"items\":[{\"id\":1,\"category\":\"Caf\u{e9} \\\"de\\\" luxe\"}]}";
        let (head, rest) = text.as_bytes().split_at(text.find('\u{e9}').unwrap() + 1);
        let tokens = [piece("?", head), piece("?", rest)];
        let mut answers = answers(text, &shop(), &[1]);
        refine(&mut answers, text, &json!(tokens), &shop());
        assert_eq!(answers[0].source, Source::LogProbabilities);
        assert!((f64::from(answers[0].confidence) - (-0.1_f64).exp()).abs() < 1e-6, "{answers:?}");
    }

    #[test]
    fn tokens_that_do_not_fit_leave_the_confidence_as_it_was() {
        let head = "{\"items\":[{\"id\":1,\"category\":\"";
        let whole = said(&format!("{head}Toys\",\"confidence\":0.7}}]}}"), 0.2, &[]);
        let text = whole["token"].as_str().unwrap().to_owned();
        let mut unknown = whole.clone();
        unknown["logprob"] = json!(null);
        let mut wide = whole.clone();
        wide["bytes"] = json!([300]);
        for tokens in [json!(null), json!([]), json!([unknown]), json!([wide]), json!([whole, whole]), json!([1])] {
            let mut answers = answers(&text, &shop(), &[1]);
            refine(&mut answers, &text, &tokens, &shop());
            assert_eq!((answers[0].confidence, answers[0].source), (0.7, Source::SelfReported), "{tokens}");
        }
        // Another spelling of the label, an answer given twice, an answer that is none.
        for tail in ["TOYS\",\"confidence\":0.7}]}", "Toys\",\"confidence\":0.7},{\"id\":1,\"category\":\"Toys\"}]}"] {
            assert_eq!(refined(&[said(head, 1.0, &[]), said(tail, 0.3, &[])], &[1])[0].source, Source::SelfReported);
        }
        let fraud = refined(&[said(head, 1.0, &[]), said("Fraud\",\"confidence\":0.7}]}", 0.3, &[])], &[1]);
        assert_eq!((fraud[0].verdict, fraud[0].source), (Verdict::Invalid, Source::SelfReported));
    }

    proptest! {
        #[test]
        fn no_tokens_make_it_panic(
            cuts in proptest::collection::vec(0_usize..80, 0..6), probabilities in proptest::collection::vec(-20.0..5.0_f64, 8),
            alternative in "\\PC{0,6}", junk in "[\\[\\]{}\":,a-z0-9]{0,20}",
        ) {
            let text = format!("{{\"items\":[{{\"id\":1,\"category\":\"Toys > Games\",\"confidence\":0.5}}]}}{junk}");
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let tokens: Vec<Value> = cuts.windows(2).zip(probabilities).map(|(cut, logprob)| json!({
                "token": "?", "logprob": logprob, "bytes": &text.as_bytes()[cut[0]..cut[1]],
                "top_logprobs": [{ "token": alternative, "logprob": logprob, "bytes": null }],
            })).collect();
            let mut answers = answers(&text, &shop(), &[1]);
            refine(&mut answers, &text, &json!(tokens), &shop());
            for answer in answers {
                prop_assert!((0.0..=1.0).contains(&answer.confidence));
                prop_assert!(answer.alternatives.iter().map(|(_, p)| p).sum::<f32>() <= 1.001);
            }
        }
    }
}
