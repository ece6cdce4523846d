//! Settings of a session and of the server, prefix `categorize.`: private statics behind typed getters.

mod batch;
mod gateway;
mod news;
mod plan;

pub use batch::*;
pub use gateway::*;
pub use news::*;
pub use plan::*;

use crate::pg::error;
use crate::pg::spi::TrainAfter;
use pg_categorize_core::error::Error;
use pgrx::pg_sys;
use pgrx::prelude::*;
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

/// Whether misses may leave the database.
#[derive(PostgresGucEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All tiers.
    #[name = c"live"]
    Live,
    /// Tiers 1 to 5 only.
    #[name = c"cached"]
    Cached,
    /// Tiers 1 to 5, and what they leave open is queued.
    #[name = c"deferred"]
    Deferred,
}

/// What becomes of an input without an answer.
#[derive(PostgresGucEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnresolved {
    /// NULL.
    #[name = c"null"]
    Null,
    /// The best guess.
    #[name = c"best"]
    Best,
    /// An error.
    #[name = c"error"]
    Error,
    /// NULL, and it is queued.
    #[name = c"queue"]
    Queue,
}

static TAXONOMY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"products"));
static TENANT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static MODE: GucSetting<Mode> = GucSetting::<Mode>::new(Mode::Live);
static ON_UNRESOLVED: GucSetting<OnUnresolved> = GucSetting::<OnUnresolved>::new(OnUnresolved::Null);
static MEMO_SIZE: GucSetting<i32> = GucSetting::<i32>::new(16 * 1024);
static TRAIN_AFTER_CORRECTIONS: GucSetting<i32> = GucSetting::<i32>::new(1000);
static TRAIN_AFTER_GROWTH: GucSetting<i32> = GucSetting::<i32>::new(25);
static TRAINING_MEMORY: GucSetting<i32> = GucSetting::<i32>::new(512 * 1024);

thread_local! {
    static CACHED_ONLY: Cell<bool> = const { Cell::new(false) };
}

/// Rises with every change of a setting that a call site depends on.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Name of the default taxonomy; `None` when it is set to nothing.
pub fn taxonomy() -> Option<String> {
    text(&TAXONOMY).filter(|name| !name.is_empty())
}

/// The session's tenant; the empty name is the tenant of those who have none.
pub fn tenant() -> String {
    text(&TENANT).unwrap_or_default()
}

/// Whether misses may leave the database.
pub fn mode() -> Mode {
    if CACHED_ONLY.get() { Mode::Cached } else { MODE.get() }
}

/// Forces mode `cached`, whatever is set meanwhile; returns what was.
pub fn force_cached(forced: bool) -> bool {
    CACHED_ONLY.replace(forced)
}

/// The session's policy for inputs without an answer.
pub fn on_unresolved() -> OnUnresolved {
    ON_UNRESOLVED.get()
}

/// Bytes of the backend's memo.
pub fn memo_bytes() -> usize {
    MEMO_SIZE.get() as usize * 1024
}

/// When a model is trained by itself.
pub fn train_after() -> TrainAfter {
    TrainAfter { corrections: TRAIN_AFTER_CORRECTIONS.get(), growth: TRAIN_AFTER_GROWTH.get() }
}

/// Bytes that a training may take.
pub fn training_bytes() -> usize {
    TRAINING_MEMORY.get() as usize * 1024
}

/// Bytes that one node of a plan may hold, as Postgres says.
pub fn work_memory() -> usize {
    // SAFETY: reads a setting of the main thread, in kB.
    unsafe { pg_sys::work_mem }.unsigned_abs() as usize * 1024
}

/// Bytes that a hash table of one node of a plan may hold, as Postgres says.
pub fn hash_memory() -> usize {
    // SAFETY: reads settings of the main thread.
    unsafe { pg_sys::get_hash_memory_limit() }
}

