//! How far inputs came that were paid for and have no answer: who asks again goes on from the list that it was to be asked with
//! next, and what belongs nowhere, or was audited in vain, is not paid for again. It holds as long as the gateway lives and the
//! plan is the same.

use crate::flight::FlightKey;
use hashbrown::HashMap;
use pg_categorize_core::candidates::Step;
use std::collections::VecDeque;

/// Inputs that are remembered at most.
const MOST: usize = 20_000;

/// Where an input stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halt {
    /// It is to be asked with this list next.
    Before(Step),
    /// Nothing in the taxonomy fits.
    Nowhere,
    /// It was audited, and may have been paid for, without a verdict so far.
    InVain,
}

/// The inputs, by the serial of their plan.
#[derive(Default)]
pub(crate) struct Halted {
    halts: HashMap<(u64, FlightKey), Halt>,
    order: VecDeque<(u64, FlightKey)>,
}

impl Halted {
    pub(crate) fn get(&self, serial: u64, key: &FlightKey) -> Option<Halt> {
        self.halts.get(&(serial, key.clone())).copied()
    }

    pub(crate) fn note(&mut self, serial: u64, key: &FlightKey, halt: Halt) {
        let key = (serial, key.clone());
        if self.halts.insert(key.clone(), halt).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.halts.remove(&oldest);
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
