//! Every way to change an answer.

/// The text that is asked about; no word of it occurs in a category but where a change says so.
pub const INPUT: &str = "qwxv telescope 17";

/// One way to change the answer to [`INPUT`]; `{t}` stands for the name of a taxonomy of its own.
pub struct Change {
    /// Name of the change, and of its taxonomy.
    pub name: &'static str,
    /// What holds before.
    pub setup: &'static str,
    /// The answer before.
    pub before: Option<&'static str>,
    /// The change.
    pub change: &'static str,
    /// The answer after.
    pub after: Option<&'static str>,
}

impl Change {
    /// The statements that prepare it.
    pub fn setup_sql(&self) -> String {
        let create =
            "SELECT categorize.create_taxonomy('{t}', ARRAY['Books', 'Toys > Puzzles', 'Toys > Dolls', 'Shoes']);";
        format!("{create}{}", self.setup).replace("{t}", self.name)
    }

    /// The statements that make it.
    pub fn change_sql(&self) -> String {
        self.change.replace("{t}", self.name)
    }

    /// Whether it locks readers out until it ends.
    pub fn locks_out(&self) -> bool {
        self.change.contains("TRUNCATE")
    }
}

const LEARNT: &str = "SELECT categorize.learn($$SELECT 'qwxv telescope 17', 'Books'$$, '{t}');";
const RULED: &str = "SELECT categorize.add_rule('{t}', 'qwxv', 'Books');";
const CORRECTED: &str = "SELECT categorize.correct('qwxv telescope 17', 'Books', '{t}');";
const BOOKS: Option<&str> = Some("Books");
const DOLLS: Option<&str> = Some("Toys > Dolls");

const fn change(
    name: &'static str,
    setup: &'static str,
    before: Option<&'static str>,
    change: &'static str,
    after: Option<&'static str>,
) -> Change {
    Change { name, setup, before, change, after }
}

/// All of them.
pub const CHANGES: &[Change] = &[
    change(
        "rename",
        LEARNT,
        BOOKS,
        "SELECT categorize.rename_category('{t}', 'Books', 'Print > Novels')",
        Some("Print > Novels"),
    ),
    change("merge", LEARNT, BOOKS, "SELECT categorize.merge_category('{t}', 'Books', 'Toys > Dolls')", DOLLS),
    change("drop_category", LEARNT, BOOKS, "SELECT categorize.drop_category('{t}', 'Books')", None),
    change(
        "drop_rule",
        RULED,
        BOOKS,
        "SELECT categorize.drop_rule(max(id)) FROM categorize.rules WHERE taxonomy = '{t}'",
        None,
    ),
    change("learn", "", None, LEARNT, BOOKS),
    change(
        "learn_again",
        LEARNT,
        BOOKS,
        "SELECT categorize.learn($$SELECT 'qwxv telescope 17', 'Shoes'$$, '{t}')",
        Some("Shoes"),
    ),
    change(
        "learn_new",
        "",
        None,
        "SELECT categorize.learn($$SELECT 'qwxv telescope 17', 'New > One'$$, '{t}', true)",
        Some("New > One"),
    ),
    change("forget", LEARNT, BOOKS, "SELECT categorize.forget('qwxv telescope 17', '{t}')", None),
    change("correct", LEARNT, BOOKS, "SELECT categorize.correct('qwxv telescope 17', 'Toys > Dolls', '{t}')", DOLLS),
    change(
        "correct_many",
        RULED,
        BOOKS,
        "SELECT categorize.correct_many($$SELECT 'QWXV  Telescope 17', 'Toys > Dolls'$$, '{t}')",
        DOLLS,
    ),
    change("drop_correction", CORRECTED, BOOKS, "SELECT categorize.drop_correction('qwxv telescope 17', '{t}')", None),
    change("add_rule", LEARNT, BOOKS, "SELECT categorize.add_rule('{t}', 'telescope', 'Toys > Dolls')", DOLLS),
    change(
        "higher_rule",
        RULED,
        BOOKS,
        "SELECT categorize.add_rule('{t}', 'telescope', 'Toys > Dolls', priority => 5)",
        DOLLS,
    ),
    change(
        "configure_tiers",
        LEARNT,
        BOOKS,
        r#"SELECT categorize.configure('{t}', '{"tiers": ["correction", "rule"]}')"#,
        None,
    ),
    change(
        "configure_leaf_only",
        "SELECT categorize.add_rule('{t}', 'qwxv', 'Toys');",
        Some("Toys"),
        r#"SELECT categorize.configure('{t}', '{"leaf_only": true}')"#,
        None,
    ),
    change(
        "add_category",
        r#"SELECT categorize.configure('{t}', '{"local_model_threshold": 0}');"#,
        None,
        "SELECT categorize.add_category('{t}', 'Telescope')",
        Some("Telescope"),
    ),
    change(
        "drop_and_create",
        LEARNT,
        BOOKS,
        "SELECT categorize.drop_taxonomy('{t}'); SELECT categorize.create_taxonomy('{t}', ARRAY['Books'])",
        None,
    ),
    // Plain statements of the tables' owner.
    change(
        "disable_rule",
        RULED,
        BOOKS,
        "UPDATE categorize.rule SET enabled = false WHERE taxonomy_id = (SELECT id FROM categorize.taxonomy WHERE name = '{t}')",
        None,
    ),
    change(
        "insert_rule",
        LEARNT,
        BOOKS,
        "INSERT INTO categorize.rule (taxonomy_id, kind, pattern, category_id)
         SELECT taxonomy_id, 'regex', 'qwxv', id FROM categorize.category
          WHERE path = 'Toys > Dolls' AND taxonomy_id = (SELECT id FROM categorize.taxonomy WHERE name = '{t}')",
        DOLLS,
    ),
    change(
        "update_correction",
        CORRECTED,
        BOOKS,
        "UPDATE categorize.correction k SET category_id = c.id FROM categorize.category c
          WHERE c.path = 'Toys > Dolls' AND c.taxonomy_id = k.taxonomy_id
            AND k.taxonomy_id = (SELECT id FROM categorize.taxonomy WHERE name = '{t}')",
        DOLLS,
    ),
    change(
        "update_category",
        LEARNT,
        BOOKS,
        "UPDATE categorize.category SET label = 'Prints', path = 'Prints'
          WHERE path = 'Books' AND taxonomy_id = (SELECT id FROM categorize.taxonomy WHERE name = '{t}')",
        Some("Prints"),
    ),
    change(
        "update_taxonomy",
        LEARNT,
        BOOKS,
        r#"UPDATE categorize.taxonomy SET settings = '{"tiers": ["rule"]}' WHERE name = '{t}'"#,
        None,
    ),
    change(
        "delete_cache",
        LEARNT,
        BOOKS,
        "DELETE FROM categorize.cache WHERE taxonomy_id = (SELECT id FROM categorize.taxonomy WHERE name = '{t}')",
        None,
    ),
    change("truncate_cache", LEARNT, BOOKS, "TRUNCATE categorize.cache", None),
    change("truncate_rule", RULED, BOOKS, "TRUNCATE categorize.rule", None),
    change("truncate_correction", CORRECTED, BOOKS, "TRUNCATE categorize.correction", None),
];
