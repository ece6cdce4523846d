//! Getting data into tables.

use super::product;
use pg_categorize_e2e::Session;
use std::io::Write;
use std::ops::Range;

/// Copies rows, already in COPY's text format without the newline, into a table.
///
/// # Panics
/// Where the server refuses them.
pub fn copy(session: &mut Session, table: &str, rows: impl Iterator<Item = String>) {
    let mut writer = session.copy_in(&format!("COPY {table} FROM STDIN")).expect("COPY begins");
    let mut buffer = String::new();
    for row in rows {
        buffer.push_str(&row);
        buffer.push('\n');
        if buffer.len() > 1 << 16 {
            writer.write_all(buffer.as_bytes()).expect("COPY takes rows");
            buffer.clear();
        }
    }
    writer.write_all(buffer.as_bytes()).expect("COPY takes rows");
    writer.finish().expect("COPY ends");
}

/// Makes a table (id from 1, title, category) of the products of these numbers.
pub fn titles_table(session: &mut Session, table: &str, numbers: Range<usize>) {
    session.run(&format!("CREATE TABLE {table} (id int PRIMARY KEY, title text NOT NULL, category text NOT NULL)"));
    let row = |(i, number): (usize, usize)| {
        let product = product(number as u64);
        format!("{}\t{}\t{}", i + 1, product.title, product.category)
    };
    copy(session, table, numbers.enumerate().map(row));
}
