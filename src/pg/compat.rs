//! Every difference between the Postgres versions we build for, and nothing else.

use pgrx::pg_sys;

/// A transaction id as a number.
pub fn xid(id: pg_sys::TransactionId) -> u32 {
    id.into_inner()
}

/// Starts an index scan with one equality key.
///
/// # Safety
/// Both relations are open and locked; the snapshot is active.
pub unsafe fn index_beginscan(
    heap: pg_sys::Relation,
    index: pg_sys::Relation,
    snapshot: pg_sys::Snapshot,
) -> pg_sys::IndexScanDesc {
    // SAFETY: forwarded; PG 18 takes a place for counters, which may be null.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        return pg_sys::index_beginscan(heap, index, snapshot, 1, 0);
        #[cfg(feature = "pg18")]
        return pg_sys::index_beginscan(heap, index, snapshot, std::ptr::null_mut(), 1, 0);
    }
}

/// How values of a column, from 0, lie in memory: the `typlen` and `typbyval` of its type.
///
/// # Safety
/// The descriptor is valid, and has the column.
pub unsafe fn layout_of_column(descriptor: pg_sys::TupleDesc, at: i32) -> (i16, bool) {
    // SAFETY: promised by the caller.
    unsafe {
        #[cfg(feature = "pg18")]
        let attribute = pg_sys::TupleDescAttr(descriptor, at);
        #[cfg(not(feature = "pg18"))]
        let attribute = (*descriptor).attrs.as_ptr().add(at as usize);
        ((*attribute).attlen, (*attribute).attbyval)
    }
}

/// The type modifier of column `number`, from 1.
///
/// # Safety
/// The descriptor is valid and has this column.
pub unsafe fn type_modifier(descriptor: pg_sys::TupleDesc, number: i32) -> i32 {
    // SAFETY: forwarded. PG 18 keeps the full attributes behind the compact ones.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        return (*(*descriptor).attrs.as_ptr().add(number as usize - 1)).atttypmod;
        #[cfg(feature = "pg18")]
        return (*pg_sys::TupleDescAttr(descriptor, number - 1)).atttypmod;
    }
}

/// Has SIGTERM end this process at its next interrupt check, as in any backend.
///
/// # Safety
/// In a background worker, before its signals are unblocked.
pub unsafe fn die_at_sigterm() {
    unsafe extern "C-unwind" {
        // Declared anew: the guarded wrapper of pgrx is no plain function, and nothing of it may run in a handler.
        fn die(signal: std::ffi::c_int);
    }
    // SAFETY: forwarded; the handler is the one that Postgres installs in its backends.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        pg_sys::pqsignal(pg_sys::SIGTERM as i32, Some(die));
        #[cfg(feature = "pg18")]
        pg_sys::pqsignal_be(pg_sys::SIGTERM as i32, Some(die));
    }
}

/// Has SIGTERM ask this process to end, and SIGHUP to read its configuration anew: [`shutdown_requested`] and
/// [`reload_requested`] tell.
///
/// # Safety
/// In a background worker, before its signals are unblocked.
pub unsafe fn heed_signals() {
    #[allow(non_snake_case, reason = "names of Postgres")]
    unsafe extern "C-unwind" {
        // Declared anew, as above.
        fn SignalHandlerForShutdownRequest(signal: std::ffi::c_int);
        fn SignalHandlerForConfigReload(signal: std::ffi::c_int);
    }
    // SAFETY: forwarded; the handlers are those of Postgres' own processes.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        {
            pg_sys::pqsignal(pg_sys::SIGTERM as i32, Some(SignalHandlerForShutdownRequest));
            pg_sys::pqsignal(pg_sys::SIGHUP as i32, Some(SignalHandlerForConfigReload));
        }
        #[cfg(feature = "pg18")]
        {
            pg_sys::pqsignal_be(pg_sys::SIGTERM as i32, Some(SignalHandlerForShutdownRequest));
            pg_sys::pqsignal_be(pg_sys::SIGHUP as i32, Some(SignalHandlerForConfigReload));
        }
    }
}

