//! What a rule set says about its memory, against an allocator that counts.

use pg_categorize_core::rules::{RuleKind, RuleSet, RuleSpec, Scratch, added_memory};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that are allocated now.
fn held() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// How often memory was asked for.
fn calls() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations + stats.reallocations
}

fn specs(count: i64) -> Vec<RuleSpec> {
    let rule = |id: i64| {
        let (kind, pattern) = match id % 4 {
            0 => (RuleKind::Regex, format!("brand{id} running shoe(s)?")),
            1 => (RuleKind::Regex, format!(r"\y(maker{id}|galaxy)\s?\d+")),
            2 => (RuleKind::AllWords, format!("maker{id} television oled")),
            _ => (RuleKind::AnyWord, format!("thing{id} stuff, gadget{id}")),
        };
        RuleSpec { id, kind, pattern, category: 1, priority: 0 }
    };
    (0..count).map(rule).collect()
}

// One test, so that no other thread allocates meanwhile.
#[test]
fn memory_is_told_honestly_and_matching_allocates_nothing() {
    let empty = RuleSet::compile(Vec::new(), 1 << 20).unwrap().memory();
    assert!(empty < 4_096, "{empty}");
    for count in [10_i64, 1_000, 10_000] {
        let price: usize = specs(count).iter().map(|spec| added_memory(spec.kind, &spec.pattern).unwrap()).sum();
        let input = specs(count);
        let before = held();
        let set = RuleSet::compile(input, 1 << 28).unwrap();
        // The input was counted before and is gone by now.
        let input_size: usize = specs(count).iter().map(|spec| size_of::<RuleSpec>() + spec.pattern.len()).sum();
        let taken = held() + input_size - before;
        let told = set.memory();
        println!("{count} rules: held {taken}, told {told}, price {price}");
        assert!(told as f64 > 0.8 * taken as f64 && (told as f64) < 1.6 * taken as f64, "{told} told, {taken} held");

        let mut scratch = Scratch::default();
        let texts: Vec<String> = (0..count.min(1_000))
            .flat_map(|id| [format!("Maker{id} 12 x"), format!("brand{id} Running Shoe"), format!("İ maker{id} 1")])
            .collect();
        let held_before = held();
        let told_before = set.memory();
        for text in &texts {
            set.first_match(text, &mut scratch);
        }
        let grown = held() - held_before;
        let told_growth = set.memory() - told_before;
        println!("programs: held {grown}, told {told_growth}");
        assert!(told_growth as f64 > 0.8 * grown as f64 - 20_000.0 && told_growth as f64 <= 1.6 * grown as f64);

        let before = calls();
        for text in &texts {
            set.first_match(text, &mut scratch);
        }
        assert_eq!(calls(), before, "the steady state allocates");

        // The price of rules one by one is above what they cost together, beside what a set without rules takes.
        let all = (told + told_growth) as f64;
        assert!((price + empty) as f64 > all, "price {price}, cost {all}");
        drop(set);
    }
}
