//! What evaluating an expression, or running a part of a plan, ahead of time may do that nobody asked for.

use super::function::{self, Ours};
use super::tree::{self, Next, NodeTag, items, tag};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::c_void;

/// What is known of an expression or of a part of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nature {
    /// A volatile function that is not ours: it may be called once a row, when its row is due, and not before.
    pub is_volatile: bool,
    /// It may raise an error over data that nobody would have asked for.
    pub may_raise: bool,
    /// It asks us itself.
    pub asks: bool,
    /// Something of which too little is known: locks on rows, writing, a node or an expression that is not told here.
    pub is_strange: bool,
}

impl Nature {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            is_volatile: self.is_volatile || other.is_volatile,
            may_raise: self.may_raise || other.may_raise,
            asks: self.asks || other.asks,
            is_strange: self.is_strange || other.is_strange,
        }
    }
}

/// Functions of Postgres that are not marked as leakproof, and never raise an error but for want of memory.
const HARMLESS: [u32; 8] = [
    pg_sys::F_TEXTCAT,
    pg_sys::F_LOWER_TEXT,
    pg_sys::F_UPPER_TEXT,
    pg_sys::F_INITCAP,
    pg_sys::F_BTRIM_TEXT,
    pg_sys::F_LTRIM_TEXT,
    pg_sys::F_RTRIM_TEXT,
    pg_sys::F_TEXT_BPCHAR,
];

/// The nature of an expression, or of a list of them. Sub-selects in it are strange: see [`of_plan`].
///
/// # Safety
/// `node` is an expression of a finished plan, a list of them, or null.
pub unsafe fn of_expression<T>(node: *mut T) -> Nature {
    let mut nature = Nature::default();
    // SAFETY: promised by the caller; the walk passes nodes of the kinds that are looked at.
    unsafe {
        tree::walk(node, &mut |node| {
            let kind = tag(node);
            nature.may_raise |= !is_harmless(node, kind);
            nature.is_strange |=
                matches!(kind, NodeTag::T_SubPlan | NodeTag::T_AlternativeSubPlan | NodeTag::T_CurrentOfExpr);
            nature.is_volatile |= kind == NodeTag::T_NextValueExpr;
            pg_sys::check_functions_in_node(node, Some(look_at_function), (&raw mut nature).cast());
            Next::Below
        });
    }
    nature
}

