//! Reads the results of a batch, and stores them in portions.

use super::api::{BatchApi, Said};
use super::call::{Caller, Heard, Refused};
use super::lines::Lines;
use super::store::{LineResult, Lost, Open, Outline, Store};
use crate::provider::{Charge, Failure, FailureClass, ItemAnswer, read_line, read_raw_line};
use crate::store::AttemptOutcome;
use pg_categorize_core::batch::{LineEnd, Register, Taken};
use pg_categorize_core::price::Usage;
use reqwest::Response;
use tokio::sync::mpsc;

/// Answers that are stored in one transaction, or a few more: what it costs whatever is in it (a commit, statements that are few)
/// shows no more, and whoever asks live waits for its end, between one and two tenths of a second.
const ANSWERS: usize = 4096;

/// Bytes of replies after which no more are stored in one transaction: each may have eight megabytes.
const BYTES: usize = 8 << 20;

/// Bytes of requests, as they were sent, whose results are stored in one transaction: their texts are read there, and are in memory
/// several times. A few requests are stored together however long they are.
const REQUEST_BYTES: u64 = 24 << 20;

/// So few.
const REQUESTS: usize = 256;

/// Requests that are read at once, without their texts.
const OUTLINES: usize = 4096;

/// What is known of the requests of a batch without their texts.
struct Asked {
    register: Register,
    requests: Vec<Outline>,
}

/// Reads them; how many of our lines there were. Broken off, what was stored stays, and reading begins anew.
pub(super) async fn fetch(
    store: &impl Store,
    api: &dyn BatchApi,
    call: &Caller<'_>,
    open: &Open,
    remote: &str,
) -> Result<Heard<u32>, Lost> {
    let mut asked = Asked::load(store, open).await?;
    let bodies = match api.results(call, remote).await {
        Ok(bodies) => bodies,
        Err(refused) => return Ok(Err(refused)),
    };
    // The next results are read while these are stored.
    let (to_store, mut portions) = mpsc::channel(1);
    let storing = async move {
        while let Some(portion) = portions.recv().await {
            store.ingest(open.record.id, portion).await?;
        }
        Ok(())
    };
    let (read, stored) = tokio::join!(read(bodies, api, open, &mut asked, to_store), storing);
    stored?;
    Ok(read.map(|()| asked.register.taken()))
}

/// Reads the results, and hands them over in portions; no further where nobody takes them.
async fn read(
    bodies: Vec<Response>,
    api: &dyn BatchApi,
    open: &Open,
    asked: &mut Asked,
    to_store: mpsc::Sender<Vec<LineResult>>,
) -> Heard<()> {
    let most = most_requests(open.bytes, open.record.requests);
    let mut portion = Portion::default();
    for body in bodies {
        let mut lines = Lines::new(body);
        loop {
            let line = match lines.next().await {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(_) => {
                    _ = to_store.send(portion.results).await;
                    return Err(Refused::unreadable());
                }
            };
            // What is no line of this API says nothing; whose it was will be missing.
            let Some(line) = api.read(&line) else { continue };
            let Taken::First(ordinal) = asked.register.take(&line.custom_id) else { continue };
            portion.push(asked.result(open, ordinal, &line.said));
            if portion.is_full(most) && to_store.send(std::mem::take(&mut portion).results).await.is_err() {
                return Ok(());
            }
        }
    }
    _ = to_store.send(portion.results).await;
    Ok(())
}

/// Of how many requests results are stored in one transaction at most, of a batch with so many requests that have so many bytes.
fn most_requests(bytes: u64, requests: u32) -> usize {
    let average = bytes / u64::from(requests.max(1));
    usize::try_from(REQUEST_BYTES / average.max(1)).unwrap_or(usize::MAX).max(REQUESTS)
}

/// Results that are stored in one transaction.
#[derive(Default)]
struct Portion {
    results: Vec<LineResult>,
    /// Answers in them, one at least for each.
    answers: usize,
    /// Bytes of the replies in them that are stored as they are.
    bytes: usize,
}

impl Portion {
    fn push(&mut self, result: LineResult) {
        self.answers += result.answers.len().max(1);
        self.bytes += result.reply.as_ref().map_or(0, String::len);
        self.results.push(result);
    }

    /// Whether no more are stored with these, which are of so many requests at most.
    fn is_full(&self, most: usize) -> bool {
        self.answers >= ANSWERS || self.bytes >= BYTES || self.results.len() >= most
    }
}

