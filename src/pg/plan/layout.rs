//! What a node's plan says to its execution, as lists of Postgres, so that plans are copied, cached, and sent to workers.

use super::collect::Call;
use super::demand::{Demand, Reader};
use super::function::Form;
use super::tree::items;
use pgrx::pg_sys;

/// One call that the node looks ahead for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Which function.
    pub form: Form,
    /// Whether it is made for every row that is asked for.
    pub is_certain: bool,
    /// Whether its input can be evaluated for a row that nobody may ask for.
    pub is_harmless: bool,
    /// The input, over the node's own columns.
    pub input: *mut pg_sys::Expr,
    /// The second argument.
    pub into: *mut pg_sys::Expr,
}

/// All that a node is told.
#[derive(Debug)]
pub struct Layout {
    /// Who asks for its rows.
    pub reader: Reader,
    /// Whether it may read rows that nobody may ask for.
    pub reads_ahead: bool,
    /// Whether the limit is a bound for the rows of its child.
    pub is_bound: bool,
    /// Expressions of a LIMIT above it: count and offset.
    pub limit: Option<(Option<*mut pg_sys::Expr>, Option<*mut pg_sys::Expr>)>,
    /// The calls.
    pub calls: Vec<Asked>,
}

const READERS: [Reader; 4] = [Reader::Drains, Reader::Direct, Reader::Indirect, Reader::Sparse];

/// Writes a layout into a plan: the expressions, and what is known of them.
///
/// # Safety
/// The expressions are nodes over the columns of the node that is planned.
pub unsafe fn write(plan: *mut pg_sys::CustomScan, calls: &[Call], demand: Demand, reads_ahead: bool) {
    let reader = READERS.iter().position(|reader| *reader == demand.reader).unwrap_or(READERS.len() - 1);
    // SAFETY: promised by the caller; lists are allocated in the current memory context.
    unsafe {
        let limit = demand.limit.map(|limit| [(*limit).limitCount, (*limit).limitOffset]);
        let has = |at: usize| i32::from(limit.is_some_and(|limit| !limit[at].is_null()));
        let mut numbers = vec![reader as i32, reads_ahead.into(), demand.is_bound.into()];
        numbers.extend([limit.is_some().into(), has(0), has(1)]);
        let mut expressions: Vec<*mut pg_sys::Node> = Vec::new();
        for call in calls {
            numbers.extend([call.form.number(), call.is_certain.into(), call.is_harmless.into()]);
            expressions.extend([call.input, call.into]);
        }
        expressions.extend(limit.into_iter().flatten().filter(|part| !part.is_null()));
        let list = std::ptr::null_mut();
        (*plan).custom_private = numbers.into_iter().fold(list, |list, number| pg_sys::lappend_int(list, number));
        (*plan).custom_exprs = super::tree::list(expressions.into_iter().map(|node| super::tree::copy(node)));
    }
}

/// Reads the layout of a plan.
///
/// # Safety
/// The plan was written by [`write`].
pub unsafe fn read(plan: *mut pg_sys::CustomScan) -> Layout {
    // SAFETY: promised by the caller.
    unsafe {
        let private = (*plan).custom_private;
        let numbers: Vec<i32> = (0..pg_sys::list_length(private)).map(|at| pg_sys::list_nth_int(private, at)).collect();
        let mut expressions = items::<pg_sys::Expr>((*plan).custom_exprs).into_iter();
        let mut calls = Vec::new();
        for told in numbers[6..].chunks_exact(3) {
            let (Some(input), Some(into)) = (expressions.next(), expressions.next()) else { break };
            let form = Form::ALL[told[0] as usize];
            calls.push(Asked { form, is_certain: told[1] != 0, is_harmless: told[2] != 0, input, into });
        }
        let mut part = |at: usize| (numbers[at] != 0).then(|| expressions.next()).flatten();
        let limit = (numbers[3] != 0).then(|| (part(4), part(5)));
        let (reads_ahead, is_bound) = (numbers[1] != 0, numbers[2] != 0);
        Layout { reader: READERS[numbers[0] as usize], reads_ahead, is_bound, limit, calls }
    }
}
