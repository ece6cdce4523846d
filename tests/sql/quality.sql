-- max_error: thresholds by evidence, what they rest on, and what contradicts it.
CREATE DATABASE regress_quality;
\c regress_quality
SET client_min_messages = warning;
CREATE EXTENSION pg_categorize;
RESET client_min_messages;
SELECT categorize.create_taxonomy('quality', ARRAY['Footwear > Boots', 'Footwear > Sandals', 'Books', 'Toys']) > 0 AS created;
SET categorize.taxonomy = 'quality';
CREATE VIEW labelled AS
    SELECT noun || ' ' || colour || ' ' || i AS title, category, i
      FROM (VALUES ('leather ankle boot', 'Footwear > Boots'), ('beach sandal strap', 'Footwear > Sandals'), ('hardcover novel', 'Books'),
                   ('plush teddy bear', 'Toys')) c (noun, category),
           (VALUES ('red'), ('blue'), ('green'), ('white'), ('black')) d (colour), generate_series(1, 20) i;
CREATE VIEW tiers AS
    SELECT taxonomy, tier, max_error, based_on, threshold IS NOT NULL AS answers_from, bound <= max_error AS holds, evidence, errors, evidence_from
      FROM categorize.tier_quality;

-- Nothing is set and nothing known.
SELECT * FROM tiers;
SELECT source FROM categorize_detail('plush teddy bear toys');

-- Without evidence the local model abstains, also the words of the categories; similarity begins as the profile says.
SELECT categorize.configure('quality', '{"max_error": 0.05}');
SELECT * FROM tiers;
SELECT source, reason FROM categorize_detail('plush teddy bear toys');
SELECT threshold, category FROM categorize.explain('plush teddy bear toys') WHERE tier = 'local_model';

-- A training gathers evidence, of labels and corrections.
SELECT categorize.learn('SELECT title, category FROM labelled');
SELECT categorize.correct('a plush thing', 'Toys');
SELECT active, held_out FROM categorize.train();
SELECT taxonomy, tier, max_error, based_on, answers_from, holds, evidence = 401 AS evidence, errors < 10 AS errors, evidence_from FROM tiers WHERE tier = 'local_model';
SELECT tier, evidence < 401 AS less_evidence, based_on FROM tiers WHERE tier = 'similarity';
SELECT source, category FROM categorize_detail('plush teddy bear toys');
SELECT tier, embedding, cardinality(scores) = 401 AND cardinality(stands) = 401 AND cardinality(is_right) = 401 AS aligned,
       jsonb_typeof(relevance) AS relevance FROM categorize.quality ORDER BY tier;

-- What is tolerated is changed without a training; a threshold of the taxonomy's own wins over it, and it over the profile.
SELECT categorize.configure('quality', '{"max_error": 0.001}');
SELECT tier, max_error, based_on, answers_from FROM tiers;
SELECT source, reason FROM categorize_detail('plush teddy bear toys');
SELECT categorize.configure('quality', '{"local_model_threshold": 0.5, "similarity_threshold": 0.9}');
SELECT tier, threshold, based_on FROM categorize.tier_quality;
SELECT source FROM categorize_detail('plush teddy bear toys');
SELECT categorize.configure('quality', '{"max_error": null, "local_model_threshold": null, "similarity_threshold": null}');
SELECT tier, max_error, based_on, drift FROM categorize.tier_quality;
-- The order of the tiers is that of the taxonomy; who does not answer is not measured.
SELECT categorize.configure('quality', '{"max_error": 0.05, "tiers": ["similarity", "local_model"]}');
SELECT tier, evidence FROM categorize.tier_quality;
SELECT categorize.configure('quality', '{"tiers": ["rule", "local_model"]}');
SELECT tier, based_on FROM categorize.tier_quality;
SELECT categorize.configure('quality', '{"tiers": null}');

