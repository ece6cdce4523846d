//! Walking plans and expressions of Postgres, whose nodes are C structures that begin with their kind.

use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::c_void;

pub use pg_sys::NodeTag;

/// What a walk does after a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Goes on with what is below.
    Below,
    /// Leaves out what is below.
    Beside,
    /// Ends.
    Stop,
}

/// The kind of a node.
///
/// # Safety
/// `node` is a node.
pub unsafe fn tag<T>(node: *const T) -> NodeTag {
    // SAFETY: every node begins with its kind.
    unsafe { (*node.cast::<pg_sys::Node>()).type_ }
}

/// The elements of a list of pointers; none where it is null.
///
/// # Safety
/// The list is valid, and its elements are `T`.
pub unsafe fn items<T>(list: *mut pg_sys::List) -> Vec<*mut T> {
    // SAFETY: promised by the caller; a null list has no elements.
    unsafe { (0..pg_sys::list_length(list)).map(|at| pg_sys::list_nth(list, at).cast()).collect() }
}

/// A list of pointers.
///
/// # Safety
/// The elements are nodes that live at least as long as the list.
pub unsafe fn list<T>(items: impl IntoIterator<Item = *mut T>) -> *mut pg_sys::List {
    // SAFETY: plain calls that allocate in the current memory context.
    items.into_iter().fold(std::ptr::null_mut(), |list, item| unsafe { pg_sys::lappend(list, item.cast()) })
}

/// Replaces the elements of a list, in place.
///
/// # Safety
/// The list is valid, its elements are `T`, and nobody else reads it meanwhile.
pub unsafe fn replace<T>(list: *mut pg_sys::List, mut with: impl FnMut(usize, *mut T) -> *mut T) {
    // SAFETY: promised by the caller; the positions are those of its cells.
    unsafe {
        for at in 0..pg_sys::list_length(list) {
            let cell = pg_sys::list_nth_cell(list, at);
            (*cell).ptr_value = with(at as usize, (*cell).ptr_value.cast()).cast();
        }
    }
}

/// The plans right below a plan, those of sub-selects apart; some may be null.
///
/// # Safety
/// `plan` is a plan.
pub unsafe fn children(plan: *mut pg_sys::Plan) -> Vec<*mut pg_sys::Plan> {
    // SAFETY: promised by the caller; each node is cast to what its tag says.
    unsafe {
        let mut children = vec![(*plan).lefttree, (*plan).righttree];
        match tag(plan) {
            NodeTag::T_Append => children.extend(items((*plan.cast::<pg_sys::Append>()).appendplans)),
            NodeTag::T_MergeAppend => children.extend(items((*plan.cast::<pg_sys::MergeAppend>()).mergeplans)),
            NodeTag::T_BitmapAnd => children.extend(items((*plan.cast::<pg_sys::BitmapAnd>()).bitmapplans)),
            NodeTag::T_BitmapOr => children.extend(items((*plan.cast::<pg_sys::BitmapOr>()).bitmapplans)),
            NodeTag::T_SubqueryScan => children.push((*plan.cast::<pg_sys::SubqueryScan>()).subplan),
            NodeTag::T_CustomScan => children.extend(items((*plan.cast::<pg_sys::CustomScan>()).custom_plans)),
            _ => {}
        }
        children
    }
}

/// A deep copy.
///
/// # Safety
/// `node` is a node or null.
pub unsafe fn copy<T>(node: *const T) -> *mut T {
    // SAFETY: promised by the caller.
    unsafe { pg_sys::copyObjectImpl(node.cast()).cast() }
}

/// Visits a node and what is below it, parents first. Whether the walk was stopped.
///
/// # Safety
/// `node` is an expression, a list of them, or null. The plans of sub-selects are not entered.
pub unsafe fn walk<T>(node: *mut T, visit: &mut dyn FnMut(*mut pg_sys::Node) -> Next) -> bool {
    let mut visit = visit;
    // SAFETY: the context is read by `step` only, while this function runs.
    unsafe { step(node.cast(), (&raw mut visit).cast()) }
}

/// Visits what is right below a node.
///
/// # Safety
/// As [`walk`].
pub unsafe fn walk_below<T>(node: *mut T, visit: &mut dyn FnMut(*mut pg_sys::Node) -> Next) -> bool {
    let mut visit = visit;
    // SAFETY: as above.
    unsafe { pg_sys::expression_tree_walker(node.cast(), Some(step), (&raw mut visit).cast()) }
}

#[pg_guard]
unsafe extern "C-unwind" fn step(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `walk` passes this context.
    unsafe {
        let visit = &mut *context.cast::<&mut dyn FnMut(*mut pg_sys::Node) -> Next>();
        match visit(node) {
            Next::Below => pg_sys::expression_tree_walker(node, Some(step), context),
            Next::Beside => false,
            Next::Stop => true,
        }
    }
}
