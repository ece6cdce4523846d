//! The stored answers that a statement holds in memory, once it has asked for so many that reading them at once is less work than
//! looking them up one by one: the whole table, or what its taxonomy has of it. The processes of a parallel plan read the whole
//! together.

use crate::pg::probe::Found;
use crate::pg::scope::Scope;
use crate::pg::shared_answers::SharedAnswers;
use crate::pg::spi::column;
use crate::pg::{bulk_read, catalog, guard, guc};
use pg_categorize_core::cascade::{Guess, Origin, Query};
use pg_categorize_core::exact::{Exact, Known};
use pg_categorize_core::fingerprint::Fingerprint;
use pgrx::pg_sys;
use std::rc::Rc;

/// Look-ups in one statement below which nothing is read at once.
pub const MANY: usize = 8192;

/// Look-ups that must have been before those that are only expected count with them.
const BEGUN: usize = 1000;

/// Rows that are read in the time of one look-up: 0.15 against 1.7 microseconds where all is in memory, and some more where the
/// rows have long texts beside.
pub const ROWS_PER_LOOK_UP: usize = 8;

/// Rows of one taxonomy that are read through its index in that time: it leads to them in the order of their storing, mostly, and
/// to each by itself.
const OWN_ROWS_PER_LOOK_UP: usize = 4;

/// One answer of so many has to fit into memory, that it is worth asking there first.
const PART: usize = 8;

/// After so many rows, of which few answer by themselves, a part is not worth its reading.
const TRIED: usize = 4096;

/// What a statement holds, and what it has asked so far.
pub(super) struct Held {
    asked: usize,
    /// Look-ups that are expected beyond those that were.
    expected: usize,
    /// After so many it is thought about reading.
    next: usize,
    answers: Answers,
    /// What the processes of a parallel plan can read together.
    shared: Option<Rc<SharedAnswers>>,
}

enum Answers {
    /// None yet.
    None,
    /// All that may answer.
    All(Exact),
    /// All that may answer, in memory that others share.
    Shared,
    /// Those of the taxonomy's index, or as many as fit. There may be others, which are looked up.
    Own(Exact),
}

impl Held {
    pub(super) fn new(shared: Option<Rc<SharedAnswers>>) -> Self {
        Self { asked: 0, expected: 0, next: MANY, answers: Answers::None, shared }
    }

    /// About so many more will be asked.
    pub(super) fn expect(&mut self, look_ups: usize) {
        self.expected = look_ups;
    }

    /// Counts look-ups, and reads the answers where they have become so many.
    pub(super) fn count(&mut self, look_ups: usize, scope: &Scope) {
        self.asked += look_ups;
        let all = self.asked.saturating_add(if self.asked < BEGUN { 0 } else { self.expected });
        if all < self.next {
            return;
        }
        self.next = usize::MAX;
        let Some(taxonomy) = scope.taxonomy().filter(|_| may_hold(scope)) else { return };
        let table = catalog::tables().cache;
        let rows = bulk_read::about_how_many_rows(table);
        let own = bulk_read::common_share(table, column::TAXONOMY, taxonomy.id).map(|share| share * rows as f64);
        let own = own.map(|own| own as usize);
        let is_own_less = own.is_some_and(|own| own / OWN_ROWS_PER_LOOK_UP < rows / ROWS_PER_LOOK_UP);
        let readers = self.shared.as_ref().map_or(1, |shared| shared.processes());
        if rows / ROWS_PER_LOOK_UP / readers <= all && !is_own_less {
            if self.shared.as_ref().is_some_and(|shared| shared.read(taxonomy.id, |row| known(row, scope))) {
                self.answers = Answers::Shared;
                return;
            }
            if Exact::bytes_for(rows) / PART <= guc::hash_memory() {
                self.answers = read_all(scope, rows);
            }
            return;
        }
        // How many there are is known, or found out for less than the look-ups have cost.
        let most = all.saturating_mul(OWN_ROWS_PER_LOOK_UP);
        let fits = |own| own <= most && Exact::bytes_for(own) <= guc::hash_memory();
        if own.is_none_or(fits) {
            self.answers = read_own(scope, taxonomy.id, own.unwrap_or(0), most);
        }
        if matches!(self.answers, Answers::None) {
            self.next = all.saturating_mul(2);
        }
    }