-- Evidence of similarity is that of one embedding: under another it proves nothing, and only a threshold of its own opens it.
SET client_min_messages = warning;
SELECT categorize.configure('quality', '{"embedding": "pg_trgm", "tiers": ["similarity", "local_model"]}');
SELECT tier, max_error, based_on, threshold IS NOT NULL AS answers_from, evidence > 0 AS evidence FROM categorize.tier_quality;
SELECT categorize.configure('quality', '{"similarity_threshold": 0.7}');
SELECT tier, based_on, threshold FROM categorize.tier_quality WHERE tier = 'similarity';
SELECT categorize.configure('quality', '{"max_error": null, "similarity_threshold": null}');
SELECT tier, based_on, threshold FROM categorize.tier_quality WHERE tier = 'similarity';
SELECT categorize.configure('quality', '{"max_error": 0.05, "embedding": null}');
SELECT tier, evidence > 0 AS evidence FROM categorize.tier_quality WHERE tier = 'similarity';
SELECT categorize.configure('quality', '{"tiers": null}');
RESET client_min_messages;

-- Labels that contradict each other prove nothing.
SELECT categorize.create_taxonomy('noise', ARRAY['A', 'B']) > 0 AS created;
SELECT categorize.configure('noise', '{"max_error": 0.05}');
SELECT categorize.learn($$ SELECT 'thing ' || substr(md5(i::text), 1, 3) || ' of kind ' || i % 7, CASE WHEN hashint4(i) % 2 = 0 THEN 'A' ELSE 'B' END FROM generate_series(1, 400) i $$, 'noise');
SELECT version FROM categorize.train('noise');
SELECT categorize.activate_model('noise', 1);
SELECT tier, based_on, answers_from, errors FROM tiers WHERE taxonomy = 'noise';
SELECT source FROM categorize_detail('thing abc of kind 3', 'noise');

-- Evidence goes with its model, and what cannot be read does no harm.
UPDATE categorize.quality SET relevance = '{"harmless": 3}' WHERE tier = 'similarity';
SELECT tier FROM categorize.tier_quality WHERE taxonomy = 'quality';
UPDATE categorize.quality SET scores = '{}', is_right = '{NULL, true}' WHERE tier = 'local_model';
UPDATE categorize.quality SET scores = '{NaN, Infinity, -1, 0.5}', stands = '{NaN, 1, 1, 1}', is_right = '{true, true, NULL, true}' WHERE tier = 'similarity';
SELECT tier, based_on FROM categorize.tier_quality WHERE taxonomy = 'quality';
SELECT count(*) FROM categorize_detail('plush teddy bear toys');
SELECT categorize.drop_taxonomy('noise');
SELECT count(*) FROM categorize.quality;
SELECT version FROM categorize.train();
SELECT categorize.activate_model('quality', 2);

-- Corrections are held against the answers that were given.
SELECT count(*) FROM labelled, categorize_detail('a ' || title) d WHERE d.source = 'local_model' AND i <= 10;
SELECT count(*) FROM (SELECT categorize.correct('a ' || title, CASE category WHEN 'Toys' THEN 'Books' ELSE 'Toys' END) FROM labelled WHERE i <= 10) c;
SELECT tier, drift, warning ~ '^people corrected \d+ of \d+ answers: more are wrong than max_error tolerates' AS warning FROM categorize.tier_quality WHERE tier = 'local_model';

-- The test behind it.
SELECT categorize.drift(e, n, 0.03) FROM (VALUES (0, 0), (3, 100), (15, 100), (-1, 10), (9, 5), (NULL, 5)) v (e, n);
SELECT categorize.drift(1, 10, m) FROM (VALUES (0::float8), (-1), (1), ('NaN'), (NULL)) v (m);
SELECT categorize.drift(9223372036854775807, 9223372036854775807, 0.5);

-- Another tenant has no evidence of this one's.
SELECT categorize.set_tenant('other', false);
SELECT tier, based_on, evidence FROM categorize.tier_quality;
SELECT categorize.set_tenant('', false);

\c regression
DROP DATABASE regress_quality WITH (FORCE);