/// Whether a node of an expression by itself, its functions apart, raises no error.
///
/// # Safety
/// `node` is of this kind.
unsafe fn is_harmless(node: *mut pg_sys::Node, kind: NodeTag) -> bool {
    use NodeTag::*;
    match kind {
        T_List | T_TargetEntry | T_Var | T_Const | T_FuncExpr | T_OpExpr | T_DistinctExpr | T_NullIfExpr
        | T_ScalarArrayOpExpr | T_BoolExpr | T_RelabelType | T_CaseExpr | T_CaseWhen | T_CaseTestExpr
        | T_CoalesceExpr | T_MinMaxExpr | T_NullTest | T_BooleanTest | T_ArrayExpr | T_CollateExpr | T_FieldSelect => {
            true
        }
        // SAFETY: the node is of the kind that its tag says.
        T_Param => unsafe { (*node.cast::<pg_sys::Param>()).paramkind == pg_sys::ParamKind::PARAM_EXTERN },
        // What Postgres brings can be written, and everything can be read as text.
        // SAFETY: as above.
        T_CoerceViaIO => unsafe {
            let coercion = node.cast::<pg_sys::CoerceViaIO>();
            let from = pg_sys::exprType((*coercion).arg.cast());
            (*coercion).resulttype == pg_sys::TEXTOID && from.to_u32() < pg_sys::FirstNormalObjectId
        },
        _ => false,
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn look_at_function(function: pg_sys::Oid, context: *mut c_void) -> bool {
    // SAFETY: `of_expression` passes its nature, which nobody else holds meanwhile.
    let nature = unsafe { &mut *context.cast::<Nature>() };
    match function::ours(function) {
        Some(Ours::Text(_) | Ours::Other) => {
            nature.asks = true;
            nature.may_raise = true;
        }
        // SAFETY: look-ups in the system cache.
        None => unsafe {
            nature.is_volatile |= pg_sys::func_volatile(function) as u8 == pg_sys::PROVOLATILE_VOLATILE;
            nature.may_raise |=
                !HARMLESS.contains(&function.to_u32()) && !pg_sys::get_func_leakproof(function) && !is_output(function);
        },
    }
    false
}

/// Whether it is one of the functions by which values of Postgres' own types are written, or text is read.
fn is_output(function: pg_sys::Oid) -> bool {
    // SAFETY: a look-up in the system cache.
    let writes = || unsafe { pg_sys::get_func_rettype(function) } == pg_sys::CSTRINGOID;
    function == pg_sys::Oid::from(pg_sys::F_TEXTIN) || function.to_u32() < pg_sys::FirstNormalObjectId && writes()
}

/// The nature of a plan with all that it runs, sub-selects included.
///
/// # Safety
/// `plan` belongs to `statement`, or is null.
pub unsafe fn of_plan(statement: *mut pg_sys::PlannedStmt, plan: *mut pg_sys::Plan) -> Nature {
    if plan.is_null() {
        return Nature::default();
    }
    // SAFETY: promised by the caller; nodes are of the kinds that their tags say.
    unsafe {
        let Parts { expressions, plans, is_strange } = parts(statement, plan);
        let mut nature = Nature { is_strange, ..Nature::default() };
        for expression in expressions {
            nature = nature.and(of_plain(statement, expression));
        }
        for initial in items::<pg_sys::SubPlan>((*plan).initPlan) {
            nature = nature.and(of_plan(statement, subplan(statement, (*initial).plan_id)));
        }
        for below in plans {
            nature = nature.and(of_plan(statement, below));
        }
        nature
    }
}

/// The nature of an expression with the plans of its sub-selects.
///
/// # Safety
/// As [`of_plan`].
unsafe fn of_plain(statement: *mut pg_sys::PlannedStmt, expression: *mut pg_sys::Node) -> Nature {
    // SAFETY: as of the caller.
    unsafe {
        let mut nature = of_expression(expression);
        if nature.is_strange {
            nature.is_strange = false;
            let mut ids = Vec::new();
            tree::walk(expression, &mut |node| {
                match tag(node) {
                    NodeTag::T_SubPlan => ids.push((*node.cast::<pg_sys::SubPlan>()).plan_id),
                    NodeTag::T_AlternativeSubPlan | NodeTag::T_CurrentOfExpr => nature.is_strange = true,
                    _ => {}
                }
                Next::Below
            });
            for id in ids {
                nature = nature.and(of_plan(statement, subplan(statement, id)));
            }
        }
        nature
    }
}

/// The plan of a sub-select by its number, from 1.
///
/// # Safety
/// The number is one of the statement's.
pub(super) unsafe fn subplan(statement: *mut pg_sys::PlannedStmt, id: i32) -> *mut pg_sys::Plan {
    // SAFETY: promised by the caller.
    unsafe { pg_sys::list_nth((*statement).subplans, id - 1).cast() }
}

/// What a node of a plan consists of.
pub(super) struct Parts {
    /// Its expressions: the target list, the quals, and those of its kind.
    pub(super) expressions: Vec<*mut pg_sys::Node>,
    /// The plans right below it.
    plans: Vec<*mut pg_sys::Plan>,
    /// The node is not told here, or does more than read: there may be other parts.
    is_strange: bool,
}

/// The parts of a node.
///
/// # Safety
/// As [`of_plan`].
pub(super) unsafe fn parts(statement: *mut pg_sys::PlannedStmt, plan: *mut pg_sys::Plan) -> Parts {
    use NodeTag::*;
    // SAFETY: promised by the caller; each node is cast to what its tag says.
    unsafe {
        let mut expressions: Vec<*mut pg_sys::Node> = vec![(*plan).targetlist.cast(), (*plan).qual.cast()];
        let mut plans = tree::children(plan);
        let mut is_strange = false;
        match tag(plan) {
            T_Result => expressions.push((*plan.cast::<pg_sys::Result>()).resconstantqual),
            T_IndexScan => {
                let scan = plan.cast::<pg_sys::IndexScan>();
                expressions.extend([(*scan).indexqualorig.cast(), (*scan).indexorderbyorig.cast()]);
            }
            T_IndexOnlyScan => {
                let scan = plan.cast::<pg_sys::IndexOnlyScan>();
                expressions.extend([(*scan).indexqual.cast(), (*scan).indexorderby.cast()]);
            }
            T_BitmapIndexScan => expressions.push((*plan.cast::<pg_sys::BitmapIndexScan>()).indexqualorig.cast()),
            T_BitmapHeapScan => expressions.push((*plan.cast::<pg_sys::BitmapHeapScan>()).bitmapqualorig.cast()),
            T_TidScan => expressions.push((*plan.cast::<pg_sys::TidScan>()).tidquals.cast()),
            T_TidRangeScan => expressions.push((*plan.cast::<pg_sys::TidRangeScan>()).tidrangequals.cast()),
            T_SampleScan => expressions.push((*(*plan.cast::<pg_sys::SampleScan>()).tablesample).args.cast()),
            T_ValuesScan => expressions.push((*plan.cast::<pg_sys::ValuesScan>()).values_lists.cast()),
            T_FunctionScan => {
                let functions = items::<pg_sys::RangeTblFunction>((*plan.cast::<pg_sys::FunctionScan>()).functions);
                expressions.extend(functions.iter().map(|function| (**function).funcexpr));
            }
            T_CteScan => plans.push(subplan(statement, (*plan.cast::<pg_sys::CteScan>()).ctePlanId)),
            T_NestLoop | T_MergeJoin | T_HashJoin => {
                expressions.push((*plan.cast::<pg_sys::Join>()).joinqual.cast());
                match tag(plan) {
                    T_MergeJoin => expressions.push((*plan.cast::<pg_sys::MergeJoin>()).mergeclauses.cast()),
                    T_HashJoin => expressions.push((*plan.cast::<pg_sys::HashJoin>()).hashclauses.cast()),
                    _ => {}
                }
            }
            T_Memoize => expressions.push((*plan.cast::<pg_sys::Memoize>()).param_exprs.cast()),
            T_WindowAgg => {
                let agg = plan.cast::<pg_sys::WindowAgg>();
                expressions.extend([(*agg).startOffset, (*agg).endOffset]);
            }
            T_Limit => {
                let limit = plan.cast::<pg_sys::Limit>();
                expressions.extend([(*limit).limitOffset, (*limit).limitCount]);
            }
            T_CustomScan if super::is_ours(plan) => {
                expressions.push((*plan.cast::<pg_sys::CustomScan>()).custom_exprs.cast());
            }
            T_Append
            | T_MergeAppend
            | T_BitmapAnd
            | T_BitmapOr
            | T_SubqueryScan
            | T_SeqScan
            | T_ProjectSet
            | T_NamedTuplestoreScan
            | T_Sort
            | T_IncrementalSort
            | T_Material
            | T_Group
            | T_Agg
            | T_Unique
            | T_SetOp
            | T_Hash => {}
            _ => is_strange = true,
        }
        Parts { expressions, plans, is_strange }
    }
}
