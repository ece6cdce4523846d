//! The texts and vectors of a store in memory.

use super::ledger::Ledger;
use super::wire::right;
use crate::plan::{Embeds, Plan};
use crate::store::{Closing, Compare, Compared, KnownAnswer, LackVectors, NearAnswer, NewVector, Refusal};
use hashbrown::{HashMap, HashSet};
use pg_categorize_core::cascade::{Origin, Reason, Similar};
use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::Nearness;
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
    /// How long the vectors are that questions are compared with.
    pub(super) comparable: Option<usize>,
    /// Texts whose answer is known to earlier ones.
    pub(super) is_near: fn(&str) -> bool,
    /// The texts that were compared.
    pub(super) compared: Vec<String>,
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
            comparable: None,
            is_near: |text| text.starts_with("near"),
            compared: Vec::new(),
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

    /// Texts that are answered have a place for their vectors.
    pub(super) fn place(&mut self, closing: &Closing) {
        let texts = closing.answers.iter().map(|answer| (answer.key, answer.text.clone()));
        self.shelf.texts.entry(closing.plan.tenant.clone()).or_default().extend(texts);
    }

    /// What earlier texts say: the answer to what is near, and a guess at what is not.
    pub(super) fn compare(&mut self, Compare { plan, inputs }: Compare) -> Vec<Compared> {
        let mut found = Vec::new();
        for input in inputs {
            let category = right(&input.text);
            if self.shelf.comparable != Some(input.vector.len()) || input.vector[0] != category as f32 + 1.0 {
                self.faults.push(format!("{} has the vector of another", input.text));
            }
            self.shelf.compared.push(input.text.to_string());
            let answer = (self.shelf.is_near)(&input.text).then(|| NearAnswer {
                category,
                confidence: 0.95,
                nearness: Nearness { origin: Origin::Label, similar: Similar::default() },
            });
            if answer.is_some() {
                let (provider, model, grounds) = (Some("provider 1".into()), Some("vectors".into()), None);
                let known = KnownAnswer {
                    category,
                    confidence: 0.95,
                    provider,
                    model,
                    upgraded: false,
                    grounds,
                    is_similar: true,
                };
                self.keep((plan.tenant.clone(), input.key), known);
            }
            found.push(Compared { answer, hints: vec![category] });
        }
        found
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
