//! The fake provider: every API with answers that are known, every fault with what it must be taken for.

use super::{ITEMS, LONG, failure, send, shop};
use pg_categorize_core::choices::Verdict;
use pg_categorize_core::money::{Money, Rate};
use pg_categorize_core::price::{Price, Rates};
use pg_categorize_fake_llm::{Config, FakeLlm, Fault, Faults, Step};
use pg_categorize_gateway::embeddings;
use pg_categorize_gateway::plan::{Abilities, AnswerMode, ProviderKind, Route};
use pg_categorize_gateway::provider::FailureClass::{self, *};
use pg_categorize_gateway::provider::{Charge, Ended, Http, Image, Item, prepare};
use std::sync::Arc;
use std::time::Duration;

/// What the fake provider charges for any model.
fn price() -> Price {
    let (input, output) = (Rate(100_000_000), Rate(500_000_000));
    let rates = Rates { input, cached_input: input, cache_write: input, cache_write_long: input, output };
    Price { rates, long: None }
}

/// A route as for OpenAI itself, which refuses the old name of the limit.
fn route(base_url: &str, kind: ProviderKind, mode: AnswerMode) -> Route {
    let mut route = super::route(base_url, kind, mode);
    route.provider.abilities = Abilities {
        instruction_role: "developer".into(),
        max_tokens_field: "max_completion_tokens".into(),
        openai_extras: true,
    };
    route
}

fn copy(route: &Route) -> Route {
    Route::new(route.provider.clone(), route.model.clone(), None)
}

async fn fake(faults: Faults) -> FakeLlm {
    let labels = [("LEGO police station", "Toys"), ("SQL for \"all\"", "Books")];
    let labels = labels.map(|(title, label)| (title.to_owned(), label.to_owned())).into_iter().collect();
    FakeLlm::start(Config { labels: Arc::new(labels), faults, charge_lost: true, ..Config::default() }).await
}

/// The APIs that have a model write its answers, each at its own address.
const WRITERS: [ProviderKind; 3] = [ProviderKind::OpenAi, ProviderKind::Anthropic, ProviderKind::Gemini];

fn writer(server: &FakeLlm, kind: ProviderKind, mode: AnswerMode) -> Route {
    let (path, model) = match kind {
        ProviderKind::Anthropic => ("", "claude-haiku-5-5"),
        ProviderKind::Gemini => ("/v1beta", "gemini-2.5-flash-lite"),
        _ => ("/v1", "gpt-6-luna"),
    };
    let mut route = route(&(server.url() + path), kind, mode);
    route.model.name = model.into();
    // Models that think when nobody says otherwise.
    route.model.reasoning_effort = Some("none".into());
    route
}

