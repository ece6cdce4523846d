//! Statements on `categorize.category`.

use super::run;
use pg_categorize_core::lexical::Document;
use pg_categorize_core::taxonomy::Category;

/// Columns of a category with its override laid over it.
const EFFECTIVE: &str = "
    SELECT c.id, CASE WHEN o.id IS NULL THEN c.parent_id ELSE o.parent_id END,
           coalesce(o.label, c.label), coalesce(o.path, c.path),
           CASE WHEN o.id IS NULL THEN c.merged_into ELSE o.merged_into END, coalesce(o.dropped, c.dropped),
           CASE WHEN o.id IS NULL THEN c.description ELSE o.description END,
           CASE WHEN o.id IS NULL THEN c.examples ELSE o.examples END
      FROM categorize.category c LEFT JOIN categorize.category o ON o.overrides = c.id
     WHERE c.taxonomy_id = $1 AND c.overrides IS NULL ORDER BY c.id";

/// A category to be created.
pub struct NewCategory {
    /// The node above.
    pub parent: Option<i32>,
    /// Its own label.
    pub label: String,
    /// Its full path.
    pub path: String,
    /// One line about it.
    pub description: Option<String>,
    /// Typical words and titles.
    pub examples: Option<Vec<String>>,
}

/// The categories of a taxonomy as the statement sees them, merged and dropped ones included.
pub fn categories(taxonomy: i32) -> Vec<Category> {
    run::read(EFFECTIVE, &[taxonomy.into()], category).into_iter().flatten().collect()
}

/// The categories of a taxonomy as they are committed now; for writers.
pub fn fresh_categories(taxonomy: i32) -> Vec<Category> {
    run::write_returning(EFFECTIVE, &[taxonomy.into()], category).into_iter().flatten().collect()
}

fn category(row: &run::Row) -> Option<Category> {
    Some(Category {
        id: row.get(1)?,
        parent: row.get(2),
        label: row.get(3)?,
        path: row.get(4)?,
        merged_into: row.get(5),
        dropped: row.get(6)?,
    })
}

/// Description and typical words of each category, by id.
pub fn category_words(taxonomy: i32) -> Vec<Document> {
    let rows = run::read(EFFECTIVE, &[taxonomy.into()], |row| {
        Some(Document {
            id: row.get(1)?,
            labels: Vec::new(),
            inner: false,
            description: row.get(7).unwrap_or_default(),
            examples: row.get::<Vec<Option<String>>>(8).unwrap_or_default().into_iter().flatten().collect(),
        })
    });
    rows.into_iter().flatten().collect()
}

/// Ids for `count` new categories.
pub fn next_category_ids(count: usize) -> Vec<i32> {
    let sql = "SELECT pg_catalog.nextval('categorize.category_id_seq')::int FROM pg_catalog.generate_series(1, $1)";
    run::write_returning(sql, &[(count as i64).into()], |row| row.get(1)).into_iter().flatten().collect()
}

/// Stores new categories under ids that were drawn for them; parents come before their children.
pub fn insert_categories(taxonomy: i32, ids: &[i32], new: Vec<NewCategory>) {
    let parents: Vec<Option<i32>> = new.iter().map(|c| c.parent).collect();
    let labels: Vec<String> = new.iter().map(|c| c.label.clone()).collect();
    let paths: Vec<String> = new.iter().map(|c| c.path.clone()).collect();
    let descriptions: Vec<Option<String>> = new.iter().map(|c| c.description.clone()).collect();
    run::write(
        "INSERT INTO categorize.category (id, taxonomy_id, parent_id, label, path, description)
         SELECT n.id, $1, n.parent_id, n.label, n.path, n.description
           FROM ROWS FROM (unnest($2::int[]), unnest($3::int[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]))
             AS n (id, parent_id, label, path, description)",
        &[taxonomy.into(), ids.to_vec().into(), parents.into(), labels.into(), paths.into(), descriptions.into()],
    );
    for (id, category) in ids.iter().zip(new) {
        if let Some(examples) = category.examples {
            run::write("UPDATE categorize.category SET examples = $2 WHERE id = $1", &[(*id).into(), examples.into()]);
        }
    }
}

/// Gives a category another place.
pub fn move_category(id: i32, parent: Option<i32>, label: &str, path: &str) {
    run::write(
        "UPDATE categorize.category SET parent_id = $2, label = $3, path = $4 WHERE id = $1",
        &[changeable_row(id).into(), parent.into(), label.into(), path.into()],
    );
}

/// Sends the answers of a category to another. What was merged into it before goes along, so that one hop always leads
/// to the end.
pub fn set_merged_into(id: i32, into: i32) {
    run::write(
        "UPDATE categorize.category SET merged_into = $3 WHERE id = $1 OR merged_into = $2",
        &[changeable_row(id).into(), id.into(), into.into()],
    );
}

/// Ends a category: its answers no longer count, the row stays so that nothing refers into the void.
pub fn set_dropped(id: i32) {
    run::write("UPDATE categorize.category SET dropped = true WHERE id = $1", &[changeable_row(id).into()]);
}

/// The row that a change of a category goes to: its own, or the override of a shipped one, made if there is none.
fn changeable_row(id: i32) -> i32 {
    if id >= 1000 {
        return id;
    }
    run::write(
        "INSERT INTO categorize.category
                (overrides, taxonomy_id, parent_id, label, path, description, examples, merged_into, dropped)
         SELECT id, taxonomy_id, parent_id, label, path, description, examples, merged_into, dropped
           FROM categorize.category WHERE id = $1
         ON CONFLICT (overrides) DO NOTHING",
        &[id.into()],
    );
    let sql = "SELECT id FROM categorize.category WHERE overrides = $1";
    run::write_returning(sql, &[id.into()], |row| row.get(1)).pop().flatten().unwrap_or(id)
}
