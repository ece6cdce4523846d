//! Keeps the account while requests come and go, and watches the manners of the clients.

use crate::account::{Account, Payments, Request};
use crate::batch::How;
use crate::faults::Fault;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How late the server may learn that a client has left.
const LEAVING: Duration = Duration::from_millis(100);

/// Delays that are remembered before those that are over are dropped.
const DELAYS: usize = 10_000;

#[derive(Default)]
pub(crate) struct Book {
    pub(crate) account: Account,
    /// Until when titles were put off, by title, model and key.
    put_off: HashMap<u64, Instant>,
    /// When a model and key was told to wait, and until when.
    told: HashMap<u64, (Instant, Instant)>,
    /// Titles that are being answered now.
    open: HashMap<u64, Open>,
}

#[derive(Default)]
struct Open {
    requests: u32,
    overlapped: Option<Instant>,
}

impl Book {
    /// A request arrived, with its key in the address or not; its number.
    pub(crate) fn arrived(&mut self, leaks: bool) -> u64 {
        let account = &mut self.account;
        account.requests += 1;
        account.keys_leaked += u64::from(leaks);
        account.in_flight += 1;
        account.max_in_flight = account.max_in_flight.max(account.in_flight);
        account.requests
    }

    /// A request for these titles is being answered. `scope` tells models and keys apart.
    pub(crate) fn asked(&mut self, scope: u64, titles: &[u64], notice: Duration) {
        let now = Instant::now();
        let early = |until: Instant| now < until;
        let repeated = titles.iter().filter_map(|title| self.put_off.remove(&(title ^ scope))).any(early);
        let (told, until) = self.told.get(&scope).copied().unwrap_or((now, now));
        self.account.too_early += u64::from(repeated);
        self.account.too_early_by_model += u64::from(now > told + notice && early(until));
        for title in titles {
            let open = self.open.entry(*title).or_default();
            if open.requests > 0 {
                open.overlapped = Some(now);
            }
            open.requests += 1;
        }
    }

    /// A request for these titles was told to come again after a delay.
    pub(crate) fn put_off(&mut self, scope: u64, titles: &[u64], delay: Duration) {
        let now = Instant::now();
        if self.put_off.len() > DELAYS {
            self.put_off.retain(|_, until| *until > now);
        }
        self.put_off.extend(titles.iter().map(|title| (title ^ scope, now + delay)));
        let (_, until) = self.told.get(&scope).copied().unwrap_or((now, now));
        if until <= now + delay {
            self.told.insert(scope, (now, now + delay));
        }
    }

    /// What became of a request is certain. `spoiled` are the places of the titles whose answers a fault spoiled.
    pub(crate) fn decided(&mut self, request: Request, titles: &[u64], spoiled: &[usize], keep: bool) {
        let account = &mut self.account;
        if request.fault != Fault::None {
            *account.faults.entry(request.fault).or_default() += 1;
        }
        if request.status > 0 {
            *account.replies.entry(request.status).or_default() += 1;
        }
        if let Some(charged) = request.charged_nanousd {
            let lost = !request.delivered;
            account.charged_requests += 1;
            account.charged_nanousd += charged;
            account.tokens.add(&request.tokens);
            account.lost_requests += u64::from(lost);
            account.lost_nanousd += if lost { charged } else { 0 };
            account.answers_paid += titles.len() as u64;
            account.answers_lost += if lost { titles.len() as u64 } else { 0 };
            for (at, title) in titles.iter().enumerate() {
                let spoiled = !lost && spoiled.contains(&at);
                account.answers_spoiled += u64::from(spoiled);
                let payments: &mut Payments = account.titles.entry(*title).or_default();
                payments.paid += 1;
                payments.lost += u32::from(lost);
                payments.spoiled += u32::from(spoiled);
            }
        }
        if keep {
            account.list.push(request);
        }
    }

    /// A line of a batch was answered; `missing` says that its results do not tell.
    pub(crate) fn batched(&mut self, titles: &[u64], cost: i64, live_cost: i64, missing: bool) {
        let account = &mut self.account;
        let batches = &mut account.batches;
        batches.charged_lines += 1;
        batches.charged_nanousd += cost;
        batches.live_nanousd += live_cost;
        batches.lost_lines += u64::from(missing);
        batches.lost_nanousd += if missing { cost } else { 0 };
        account.answers_paid += titles.len() as u64;
        account.answers_lost += if missing { titles.len() as u64 } else { 0 };
        for title in titles {
            let payments = account.titles.entry(*title).or_default();
            payments.paid += 1;
            payments.lost += u32::from(missing);
        }
    }

    /// A batch ended.
    pub(crate) fn batch_ended(&mut self, how: How) {
        let batches = &mut self.account.batches;
        let count = match how {
            How::Completed => &mut batches.completed,
            How::Refused => &mut batches.failed,
            How::Expired => &mut batches.expired,
            How::Cancelled => &mut batches.cancelled,
        };
        *count += 1;
    }

    /// A request is not being answered any more; `left` says that its client went before it had the reply.
    pub(crate) fn ended(&mut self, titles: &[u64], left: bool) {
        self.account.in_flight -= 1;
        for title in titles {
            let Some(open) = self.open.get_mut(title) else { continue };
            let overlapped = open.overlapped.take().filter(|at| !(left && at.elapsed() < LEAVING));
            self.account.overlapping += u64::from(overlapped.is_some());
            open.requests -= 1;
            if open.requests == 0 {
                self.open.remove(title);
            }
        }
    }

    /// The account as it is now.
    pub(crate) fn statement(&self) -> Account {
        self.account.clone().summed_up()
    }
}
