//! Storing misses as jobs of the queue, each with where its answer is to be written.

use super::Wish;
use crate::pg::queue::{self, Order, Wanted};
use crate::pg::resolver::Keys;
use crate::pg::world;
use crate::pg::write_back::{self, Target};
use std::collections::HashMap;
use std::rc::Rc;

/// An input that was not answered, or that is known and only to be written.
pub struct Miss {
    /// Who wants it.
    pub wish: Rc<Wish>,
    /// By what it is known.
    pub keys: Keys,
    /// The text.
    pub input: String,
    /// Whether it has an answer: it needs no job.
    pub is_known: bool,
    /// Where the answer is to be written.
    pub targets: Vec<Target>,
}

/// Stores them, those that wait already left out; returns how many are new to the queue. In a transaction that may write, under a
/// snapshot.
///
/// # Errors
/// As of queueing: what ends a wait, and 40001 where others queue the same.
pub fn store(misses: Vec<Miss>) -> u64 {
    let mut groups: Vec<(Rc<Wish>, Vec<Miss>)> = Vec::new();
    for miss in misses {
        match groups.iter_mut().rev().find(|(wish, _)| Rc::ptr_eq(wish, &miss.wish)) {
            Some((_, group)) => group.push(miss),
            None => groups.push((miss.wish.clone(), vec![miss])),
        }
    }
    // In one order everywhere, as far as can be: who queues the same waits for us, and we must not wait for him.
    groups.sort_by_key(|(wish, _)| (wish.scope.tenant.clone(), wish.scope.taxonomy().map(|taxonomy| taxonomy.id)));
    world::as_owner(|| {
        let mut new = 0;
        let mut jobs = HashMap::new();
        for (wish, group) in &groups {
            let Wish { scope, role, asker, priority } = &**wish;
            let order = Order { scope, priority: *priority, role: *role, asker };
            let unknown = group.iter().filter(|miss| !miss.is_known);
            let wanted: Vec<Wanted<'_>> = unknown.map(|miss| Wanted { keys: miss.keys, text: &miss.input }).collect();
            for (wanted, queued) in wanted.iter().zip(queue::enqueue(&order, &wanted)) {
                let was_there = jobs.insert(wanted.keys.0, queued.job).is_some();
                new += u64::from(queued.is_new && !was_there);
            }
        }
        write_back::store(groups.iter().flat_map(|(_, group)| group), &jobs);
        new
    })
}
