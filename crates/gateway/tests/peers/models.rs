//! Servers of chat completions: a real small model, a simulator, and a proxy that people put in front of providers.

use super::{HOSTILE, choices, label, peer, route, say, send, shop, titles};
use pg_categorize_core::choices::{Choices, Verdict};
use pg_categorize_core::price::Usage;
use pg_categorize_gateway::plan::{Abilities, AnswerMode, ProviderKind, Route};
use pg_categorize_gateway::provider::{Charge, FailureClass, Http};

/// What became of some titles.
#[derive(Debug, Default)]
struct Tally {
    asked: usize,
    right: usize,
    chosen: usize,
    none: usize,
    invalid: usize,
    missing: usize,
    usage: Usage,
}

impl Tally {
    /// Asks about titles in packs. `None` as a label is one that nobody knows.
    async fn of(http: &Http, route: &Route, choices: &Choices, titles: &[(&str, &str)], pack: usize) -> Self {
        let mut tally = Self::default();
        for titles in titles.chunks(pack) {
            let texts: Vec<&str> = titles.iter().map(|(title, _)| *title).collect();
            let ended = send(http, route, choices, &texts).await;
            let answers = ended.result.unwrap_or_else(|failure| panic!("{route}: {failure:?} about {texts:?}"));
            let usage = ended.usage.unwrap_or_else(|| panic!("{route}: no usage"));
            assert!(usage.input + usage.cached_input + usage.cache_write > 0 && usage.output > 0, "{usage:?}");
            tally.usage.input += usage.input;
            tally.usage.cached_input += usage.cached_input;
            tally.usage.cache_write += usage.cache_write;
            tally.usage.output += usage.output;
            tally.asked += titles.len();
            tally.missing += titles.len() - answers.len();
            for answer in answers {
                let expected = titles[answer.id as usize - 1].1;
                match answer.verdict {
                    Verdict::Category(_) => tally.chosen += 1,
                    Verdict::NoneOfThese => tally.none += 1,
                    Verdict::NotOffered(_) | Verdict::Invalid => tally.invalid += 1,
                }
                tally.right += usize::from(label(choices, answer.verdict) == Some(expected));
            }
        }
        assert_eq!(tally.chosen + tally.none + tally.invalid + tally.missing, tally.asked);
        say(&format!("{route}, {:?}, {pack} a request: {tally:?}", route.model.mode));
        tally
    }
}

fn chat(url: &str, mode: AnswerMode, model: &str) -> Route {
    route(&format!("{url}/v1"), ProviderKind::OpenAi, mode, model)
}

fn hostile() -> Vec<(&'static str, &'static str)> {
    HOSTILE.iter().map(|title| (*title, "")).collect()
}

/// llama.cpp with SmolLM2: it knows little, and has its own tokens, templates and grammar.
#[tokio::test]
async fn the_small_language_model_is_kept_to_the_labels() {
    let Some(url) = peer("PEER_SMALL_LLM") else { return };
    let (http, choices) = (Http::new(), shop());
    let json = chat(&url, AnswerMode::JsonSchema, "smollm2");
    let plain = &titles()[..12];
    let tally = Tally::of(&http, &json, &choices, plain, 1).await;
    // Its grammar allows nothing else; what is cut by the limit of tokens is the only thing that is invalid.
    assert!(tally.chosen + tally.none > 0, "{tally:?}");
    assert!(tally.usage.cached_input > tally.usage.input, "the constant prefix comes from the cache: {tally:?}");
    Tally::of(&http, &json, &choices, plain, 4).await;
    Tally::of(&http, &json, &choices, &hostile(), 4).await;
    let text = chat(&url, AnswerMode::Text, "smollm2");
    Tally::of(&http, &text, &choices, &plain[..6], 1).await;
    Tally::of(&http, &text, &choices, &hostile(), 1).await;

    // What ends a message for its template is one token; in a title it is letters like any others.
    let none = Tally::of(&http, &text, &choices, &[("", "")], 1).await;
    let many = Tally::of(&http, &text, &choices, &[("<|im_end|><|im_start|>".repeat(10).as_str(), "")], 1).await;
    let read = |tally: &Tally| tally.usage.input + tally.usage.cached_input;
    assert!(read(&many) > read(&none) + 100, "20 marks are {} tokens", read(&many) - read(&none));

    // Longer than its context of 4096 tokens.
    let long = "garden hose ".repeat(4000);
    let overflow = send(&http, &json, &choices, &[&long]).await.result.expect_err("too long");
    assert_eq!(overflow.class, FailureClass::ContextOverflow, "{overflow:?}");
}

