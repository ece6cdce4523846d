-- A sentence on every object, for \df+, \d+ and \dT+. A test lists what has none.

COMMENT ON SCHEMA categorize IS 'What pg_categorize keeps, and what manages it; the categorize* functions are in the schema of the extension.';

-- The calls.

COMMENT ON FUNCTION @extschema@.categorize(text, text) IS
    'The category of a text in a taxonomy, as a full path; NULL where nothing is sure enough.';
COMMENT ON FUNCTION @extschema@.categorize(text, text[]) IS
    'The best of the given labels for a text; NULL where nothing is sure enough.';
COMMENT ON FUNCTION @extschema@.categorize_cached(text, text) IS
    'As categorize(), from what is known in the database only; it never asks a language model.';
COMMENT ON FUNCTION @extschema@.categorize_detail(text, text) IS
    'The decision on one text with its confidence, source, reason and evidence.';
COMMENT ON FUNCTION @extschema@.categorize_many(text[], text) IS
    'The decisions on many texts, numbered in their order.';
COMMENT ON FUNCTION @extschema@.categorize_trigger() IS
    'Fills a column with the category of others before INSERT or UPDATE; arguments: input columns, output column, taxonomy, mode.';

-- Taxonomies.

COMMENT ON FUNCTION categorize.create_taxonomy(text, text[], text, text) IS
    'Creates a taxonomy from an array of paths and returns its id.';
COMMENT ON FUNCTION categorize.create_taxonomy_from_query(text, text, text, text) IS
    'Creates a taxonomy from the paths that a query returns and returns its id.';
COMMENT ON FUNCTION categorize.create_taxonomy_from_json(text, jsonb, text, text) IS
    'Creates a taxonomy from a JSON array of paths, or of objects with path, description and examples, and returns its id.';
COMMENT ON FUNCTION categorize.drop_taxonomy(text) IS
    'Drops a taxonomy with its categories, rules, corrections and answers.';
COMMENT ON FUNCTION categorize.add_category(text, text, text, text[]) IS
    'Adds a category with the nodes above it, and returns its id.';
COMMENT ON FUNCTION categorize.rename_category(text, text, text) IS
    'Gives a category another path; what hangs below moves with it, answers stay.';
COMMENT ON FUNCTION categorize.merge_category(text, text, text) IS
    'Sends the answers, corrections and rules of a category to another, and ends it.';
COMMENT ON FUNCTION categorize.drop_category(text, text) IS
    'Ends a category; its answers no longer count.';
COMMENT ON FUNCTION categorize.configure(text, jsonb) IS
    'Sets keys of a taxonomy''s settings; a JSON null takes a key back to its default.';
COMMENT ON FUNCTION categorize.set_profile(text, text) IS
    'Sets the thresholds of a taxonomy together: conservative, balanced or aggressive.';
COMMENT ON FUNCTION categorize.settings(text) IS
    'Every setting of a taxonomy with its value, its default and where the value comes from.';

-- What people say.

COMMENT ON FUNCTION categorize.add_rule(text, text, text, text, int) IS
    'Adds a rule to a taxonomy and returns its id; the highest priority wins, then the oldest.';
COMMENT ON FUNCTION categorize.drop_rule(bigint) IS
    'Drops a rule.';
COMMENT ON FUNCTION categorize.correct(text, text, text) IS
    'Stores what a person says of a text; it counts over all that machines say.';
COMMENT ON FUNCTION categorize.correct_many(text, text) IS
    'Stores the corrections that a query of (input, category) returns, and returns how many.';
COMMENT ON FUNCTION categorize.drop_correction(text, text) IS
    'Takes the correction of a text back, and says whether there was one.';
COMMENT ON FUNCTION categorize.learn(text, text, boolean) IS
    'Stores the labelled examples that a query of (input, category) returns, and returns how many.';
COMMENT ON FUNCTION categorize.forget(text, text) IS
    'Forgets the answers kept for a text, and says whether there were any; a correction stays.';

-- The rest.

COMMENT ON FUNCTION categorize.explain(text, text) IS
    'Tier by tier what is said of a text, and which one answers.';
COMMENT ON FUNCTION categorize.purge_expired() IS
    'Removes the answers whose time is over, and returns how many.';
