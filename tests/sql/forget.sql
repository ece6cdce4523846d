-- forget() and purge_expired().
SELECT categorize.create_taxonomy('memory', ARRAY['A', 'B']) > 0 AS created;
SELECT categorize.configure('memory', '{"tiers": ["correction", "cache"]}');
SET categorize.taxonomy = 'memory';
SELECT categorize.learn($$ VALUES ('one', 'A'), ('two', 'A'), ('three', 'A') $$);
SELECT categorize.correct('two', 'B');
SELECT categorize('one'), categorize('two');
SELECT categorize.forget('ONE'), categorize.forget('one') AS again, categorize.forget('two'), categorize.forget('') AS blank;
SELECT categorize('one') IS NULL AS forgotten, categorize('two') AS a_correction_stays;
CALL testing.sweep($$ SELECT categorize.forget('one', 'memry') $$);

-- An answer that has expired is none, and purge_expired() takes it away; labels never expire.
UPDATE categorize.cache SET expires_at = now() - interval '1 second', origin = 'llm', confidence = 0.9 WHERE input = 'three';
SELECT categorize('three') IS NULL AS expired;
UPDATE categorize.cache SET expires_at = now() + interval '1 hour' WHERE input = 'three';
SELECT category, confidence, source, origin FROM categorize_detail('three');
SELECT categorize.purge_expired();
UPDATE categorize.cache SET expires_at = now() - interval '1 second' WHERE input = 'three';
SELECT categorize('three') IS NULL AS expired;
SELECT categorize.purge_expired(), categorize.purge_expired() AS again;
SELECT count(*) FROM categorize.cache WHERE input = 'three';

-- Time passes between two statements of a session: what it remembers expires, too.
SELECT categorize.learn($$ VALUES ('soon', 'A') $$);
UPDATE categorize.cache SET expires_at = clock_timestamp() + interval '1 second', origin = 'llm' WHERE input = 'soon';
SELECT categorize('soon') AS scalar, (SELECT category FROM categorize_detail('soon')) AS detail;
SELECT pg_sleep(1.1);
SELECT categorize('soon') IS NULL AS scalar, (SELECT category IS NULL FROM categorize_detail('soon')) AS detail;
SELECT categorize.drop_taxonomy('memory');
