//! Which calls of ours an expression makes, and which of them it makes whatever the row holds.

use super::function::{self, Form, Ours};
use super::nature;
use super::tree::{self, Next, NodeTag, items, tag};
use pgrx::pg_sys;

/// A call that a node can look ahead for.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Which function.
    pub form: Form,
    /// The input's expression.
    pub input: *mut pg_sys::Node,
    /// The expression of the second argument: a constant or a parameter of the statement.
    pub into: *mut pg_sys::Node,
    /// Whether it is made for every row.
    pub is_certain: bool,
    /// Whether its input can be evaluated for a row that nobody may ask for.
    pub is_harmless: bool,
}

/// What was found in expressions.
#[derive(Debug, Default)]
pub struct Calls {
    /// Whether the expressions are over groups: an aggregate is a column to them, and what it is given is another's.
    pub over_groups: bool,
    /// Whether the statement calls volatile functions of others: what they do may change what is not immutable from row to row.
    pub beside_volatile: bool,
    /// Calls that a node can look ahead for, each once.
    pub calls: Vec<Call>,
    /// Why others are left alone.
    pub refusals: Vec<&'static str>,
    /// All calls about texts as they come, looked ahead for or not.
    pub seen: Vec<Call>,
}

impl Calls {
    /// Whether any call of ours is made, looked ahead for or not.
    pub fn any(&self) -> bool {
        !self.calls.is_empty() || !self.refusals.is_empty()
    }

    /// Adds the calls of an expression or of a list of them. `is_certain`: it is evaluated for every row.
    ///
    /// # Safety
    /// `node` is an expression of a finished plan, a list of them, or null.
    pub unsafe fn add<T>(&mut self, node: *mut T, is_certain: bool) {
        if node.is_null() {
            return;
        }
        use NodeTag::*;
        // SAFETY: promised by the caller; each node is cast to what its tag says.
        unsafe {
            let node: *mut pg_sys::Node = node.cast();
            match tag(node) {
                T_List => items::<pg_sys::Node>(node.cast()).into_iter().for_each(|item| self.add(item, is_certain)),
                T_TargetEntry => self.add((*node.cast::<pg_sys::TargetEntry>()).expr, is_certain),
                T_FuncExpr => {
                    let call = node.cast::<pg_sys::FuncExpr>();
                    self.add((*call).args, is_certain);
                    self.add_call(call, is_certain);
                }
                // The first of these is evaluated always, each later one only if those before it did not settle it.
                T_BoolExpr => self.add_first((*node.cast::<pg_sys::BoolExpr>()).args, is_certain),
                T_CoalesceExpr => self.add_first((*node.cast::<pg_sys::CoalesceExpr>()).args, is_certain),
                T_CaseExpr => {
                    let case = node.cast::<pg_sys::CaseExpr>();
                    self.add((*case).arg, is_certain);
                    for (at, when) in items::<pg_sys::CaseWhen>((*case).args).into_iter().enumerate() {
                        self.add((*when).expr, is_certain && at == 0);
                        self.add((*when).result, false);
                    }
                    self.add((*case).defresult, false);
                }
                T_Aggref if self.over_groups => {}
                T_Aggref => {
                    let aggregate = node.cast::<pg_sys::Aggref>();
                    let is_filtered = !(*aggregate).aggfilter.is_null();
                    self.add((*aggregate).aggfilter, is_certain);
                    self.add((*aggregate).args, is_certain && !is_filtered);
                }
                T_OpExpr | T_DistinctExpr | T_NullIfExpr | T_ScalarArrayOpExpr | T_RelabelType | T_CoerceViaIO
                | T_NullTest | T_BooleanTest | T_FieldSelect | T_ArrayExpr | T_MinMaxExpr | T_CollateExpr
                | T_RowExpr | T_CoerceToDomain => {
                    tree::walk_below(node, &mut |below| {
                        self.add(below, is_certain);
                        Next::Beside
                    });
                }
                _ => {
                    tree::walk_below(node, &mut |below| {
                        self.add(below, false);
                        Next::Beside
                    });
                }
            }
        }
    }

