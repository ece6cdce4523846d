-- categorize(input, labels): ad-hoc labels.
SET categorize.on_unresolved = 'best';
SELECT categorize('an invoice from the printer', ARRAY['invoice', 'complaint', 'question']);

-- Order, repeats and blanks around a label make no difference.
SELECT categorize('an invoice from the printer', ARRAY['question', ' invoice ', 'complaint', 'question', 'invoice']);
SELECT categorize('urgent complaint', ARRAY['urgent complaint']);

-- A label is a label: nothing is a path here.
SELECT categorize('something a > b', ARRAY['a > b', 'other']);

-- By row.
SELECT labels, categorize('red apple', labels)
  FROM (VALUES (1, ARRAY['apple', 'pear']), (2, ARRAY['red', 'blue']), (3, ARRAY['apple', 'pear'])) AS v (n, labels) ORDER BY n;

-- A text without any of their words has no best guess.
SELECT categorize('xyzzy', ARRAY['apple', 'pear']) IS NULL AS unresolved;
SELECT categorize(NULL, ARRAY['apple']) IS NULL AS "null", categorize('', ARRAY['apple']) IS NULL AS empty;

-- A two-dimensional array is its labels.
SELECT categorize('red apple', ARRAY[['apple', 'pear'], ['plum', 'fig']]);

-- Refused.
SELECT categorize('x', '{}'::text[]);
\echo :LAST_ERROR_SQLSTATE
SELECT categorize('x', NULL::text[]);
\echo :LAST_ERROR_SQLSTATE
SELECT categorize('x', ARRAY['a', NULL]);
\echo :LAST_ERROR_SQLSTATE
SELECT categorize('x', ARRAY['a', E' \t']);
\echo :LAST_ERROR_SQLSTATE

-- Without a cast this names a taxonomy; the HINT says how to pass labels.
SELECT categorize('x', '{a,b}');
\echo :LAST_ERROR_SQLSTATE

-- Many labels.
SELECT categorize('this is word4711 here', array_agg('word' || i)) FROM generate_series(1, 10000) i;
CALL testing.sweep($$ SELECT categorize('x', array_agg('word' || i)) FROM generate_series(1, 100001) i $$);