/// xpyd-sim obeys a schema with the same values always: item 42 is of the first category, with a confidence of 3.14.
#[tokio::test]
async fn the_simulator_is_read_where_it_answers_what_was_asked() {
    let Some(url) = peer("PEER_XPYD_SIM") else { return };
    let (http, choices) = (Http::new(), shop());
    let json = chat(&url, AnswerMode::JsonSchema, "gpt-4o-mini");
    let many: Vec<_> = titles().into_iter().chain(hostile()).collect();
    let forty_two = Tally::of(&http, &json, &choices, &many[..42], 42).await;
    assert_eq!((forty_two.chosen, forty_two.missing), (1, 41), "{forty_two:?}");
    for (titles, pack) in [(&many[..8], 1), (&many[..8], 4), (&many[40..], 4)] {
        let others = Tally::of(&http, &json, &choices, titles, pack).await;
        assert_eq!(others.chosen + others.none, 0, "nobody asked about item 42: {others:?}");
    }
    // Its plain texts are no labels.
    let text = Tally::of(&http, &chat(&url, AnswerMode::Text, "gpt-4o-mini"), &choices, &hostile(), 1).await;
    assert_eq!(text.invalid, HOSTILE.len(), "{text:?}");
}

/// LiteLLM's proxy in front of the fake provider, which knows all titles: what it changes on the way changes no answer.
#[tokio::test]
async fn a_proxy_in_between_changes_no_answer() {
    let Some(url) = peer("PEER_LITELLM") else { return };
    let (http, choices) = (Http::new(), shop());
    let as_openai = |mode, model| {
        let mut route = chat(&url, mode, model);
        route.provider.abilities = Abilities {
            instruction_role: "developer".into(),
            max_tokens_field: "max_completion_tokens".into(),
            openai_extras: true,
        };
        route
    };
    let all = titles();
    let json = as_openai(AnswerMode::JsonSchema, "gpt-6-luna");
    let packed = Tally::of(&http, &json, &choices, &all, 10).await;
    assert_eq!((packed.right, packed.asked), (40, 40), "{packed:?}");
    let text = Tally::of(&http, &as_openai(AnswerMode::Text, "gpt-6-luna"), &choices, &all[..10], 1).await;
    assert_eq!(text.right, 10, "{text:?}");
    let spoiled = Tally::of(&http, &json, &choices, &hostile(), 4).await;
    assert_eq!(spoiled.chosen + spoiled.none, HOSTILE.len(), "{spoiled:?}");

    // A prefix that is marked, and long enough to be cached.
    let labels: Vec<String> = (0..200).map(|i| format!("Shelf {i} of the long hall on the left")).collect();
    let long = choices_of(&labels);
    let mut marked = json;
    marked.model.cache_breakpoint = true;
    let cached = Tally::of(&http, &marked, &long, &all[..3], 1).await;
    assert!(cached.usage.cached_input > cached.usage.cache_write, "{cached:?}");

    // Its own words for what is wrong.
    let unknown = as_openai(AnswerMode::JsonSchema, "no-such-model");
    let failure = send(&http, &unknown, &choices, &["x"]).await.result.expect_err("no such model");
    assert_eq!((failure.class, failure.charge), (FailureClass::Rejected, Charge::None), "{failure:?}");
}

fn choices_of(labels: &[String]) -> Choices {
    choices(labels.iter().map(|label| (label.as_str(), None)))
}
