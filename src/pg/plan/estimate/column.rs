//! Of which columns of which tables an input is made, and who may know their statistics.

use super::super::nature;
use super::super::tree::{self, Next, NodeTag, copy, items, tag};
use pgrx::pg_sys;

/// A column of a table of the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The table.
    pub table: pg_sys::Oid,
    /// The column's number, from 1.
    pub number: i16,
    /// The first place of the table among those of the statement, from 1.
    pub place: u32,
}

/// An input as an expression over columns of tables.
#[derive(Debug, Clone)]
pub struct Input {
    /// A copy of the expression, whose references name tables by their first places in the statement.
    pub expression: *mut pg_sys::Node,
    /// The columns, each once.
    pub columns: Vec<Column>,
}

/// What a node's expression is over columns of tables; `None` where it is made of anything else, such as what an aggregate or
/// a function gives.
///
/// # Safety
/// `input` is an expression of the node `plan` of the statement.
pub unsafe fn input(
    statement: *mut pg_sys::PlannedStmt,
    plan: *mut pg_sys::Plan,
    input: *mut pg_sys::Node,
) -> Option<Input> {
    // SAFETY: promised by the caller; the copy is changed in place.
    unsafe {
        let expression: *mut pg_sys::Node = copy(input);
        let mut columns: Vec<Column> = Vec::new();
        let is_other = tree::walk(expression, &mut |node| match tag(node) {
            NodeTag::T_Var => {
                let var = node.cast::<pg_sys::Var>();
                let Some(column) = origin(statement, plan, var) else { return Next::Stop };
                *var = pg_sys::Var {
                    xpr: pg_sys::Expr { type_: NodeTag::T_Var },
                    varno: column.place as _,
                    varattno: column.number,
                    vartype: (*var).vartype,
                    vartypmod: (*var).vartypmod,
                    varcollid: (*var).varcollid,
                    location: -1,
                    ..pg_sys::Var::default()
                };
                if !columns.contains(&column) {
                    columns.push(column);
                }
                Next::Beside
            }
            NodeTag::T_Aggref | NodeTag::T_WindowFunc | NodeTag::T_SubPlan | NodeTag::T_Param => Next::Stop,
            _ => Next::Below,
        });
        (!is_other && !columns.is_empty()).then_some(Input { expression, columns })
    }
}

/// The column of a table that a reference of a node comes from.
///
/// # Safety
/// `var` is one of the node `plan` of the statement.
unsafe fn origin(
    statement: *mut pg_sys::PlannedStmt,
    plan: *mut pg_sys::Plan,
    var: *const pg_sys::Var,
) -> Option<Column> {
    // SAFETY: promised by the caller; each node is cast to what its tag says.
    unsafe {
        if plan.is_null() {
            return None;
        }
        let (from, number) = ((*var).varno, (*var).varattno);
        let columns_of = |below: *mut pg_sys::Plan| (!below.is_null()).then(|| (below, (*below).targetlist));
        let (below, list) = match from {
            pg_sys::OUTER_VAR => columns_of(outer(plan))?,
            pg_sys::INNER_VAR => columns_of((*plan).righttree)?,
            pg_sys::INDEX_VAR => match tag(plan) {
                NodeTag::T_IndexOnlyScan => (plan, (*plan.cast::<pg_sys::IndexOnlyScan>()).indextlist),
                NodeTag::T_CustomScan => (plan, (*plan.cast::<pg_sys::CustomScan>()).custom_scan_tlist),
                NodeTag::T_ForeignScan => (plan, (*plan.cast::<pg_sys::ForeignScan>()).fdw_scan_tlist),
                _ => return None,
            },
            place => {
                let entry = pg_sys::list_nth((*statement).rtable, place - 1).cast::<pg_sys::RangeTblEntry>();
                match ((*entry).rtekind, tag(plan)) {
                    (pg_sys::RTEKind::RTE_RELATION, _) => return of_table(statement, (*entry).relid, number),
                    (pg_sys::RTEKind::RTE_SUBQUERY, NodeTag::T_SubqueryScan) => {
                        columns_of((*plan.cast::<pg_sys::SubqueryScan>()).subplan)?
                    }
                    (pg_sys::RTEKind::RTE_CTE, NodeTag::T_CteScan) => {
                        columns_of(nature::subplan(statement, (*plan.cast::<pg_sys::CteScan>()).ctePlanId))?
                    }
                    _ => return None,
                }
            }
        };
        let entry = items::<pg_sys::TargetEntry>(list).into_iter().find(|entry| (**entry).resno == number)?;
        let expression = (*entry).expr;
        (tag(expression) == NodeTag::T_Var).then(|| origin(statement, below, expression.cast()))?
    }
}

/// The plan whose columns the outer references of a plan name.
///
/// # Safety
/// `plan` is a plan.
unsafe fn outer(plan: *mut pg_sys::Plan) -> *mut pg_sys::Plan {
    // SAFETY: promised by the caller; each node is cast to what its tag says.
    unsafe {
        let first = |plans: *mut pg_sys::List| items::<pg_sys::Plan>(plans).first().copied();
        let member = match tag(plan) {
            NodeTag::T_Append => first((*plan.cast::<pg_sys::Append>()).appendplans),
            NodeTag::T_MergeAppend => first((*plan.cast::<pg_sys::MergeAppend>()).mergeplans),
            _ => return (*plan).lefttree,
        };
        // Of several members each has columns of its own.
        let is_only = tree::children(plan).into_iter().filter(|child| !child.is_null()).count() == 1;
        member.filter(|_| is_only).unwrap_or(std::ptr::null_mut())
    }
}

