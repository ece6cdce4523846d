//! The texts and vectors of a store in memory.

use super::ledger::Ledger;
use crate::plan::{Embeds, Plan};
use crate::store::{LackVectors, NewVector, Refusal};
use hashbrown::{HashMap, HashSet};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::fingerprint::Fingerprint;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a store has of texts that want vectors.
pub(super) struct Shelf {
    /// Texts by tenant.
    pub(super) texts: BTreeMap<String, BTreeMap<Fingerprint, String>>,
    pub(super) vectors: HashMap<Fingerprint, Vec<f32>>,
    /// How often vectors of a text were bought.
    pub(super) bought: HashMap<Fingerprint, usize>,
    pub(super) unusable: HashSet<Fingerprint>,
    /// Why nothing was bought for a tenant.
    pub(super) held: Vec<(String, Refusal)>,
    /// Why nothing is handed out.
    pub(super) refuses: Option<Reason>,
    /// Texts of a pack.
    pub(super) pack: usize,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            texts: BTreeMap::new(),
            vectors: HashMap::new(),
            bought: HashMap::new(),
            unusable: HashSet::new(),
            held: Vec::new(),
            refuses: None,
            pack: 10,
        }
    }
}

impl Ledger {
    /// The texts of the first tenant who lacks vectors.
    pub(super) fn lack_vectors(&mut self, without: &[u64]) -> Option<LackVectors> {
        let Shelf { texts, vectors, unusable, pack, .. } = &self.shelf;
        let lacks = |key: &&Fingerprint| !vectors.contains_key(*key) && !unusable.contains(*key);
        let lacking = texts.iter().filter_map(|(tenant, texts)| {
            let keys: Vec<_> = texts.keys().filter(lacks).take(*pack).copied().collect();
            let plan = self.embedding_plan(tenant);
            (!keys.is_empty() && !without.contains(&plan.serial)).then_some((plan, texts, keys))
        });
        let (plan, texts, keys) = lacking.into_iter().next()?;
        let length = vectors.values().next().map(Vec::len);
        if let Some(reason) = self.shelf.refuses {
            return Some(LackVectors { plan, length, texts: Vec::new(), refusal: Some(Refusal::new(reason)) });
        }
        let texts = keys.into_iter().map(|key| (key, texts[&key].clone())).collect();
        Some(LackVectors { plan, length, texts, refusal: None })
    }

    pub(super) fn put(&mut self, plan: &Plan, vectors: Vec<NewVector>) {
        for NewVector { key, vector } in vectors {
            if !self.shelf.texts.get(&plan.tenant).is_some_and(|texts| texts.contains_key(&key)) {
                self.faults.push(format!("a vector of another tenant's text for {}", plan.tenant));
            }
            *self.shelf.bought.entry(key).or_default() += 1;
            self.shelf.vectors.insert(key, vector);
        }
    }

    /// The plan under which vectors of a tenant are bought: its other plan, but for what is bought.
    fn embedding_plan(&self, tenant: &str) -> Arc<Plan> {
        self.plan(tenant)
    }
}

/// What is bought.
pub(super) fn embeds() -> Embeds {
    Embeds { model: "provider 1:cheap".to_owned(), dimensions: None }
}
