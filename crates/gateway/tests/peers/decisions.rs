//! Decision servers: one that breaks a rule on purpose, and one with a real model.

use super::{HOSTILE, SHOP, choices, label, peer, peers, route, say, send, titles};
use pg_categorize_core::choices::{Choices, Verdict};
use pg_categorize_gateway::plan::{AnswerMode, ProviderKind, Route};
use pg_categorize_gateway::provider::{Charge, FailureClass, Http};

fn decider(url: &str) -> Route {
    route(url, ProviderKind::SystemOne, AnswerMode::Decision, "jev-latest")
}

/// Labels that a server can spoil: of any case, with marks that Unicode writes in two ways, and many.
fn spoilable() -> [Choices; 2] {
    let many: Vec<String> = (0..100).map(|i| format!("Label {i}")).collect();
    [
        choices([("Möbel & Décor", Some("tables")), ("TOYS", None), ("books", Some("to read"))]),
        choices(many.iter().map(|label| (label.as_str(), None))),
    ]
}

/// A `jevcompat mock` for each fault, in variables `PEER_JEVCOMPAT_FAULT`.
#[tokio::test]
async fn a_decision_server_that_breaks_the_rules_breaks_nothing_else() {
    let http = Http::new();
    for (fault, url) in peers("PEER_JEVCOMPAT") {
        let (mut valid, mut invalid, mut failures) = (0, 0, Vec::new());
        for choices in spoilable() {
            for title in ["LEGO police station", "Möbel & Décor", "Mo\u{308}bel", HOSTILE[2], HOSTILE[4], ""] {
                let ended = send(&http, &decider(&url), &choices, &[title]).await;
                match ended.result {
                    Ok(answers) => {
                        assert_eq!(answers.len(), 1, "{fault}: one answer was asked for");
                        let usable = answers[0].verdict != Verdict::Invalid;
                        (valid, invalid) = (valid + i32::from(usable), invalid + i32::from(!usable));
                        // Without a usage an attempt is in doubt, which is right only where the server left it out.
                        let told = ended.usage.is_some();
                        assert_eq!(told, !matches!(fault.as_str(), "NO_USAGE" | "FLOAT_USAGE"), "{fault}");
                        assert!(!usable || answers[0].confidence > 0.0, "{fault}: {answers:?}");
                    }
                    Err(failure) => failures.push((failure.class, failure.charge)),
                }
            }
        }
        failures.dedup();
        say(&format!("{fault}: {valid} answers, {invalid} invalid, failures {failures:?}"));
        let unreadable = (FailureClass::Unreadable, Charge::Unknown);
        match fault.as_str() {
            "NONE"
            | "CHOICE_SUM"
            | "CHOICE_KEY_CASE"
            | "CHOICE_SECOND"
            | "EXTRA_ANSWER"
            | "FIRST_QUESTION_ONLY"
            | "TEXT_ERRORS"
            | "NO_USAGE"
            | "FLOAT_USAGE"
            | "CHOICE_NO_CONFIDENCE"
            | "CONFIDENCE_OVER" => {
                assert_eq!((valid, invalid), (12, 0), "{fault}");
            }
            "NAN" | "XSSI_200" => assert_eq!((valid, &failures[..]), (0, &[unreadable][..]), "{fault}"),
            "CAP_64" => assert_eq!((valid, &failures[..]), (6, &[(FailureClass::Rejected, Charge::None)][..])),
            "NO_NULL_DESCRIPTION" => {
                assert_eq!((valid, &failures[..]), (0, &[(FailureClass::Rejected, Charge::None)][..]));
            }
            "WRONG_ROUTE" => assert_eq!((valid, &failures[..]), (0, &[(FailureClass::Stopped, Charge::None)][..])),
            // Of these, an answer of its marks in their other form is none of the labels.
            "NFD_KEYS" => assert!(valid >= 11 && failures.is_empty(), "{fault}: {valid} answers, {failures:?}"),
            _ => {}
        }
        // What it does not know is an error, however that is written.
        let mut unknown = decider(&url);
        unknown.model.name = "no-such-model".into();
        let refused = send(&http, &unknown, &spoilable()[0], &["x"]).await.result.expect_err("no such model");
        let class = if fault == "WRONG_ROUTE" { FailureClass::Stopped } else { FailureClass::Rejected };
        assert_eq!((refused.class, refused.charge), (class, Charge::None), "{fault}: {}", refused.detail);
    }
}

/// How many of the titles are sorted as those who made them up would.
async fn right(http: &Http, route: &Route, choices: &Choices) -> usize {
    let mut right = 0;
    for (title, expected) in titles() {
        let ended = send(http, route, choices, &[title]).await;
        let answer = &ended.result.expect("an answer")[0];
        assert_ne!(answer.verdict, Verdict::Invalid, "{title}");
        right += usize::from(label(choices, answer.verdict) == Some(expected));
    }
    right
}

#[tokio::test]
async fn the_small_decision_model_answers_within_the_choices() {
    let Some(url) = peer("PEER_SPARROW") else { return };
    let (http, mut route) = (Http::new(), decider(&url));
    route.model.name = "sparrow-nano-general-v1.1".into();
    let bare = choices(SHOP.map(|(label, _)| (label, None)));
    let described = super::shop();
    for title in HOSTILE {
        let ended = send(&http, &route, &described, &[title]).await;
        let answer = &ended.result.expect("an answer")[0];
        assert_ne!(answer.verdict, Verdict::Invalid, "{title}");
        assert!(!answer.alternatives.is_empty() && ended.usage.is_some(), "{title}: {answer:?}");
    }
    // Forty titles show an order of magnitude, no more: they are told and not judged.
    let (names, lines) = (right(&http, &route, &bare).await, right(&http, &route, &described).await);
    say(&format!(
        "the small decision model is right about {names} of 40 titles by names alone, {lines} with descriptions"
    ));
}
