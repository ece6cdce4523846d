//! Whether it pays to read all answers of a page of the table on which one was found. Where texts are asked for in about the order in
//! which their answers were stored, others of them are asked for soon; in another order they are not.
//!
//! Rows are read on credit: look-ups that were spared earn it, so that a statement takes no more time than by look-ups alone, but for a
//! thirtieth that is spent on trying.

/// Look-ups that were made for each row that may be read in vain, which takes an eighth of the time of one.
const LOOK_UPS: i32 = 4;

/// Rows for which there must be credit before a page is read.
const PAGE: i32 = 64;

/// Rows that are read in the time that it takes to begin.
const BEGIN: usize = 8;

/// Rows for which there is credit at most: some milliseconds, after which an order that has ended is noticed.
const MOST: i32 = 32_768;

/// What the pages have spared so far, against what they have cost.
#[derive(Debug, Clone, Copy)]
pub struct PageReads {
    /// Rows that are read in the time of one look-up.
    rows_per_look_up: i32,
    /// Rows that may be read, times [`LOOK_UPS`].
    credit: i32,
}

impl PageReads {
    /// None so far. `rows_per_look_up`: rows that are read in the time of one look-up.
    pub const fn new(rows_per_look_up: usize) -> Self {
        Self { rows_per_look_up: rows_per_look_up as i32, credit: 0 }
    }

    /// An answer was looked up. Whether its page should be read now.
    pub fn look_up(&mut self) -> bool {
        self.earn(1);
        self.credit >= PAGE * LOOK_UPS
    }

    /// An answer was on a page that had been read.
    pub fn spare(&mut self) {
        self.earn(self.rows_per_look_up * LOOK_UPS);
    }

    /// A page with so many rows was read.
    pub fn read(&mut self, rows: usize) {
        let cost = i32::try_from(rows.saturating_add(BEGIN)).unwrap_or(i32::MAX).saturating_mul(LOOK_UPS);
        self.credit = self.credit.saturating_sub(cost);
    }

    fn earn(&mut self, more: i32) {
        self.credit = self.credit.saturating_add(more).min(MOST * LOOK_UPS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Rows of a page in these tests.
    const ROWS: usize = 50;

    /// Asks for answers that lie at these places; how many were looked up, and how many pages were read.
    fn ask(reads: &mut PageReads, places: impl Iterator<Item = usize>) -> (usize, usize) {
        let mut pages = HashSet::new();
        let mut look_ups = 0;
        for place in places {
            if pages.contains(&(place / ROWS)) {
                reads.spare();
                continue;
            }
            look_ups += 1;
            if reads.look_up() {
                reads.read(ROWS);
                pages.insert(place / ROWS);
            }
        }
        (look_ups, pages.len())
    }

    /// All places up to `all`, in another order within each portion.
    fn portions(all: usize, portion: usize) -> impl Iterator<Item = usize> {
        // Odd, so that it meets each place once where a portion is a power of two.
        (0..all).map(move |i| i / portion * portion + i * 40_503 % portion)
    }

    /// What it takes, in look-ups.
    fn time((look_ups, pages): (usize, usize)) -> usize {
        look_ups + pages * (ROWS + BEGIN) / 8
    }

    #[test]
    fn in_the_order_of_storing_one_answer_of_a_page_is_looked_up() {
        let (look_ups, pages) = ask(&mut PageReads::new(8), 0..100_000);
        // And those before the first page.
        assert!(look_ups <= 100_000 / ROWS + 256, "{look_ups} look-ups");
        assert!(pages >= 1990, "{pages} pages");
    }

    #[test]
    fn in_portions_each_in_another_order_most_look_ups_are_spared() {
        let asked = ask(&mut PageReads::new(8), portions(1 << 18, 1 << 13));
        assert!(asked.0 < (1 << 18) / 20, "{} look-ups, {} pages", asked.0, asked.1);
    }

    #[test]
    fn without_any_order_reading_costs_a_thirtieth() {
        // A row of each page.
        let asked = ask(&mut PageReads::new(8), (0..100_000).map(|i| i * ROWS));
        assert_eq!(asked.0, 100_000);
        assert!(asked.1 > 0 && time(asked) <= 100_000 + 100_000 / 30, "{} pages", asked.1);
    }

    #[test]
    fn whatever_a_page_spares_it_takes_no_more_time() {
        for spared in 1..ROWS {
            let asked = ask(&mut PageReads::new(8), (0..200_000).map(|i| i / spared * ROWS + i % spared));
            let look_ups = 200_000;
            assert!(time(asked) <= look_ups + look_ups / 30, "{asked:?} for {spared} a page");
            // A page is read in the time of seven look-ups.
            assert!(spared < 12 || time(asked) < look_ups * 4 / 5, "{asked:?} for {spared} a page");
        }
    }

    #[test]
    fn an_order_that_ends_or_begins_is_noticed() {
        let mut reads = PageReads::new(8);
        ask(&mut reads, 0..1_000_000);
        let (_, pages) = ask(&mut reads, (0..10_000).map(|i| i * ROWS));
        assert!(pages * ROWS <= MOST as usize + 10_000 / 4, "{pages} pages are read in vain");
        let (look_ups, _) = ask(&mut reads, 0..10_000);
        assert!(look_ups < 500, "{look_ups} look-ups");
    }

    #[test]
    fn no_number_of_rows_is_too_many() {
        let mut reads = PageReads::new(8);
        (0..3).for_each(|_| reads.read(usize::MAX));
        assert!(!reads.look_up());
        (0..i32::MAX / 16).for_each(|_| reads.spare());
        assert!(reads.look_up());
        assert!(!PageReads::new(8).look_up());
    }
}
