//! The fake provider: every API with answers that are known, every fault with what it must be taken for.

use super::{ITEMS, LONG, failure, send, shop};
use pg_categorize_core::choices::Verdict;
use pg_categorize_core::money::{Money, Rate};
use pg_categorize_core::price::{Price, Rates};
use pg_categorize_fake_llm::{Config, FakeLlm, Fault, Faults, Step};
use pg_categorize_gateway::plan::{Abilities, AnswerMode, ProviderKind, Route};
use pg_categorize_gateway::provider::FailureClass::{self, *};
use pg_categorize_gateway::provider::{Charge, Ended, Item, prepare};
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

fn chat(base_url: &str) -> Route {
    route(base_url, ProviderKind::OpenAi, AnswerMode::JsonSchema)
}

async fn fake(faults: Faults) -> FakeLlm {
    let labels = [("LEGO police station", "Toys"), ("SQL for \"all\"", "Books")];
    let labels = labels.map(|(title, label)| (title.to_owned(), label.to_owned())).into_iter().collect();
    FakeLlm::start(Config { labels: Arc::new(labels), faults, charge_lost: true, ..Config::default() }).await
}

async fn fault(fault: Fault, items: &[Item<'_>]) -> (Ended, FakeLlm) {
    let server = fake(Faults::script([Step::next(fault)])).await;
    let limit = if fault == Fault::Hang { Duration::from_millis(300) } else { LONG };
    (send(&chat(&(server.url() + "/v1")), items, limit).await, server)
}

#[tokio::test]
async fn every_api_answers_and_costs_what_it_says() {
    let server = fake(Faults::default()).await;
    let v1 = server.url() + "/v1";
    let routes: [(Route, &[Item<'_>]); 4] = [
        (chat(&v1), &ITEMS),
        (route(&v1, ProviderKind::OpenAi, AnswerMode::Text), &ITEMS[..1]),
        (route(&v1, ProviderKind::OpenAi, AnswerMode::Decision), &ITEMS),
        (route(&server.url(), ProviderKind::SystemOne, AnswerMode::Decision), &ITEMS[..1]),
    ];
    let mut cost = Money::ZERO;
    for (route, items) in routes {
        let ended = send(&route, items, LONG).await;
        let verdicts: Vec<Verdict> = ended.result.unwrap().iter().map(|answer| answer.verdict).collect();
        assert_eq!(verdicts, [Verdict::Category(10), Verdict::Category(20)][..items.len()], "{:?}", route.model.mode);
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
    for (kind, class, charge) in expected {
        let (ended, server) = fault(kind, &ITEMS).await;
        let waits = ended.result.as_ref().is_err_and(|failure| failure.retry_after.is_some());
        assert_eq!(waits, matches!(kind, Fault::RateLimit | Fault::SlowDown), "{kind:?}");
        let (found, charged, _) = failure(ended);
        assert_eq!((found, charged), (class, charge), "{kind:?}");
        let account = server.account();
        assert!(charge == Charge::Unknown || account.charged_nanousd == 0, "{kind:?}");
        assert_eq!((account.requests, account.redirects_followed), (1, 0), "{kind:?}");
    }
}

#[tokio::test]
async fn answers_that_went_wrong_are_missing_or_invalid_and_paid_for() {
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
        let (ended, server) = fault(kind, &ITEMS).await;
        let verdicts: Vec<Verdict> = ended.result.unwrap().iter().map(|answer| answer.verdict).collect();
        assert_eq!(verdicts, expected, "{kind:?}");
        assert_eq!(price().cost(&ended.usage.unwrap()).unwrap().0, server.account().charged_nanousd, "{kind:?}");
    }
    for (kind, lost) in [(Fault::MissingItem, false), (Fault::WrongLabel, true), (Fault::DuplicateItem, true)] {
        let answers = fault(kind, &ITEMS).await.0.result.unwrap();
        let right = answers.iter().filter(|answer| answer.verdict == [toys, books][answer.id as usize - 1]).count();
        assert_eq!(answers.len() == 2, lost, "{kind:?}: {answers:?}");
        assert!(right < 2, "{kind:?}: {answers:?}");
    }
    let (ended, _) = fault(Fault::NoUsage, &ITEMS).await;
    assert_eq!((ended.usage, ended.result.unwrap().len()), (None, 2));
}