    /// # Safety
    /// As [`Self::add`].
    unsafe fn add_first(&mut self, list: *mut pg_sys::List, is_certain: bool) {
        // SAFETY: as of the caller.
        unsafe {
            for (at, item) in items::<pg_sys::Node>(list).into_iter().enumerate() {
                self.add(item, is_certain && at == 0);
            }
        }
    }

    /// # Safety
    /// As [`Self::add`].
    unsafe fn add_call(&mut self, call: *mut pg_sys::FuncExpr, is_certain: bool) {
        // SAFETY: as of the caller.
        unsafe {
            let form = match function::ours((*call).funcid) {
                None => return,
                Some(Ours::Other) => return self.refusals.push("it is one of an image or of a set"),
                Some(Ours::Text(form)) => form,
            };
            let arguments = items::<pg_sys::Node>((*call).args);
            let [input, into] = arguments[..] else {
                return self.refusals.push("its arguments are not those of this version");
            };
            self.seen.push(Call { form, input, into, is_certain, is_harmless: false });
            if let Some(refusal) = self.refusal(input, into) {
                return self.refusals.push(refusal);
            }
            let is_harmless = !nature::of_expression(input).may_raise;
            let same = |known: &&mut Call| {
                known.form == form
                    && pg_sys::equal(known.input.cast(), input.cast())
                    && pg_sys::equal(known.into.cast(), into.cast())
            };
            match self.calls.iter_mut().find(same) {
                Some(known) => known.is_certain |= is_certain,
                None => self.calls.push(Call { form, input, into, is_certain, is_harmless }),
            }
        }
    }

    /// Why a call with these arguments is left alone.
    ///
    /// # Safety
    /// Both are expressions of a finished plan.
    unsafe fn refusal(&self, input: *mut pg_sys::Node, into: *mut pg_sys::Node) -> Option<&'static str> {
        // SAFETY: promised by the caller.
        unsafe {
            let is_given = match tag(into) {
                NodeTag::T_Const => true,
                NodeTag::T_Param => (*into.cast::<pg_sys::Param>()).paramkind == pg_sys::ParamKind::PARAM_EXTERN,
                _ => false,
            };
            if !is_given {
                return Some("its taxonomy or labels differ from row to row");
            }
            let (mut has_column, mut is_bound) = (false, false);
            tree::walk(input, &mut |node| {
                match tag(node) {
                    NodeTag::T_Var => has_column = true,
                    NodeTag::T_Aggref if self.over_groups => {
                        has_column = true;
                        return Next::Beside;
                    }
                    // Their values are there only while what is around them is evaluated.
                    NodeTag::T_Aggref
                    | NodeTag::T_WindowFunc
                    | NodeTag::T_GroupingFunc
                    | NodeTag::T_CoerceToDomainValue => {
                        is_bound = true;
                    }
                    _ => {}
                }
                Next::Below
            });
            let nature = nature::of_expression(input);
            if is_bound || has_foreign_case(input) || nature.is_strange {
                Some("its input is a value that exists only in its place")
            } else if nature.is_volatile || nature.asks {
                Some("its input calls a volatile function")
            } else if self.beside_volatile && pg_sys::contain_mutable_functions(input) {
                Some("its input is not immutable, and the statement calls a volatile function")
            } else if !has_column {
                Some("its input is the same for every row")
            } else if pg_sys::expression_returns_set(input) {
                Some("its input is a set")
            } else {
                None
            }
        }
    }
}

/// Whether an expression reads the value of a CASE that is around it.
///
/// # Safety
/// `node` is an expression of a finished plan.
unsafe fn has_foreign_case(node: *mut pg_sys::Node) -> bool {
    // SAFETY: promised by the caller.
    unsafe {
        tree::walk(node, &mut |node| match tag(node) {
            NodeTag::T_CaseTestExpr => Next::Stop,
            NodeTag::T_CaseExpr => {
                let case = node.cast::<pg_sys::CaseExpr>();
                match (*case).arg.is_null() {
                    true => Next::Below,
                    // What is below reads its own value.
                    false if has_foreign_case((*case).arg.cast()) => Next::Stop,
                    false => Next::Beside,
                }
            }
            _ => Next::Below,
        })
    }
}