/// # Safety
/// The statement is a finished plan.
unsafe fn of_table(statement: *mut pg_sys::PlannedStmt, table: pg_sys::Oid, number: i16) -> Option<Column> {
    if number <= 0 {
        return None;
    }
    // SAFETY: promised by the caller.
    unsafe {
        let tables = items::<pg_sys::RangeTblEntry>((*statement).rtable);
        let is_it = |entry: &*mut pg_sys::RangeTblEntry| {
            (**entry).rtekind == pg_sys::RTEKind::RTE_RELATION && (**entry).relid == table
        };
        let place = tables.iter().position(is_it)? as u32 + 1;
        Some(Column { table, number, place })
    }
}

/// Rows of the table that a scan reads, as the planner takes them to be; `None` where it reads no table.
///
/// # Safety
/// `scan` is a scan of the statement.
pub unsafe fn rows_of_scan(statement: *mut pg_sys::PlannedStmt, scan: *mut pg_sys::Scan) -> Option<f64> {
    // SAFETY: promised by the caller.
    unsafe {
        let place = i32::try_from((*scan).scanrelid).ok().filter(|place| *place > 0)?;
        let entry = pg_sys::list_nth((*statement).rtable, place - 1).cast::<pg_sys::RangeTblEntry>();
        ((*entry).rtekind == pg_sys::RTEKind::RTE_RELATION).then(|| rows((*entry).relid))?
    }
}

/// Rows of a table, as the planner takes them to be.
pub fn rows(table: pg_sys::Oid) -> Option<f64> {
    // SAFETY: the table is open while it is asked about; its lock is kept to the end of the transaction, as a statement's is.
    unsafe {
        let relation = pg_sys::try_relation_open(table, pg_sys::AccessShareLock as i32);
        if relation.is_null() {
            return None;
        }
        let kind = (*(*relation).rd_rel).relkind as u8;
        let (mut pages, mut tuples, mut visible) = (0, 0.0, 0.0);
        let has_rows = matches!(kind, pg_sys::RELKIND_RELATION | pg_sys::RELKIND_MATVIEW);
        if has_rows {
            pg_sys::estimate_rel_size(relation, std::ptr::null_mut(), &mut pages, &mut tuples, &mut visible);
        }
        pg_sys::relation_close(relation, pg_sys::NoLock as i32);
        has_rows.then_some(tuples)
    }
}

/// Whether the role that runs the statement may know the values of a column: it may read it in the table itself, or in one whose
/// part the table is, and no row is kept from it.
///
/// # Safety
/// The column is one of the statement's.
pub unsafe fn is_readable(statement: *mut pg_sys::PlannedStmt, column: &Column) -> bool {
    let mut column = *column;
    // SAFETY: promised by the caller; plain look-ups of rights.
    unsafe {
        let role = pg_sys::GetUserId();
        loop {
            let of_table = pg_sys::pg_class_aclcheck(column.table, role, pg_sys::ACL_SELECT as pg_sys::AclMode);
            let of_column =
                pg_sys::pg_attribute_aclcheck(column.table, column.number, role, pg_sys::ACL_SELECT as pg_sys::AclMode);
            let may = [of_table, of_column].contains(&pg_sys::AclResult::ACLCHECK_OK);
            let secure = pg_sys::check_enable_rls(column.table, pg_sys::InvalidOid, true);
            if secure == pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32 {
                return false;
            }
            if may {
                return true;
            }
            match parent(statement, &column) {
                Some(parent) => column = parent,
                None => return false,
            }
        }
    }
}

/// The column of the table that the statement names, of whose column this one is a part.
///
/// # Safety
/// The column is one of the statement's.
unsafe fn parent(statement: *mut pg_sys::PlannedStmt, column: &Column) -> Option<Column> {
    // SAFETY: promised by the caller.
    unsafe {
        let entry =
            |place: u32| pg_sys::list_nth((*statement).rtable, place as i32 - 1).cast::<pg_sys::RangeTblEntry>();
        let relations = items::<pg_sys::AppendRelInfo>((*statement).appendRelations);
        let relation =
            relations.into_iter().find(|relation| (*entry((**relation).child_relid)).relid == column.table)?;
        let place = (*relation).parent_relid;
        let at = usize::try_from(column.number).ok()?.checked_sub(1)?;
        // A view's parts are no parts of a table.
        let is_table = (*entry(place)).rtekind == pg_sys::RTEKind::RTE_RELATION;
        let is_column = is_table && at < usize::try_from((*relation).num_child_cols).ok()?;
        let number = is_column.then(|| *(*relation).parent_colnos.add(at)).filter(|number| *number > 0)?;
        Some(Column { table: (*entry(place)).relid, number, place })
    }
}
