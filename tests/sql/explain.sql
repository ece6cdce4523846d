-- explain(): tier by tier.
SELECT categorize.create_taxonomy_from_json('why', '[{"path": "Fruit > Apple", "examples": ["cox", "gala"]}, {"path": "Fruit > Pear", "examples": ["williams"]}]') > 0 AS created;
SELECT categorize.configure('why', '{"local_model_threshold": 0}');
SET categorize.taxonomy = 'why';
SELECT categorize.learn($$ VALUES ('cox', 'Fruit > Pear') $$);
SELECT step, tier, answers, category, threshold, detail FROM categorize.explain('cox');
SELECT categorize.add_rule('why', '^cox', 'Fruit') > 0 AS added;
SELECT step, tier, answers, category, threshold, regexp_replace(detail, '[0-9]+ matches', 'N matches') AS detail FROM categorize.explain('Cox');
SELECT categorize.correct('cox', 'Fruit > Apple');
SELECT step, tier, answers, category, threshold, regexp_replace(detail, '[0-9]+ matches', 'N matches') AS detail FROM categorize.explain('cox', 'why');
SELECT step, tier, answers, category, detail FROM categorize.explain('xyzzy');
SELECT step, tier, answers, detail FROM categorize.explain('');
SELECT step, tier, answers, detail FROM categorize.explain(repeat('x', 1024 * 1024 + 1));
SELECT count(*) FROM categorize.explain(NULL);

-- The order is that of the taxonomy; a tier that is left out is not asked.
SELECT categorize.configure('why', '{"tiers": ["cache", "correction"]}');
SELECT step, tier, answers, category FROM categorize.explain('cox');

-- It agrees with the answer, and is no error where that would be one.
SET categorize.on_unresolved = 'error';
SELECT category = categorize('cox') AS agrees FROM categorize.explain('cox') WHERE answers;
SELECT count(*) FROM categorize.explain('xyzzy');
SET categorize.taxonomy = '';
SELECT step, tier, answers, detail FROM categorize.explain('cox');
SELECT * FROM categorize.explain('cox', 'wy');
\echo :LAST_ERROR_SQLSTATE
-- It counts nothing.
SELECT categorize.stats_reset();
SELECT count(*) FROM categorize.explain('cox', 'why');
SELECT count(*) FROM categorize.stats WHERE inputs > 0;

-- What a language model would be offered, and how often it has what people said.
SELECT * FROM categorize.candidate_recall('why');
SELECT count(*) FROM categorize.candidate_recall();
SELECT * FROM categorize.candidate_recall('wy');
\echo :LAST_ERROR_SQLSTATE
SELECT categorize.drop_taxonomy('why');
