//! Functions that roles have called when their jobs have ended.

use super::as_writer;
use crate::pg::spi::{self, CompletionProblem};
use crate::pg::{error, guard, world};
use pgrx::callconv::{Arg, ArgAbi};
use pgrx::pg_sys;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::prelude::*;

/// A function, by its OID.
#[derive(Debug, Clone, Copy)]
pub struct Function(pg_sys::Oid);

// SAFETY: the datum is an OID, as `SqlTranslatable` says below.
unsafe impl<'fcx> ArgAbi<'fcx> for Function {
    unsafe fn unbox_arg_unchecked(argument: Arg<'_, 'fcx>) -> Self {
        // SAFETY: as promised to us.
        unsafe { Self(pg_sys::Oid::unbox_arg_unchecked(argument)) }
    }
}

// SAFETY: in SQL it is `regprocedure`, whose values are OIDs.
unsafe impl SqlTranslatable for Function {
    const TYPE_IDENT: &'static str = "pg_categorize::Function";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("regprocedure"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> = Ok(ReturnsRef::One(SqlMappingRef::literal("regprocedure")));
}

/// Registers a function for the current role; its id.
///
/// # Errors
/// 42883, 22023 or 42501 where it cannot be called.
pub fn register(function: Function) -> i64 {
    guard::refuse_read_only();
    // SAFETY: a plain call. Below, the owner calls.
    let role = unsafe { pg_sys::GetUserId() };
    let found = world::as_owner(|| spi::completion_statement(function.0, role));
    let (name, _) = found.unwrap_or_else(|problem| refuse(problem));
    as_writer(|caller| spi::insert_completion(function.0, &name, role, &caller.name))
}

/// Takes back what the current role has registered; whether it had.
pub fn unregister(function: Function) -> bool {
    // SAFETY: a plain call. Below, the owner calls.
    let role = unsafe { pg_sys::GetUserId() };
    as_writer(|_| spi::delete_completion(function.0, role))
}

fn refuse(problem: CompletionProblem) -> ! {
    use PgSqlErrorCode::*;
    let code = match problem.sqlstate.as_str() {
        "42501" => ERRCODE_INSUFFICIENT_PRIVILEGE,
        "42883" => ERRCODE_UNDEFINED_FUNCTION,
        _ => ERRCODE_INVALID_PARAMETER_VALUE,
    };
    error::report(code, problem.message, None, problem.hint)
}
