//! First match among many rules, in SQL: the three forms that a good user would write. The fastest is the peer.
//!
//! Postgres keeps the 32 regexes that a session used last, so rules must be the outer loop or early exit must save more
//! than compiling them anew for each title costs.

use crate::bench::Bench;

/// Ways to write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All pairs, rules outside, and of each title's matches the best.
    DistinctOn,
    /// For each title the rules in their order, up to the first that matches.
    Lateral,
    /// PL/pgSQL: rule after rule in their order, each on the titles that none has matched yet.
    Loop,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::DistinctOn, Self::Lateral, Self::Loop];

    /// What the report calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DistinctOn => "DISTINCT ON over all pairs, rules outside",
            Self::Lateral => "LATERAL with LIMIT 1",
            Self::Loop => "a PL/pgSQL loop over rules that drops matched titles",
        }
    }

    /// A query of (title's id, rule's id) on the first so many rules and titles.
    pub fn pairs(self, rules: usize, titles: usize) -> String {
        match self {
            Self::DistinctOn => format!(
                "SELECT DISTINCT ON (t.id) t.id AS title_id, r.id AS rule_id
                   FROM (SELECT * FROM rules WHERE n <= {rules}) r
                  CROSS JOIN LATERAL (SELECT id FROM titles WHERE id <= {titles} AND title ~* r.pattern OFFSET 0) t
                  ORDER BY t.id, r.priority DESC, r.id"
            ),
            Self::Lateral => format!(
                "SELECT t.id AS title_id, r.id AS rule_id FROM titles t
                  CROSS JOIN LATERAL (SELECT id FROM rules WHERE n <= {rules} AND t.title ~* pattern
                                       ORDER BY priority DESC, id LIMIT 1) r
                  WHERE t.id <= {titles}"
            ),
            Self::Loop => format!("SELECT title_id, rule_id FROM first_matches({rules}, {titles})"),
        }
    }

    /// The same as one row, to be timed.
    pub fn counted(self, rules: usize, titles: usize) -> String {
        format!("SELECT count(rule_id) FROM ({}) matches", self.pairs(rules, titles))
    }
}

/// Makes what the forms need beside the tables `titles` (id, title) and `rules` (n, id, pattern, priority).
pub fn prepare(bench: &Bench) {
    bench.run(
        "CREATE INDEX ON rules (priority DESC, id);
         CREATE FUNCTION first_matches(last_rule bigint, last_title bigint) RETURNS TABLE (title_id int, rule_id bigint)
         LANGUAGE plpgsql AS $$
         DECLARE
             r record;
         BEGIN
             CREATE TEMP TABLE unmatched ON COMMIT DROP AS SELECT t.id, t.title FROM titles t WHERE t.id <= last_title;
             FOR r IN SELECT id, pattern FROM rules WHERE n <= last_rule ORDER BY priority DESC, id LOOP
                 RETURN QUERY DELETE FROM unmatched u WHERE u.title ~* r.pattern RETURNING u.id, r.id;
             END LOOP;
         END $$",
    );
}