/// Has what this process does now be cancelled after a time, as `statement_timeout` has it for the statements of clients; `None` takes
/// that back.
pub fn limit_time(limit: Option<std::time::Duration>) {
    const STATEMENT_TIMEOUT: std::ffi::c_int = 3;
    unsafe extern "C-unwind" {
        // Not in the bindings.
        fn enable_timeout_after(id: std::ffi::c_int, milliseconds: std::ffi::c_int);
        fn disable_timeout(id: std::ffi::c_int, keep_indicator: bool);
    }
    // SAFETY: plain calls on the main thread of a process that is connected to a database, where Postgres has registered this timeout.
    // Its number is the same in all versions that we know.
    #[allow(ffi_unwind_calls, reason = "neither raises an error")]
    unsafe {
        match limit {
            Some(limit) => {
                enable_timeout_after(STATEMENT_TIMEOUT, limit.as_millis().try_into().unwrap_or(std::ffi::c_int::MAX));
            }
            None => disable_timeout(STATEMENT_TIMEOUT, false),
        }
    }
}

/// Whether this process was asked to end.
pub fn shutdown_requested() -> bool {
    // SAFETY: reads a global that a signal handler writes.
    unsafe { std::ptr::read_volatile(&raw const pg_sys::ShutdownRequestPending) != 0 }
}

/// Whether this process was asked to read its configuration anew, since it was asked the last time.
pub fn reload_requested() -> bool {
    // SAFETY: a global that a signal handler sets. It is cleared only where it was seen: what comes between is then one and the
    // same request.
    unsafe {
        let requested = std::ptr::read_volatile(&raw const pg_sys::ConfigReloadPending) != 0;
        if requested {
            std::ptr::write_volatile(&raw mut pg_sys::ConfigReloadPending, 0);
        }
        requested
    }
}

/// What the server tells of its `number`th process, from 1; null beyond the last.
///
/// # Safety
/// What is returned is gone with the next snapshot of the processes.
pub unsafe fn backend_status(number: i32) -> *const pg_sys::PgBackendStatus {
    // SAFETY: forwarded; null where there is none.
    unsafe {
        #[cfg(feature = "pg15")]
        let status = pg_sys::pgstat_fetch_stat_local_beentry(number);
        #[cfg(not(feature = "pg15"))]
        let status = pg_sys::pgstat_get_local_beentry_by_index(number);
        if status.is_null() { std::ptr::null() } else { &raw const (*status).backendStatus }
    }
}

/// Whether a role may do with a database what its owner may.
pub fn owns_database(role: pg_sys::Oid, database: pg_sys::Oid) -> bool {
    // SAFETY: a plain call inside a transaction.
    unsafe {
        #[cfg(feature = "pg15")]
        return pg_sys::pg_database_ownercheck(database, role);
        #[cfg(not(feature = "pg15"))]
        return pg_sys::object_ownercheck(pg_sys::DatabaseRelationId, database, role);
    }
}

/// Has a node of ours count as many disabled nodes as the child below it, which PG 18 does to say which node is disabled: one
/// that counts more than its children do.
///
/// # Safety
/// `node` is a plan that nobody runs yet, and `child` its left child.
#[cfg_attr(not(feature = "pg18"), expect(unused_variables, reason = "before PG 18 being disabled is a cost"))]
pub unsafe fn inherit_disabled_nodes(node: *mut pg_sys::CustomScan, child: *mut pg_sys::Plan) {
    #[cfg(feature = "pg18")]
    // SAFETY: promised by the caller. EXPLAIN looks for the children of a custom scan among its custom plans, which are run and
    // shown by nobody but the scan's own methods: what stands there for the child has its count and nothing else.
    unsafe {
        (*node).scan.plan.disabled_nodes = (*child).disabled_nodes;
        if (*child).disabled_nodes > 0 {
            let stand_in = pg_sys::palloc0(size_of::<pg_sys::Result>()).cast::<pg_sys::Plan>();
            (*stand_in).type_ = pg_sys::NodeTag::T_Result;
            (*stand_in).disabled_nodes = (*child).disabled_nodes;
            (*node).custom_plans = pg_sys::lappend((*node).custom_plans, stand_in.cast());
        }
    }
}

/// What is done around each run of a plan: told the query, the rows that its caller takes, and how to go on.
pub type AroundRun = fn(*mut pg_sys::QueryDesc, u64, &mut dyn FnMut());

static mut PREVIOUS_RUN: pg_sys::ExecutorRun_hook_type = None;
static mut AROUND_RUN: Option<AroundRun> = None;

