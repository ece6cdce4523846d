//! What is known of answers of language models being right, tenant by tenant, and when that is worth reading anew: as soon as
//! strong models have said as much as was known, so that a run is calibrated by its own beginning, and within a minute of what
//! people say.

use crate::pg::spi::{self, AGREEMENT, NewAgreement, Observations};
use pg_categorize_core::confidence::{Source, is_worth_a_fit};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Tenants that are kept.
const KEPT: usize = 256;

/// How long what people say of answers may wait until confidence is calibrated by it.
const AGAIN: Duration = Duration::from_secs(60);

/// What is known.
#[derive(Default)]
pub struct Observed {
    tenants: HashMap<String, Tenant>,
    /// When it was last seen what had been observed last.
    seen: Option<(Instant, Option<i64>)>,
}

/// What is known of the models of one tenant.
struct Tenant {
    known: Rc<Observations>,
    /// The weight of what is known of a model and source, and of what strong models have said since that was read.
    weights: HashMap<(String, Source), [f64; 2]>,
}

impl Observed {
    /// What is known of the models of a tenant, read if it is not there.
    pub fn of(&mut self, tenant: &str) -> Rc<Observations> {
        if let Some(known) = self.tenants.get(tenant) {
            return known.known.clone();
        }
        if self.tenants.len() >= KEPT {
            self.tenants.clear();
        }
        let known = Rc::new(spi::observations(tenant));
        self.tenants.insert(tenant.to_owned(), Tenant { known: known.clone(), weights: HashMap::new() });
        known
    }

    /// Strong models have said something of the answers of cheap ones; `true` where that is worth a fit: what is known of the
    /// tenant is read anew then.
    pub fn hear(&mut self, tenant: &str, agreements: &[NewAgreement]) -> bool {
        let Some(Tenant { known, weights }) = self.tenants.get_mut(tenant) else { return false };
        let mut is_due = false;
        for agreement in agreements {
            let key = (agreement.model.clone(), agreement.source);
            let before = known.get(&key).into_iter().flatten();
            let weight = || before.map(|observation| f64::from(observation.weight)).sum();
            let [before, news] = weights.entry(key).or_insert_with(|| [weight(), 0.0]);
            *news += f64::from(AGREEMENT);
            is_due |= is_worth_a_fit(*before, *news);
        }
        if is_due {
            self.tenants.remove(tenant);
        }
        is_due
    }

    /// Whether something was observed since this last said so; it looks once a minute.
    pub fn has_changed(&mut self) -> bool {
        if self.seen.is_some_and(|(seen, _)| seen.elapsed() < AGAIN) {
            return false;
        }
        let last = spi::last_observed();
        let before = self.seen.replace((Instant::now(), last));
        before.is_some_and(|(_, before)| before != last)
    }

    /// Everything is read anew.
    pub fn forget(&mut self) {
        self.tenants.clear();
    }
}