impl Asked {
    async fn load(store: &impl Store, open: &Open) -> Result<Self, Lost> {
        let mut requests: Vec<Outline> = Vec::new();
        while requests.len() < open.record.requests as usize {
            let portion = store.outlines(open.record.id, requests.len() as u32, OUTLINES).await?;
            if portion.is_empty() {
                return Err(Lost);
            }
            requests.extend(portion);
        }
        let checks: Vec<_> = requests.iter().map(|request| request.check).collect();
        Ok(Self { register: Register::new(open.token, checks), requests })
    }

    /// What a line says of the request of this number.
    fn result(&self, open: &Open, ordinal: u32, said: &Said<'_>) -> LineResult {
        let result = |money, end, answers| LineResult { ordinal, money, end, answers, reply: None };
        match said {
            Said::NotRun => result(AttemptOutcome::Released, LineEnd::NotRun, Vec::new()),
            Said::Refused { lasting: true } => result(AttemptOutcome::Released, LineEnd::Refused, Vec::new()),
            Said::Refused { lasting: false } => result(AttemptOutcome::Released, LineEnd::NotRun, Vec::new()),
            Said::Reply(status, body) => {
                let Outline { plan, numbers, .. } = &self.requests[ordinal as usize];
                let Some(plan) = plan else { return raw_result(open, ordinal, *status, body.get()) };
                let ids: Vec<u32> = numbers.clone().collect();
                let (answers, usage) = read_line(&open.route, plan.usual_choices(), &ids, *status, body.get());
                let money = money(open, usage, answers.as_ref().err());
                match answers {
                    Ok(answers) => {
                        let valid = |answer: &ItemAnswer| answer.verdict.is_valid();
                        let answers: Vec<_> = answers.into_iter().filter(valid).collect();
                        let whole = answers.len() == ids.len();
                        result(money, if whole { LineEnd::Answered } else { LineEnd::Unanswered }, answers)
                    }
                    Err(failure) => result(money, refused(failure.class), Vec::new()),
                }
            }
        }
    }
}

/// What a line says of a request that a user has written.
fn raw_result(open: &Open, ordinal: u32, status: u16, body: &str) -> LineResult {
    let (read, usage) = read_raw_line(&open.route, status, body);
    let money = money(open, usage, read.as_ref().err());
    let (end, reply) = match read {
        Ok(()) => (LineEnd::Answered, Some(body.to_owned())),
        Err(failure) => (refused(failure.class), None),
    };
    LineResult { ordinal, money, end, answers: Vec::new(), reply }
}

/// What became of the money of a request.
fn money(open: &Open, usage: Option<Usage>, failure: Option<&Failure>) -> AttemptOutcome {
    let price = open.route.price.map(|row| row.price);
    let cost = usage.and_then(|usage| Some((price?.cost(&usage)?, usage)));
    match cost {
        Some((cost, usage)) => AttemptOutcome::Settled { cost, usage },
        None if failure.is_some_and(|failure| failure.charge == Charge::None) => AttemptOutcome::Released,
        None => AttemptOutcome::InDoubt,
    }
}

fn refused(class: FailureClass) -> LineEnd {
    match class {
        FailureClass::Rejected | FailureClass::ContextOverflow => LineEnd::Refused,
        _ => LineEnd::Unanswered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(answers: usize, reply: usize) -> LineResult {
        let answer = |id| ItemAnswer {
            id,
            verdict: pg_categorize_core::choices::Verdict::Category(1),
            confidence: 1.0,
            source: pg_categorize_core::confidence::Source::SelfReported,
            rationale: None,
            alternatives: Vec::new(),
        };
        LineResult {
            ordinal: 0,
            money: AttemptOutcome::Released,
            end: LineEnd::Answered,
            answers: (1..=answers as u32).map(answer).collect(),
            reply: (reply > 0).then(|| "x".repeat(reply)),
        }
    }

    /// Results of this kind that are stored in one transaction.
    fn stored_together(answers: usize, reply: usize, most: usize) -> usize {
        let mut portion = Portion::default();
        while !portion.is_full(most) {
            portion.push(result(answers, reply));
        }
        portion.results.len()
    }

    #[test]
    fn what_is_stored_together_is_bounded_by_answers_replies_and_requests() {
        assert_eq!(stored_together(10, 0, usize::MAX), 410);
        assert_eq!(stored_together(0, 0, usize::MAX), 4096);
        assert_eq!(stored_together(0, 1 << 20, usize::MAX), 8);
        assert_eq!(stored_together(1, 0, 300), 300);
    }

    #[test]
    fn of_long_requests_few_are_stored_together_but_never_fewer_than_before() {
        assert!(most_requests(200_000 * 6_000, 200_000) >= ANSWERS);
        assert_eq!(most_requests(4_000 * 49_152, 4_000), 512);
        assert_eq!(most_requests(200 << 20, 20), REQUESTS);
        assert_eq!(most_requests(0, 0), REQUEST_BYTES as usize);
    }
}