/// Has `around` called around each run of a plan; called once, when the library is loaded.
pub fn on_executor_run(around: AroundRun) {
    // SAFETY: single-threaded; the hook that was there is called from ours.
    unsafe {
        AROUND_RUN = Some(around);
        PREVIOUS_RUN = pg_sys::ExecutorRun_hook;
        pg_sys::ExecutorRun_hook = Some(executor_run);
    }
}

/// The hook; Postgres 18 has no more say of running a plan more than once.
#[cfg(not(feature = "pg18"))]
#[pgrx::pg_guard]
#[allow(ffi_unwind_calls, reason = "the previous hook is called behind a guard")]
unsafe extern "C-unwind" fn executor_run(
    query: *mut pg_sys::QueryDesc,
    direction: pg_sys::ScanDirection::Type,
    count: u64,
    once: bool,
) {
    // SAFETY: forwards what Postgres passed.
    around_run(query, count, &mut || unsafe {
        match PREVIOUS_RUN {
            Some(previous) => pg_sys::ffi::pg_guard_ffi_boundary(|| previous(query, direction, count, once)),
            None => pg_sys::standard_ExecutorRun(query, direction, count, once),
        }
    });
}

#[cfg(feature = "pg18")]
#[pgrx::pg_guard]
#[allow(ffi_unwind_calls, reason = "the previous hook is called behind a guard")]
unsafe extern "C-unwind" fn executor_run(
    query: *mut pg_sys::QueryDesc,
    direction: pg_sys::ScanDirection::Type,
    count: u64,
) {
    // SAFETY: forwards what Postgres passed.
    around_run(query, count, &mut || unsafe {
        match PREVIOUS_RUN {
            Some(previous) => pg_sys::ffi::pg_guard_ffi_boundary(|| previous(query, direction, count)),
            None => pg_sys::standard_ExecutorRun(query, direction, count),
        }
    });
}

fn around_run(query: *mut pg_sys::QueryDesc, count: u64, run: &mut dyn FnMut()) {
    // SAFETY: written once, while the library is loaded.
    match unsafe { AROUND_RUN } {
        Some(around) => around(query, count, run),
        None => run(),
    }
}

/// What is done before a plan is started: told the query, and whether it is only to be explained.
pub type BeforeStart = fn(*mut pg_sys::QueryDesc, bool);

static mut PREVIOUS_START: pg_sys::ExecutorStart_hook_type = None;
static mut BEFORE_START: [Option<BeforeStart>; 2] = [None; 2];

/// Has `before` called before each plan is started, after the one that was named earlier; called twice at most, when the library is
/// loaded.
pub fn before_executor_start(before: BeforeStart) {
    // SAFETY: single-threaded; the hook that was there is called from ours, which is installed once.
    unsafe {
        let [first, _] = BEFORE_START;
        BEFORE_START[usize::from(first.is_some())] = Some(before);
        if first.is_none() {
            PREVIOUS_START = pg_sys::ExecutorStart_hook;
            pg_sys::ExecutorStart_hook = Some(executor_start);
        }
    }
}

#[pgrx::pg_guard]
#[allow(ffi_unwind_calls, reason = "the previous hook is called behind a guard")]
unsafe extern "C-unwind" fn executor_start(query: *mut pg_sys::QueryDesc, flags: std::ffi::c_int) {
    // SAFETY: forwards what Postgres passed; ours are written once, while the library is loaded.
    unsafe {
        for before in BEFORE_START.into_iter().flatten() {
            before(query, flags & pg_sys::EXEC_FLAG_EXPLAIN_ONLY as i32 != 0);
        }
        match PREVIOUS_START {
            Some(previous) => pg_sys::ffi::pg_guard_ffi_boundary(|| previous(query, flags)),
            None => pg_sys::standard_ExecutorStart(query, flags),
        }
    }
}

/// Refuses a statement whose tables the role may not use as it does.
///
/// # Errors
/// 42501 where it may not.
///
/// # Safety
/// The statement is a finished plan.
pub unsafe fn check_rights(statement: *mut pg_sys::PlannedStmt) {
    // SAFETY: promised by the caller. Since PG 16 rights stand beside the tables.
    unsafe {
        #[cfg(feature = "pg15")]
        pg_sys::ExecCheckRTPerms((*statement).rtable, true);
        #[cfg(not(feature = "pg15"))]
        pg_sys::ExecCheckPermissions((*statement).rtable, (*statement).permInfos, true);
    }
}