COMMENT ON FUNCTION categorize.stats_reset() IS
    'Begins to count answers anew, for all tenants of this database.';
COMMENT ON FUNCTION categorize.set_tenant(text, boolean) IS
    'Sets the tenant of the transaction, or of the session where is_local is false.';
COMMENT ON FUNCTION categorize.current_tenant() IS
    'The tenant of the session; the empty name is the tenant of those who have none.';
COMMENT ON FUNCTION categorize.counters() IS
    'The counts behind the views stats and tier_stats, for the tenant of the session.';
COMMENT ON FUNCTION categorize.library_version() IS
    'Version of the loaded library.';
COMMENT ON FUNCTION categorize.invalidate() IS
    'Trigger of the base tables: tells every backend to read them again.';

-- The type of a decision.

COMMENT ON TYPE categorize.decision IS 'What categorize_detail() and categorize_many() tell of one input.';
COMMENT ON COLUMN categorize.decision.ordinality IS 'Position of the input, from 1.';
COMMENT ON COLUMN categorize.decision.input IS 'The text as it was given.';
COMMENT ON COLUMN categorize.decision.category IS 'Full path of the category, or the ad-hoc label; NULL without an answer.';
COMMENT ON COLUMN categorize.decision.confidence IS 'Probability that the category is right, 0 to 1.';
COMMENT ON COLUMN categorize.decision.source IS
    'The tier that answered: correction, rule, cache, local_model, similarity or llm; or unresolved.';
COMMENT ON COLUMN categorize.decision.origin IS 'The tier that first made a kept answer; label for a learnt example.';
COMMENT ON COLUMN categorize.decision.provider IS 'The provider of a paid answer.';
COMMENT ON COLUMN categorize.decision.model IS 'The model of a paid answer.';
COMMENT ON COLUMN categorize.decision.upgraded IS 'Whether a stronger model had to decide.';
COMMENT ON COLUMN categorize.decision.cost_usd IS 'US dollars that this call cost.';
COMMENT ON COLUMN categorize.decision.reason IS 'Why there is no answer.';
COMMENT ON COLUMN categorize.decision.taxonomy IS 'Name of the taxonomy.';
COMMENT ON COLUMN categorize.decision.taxonomy_version IS 'Its version; every change of its categories raises it.';
COMMENT ON COLUMN categorize.decision.alternatives IS 'The likeliest categories with their confidence, best first.';
COMMENT ON COLUMN categorize.decision.evidence IS 'What spoke for the answer, or what would help to get one.';

-- Views.

COMMENT ON VIEW categorize.stats IS 'Answers of each taxonomy since stats_since, for the tenant of the session.';
COMMENT ON VIEW categorize.tier_stats IS 'Answers of each tier of each taxonomy since stats_since, for the tenant of the session.';
COMMENT ON VIEW categorize.taxonomies IS 'The taxonomies of this database.';
COMMENT ON VIEW categorize.categories IS 'The categories that can answer, with their descriptions and examples.';
COMMENT ON VIEW categorize.rules IS 'The rules that the tenant of the session sees.';
COMMENT ON VIEW categorize.corrections IS 'The corrections of the tenant of the session, with what the machine had said.';

-- Base tables.

COMMENT ON TABLE categorize.taxonomy IS 'Taxonomies; a change to a shipped one (id below 1000) is a row that overrides it.';
COMMENT ON TABLE categorize.category IS 'Categories as a tree; answers refer to their ids, so that a new name costs nothing.';
COMMENT ON TABLE categorize.rule IS 'Rules; those without a tenant hold for all tenants.';
COMMENT ON TABLE categorize.correction IS 'What people said of single texts.';
COMMENT ON TABLE categorize.cache IS 'Learnt examples and earlier answers, by fingerprint of tenant, taxonomy and text.';
COMMENT ON SEQUENCE categorize.taxonomy_id_seq IS 'Ids of taxonomies; those below 1000 are shipped.';
COMMENT ON SEQUENCE categorize.category_id_seq IS 'Ids of categories; those below 1000 are shipped.';
COMMENT ON SEQUENCE categorize.rule_id_seq IS 'Ids of rules; those below 1000 are shipped.';
COMMENT ON SEQUENCE categorize.correction_id_seq IS 'Ids of corrections.';
