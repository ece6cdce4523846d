//! What the periods of budgets hold, as this process wrote it last. Others write as well, if seldom: who settles by hand. So
//! each write says what it found before; where that is no longer so, the transaction is undone, and done anew from the tables.

use crate::pg::error;
use crate::pg::spi::{self, Budget, Counter, Moved, Scope};
use pg_categorize_core::budget::Account;
use pgrx::prelude::PgSqlErrorCode;
use std::collections::HashSet;

/// The counters of the scopes that were met.
#[derive(Default)]
pub struct Counters {
    scopes: HashSet<Scope>,
    known: Vec<Known>,
}

struct Known {
    counter: Counter,
    /// What its row holds.
    written: Account,
}

impl Counters {
    /// Has all read anew: after a transaction that failed, and where somebody else may have written.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Reads the counters of scopes that were not met yet. The caller holds the books, as for all that follows.
    pub fn meet(&mut self, scopes: impl IntoIterator<Item = Scope>) {
        let mut new: Vec<Scope> = scopes.into_iter().filter(|scope| !self.scopes.contains(scope)).collect();
        if new.is_empty() {
            return;
        }
        new.sort_unstable();
        new.dedup();
        self.known.extend(spi::counters(&new).into_iter().map(Known::new));
        self.scopes.extend(new);
    }

    /// About what the present periods of budgets of these scopes hold. It waits for nobody, and makes nothing.
    pub fn look_at(&self, scopes: &[Scope], budgets: &[Budget]) -> Vec<Account> {
        let read: Vec<Known>;
        let known = if scopes.iter().all(|scope| self.scopes.contains(scope)) {
            &self.known
        } else {
            read = spi::counters(scopes).into_iter().map(Known::new).collect();
            &read
        };
        let of = |budget: &Budget| known.iter().find(|known| known.is_of(budget)).map(|known| known.counter.account);
        budgets.iter().map(|budget| of(budget).unwrap_or_default()).collect()
    }

    /// What the present period of a budget holds; its counter is made where it is absent.
    pub fn of(&mut self, budget: &Budget) -> Account {
        if let Some(known) = self.known.iter().find(|known| known.is_of(budget)) {
            return known.counter.account;
        }
        let made = Known::new(spi::make_counter(budget));
        let account = made.written;
        self.known.push(made);
        account
    }

    /// Changes the counters of scopes that were met.
    pub fn shift(&mut self, moved: &[Moved]) {
        for moved in moved {
            for known in self.known.iter_mut().filter(|known| known.counter.holds(moved)) {
                known.counter.account = known.counter.account.after(moved.movement);
            }
        }
    }

    /// Writes what has changed.
    ///
    /// # Errors
    /// 40001 where somebody else has written meanwhile.
    pub fn write(&mut self) {
        for known in self.known.iter_mut().filter(|known| known.written != known.counter.account) {
            if !spi::write_counter(&mut known.counter, known.written) {
                let code = PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE;
                error::report(code, "a counter of a budget was changed meanwhile", None, None);
            }
            known.written = known.counter.account;
        }
    }
}

impl Known {
    fn new(counter: Counter) -> Self {
        Self { written: counter.account, counter }
    }

    fn is_of(&self, budget: &Budget) -> bool {
        let counter = &self.counter;
        (&counter.scope, &counter.period, counter.starts_at, counter.ends_at)
            == (&budget.scope, &budget.period, budget.starts_at, budget.ends_at)
    }
}