async fn fault(kind: ProviderKind, fault: Fault, items: &[Item<'_>]) -> (Ended, FakeLlm) {
    let server = fake(Faults::script([Step::next(fault)])).await;
    let limit = if fault == Fault::Hang { Duration::from_millis(300) } else { LONG };
    (send(&writer(&server, kind, AnswerMode::JsonSchema), items, limit).await, server)
}

#[tokio::test]
async fn every_api_answers_and_costs_what_it_says() {
    let server = fake(Faults::default()).await;
    let v1 = server.url() + "/v1";
    let mut routes: Vec<(Route, &[Item<'_>])> = vec![
        (route(&v1, ProviderKind::OpenAi, AnswerMode::Decision), &ITEMS),
        (route(&v1, ProviderKind::Gemini, AnswerMode::Decision), &ITEMS),
        (route(&server.url(), ProviderKind::SystemOne, AnswerMode::Decision), &ITEMS[..1]),
    ];
    let image = Image::new(b"\x89PNG\r\n\x1a\n").unwrap();
    let seen = [Item { id: 1, text: ITEMS[0].text, image: Some(&image) }];
    for kind in WRITERS {
        routes.push((writer(&server, kind, AnswerMode::Text), &ITEMS[..1]));
        let mut plain = writer(&server, kind, AnswerMode::JsonSchema);
        plain.model.cache_breakpoint = kind != ProviderKind::Gemini;
        plain.model.log_probabilities = true;
        plain.model.image_tokens = Some(2000);
        routes.extend([(Route { rationale: true, ..copy(&plain) }, &ITEMS[..])]);
        routes.extend([(copy(&plain), &seen[..]), (copy(&plain), &ITEMS), (plain, &ITEMS)]);
    }
    let mut cost = Money::ZERO;
    for (route, items) in routes {
        let ended = send(&route, items, LONG).await;
        let verdicts: Vec<Verdict> = ended.result.as_ref().unwrap().iter().map(|answer| answer.verdict).collect();
        assert_eq!(verdicts, [Verdict::Category(10), Verdict::Category(20)][..items.len()], "{:?}", route.model);
        let prepared = prepare(&route, &shop(), items).unwrap();
        let paid = price().cost(&ended.usage.unwrap()).unwrap();
        assert!(paid <= price().worst_case(prepared.input_bound(), prepared.output_bound()).unwrap());
        cost = cost.plus(paid).unwrap();
    }
    assert_eq!(cost.0, server.account().charged_nanousd);
}

#[tokio::test]
async fn faults_are_taken_for_what_they_are() {
    let expected: [(Fault, FailureClass, Charge); 19] = [
        (Fault::RateLimit, RateLimited, Charge::None),
        (Fault::SlowDown, RateLimited, Charge::None),
        (Fault::Quota, Stopped, Charge::None),
        (Fault::Unauthorized, Stopped, Charge::None),
        (Fault::Forbidden, Stopped, Charge::None),
        (Fault::ModelNotFound, Stopped, Charge::None),
        (Fault::RequestTimeout, ServerError, Charge::Unknown),
        (Fault::Conflict, ServerError, Charge::None),
        (Fault::ServerError, ServerError, Charge::Unknown),
        (Fault::Overloaded, Overloaded, Charge::Unknown),
        (Fault::Loading, ServerError, Charge::Unknown),
        (Fault::ContextLengthExceeded, ContextOverflow, Charge::None),
        (Fault::Redirect, Stopped, Charge::Unknown),
        (Fault::CutBody, Cut, Charge::Unknown),
        (Fault::Html, Unreadable, Charge::Unknown),
        (Fault::BrokenJson, Unreadable, Charge::Unknown),
        (Fault::Reset, Cut, Charge::Unknown),
        (Fault::Hang, TimedOut, Charge::Unknown),
        (Fault::HugeBody, Unreadable, Charge::Unknown),
    ];
    for (provider, (kind, class, charge)) in
        WRITERS.into_iter().flat_map(|provider| expected.map(|expected| (provider, expected)))
    {
        // Google's quota of a day is there again by itself, and its 503 asks for no pause of half a minute.
        let passes = provider == ProviderKind::Gemini && kind == Fault::Quota;
        let class = match (provider, kind) {
            (ProviderKind::Gemini, Fault::Quota) => RateLimited,
            (ProviderKind::Gemini, Fault::Overloaded) => ServerError,
            _ => class,
        };
        let (ended, server) = fault(provider, kind, &ITEMS).await;
        let waits = ended.result.as_ref().is_err_and(|failure| failure.retry_after.is_some());
        assert_eq!(waits, passes || matches!(kind, Fault::RateLimit | Fault::SlowDown), "{provider:?} {kind:?}");
        let (found, charged, _) = failure(ended);
        assert_eq!((found, charged), (class, charge), "{provider:?} {kind:?}");
        let account = server.account();
        assert!(charge == Charge::Unknown || account.charged_nanousd == 0, "{provider:?} {kind:?}");
        assert_eq!((account.requests, account.redirects_followed), (1, 0), "{provider:?} {kind:?}");
    }
}

#[tokio::test]
async fn answers_that_went_wrong_are_missing_or_invalid_and_paid_for() {
    for provider in WRITERS {
        answers_that_went_wrong(provider).await;
    }
}

async fn answers_that_went_wrong(provider: ProviderKind) {
    let (toys, books, invalid) = (Verdict::Category(10), Verdict::Category(20), Verdict::Invalid);
    for (kind, expected) in [
        (Fault::SlowBody, vec![toys, books]),
        (Fault::WrongCase, vec![toys, books]),
        (Fault::ShuffledItems, vec![toys, books]),
        (Fault::UsageAbove, vec![toys, books]),
        (Fault::Refusal, vec![invalid, invalid]),
        (Fault::Length, vec![invalid, invalid]),
        (Fault::BrokenContent, vec![]),
    ] {
        let (ended, server) = fault(provider, kind, &ITEMS).await;
        let verdicts: Vec<Verdict> = ended.result.unwrap().iter().map(|answer| answer.verdict).collect();
        assert_eq!(verdicts, expected, "{provider:?} {kind:?}");
        assert_eq!(
            price().cost(&ended.usage.unwrap()).unwrap().0,
            server.account().charged_nanousd,
            "{provider:?} {kind:?}"
        );
    }
    for (kind, lost) in [(Fault::MissingItem, false), (Fault::WrongLabel, true), (Fault::DuplicateItem, true)] {
        let answers = fault(provider, kind, &ITEMS).await.0.result.unwrap();
        let right = answers.iter().filter(|answer| answer.verdict == [toys, books][answer.id as usize - 1]).count();
        assert_eq!(answers.len() == 2, lost, "{provider:?} {kind:?}: {answers:?}");
        assert!(right < 2, "{provider:?} {kind:?}: {answers:?}");
    }
    let (ended, _) = fault(provider, Fault::NoUsage, &ITEMS).await;
    assert_eq!((ended.usage, ended.result.unwrap().len()), (None, 2));
}

/// What Google charges is told in words: its embeddings say nothing, and then the most is taken.
#[tokio::test]
async fn embeddings_cost_no_more_than_was_bound() {
    let server = fake(Faults::default()).await;
    for (kind, path, model) in [
        (ProviderKind::OpenAi, "/v1", "text-embedding-3-small"),
        (ProviderKind::Gemini, "/v1beta", "gemini-embedding-001"),
    ] {
        let mut route = route(&(server.url() + path), kind, AnswerMode::JsonSchema);
        route.model.name = model.into();
        let charged = server.account().tokens.input;
        let prepared = embeddings::prepare(&route, &["red shoes", "usb cable"], Some(256)).unwrap();
        let embedded = Http::new().embed(&route, &prepared, LONG).await;
        let vectors = embedded.result.unwrap();
        assert!(vectors.len() == 2 && vectors.iter().all(|vector| vector.len() == 256), "{kind:?}");
        let (charged, told) = (server.account().tokens.input - charged, embedded.usage.unwrap().input);
        assert!(charged <= told && told <= prepared.input_bound(), "{kind:?}: {charged} {told}");
    }
}