    /// Whether nothing that may answer is elsewhere, but for what is known to be.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.answers, Answers::All(_) | Answers::Shared)
    }

    /// What is held says this of one query; nothing at all where it holds none.
    pub(super) fn tell_one(&self, query: &Query<'_>) -> Option<Known> {
        match &self.answers {
            Answers::None => None,
            Answers::All(exact) => Some(exact.get(&query.fingerprint).unwrap_or(Known::Nothing)),
            Answers::Own(exact) => Some(exact.get(&query.fingerprint).unwrap_or(Known::Elsewhere)),
            Answers::Shared => self.shared.as_ref()?.tell().map(|tell| tell(&query.fingerprint)),
        }
    }

    /// What is held says this of each query; nothing at all where it holds none.
    pub(super) fn tell(&self, queries: &[Query<'_>], known: &mut Vec<Known>) {
        match &self.answers {
            Answers::None => {}
            Answers::All(exact) => {
                known.extend(queries.iter().map(|query| exact.get(&query.fingerprint).unwrap_or(Known::Nothing)));
            }
            Answers::Shared => {
                if let Some(tell) = self.shared.as_ref().and_then(|shared| shared.tell()) {
                    known.extend(queries.iter().map(|query| tell(&query.fingerprint)));
                }
            }
            Answers::Own(exact) => {
                known.extend(queries.iter().map(|query| exact.get(&query.fingerprint).unwrap_or(Known::Elsewhere)));
            }
        }
    }
}

/// Whether answers of this scope may be held. What tenants share, and labels ad hoc, are found by other keys. A serializable
/// transaction must not be seen to have read what it did not ask for.
pub(super) fn may_hold(scope: &Scope) -> bool {
    scope.taxonomy().is_some() && scope.shared.is_none() && !guard::is_serializable()
}

/// All answers that the scope may give, or as many as fit.
fn read_all(scope: &Scope, rows: usize) -> Answers {
    let mut reading = Reading::new(scope, rows, usize::MAX);
    bulk_read::each_row(catalog::tables().cache, |row| reading.take(row));
    match reading {
        Reading { fits: true, is_part: false, exact, .. } => Answers::All(exact),
        Reading { exact, .. } if exact.answers() > 0 => Answers::Own(exact),
        _ => Answers::None,
    }
}

/// What people taught and models said of this taxonomy and tenant, or as much as fits; nothing where that is more than `most`.
fn read_own(scope: &Scope, taxonomy: i32, rows: usize, most: usize) -> Answers {
    let tables = catalog::tables();
    if tables.cache_lesson_index == pg_sys::InvalidOid {
        return Answers::None;
    }
    let mut reading = Reading::new(scope, rows, most);
    let (table, index) = (tables.cache, tables.cache_lesson_index);
    let is_read = bulk_read::each_row_of((table, index), (taxonomy, &scope.tenant), |row| reading.take(row));
    if is_read && reading.count <= most { Answers::Own(reading.exact) } else { Answers::None }
}

/// Rows on their way into memory, as long as they fit.
struct Reading<'a> {
    scope: &'a Scope,
    exact: Exact,
    count: usize,
    most: usize,
    memory: usize,
    fits: bool,
    /// Whether it is known beforehand that not all fit.
    is_part: bool,
}

impl<'a> Reading<'a> {
    fn new(scope: &'a Scope, rows: usize, most: usize) -> Self {
        let memory = guc::hash_memory();
        // The estimate is of some time ago.
        let more = rows + rows / 16;
        let is_part = Exact::bytes_for(rows) > memory;
        let rows = if Exact::bytes_for(more) <= memory { more } else { rows.min(Exact::answers_in(memory)) };
        Self { scope, exact: Exact::with_capacity(rows), count: 0, most, memory, fits: true, is_part }
    }

    /// Takes a row; whether the next may come.
    fn take(&mut self, row: &Found) -> bool {
        self.count += 1;
        // Of a part, what has to be read where it is stored is looked up like what is not there.
        let is_kept = |known: &Known| !self.is_part || matches!(known, Known::Answer(_));
        if let Some((fingerprint, known)) = known(row, self.scope).filter(|(_, known)| is_kept(known)) {
            self.fits = self.exact.bytes_with_next() <= self.memory;
            if self.fits {
                self.exact.add(&fingerprint, known);
            }
        }
        let is_worth_it = !self.is_part || self.count != TRIED || self.exact.answers() >= TRIED / PART;
        if !is_worth_it {
            self.exact = Exact::default();
        }
        is_worth_it && self.fits && self.count <= self.most
    }
}

/// What a row of the table says, if it may answer: a label by itself, the rest where it is stored.
pub(super) fn known(row: &Found, scope: &Scope) -> Option<(Fingerprint, Known)> {
    // The last of its columns first: those before it are taken apart with it.
    let expires_at = row.get::<i64>(column::EXPIRES_AT);
    let category = scope.answerable(row.get::<i32>(column::CATEGORY)?)?;
    let fingerprint = Fingerprint(row.bytes(column::FINGERPRINT)?.try_into().ok()?);
    let is_label = super::origin(row)? == Origin::Label;
    if !is_label || expires_at.is_some() {
        return Some((fingerprint, Known::Elsewhere));
    }
    Some((fingerprint, Known::Answer(Guess { category, confidence: row.get::<f32>(column::CONFIDENCE)? })))
}