/// A number that differs whenever a setting that a call site depends on may have changed.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Sets something until the current nest level of settings ends; allowed in parallel workers, too.
///
/// # Safety
/// Inside a transaction, within a nest level that the caller ends; the setting exists, and the value is one of its own.
pub unsafe fn set_until_level_ends(name: &CStr, value: &CStr) {
    // SAFETY: promised by the caller; the strings are copied.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}

/// As [`set_until_level_ends`], of a setting that is not everybody's.
///
/// # Safety
/// As there.
pub unsafe fn force_until_level_ends(name: &CStr, value: &CStr) {
    // SAFETY: promised by the caller; the strings are copied.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}

/// Has tables read along their indexes, in whose order rows are wanted, until the current nest level ends: what is known of a table that
/// grows and shrinks within minutes would have all of it sorted for each portion.
///
/// # Safety
/// Inside a transaction, within a nest level that the caller ends.
pub unsafe fn read_along_indexes() {
    // SAFETY: promised by the caller.
    unsafe {
        set_until_level_ends(c"enable_seqscan", c"off");
        set_until_level_ends(c"enable_bitmapscan", c"off");
    }
}

/// Has values of every type written as any session reads them, until the current nest level ends.
///
/// # Safety
/// Inside a transaction, within a nest level that the caller ends.
pub unsafe fn write_plainly() {
    // SAFETY: promised by the caller.
    unsafe {
        date_plainly();
        set_until_level_ends(c"timezone", c"UTC");
    }
}

/// As [`write_plainly`], but for the time zone, on which what a query computes may depend.
///
/// # Safety
/// As there.
pub unsafe fn date_plainly() {
    // SAFETY: promised by the caller.
    unsafe {
        set_until_level_ends(c"datestyle", c"ISO");
        set_until_level_ends(c"intervalstyle", c"postgres");
        set_until_level_ends(c"extra_float_digits", c"1");
    }
}

/// Runs `work` while values are written plainly, inside a transaction.
pub fn plainly<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: a level that is begun and ended in a pair; after an error the abort ends it.
    unsafe {
        let level = pg_sys::NewGUCNestLevel();
        write_plainly();
        let value = work();
        pg_sys::AtEOXact_GUC(false, level);
        value
    }
}

/// Has an index built in as much memory as a training may use, until the current nest level ends.
pub fn use_training_memory_for_maintenance() {
    let kilobytes = (training_bytes() / 1024).clamp(1024, i32::MAX as usize);
    let value = CString::new(kilobytes.to_string()).unwrap_or_default();
    // SAFETY: called inside the nest level of an owner's scope; the value is a number within the setting's bounds.
    unsafe { set_until_level_ends(c"maintenance_work_mem", &value) };
}

/// Sets the session's tenant, or the transaction's, whatever the caller may set by himself.
///
/// # Errors
/// 22023 for a name above 200 bytes or with a control character.
pub fn set_tenant(tenant: &str, is_local: bool) {
    if tenant.len() > 200 || tenant.chars().any(char::is_control) {
        error::raise(Error::invalid("invalid tenant").hint("Use a short name without control characters."));
    }
    let value = CString::new(tenant).unwrap_or_default();
    let action = if is_local { pg_sys::GucAction::GUC_ACTION_LOCAL } else { pg_sys::GucAction::GUC_ACTION_SET };
    // SAFETY: a plain call inside a transaction; EXECUTE on the function stands in for the right to the setting.
    unsafe {
        pg_sys::set_config_option(
            c"categorize.tenant".as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_SESSION,
            action,
            true,
            0,
            false,
        );
    }
}

/// Defines the settings; called once, when the library is loaded.
pub fn init() {
    let flags = GucFlags::default();
    // SAFETY: the hooks only add to an atomic, so they cannot panic or raise an error.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            c"categorize.taxonomy",
            c"Taxonomy of calls that name none.",
            c"The shipped taxonomy \"products\" by default; empty for none.",
            &TAXONOMY,
            GucContext::Userset,
            flags,
            None,
            Some(string_changed),
            None,
        );
        // Only a superuser sets it, or ALTER ROLE / DATABASE: a session that could choose its tenant would have none.
        GucRegistry::define_string_guc_with_hooks(
            c"categorize.tenant",
            c"Tenant whose corrections, rules and answers this session sees.",
            c"Empty is a tenant of its own. RESET returns to the default of the role.",
            &TENANT,
            GucContext::Suset,
            flags,
            None,
            Some(string_changed),
            None,
        );
        GucRegistry::define_enum_guc_with_hooks(
            c"categorize.mode",
            c"Whether misses may be sent to a language model.",
            c"live: all tiers; cached: tiers 1 to 5 only; deferred: what those leave open is queued.",
            &MODE,
            GucContext::Userset,
            flags,
            None,
            Some(int_changed),
            None,
        );
        GucRegistry::define_enum_guc_with_hooks(
            c"categorize.on_unresolved",
            c"What becomes of an input that no tier answered.",
            c"null: NULL; best: the best guess, still marked unresolved; error: the statement fails; queue: NULL, and it is queued.",
            &ON_UNRESOLVED,
            GucContext::Userset,
            flags,
            None,
            Some(int_changed),
            None,
        );
        GucRegistry::define_int_guc_with_hooks(
            c"categorize.memo_size",
            c"Memory of a backend for the answers it gave last.",
            c"A repeated title neither normalises nor looks up; 0 switches it off.",
            &MEMO_SIZE,
            0,
            1024 * 1024,
            GucContext::Userset,
            GucFlags::UNIT_KB,
            None,
            Some(int_changed),
            None,
        );
    }
    // They cost the server a process: not everybody's to choose.
    GucRegistry::define_int_guc(
        c"categorize.train_after_corrections",
        c"New corrections of a tenant after which its model is trained by itself.",
        c"0 is never.",
        &TRAIN_AFTER_CORRECTIONS,
        0,
        i32::MAX,
        GucContext::Suset,
        flags,
    );
    GucRegistry::define_int_guc(
        c"categorize.train_after_growth",
        c"New examples of a tenant after which its model is trained by itself, in percent of those it has learnt from.",
        c"At least 50 examples; 0 is never.",
        &TRAIN_AFTER_GROWTH,
        0,
        10_000,
        GucContext::Suset,
        flags,
    );
    GucRegistry::define_int_guc(
        c"categorize.training_memory",
        c"Memory for the examples of a training and their vectors.",
        c"Examples beyond it are left out, from categories that have many.",
        &TRAINING_MEMORY,
        16 * 1024,
        i32::MAX,
        GucContext::Userset,
        GucFlags::UNIT_KB,
    );
    plan::init();
    gateway::init();
    batch::init();
    news::init();
    // SAFETY: the argument is a static C string.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"categorize".as_ptr()) };
}

fn text(setting: &'static GucSetting<Option<CString>>) -> Option<String> {
    setting.get().map(|value| value.to_string_lossy().into_owned())
}

#[pg_guard]
unsafe extern "C-unwind" fn string_changed(_value: *const c_char, _extra: *mut c_void) {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

#[pg_guard]
unsafe extern "C-unwind" fn int_changed(_value: c_int, _extra: *mut c_void) {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}
