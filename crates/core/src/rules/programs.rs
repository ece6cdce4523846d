//! The compiled regexes of a rule set: made when first needed, kept within a budget.
//!
//! Of many thousand rules a stream of titles meets few. When the budget is used up, the program that was not used
//! since the hand last passed goes: the clock algorithm of F. J. Corbató, "A Paging Experiment with the Multics
//! System" (1968).

use super::program::Program;

/// No slot.
const NOWHERE: u32 = u32::MAX;

/// Programs by the rank of their rule.
#[derive(Debug)]
pub(super) struct Programs {
    /// For each rank, its slot on the ring or [`NOWHERE`].
    slots: Vec<u32>,
    ring: Vec<Entry>,
    hand: usize,
    bytes: usize,
    budget: usize,
}

#[derive(Debug)]
struct Entry {
    rank: u32,
    used: bool,
    /// `None` for a pattern that does not compile, which a checked rule set has not.
    program: Option<Program>,
    bytes: usize,
}

impl Programs {
    /// Bytes that a program costs here besides itself: its entry, with the spare room of a growing vector.
    pub(super) const ENTRY: usize = 2 * size_of::<Entry>();

    /// Bytes that the directory takes for each rule.
    pub(super) const DIRECTORY: usize = size_of::<u32>();

    /// No programs of `rules` rules, and room for `budget` bytes of them.
    pub(super) fn new(rules: usize, budget: usize) -> Self {
        Self { slots: vec![NOWHERE; rules], ring: Vec::new(), hand: 0, bytes: 0, budget }
    }

    /// Bytes of the programs now held, without the directory.
    pub(super) fn memory(&self) -> usize {
        self.bytes
    }

    /// The program of the rule at `rank`, compiled from `pattern` if it is not held.
    pub(super) fn get(&mut self, rank: u32, pattern: &str) -> Option<&Program> {
        if self.slots[rank as usize] == NOWHERE {
            self.insert(rank, pattern);
        }
        let entry = &mut self.ring[self.slots[rank as usize] as usize];
        entry.used = true;
        entry.program.as_ref()
    }

    fn insert(&mut self, rank: u32, pattern: &str) {
        let program = Program::from_pattern(pattern).ok();
        debug_assert!(program.is_some(), "a pattern of a checked rule set compiles: {pattern}");
        let bytes = Self::ENTRY + program.as_ref().map_or(0, Program::memory);
        while self.bytes + bytes > self.budget && !self.ring.is_empty() {
            self.evict_one();
        }
        self.bytes += bytes;
        // No more slots than ranks, which are u32.
        self.slots[rank as usize] = u32::try_from(self.ring.len()).unwrap_or(NOWHERE);
        self.ring.push(Entry { rank, used: false, program, bytes });
    }

    fn evict_one(&mut self) {
        loop {
            self.hand %= self.ring.len();
            let entry = &mut self.ring[self.hand];
            if !entry.used {
                break;
            }
            entry.used = false;
            self.hand += 1;
        }
        let gone = self.ring.swap_remove(self.hand);
        self.bytes -= gone.bytes;
        self.slots[gone.rank as usize] = NOWHERE;
        if let Some(moved) = self.ring.get(self.hand) {
            self.slots[moved.rank as usize] = u32::try_from(self.hand).unwrap_or(NOWHERE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Programs;

    #[test]
    fn programs_stay_within_their_budget() {
        let mut programs = Programs::new(100, 20_000);
        for round in 0..3 {
            for rank in 0..100 {
                assert!(programs.get(rank, &format!("rule {rank} of (a|b)+")).is_some(), "round {round}");
                assert!(programs.memory() <= 20_000);
                let held = programs.slots.iter().filter(|slot| **slot != super::NOWHERE).count();
                assert_eq!(programs.ring.len(), held);
            }
        }
        assert!(programs.ring.len() > 3);
    }
}
