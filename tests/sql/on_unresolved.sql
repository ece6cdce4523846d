-- What becomes of an input without an answer: the taxonomy's policy, else the session's.
SELECT categorize.create_taxonomy_from_json('open', '[{"path": "Fruit > Apple", "examples": ["cox", "gala"]}, {"path": "Fruit > Pear", "examples": ["williams"]}]') > 0 AS created;
SELECT categorize.configure('open', '{"local_model_threshold": 1}');
SET categorize.taxonomy = 'open';

SELECT categorize('a cox') IS NULL AS "null";
SELECT category, source, reason FROM categorize_detail('a cox');

SET categorize.on_unresolved = 'best';
SELECT categorize('a cox');
SELECT category, confidence > 0 AS has_confidence, source, origin, reason, jsonb_array_length(alternatives) AS alternatives FROM categorize_detail('a cox');
SELECT categorize('nothing known') IS NULL AS no_guess, categorize('') IS NULL AS blank;
SELECT input, category, source, reason FROM categorize_many(ARRAY['a cox', 'williams', '']);

SET categorize.on_unresolved = 'error';
SELECT categorize('a cox');
\echo :LAST_ERROR_SQLSTATE
SELECT categorize('');
\echo :LAST_ERROR_SQLSTATE
SELECT categorize(repeat('x', 1024 * 1024 + 1));
\echo :LAST_ERROR_SQLSTATE
SELECT categorize('a cox', ARRAY['plum']);
\echo :LAST_ERROR_SQLSTATE
SELECT categorize_detail('a cox');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM categorize_many(ARRAY['a cox']);
\echo :LAST_ERROR_SQLSTATE
SELECT categorize(NULL) IS NULL AS "null is no miss";
SELECT count(*) FROM categorize_many(ARRAY[NULL]::text[]);
SET categorize.mode = 'cached';
SELECT categorize('a cox');
\echo :LAST_ERROR_SQLSTATE
SET categorize.mode = 'live';
SET categorize.taxonomy = '';
SELECT categorize('a cox');
\echo :LAST_ERROR_SQLSTATE
SELECT categorize_detail('a cox');
\echo :LAST_ERROR_SQLSTATE
SET categorize.taxonomy = 'open';

-- The taxonomy's own policy wins; null gives the session its say again.
SELECT categorize.configure('open', '{"on_unresolved": "null"}');
SELECT categorize('a cox') IS NULL AS "null";
SELECT categorize.configure('open', '{"on_unresolved": "best"}');
SELECT categorize('a cox');
SELECT categorize.configure('open', '{"on_unresolved": null}');
SELECT testing.attempt($$ SELECT categorize('a cox') $$) LIKE '55000:%' AS error;
SET categorize.on_unresolved = 'maybe';
\echo :LAST_ERROR_SQLSTATE
SELECT categorize.drop_taxonomy('open');
