//! Vectors that were bought for questions and wait for an answer to be stored with; also of questions that ended without one,
//! so that who asks again does not pay for them again.

use crate::flight::FlightKey;
use crate::plan::Plan;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of vectors that are kept. Where all of them belong to inputs under way, no more are bought: models are asked at once.
const BYTES: usize = 64 * 1024 * 1024;

/// A model and an input.
type Key = (String, FlightKey);

/// Vectors by model and input.
#[derive(Default)]
pub(crate) struct KeptVectors {
    vectors: HashMap<Key, Arc<[f32]>>,
    /// The oldest first; those that were forgotten are among them.
    order: VecDeque<Key>,
    bytes: usize,
}

impl KeptVectors {
    /// The vector of an input, by the model that the plan's vectors are bought of, where it has this length.
    pub(crate) fn get(&self, plan: &Plan, key: &FlightKey, length: usize) -> Option<Arc<[f32]>> {
        let vector = self.vectors.get(&(model(plan)?, key.clone()))?;
        (vector.len() == length).then(|| vector.clone())
    }

    /// Makes room for so many vectors of a length, where that is possible: vectors of inputs under way are not dropped.
    pub(crate) fn make_room(&mut self, count: usize, length: usize) -> bool {
        let wanted = count * size_of::<f32>() * length;
        let mut left = self.order.len();
        while self.bytes + wanted > BYTES && left > 0 {
            left -= 1;
            let Some(key) = self.order.pop_front() else { break };
            match self.vectors.get(&key) {
                Some(vector) if Arc::strong_count(vector) > 1 => self.order.push_back(key),
                Some(_) => self.remove(&key),
                None => {}
            }
        }
        self.bytes + wanted <= BYTES
    }

    /// Keeps the vector of an input.
    pub(crate) fn keep(&mut self, plan: &Plan, key: &FlightKey, vector: &Arc<[f32]>) {
        let Some(model) = model(plan) else { return };
        let key = (model, key.clone());
        self.remove(&key);
        self.bytes += size_of_val(&**vector);
        self.vectors.insert(key.clone(), vector.clone());
        // What was forgotten does not pile up.
        if self.order.len() > 2 * self.vectors.len() {
            self.order.retain(|key| self.vectors.contains_key(key));
        }
        self.order.push_back(key);
    }

    /// The vector of an input is stored, or its answer is.
    pub(crate) fn forget(&mut self, plan: &Plan, key: &FlightKey) {
        if let Some(model) = model(plan) {
            self.remove(&(model, key.clone()));
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(vector) = self.vectors.remove(key) {
            self.bytes -= size_of_val(&*vector);
        }
    }
}

fn model(plan: &Plan) -> Option<String> {
    Some(plan.vectors.as_ref()?.embeds.as_ref()?.model.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Embeds;
    use pg_categorize_core::choices::Choices;
    use pg_categorize_core::fingerprint::Fingerprint;

    fn key(number: u8) -> FlightKey {
        FlightKey { tenant: "".into(), answer: Fingerprint([number; 32]), audits: false }
    }

    fn plan(model: &str) -> Plan {
        let plan = || Plan::new(Choices::new(Vec::new()), Vec::new());
        let embeds = Some(Embeds { model: model.to_owned(), dimensions: None });
        Plan { vectors: Some(Arc::new(Plan { embeds, ..plan() })), ..plan() }
    }

    #[test]
    fn the_oldest_go_and_those_under_way_stay() {
        let (mut kept, plan) = (KeptVectors::default(), plan("a"));
        let length = BYTES / 4 / size_of::<f32>();
        let vectors: Vec<Arc<[f32]>> = (0..4).map(|_| vec![0.0; length].into()).collect();
        for (number, vector) in (0..).zip(vectors.iter().take(4)) {
            assert!(kept.make_room(1, length));
            kept.keep(&plan, &key(number), vector);
        }
        assert!(!kept.make_room(1, length), "all are under way");
        drop(vectors.into_iter().skip(1).collect::<Vec<_>>());
        let first: Vec<bool> = (0..4).map(|number| kept.get(&plan, &key(number), length).is_some()).collect();
        assert_eq!(first, [true; 4]);
        assert!(kept.make_room(2, length));
        // All handles of the test are gone: the oldest two were dropped.
        let left: Vec<bool> = (0..4).map(|number| kept.get(&plan, &key(number), length).is_some()).collect();
        assert_eq!(left, [false, false, true, true]);
        assert!(kept.get(&plan, &key(3), length - 1).is_none(), "of another length");
        assert!(kept.get(&self::plan("b"), &key(3), length).is_none(), "of another model");
    }

    #[test]
    fn what_is_forgotten_and_kept_again_leaves_nothing_behind() {
        let (mut kept, plan) = (KeptVectors::default(), plan("a"));
        for round in 0..1000 {
            kept.keep(&plan, &key(round as u8), &vec![1.0; 4].into());
            kept.forget(&plan, &key(round as u8));
        }
        assert_eq!((kept.bytes, kept.vectors.len()), (0, 0));
        assert!(kept.order.len() < 4, "{}", kept.order.len());
        kept.keep(&plan, &key(1), &vec![1.0; 4].into());
        kept.keep(&plan, &key(1), &vec![1.0; 8].into());
        assert_eq!(kept.bytes, 32);
    }
}
