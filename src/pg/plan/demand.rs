//! How many rows of a node its parent will ask for. All that is bought ahead rests on this: what is not told here may stop
//! at any row.
//!
//! Each rule names a lower bound: a parent that gives n rows has read at least so many of this child.

use super::tree::{NodeTag, tag};
use pgrx::pg_sys;

/// Who asks for the rows, a limit apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A node that reads all rows before it gives its first.
    Drains,
    /// The caller of the statement, one row for each that it takes: all, or as many as it says when it runs the plan.
    Direct,
    /// The caller of the statement, where its rows are not these rows: all, if it takes all.
    Indirect,
    /// Somebody who may stop at any row.
    Sparse,
}

/// What is known of the rows that will be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Who asks.
    pub reader: Reader,
    /// The LIMIT above, with nothing between that needs more rows than it gives.
    pub limit: Option<*mut pg_sys::Limit>,
    /// Whether nothing between the limit and here needs more rows than the limit says.
    pub is_bound: bool,
}

/// Which child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    /// The left one, or the only one.
    Left,
    /// The right one.
    Right,
    /// One of many.
    Member,
}

impl Demand {
    /// Nothing is certain.
    pub const SPARSE: Self = Self::of(Reader::Sparse);
    /// All rows.
    pub const DRAINED: Self = Self::of(Reader::Drains);
    /// What the caller of the statement takes.
    pub const TOP: Self = Self::of(Reader::Direct);

    const fn of(reader: Reader) -> Self {
        Self { reader, limit: None, is_bound: false }
    }

    /// The same where a row of the parent is not a row of the child.
    fn indirect(self) -> Self {
        match self {
            Self { limit: Some(_), .. } => Self::SPARSE,
            Self { reader: Reader::Direct, .. } => Self::of(Reader::Indirect),
            other => other,
        }
    }

    /// The same where the child may have to give more rows than the parent does.
    fn at_least(self) -> Self {
        Self { is_bound: false, ..self }
    }
}

/// What `parent`, of which `demand` is asked, asks of a child.
///
/// # Safety
/// `parent` is a plan.
pub unsafe fn of_child(parent: *mut pg_sys::Plan, child: Child, demand: Demand) -> Demand {
    use NodeTag::*;
    // SAFETY: promised by the caller; each node is cast to what its tag says.
    unsafe {
        let filters = !(*parent).qual.is_null();
        match (tag(parent), child) {
            // They read all, if they read at all.
            (T_Sort | T_Hash | T_ModifyTable, _) => Demand::DRAINED,
            (T_Agg, _) => match (*parent.cast::<pg_sys::Agg>()).aggstrategy {
                pg_sys::AggStrategy::AGG_PLAIN | pg_sys::AggStrategy::AGG_HASHED => Demand::DRAINED,
                // A group has at least a row, where each row is in one group.
                _ if (*parent.cast::<pg_sys::Agg>()).groupingSets.is_null() => demand.at_least(),
                _ => demand.at_least().indirect(),
            },
            (T_Limit, _) => match demand {
                Demand { limit: Some(_), .. } | Demand { reader: Reader::Sparse, .. } => Demand::SPARSE,
                Demand { reader, .. } => {
                    let limit = parent.cast::<pg_sys::Limit>();
                    // What is volatile must be evaluated once, by the node whose it is.
                    let parts = [(*limit).limitCount, (*limit).limitOffset];
                    if parts.into_iter().any(|part| pg_sys::contain_volatile_functions(part)) {
                        return Demand::SPARSE;
                    }
                    let ties = (*limit).limitOption == pg_sys::LimitOption::LIMIT_OPTION_WITH_TIES;
                    Demand { reader, limit: Some(limit), is_bound: !ties }
                }
            },
            (T_Result | T_SubqueryScan, _) if !filters => demand,
            (
                T_Result | T_SubqueryScan | T_CteScan | T_LockRows | T_Unique | T_Group | T_IncrementalSort
                | T_Material,
                _,
            )
            | (T_SetOp, Child::Left) => demand.at_least(),
            // It may know from its counts that no later row can pass.
            (T_WindowAgg, _) if (*parent.cast::<pg_sys::WindowAgg>()).runCondition.is_null() => demand.at_least(),
            (T_Append | T_MergeAppend | T_ProjectSet | T_Gather | T_GatherMerge, _) => demand.indirect(),
            (T_NestLoop, Child::Left) => demand.indirect(),
            (T_NestLoop, Child::Right) => {
                let join = parent.cast::<pg_sys::Join>();
                let is_plain = matches!((*join).jointype, pg_sys::JoinType::JOIN_INNER | pg_sys::JoinType::JOIN_LEFT);
                if is_plain && !(*join).inner_unique { demand.indirect() } else { Demand::SPARSE }
            }
            // Where the other side is empty, only a join that keeps the rows of this one reads them.
            (T_HashJoin, Child::Left) => match (*parent.cast::<pg_sys::Join>()).jointype {
                pg_sys::JoinType::JOIN_LEFT | pg_sys::JoinType::JOIN_ANTI | pg_sys::JoinType::JOIN_FULL => {
                    demand.indirect()
                }
                _ => Demand::SPARSE,
            },
            _ => Demand::SPARSE,
        }
    }
}
