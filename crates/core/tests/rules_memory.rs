//! What a rule set says about its memory, against an allocator that counts.

#![allow(unsafe_code, reason = "a counting allocator cannot be written without; only this test has one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use pg_categorize_core::rules::{RuleKind, RuleSet, RuleSpec, Scratch, added_memory};

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system allocator unchanged; counting touches atomics only.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`, and `alloc` above came from the same allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

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
        let before = HELD.load(Ordering::Relaxed);
        let set = RuleSet::compile(input, 1 << 28).unwrap();
        // The input was counted before and is gone by now.
        let input_size: usize = specs(count).iter().map(|spec| size_of::<RuleSpec>() + spec.pattern.len()).sum();
        let held = HELD.load(Ordering::Relaxed) + input_size - before;
        let told = set.memory();
        println!("{count} rules: held {held}, told {told}, price {price}");
        assert!(told as f64 > 0.8 * held as f64 && (told as f64) < 1.6 * held as f64, "{told} told, {held} held");

        let mut scratch = Scratch::default();
        let texts: Vec<String> = (0..count.min(1_000))
            .flat_map(|id| [format!("Maker{id} 12 x"), format!("brand{id} Running Shoe"), format!("İ maker{id} 1")])
            .collect();
        let held_before = HELD.load(Ordering::Relaxed);
        let told_before = set.memory();
        for text in &texts {
            set.first_match(text, &mut scratch);
        }
        let grown = HELD.load(Ordering::Relaxed) - held_before;
        let told_growth = set.memory() - told_before;
        println!("programs: held {grown}, told {told_growth}");
        assert!(told_growth as f64 > 0.8 * grown as f64 - 20_000.0 && told_growth as f64 <= 1.6 * grown as f64);

        let calls = CALLS.load(Ordering::Relaxed);
        for text in &texts {
            set.first_match(text, &mut scratch);
        }
        assert_eq!(CALLS.load(Ordering::Relaxed), calls, "the steady state allocates");

        // The price of rules one by one is above what they cost together, beside what a set without rules takes.
        let all = (told + told_growth) as f64;
        assert!((price + empty) as f64 > all, "price {price}, cost {all}");
        drop(set);
    }
}
