//! Queueing what a query returns, with the rows that the answers are written to.

use super::{Destination, Target};
use crate::pg::deferral::{self, Miss, Wish};
use crate::pg::error;
use crate::pg::manage::{self, bulk::Relation};
use crate::pg::resolver::{self, Resolver};
use crate::pg::spi::{self, WriteBackStatements};
use crate::pg::{guard, guc, world};
use pg_categorize_core::error::Error;
use std::collections::HashMap;
use std::rc::Rc;

/// What is to be queued.
pub struct Wanted<'a> {
    /// A SELECT.
    pub query: &'a str,
    /// Name of the taxonomy, or the default.
    pub taxonomy: Option<&'a str>,
    /// The table that answers are written to.
    pub relation: Option<Relation>,
    /// Its column that they are written to.
    pub output_column: Option<&'a str>,
    /// From 1 to 10; 10 goes first.
    pub priority: i32,
}

/// Queues the inputs that a query returns, but for those that are known; returns how many are new to the queue.
///
/// Without a table the query returns one column, the input. With one it returns columns of the table: its primary key, and those of the
/// input, which are joined as the trigger joins them.
///
/// # Errors
/// 22023 for what cannot be meant; 42501 without the rights on the table; those of the query, which runs with the caller's rights
/// and cannot write.
pub fn enqueue(wanted: &Wanted<'_>) -> i64 {
    guard::refuse_read_only();
    let priority = manage::queue::priority_of(wanted.priority);
    let taxonomy = manage::named(wanted.taxonomy);
    let scope = world::now().0.scope(&guc::tenant(), &taxonomy);
    manage::queue::refuse_unasked(&taxonomy, &scope.settings);
    let wish = Rc::new(Wish::now(&scope, priority));
    let mut inputs = Inputs { resolver: Resolver::free(scope), wish, new: 0 };
    match (wanted.relation, wanted.output_column) {
        (None, None) => {
            spi::for_each_input(wanted.query, |texts| inputs.take(texts.into_iter().map(|text| (text, None))))
        }
        (Some(relation), Some(output)) => inputs.take_rows(wanted.query, relation, output),
        _ => error::raise(
            Error::invalid("relation and output_column go together")
                .hint("Name both to have answers written to the table, or neither."),
        ),
    }
    inputs.new as i64
}

struct Inputs {
    resolver: Resolver,
    wish: Rc<Wish>,
    new: u64,
}

impl Inputs {
    /// Queues inputs, each with the row that its answer is written to.
    fn take(&mut self, inputs: impl Iterator<Item = (String, Option<Target>)>) {
        let inputs: Vec<_> = inputs.filter(|(text, _)| resolver::unreadable(text).is_none()).collect();
        let texts: Vec<&str> = inputs.iter().map(|(text, _)| text.as_str()).collect();
        let outcomes = self.resolver.resolve(&texts);
        let keys = self.resolver.keys(&texts);
        let mut misses: HashMap<_, Miss> = HashMap::new();
        for (((input, target), outcome), keys) in inputs.into_iter().zip(outcomes).zip(keys) {
            let is_known = outcome.answer.is_some();
            if is_known && target.is_none() {
                continue;
            }
            let wish = self.wish.clone();
            let miss =
                misses.entry(keys.0).or_insert_with(|| Miss { wish, keys, input, is_known, targets: Vec::new() });
            miss.targets.extend(target);
        }
        if !misses.is_empty() {
            self.new += deferral::store(misses.into_values().collect());
        }
    }

    /// Queues the rows that a query of a table's columns returns.
    fn take_rows(&mut self, query: &str, relation: Relation, output: &str) {
        let mut shape: Option<Shape> = None;
        let role = self.wish.role;
        spi::for_each_record(query, |names, rows| {
            let shape = shape.get_or_insert_with(|| Shape::of(names, relation, output));
            let (keys, texts): (Vec<_>, Vec<_>) = rows.into_iter().filter_map(|row| shape.split(row)).unzip();
            // As the caller, who must be able to see what he has answers written to.
            let keys_of: Vec<&[String]> = keys.iter().map(Vec::as_slice).collect();
            let mut states: HashMap<i32, _> = guc::plainly(|| spi::read_rows(&shape.statements, &keys_of))
                .into_iter()
                .map(|state| (state.number, state))
                .collect();
            let target = |(at, (key, text)): (usize, (Vec<String>, String))| {
                let state = states.remove(&(at as i32))?;
                let row_input = state.input?;
                let destination = shape.destination.clone();
                Some((text, Some(Target { destination, role, key, row_input, output: state.output })))
            };
            let inputs: Vec<_> = keys.into_iter().zip(texts).enumerate().filter_map(target).collect();
            self.take(inputs.into_iter());
        });
    }
}

/// Which columns of a query are the key, and which the input.
struct Shape {
    destination: Rc<Destination>,
    statements: WriteBackStatements,
    keys: Vec<usize>,
    inputs: Vec<usize>,
}

impl Shape {
    fn of(names: &[String], relation: Relation, output: &str) -> Self {
        // The key is known once the table is.
        let (found, _) = Destination::find(relation, &[], output);
        let place = |column: &String| names.iter().position(|name| name == column);
        let keys: Option<Vec<usize>> = found.key_columns.iter().map(place).collect();
        let keys = keys.unwrap_or_else(|| {
            error::raise(
                Error::invalid("query lacks columns of the primary key")
                    .detail(format!("The key is ({}).", found.key_columns.join(", ")))
                    .hint("Select the key and the columns of the input by their names, as in 'SELECT id, title FROM products'."),
            )
        });
        let inputs: Vec<usize> = (0..names.len()).filter(|at| !keys.contains(at)).collect();
        if inputs.is_empty() {
            error::raise(Error::invalid("query has no column of the input").hint(
                "Select the key and the columns of the input by their names, as in 'SELECT id, title FROM products'.",
            ));
        }
        let columns: Vec<String> = inputs.iter().map(|at| names[*at].clone()).collect();
        let (destination, statements) = Destination::find(relation, &columns, output);
        Self { destination: Rc::new(destination), statements, keys, inputs }
    }

    /// The key and the input of a row; `None` where one of them is NULL.
    fn split(&self, mut row: Vec<Option<String>>) -> Option<(Vec<String>, String)> {
        let parts: Vec<String> = self.inputs.iter().filter_map(|at| row[*at].take()).collect();
        let key: Option<Vec<String>> = self.keys.iter().map(|at| row[*at].take()).collect();
        let key = key.filter(|_| !parts.is_empty())?;
        Some((key, parts.join(" ")))
    }
}
