//! One request and what is booked for it, whatever becomes of it.

use crate::account::{Request, title_key};
use crate::faults::Fault;
use crate::server::State;
use crate::tokens::Tokens;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A request that is being answered. Where it is dropped before its reply was handed over, the client has left and the
/// answer is lost.
pub(crate) struct Visit {
    state: Arc<State>,
    request: Request,
    begun: Instant,
    titles: Vec<u64>,
    spoiled: Vec<usize>,
    decided: bool,
    ended: bool,
}

impl Visit {
    /// A request to this API, where it brings its key in the address or not.
    pub(crate) fn new(state: &Arc<State>, api: &'static str, leaks: bool) -> Self {
        let request = Request {
            number: state.book.lock().arrived(leaks),
            api,
            at_ms: u64::try_from(state.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            model: String::new(),
            items: Vec::new(),
            status: 0,
            tokens: Tokens::default(),
            charged_nanousd: None,
            delivered: false,
            fault: Fault::None,
        };
        Self {
            state: Arc::clone(state),
            request,
            begun: Instant::now(),
            titles: Vec::new(),
            spoiled: Vec::new(),
            decided: false,
            ended: false,
        }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn number(&self) -> u64 {
        self.request.number
    }

    /// What it asks. `scope` tells models and keys apart. Texts that get no answer are no titles.
    pub(crate) fn asks(&mut self, model: &str, texts: &[String], answered: bool, scope: u64) {
        let titles = if answered { texts } else { &[] };
        self.titles = titles.iter().map(|title| title_key(title)).collect();
        self.state.book.lock().asked(scope, &self.titles, self.state.config.notice);
        if self.state.config.keep_requests {
            model.clone_into(&mut self.request.model);
            self.request.items = texts.to_vec();
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.request.fault = fault;
    }

    /// It is told to come again after a delay.
    pub(crate) fn put_off(&self, scope: u64, delay: Duration) {
        self.state.book.lock().put_off(scope, &self.titles, delay);
    }

    /// It was beyond the announced limits.
    pub(crate) fn over_limit(&self) {
        self.state.book.lock().account.over_limit += 1;
    }

    /// It costs this from now on; `spoiled` are the places of the items that a fault spoiled.
    pub(crate) fn charge(&mut self, tokens: Tokens, nanousd: i64, spoiled: Vec<usize>) {
        self.request.tokens = tokens;
        self.request.charged_nanousd = Some(nanousd);
        self.spoiled = spoiled;
    }

    /// It is charged for the embeddings of so many texts, too.
    pub(crate) fn embeds(&self, texts: usize) {
        self.state.book.lock().account.texts_embedded += texts as u64;
    }

    /// How long it has been answered.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// It gets a reply of this status.
    pub(crate) fn status(&mut self, status: u16) {
        self.request.status = status;
    }

    /// The whole reply goes to the connection now.
    pub(crate) fn delivered(&mut self) {
        self.decide(true);
        self.end(false);
    }

    /// Its reply will not be readable, or there will be none; it goes on for its client.
    pub(crate) fn lost(&mut self) {
        self.decide(false);
    }

    fn decide(&mut self, delivered: bool) {
        if self.decided {
            return;
        }
        self.decided = true;
        self.request.delivered = delivered;
        if !delivered && !self.state.config.charge_lost {
            self.request.charged_nanousd = None;
        }
        let keep = self.state.config.keep_requests;
        self.state.book.lock().decided(self.request.clone(), &self.titles, &self.spoiled, keep);
    }

    fn end(&mut self, left: bool) {
        if !self.ended {
            self.ended = true;
            self.state.book.lock().ended(&self.titles, left);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.decide(false);
        self.end(true);
    }
}
