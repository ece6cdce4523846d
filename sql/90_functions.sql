-- What each function is for, and who may do what.

COMMENT ON FUNCTION @extschema@.categorize(text, text) IS
    'The category of a text in a taxonomy, as a full path; NULL where nothing is sure enough.';
COMMENT ON FUNCTION @extschema@.categorize(text, text[]) IS
    'The best of the given labels for a text; NULL where nothing is sure enough.';
COMMENT ON FUNCTION @extschema@.categorize(bytea, text) IS
    'The category of what an image shows, as a full path; NULL where nothing is sure enough.';
COMMENT ON FUNCTION @extschema@.categorize(text, bytea, text) IS
    'The category of a text and an image together, as a full path; NULL where nothing is sure enough.';
COMMENT ON FUNCTION @extschema@.categorize_cached(text, text) IS
    'As categorize(), from what is known in the database only; it never asks a language model.';
COMMENT ON FUNCTION @extschema@.categorize_detail(text, text) IS
    'The decision on one text with its confidence, source, reason and evidence.';
COMMENT ON FUNCTION @extschema@.categorize_detail(bytea, text) IS
    'The decision on one image with its confidence, source, reason and evidence.';
COMMENT ON FUNCTION @extschema@.categorize_detail(text, bytea, text) IS
    'The decision on a text and an image together with its confidence, source, reason and evidence.';
COMMENT ON FUNCTION @extschema@.categorize_many(text[], text) IS
    'The decisions on many texts, numbered in their order.';
COMMENT ON FUNCTION @extschema@.categorize_trigger() IS
    'Fills a column with the category of others before INSERT or UPDATE; arguments: input columns, output column, taxonomy, mode.';
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
COMMENT ON FUNCTION categorize.train(text) IS
    'Trains a model from what the tenant taught, measures it on held-out examples, and makes it live where it is better.';
COMMENT ON FUNCTION categorize.activate_model(text, int) IS
    'Makes a trained model of the tenant live; version 0 is lexical matching, untrained.';
COMMENT ON FUNCTION categorize.forget(text, text) IS
    'Forgets the answers kept for a text, and says whether there were any; a correction stays.';
COMMENT ON FUNCTION categorize.explain(text, text) IS
    'Tier by tier what is said of a text, and which one answers.';
COMMENT ON FUNCTION categorize.enqueue(text[], text, int) IS
    'Queues texts to be categorized in batches, once each, and returns how many of them are new.';
COMMENT ON FUNCTION categorize.submit_batches() IS
    'Has what waits submitted at once, whatever the schedule says; returns how many inputs wait.';
COMMENT ON FUNCTION categorize.poll_batches() IS
    'Has the open batches polled at once; returns how many there are.';
COMMENT ON FUNCTION categorize.cancel_batch(bigint) IS
    'Has a batch cancelled; what the provider has done by then is paid and stored.';
COMMENT ON FUNCTION categorize.set_batch_price(text, numeric, numeric) IS
    'States what a model costs in batches, in dollars for a million tokens; its other prices stay.';
COMMENT ON FUNCTION categorize.on_completion(regprocedure) IS
    'Has a function called, as the current role, with the ids of jobs that it has queued when they have ended; returns its number.';
COMMENT ON FUNCTION categorize.drop_completion(regprocedure) IS
    'Has a function called no more that the current role has registered; returns whether it had.';
COMMENT ON FUNCTION categorize.recategorize(text, boolean, text, real, text, boolean, int) IS
    'Has answers that machines gave asked for anew in batches; a dry run, which is the default, tells how many and what that costs.';
COMMENT ON FUNCTION categorize.enqueue_request(text, text, jsonb, int) IS
    'Queues a request to a provider as a live call would send it, and returns its number; categorize.job_result has the answer.';
COMMENT ON FUNCTION categorize.news_are_due() IS 'Has what was noted of jobs and batches told after the commit; used inside.';
COMMENT ON FUNCTION categorize.estimate(text) IS
    'What a statement will probably ask and cost, by call and tier; nothing of it runs, and nothing is spent.';
COMMENT ON FUNCTION categorize.suggest(text, int, text) IS
    'The earlier texts of the tenant that are nearest to a text, with their categories.';
COMMENT ON FUNCTION categorize.candidate_recall(text) IS
    'How often the category that people said is on the list that a language model would be offered.';
COMMENT ON FUNCTION categorize.add_provider(text, text, text, text, text, jsonb) IS
    'Adds a provider of language models, with the name of its key, and returns its id.';
COMMENT ON FUNCTION categorize.drop_provider(text) IS
    'Drops a provider with its budgets; its answers and what was spent there stay.';
COMMENT ON FUNCTION categorize.set_price(text, numeric, numeric, numeric, timestamptz) IS
    'States what a model costs from a moment on, in dollars for a million tokens, and returns the id of the price.';
COMMENT ON FUNCTION categorize.set_model(text, text, jsonb) IS
    'States what a model can do, over what is known of it; a JSON null takes a key back to its default.';
COMMENT ON FUNCTION categorize.set_budget(text, numeric, text, numeric, real, text) IS
    'Sets how much may be spent in a day or month; a NULL limit is none, NULL for the others keeps them.';
COMMENT ON FUNCTION categorize.drop_budget(text, text) IS
    'Takes back what set_budget() set, and says whether there was anything.';
COMMENT ON FUNCTION categorize.settle_in_doubt(bigint, numeric) IS
    'Settles an attempt that is in doubt at what the provider charged for it.';
COMMENT ON FUNCTION categorize.adopt_database() IS
    'Binds the providers of a copied database to this one, and returns how many; until then it sends nothing.';
COMMENT ON FUNCTION categorize.provider_health() IS
    'How the providers are doing as the running gateway sees it; the view of the same name says more.';
COMMENT ON FUNCTION categorize.sees_all_tenants() IS
    'Whether the caller is a member of categorize_admin, who sees the money of all tenants.';
COMMENT ON FUNCTION categorize.run_begin(oid, text, text, text, text, boolean, numeric, int, boolean, interval) IS
    'Begins a run of categorize.run(), or goes on with the same one, and returns its number.';
COMMENT ON FUNCTION categorize.run_claim(bigint, interval) IS
    'What the session does next in a run of categorize.run().';
COMMENT ON FUNCTION categorize.run_planned(bigint, bigint) IS
    'Notes that a run of categorize.run() is planned.';
COMMENT ON FUNCTION categorize.run_advance(bigint, jsonb, int, int) IS
    'Notes up to which key a claim of categorize.run() goes.';
COMMENT ON FUNCTION categorize.run_allow(bigint, int) IS
    'How many inputs a claim of categorize.run() may buy now; -1 is not known yet, NULL without limit.';
COMMENT ON FUNCTION categorize.run_close(bigint, text[], bigint) IS
    'Ends a claim of categorize.run() and counts its rows; false where it has expired.';
COMMENT ON FUNCTION categorize.run_surveyed(bigint, bigint, bigint, text[], bigint[], text[]) IS
    'Ends a dry run of categorize.run() with what it found.';
COMMENT ON FUNCTION categorize.run_answers(text[], text) IS
    'Category and source of many texts, in their order; an open one is no error.';
COMMENT ON FUNCTION categorize.enqueue_query(text, text, regclass, text, int) IS
    'Queues the inputs that a query returns, with the rows of a table that the answers are written to, and returns how many are new.';
COMMENT ON FUNCTION categorize.purge_expired() IS
    'Removes the answers whose time is over, and returns how many.';
COMMENT ON FUNCTION categorize.stats_reset() IS
    'Begins to count answers anew, for all tenants of this database.';
COMMENT ON FUNCTION categorize.set_tenant(text, boolean) IS
    'Sets the tenant of the transaction, or of the session where is_local is false.';
COMMENT ON FUNCTION categorize.current_tenant() IS
    'The tenant of the session; the empty name is the tenant of those who have none.';
COMMENT ON FUNCTION categorize.tier_bounds() IS
    'The thresholds of the free tiers with the evidence behind them, for the tenant of the session: the rows behind the view tier_quality.';
COMMENT ON FUNCTION categorize.drift(bigint, bigint, double precision) IS
    'Whether errors among trials contradict that at most a share of max_error is wrong: none, contradicted or unknown.';
COMMENT ON FUNCTION categorize.counters() IS
    'The counts behind the views stats and tier_stats, for the tenant of the session.';
COMMENT ON FUNCTION categorize.library_version() IS
    'Version of the loaded library.';
COMMENT ON FUNCTION categorize.invalidate() IS
    'Trigger of the base tables: tells every backend to read them again.';

-- Rights. PUBLIC has none. The roles are shared by all databases of the server: made if absent, left at DROP EXTENSION.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['categorize_user', 'categorize_editor', 'categorize_admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = role) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
END
$$;
GRANT categorize_user TO categorize_editor;
GRANT categorize_editor TO categorize_admin;

REVOKE ALL ON ALL TABLES IN SCHEMA categorize FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA categorize FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA categorize FROM PUBLIC;
REVOKE ALL ON TYPE categorize.decision FROM PUBLIC;
REVOKE ALL ON FUNCTION @extschema@.categorize(text, text), @extschema@.categorize(text, text[]),
    @extschema@.categorize(bytea, text), @extschema@.categorize(text, bytea, text),
    @extschema@.categorize_cached(text, text), @extschema@.categorize_detail(text, text),
    @extschema@.categorize_detail(bytea, text), @extschema@.categorize_detail(text, bytea, text),
    @extschema@.categorize_many(text[], text), @extschema@.categorize_trigger() FROM PUBLIC;

GRANT USAGE ON SCHEMA categorize TO categorize_user;
GRANT USAGE ON TYPE categorize.decision TO categorize_user;
GRANT EXECUTE ON FUNCTION @extschema@.categorize(text, text), @extschema@.categorize(text, text[]),
    @extschema@.categorize(bytea, text), @extschema@.categorize(text, bytea, text),
    @extschema@.categorize_cached(text, text), @extschema@.categorize_detail(text, text),
    @extschema@.categorize_detail(bytea, text), @extschema@.categorize_detail(text, bytea, text),
    @extschema@.categorize_many(text[], text), @extschema@.categorize_trigger() TO categorize_user;
GRANT EXECUTE ON FUNCTION categorize.explain(text, text), categorize.suggest(text, int, text),
    categorize.candidate_recall(text), categorize.estimate(text), categorize.tier_bounds(), categorize.drift(bigint, bigint, double precision),
    categorize.settings(text), categorize.counters(), categorize.current_tenant(), categorize.library_version(),
    categorize.sees_all_tenants(), categorize.provider_health() TO categorize_user;
GRANT SELECT ON categorize.embedding_status, categorize.stats, categorize.tier_stats, categorize.tier_quality, categorize.taxonomies, categorize.categories,
    categorize.rules, categorize.corrections, categorize.local_models, categorize.calibration, categorize.providers,
    categorize.models, categorize.budget_status, categorize.spend, categorize.in_doubt, categorize.provider_health,
    categorize.alert, categorize.audits TO categorize_user;

GRANT EXECUTE ON FUNCTION categorize.run_begin(oid, text, text, text, text, boolean, numeric, int, boolean, interval),
    categorize.run_claim(bigint, interval), categorize.run_planned(bigint, bigint),
    categorize.run_advance(bigint, jsonb, int, int), categorize.run_allow(bigint, int),
    categorize.run_close(bigint, text[], bigint),
    categorize.run_surveyed(bigint, bigint, bigint, text[], bigint[], text[]), categorize.run_answers(text[], text),
    categorize.run_statements(regclass, text, text, text, text, boolean) TO categorize_user;
GRANT EXECUTE ON PROCEDURE categorize.run(regclass, text, text, text, text, numeric, boolean, int, boolean, interval),
    categorize.run_resolve(bigint, bigint, text, text[], text[], text[]) TO categorize_user;
GRANT SELECT ON categorize.progress, categorize.queue_status, categorize.batch_status TO categorize_user;
GRANT EXECUTE ON FUNCTION categorize.enqueue(text[], text, int) TO categorize_user;
GRANT EXECUTE ON FUNCTION categorize.enqueue_query(text, text, regclass, text, int) TO categorize_user;
GRANT SELECT ON categorize.write_back_status TO categorize_user;
GRANT SELECT ON categorize.savings, categorize.completions, categorize.job_result TO categorize_user;
GRANT EXECUTE ON FUNCTION categorize.on_completion(regprocedure), categorize.drop_completion(regprocedure) TO categorize_user;

GRANT EXECUTE ON FUNCTION categorize.correct(text, text, text), categorize.correct_many(text, text),
    categorize.drop_correction(text, text), categorize.learn(text, text, boolean), categorize.forget(text, text),
    categorize.add_rule(text, text, text, text, int), categorize.drop_rule(bigint),
    categorize.train(text), categorize.activate_model(text, int),
    categorize.recategorize(text, boolean, text, real, text, boolean, int) TO categorize_editor;

GRANT EXECUTE ON FUNCTION
    categorize.create_taxonomy(text, text[], text, text),
    categorize.create_taxonomy_from_query(text, text, text, text),
    categorize.create_taxonomy_from_json(text, jsonb, text, text),
    categorize.drop_taxonomy(text),
    categorize.add_category(text, text, text, text[]),
    categorize.rename_category(text, text, text),
    categorize.merge_category(text, text, text),
    categorize.drop_category(text, text),
    categorize.configure(text, jsonb),
    categorize.set_profile(text, text),
    categorize.add_provider(text, text, text, text, text, jsonb),
    categorize.drop_provider(text),
    categorize.set_price(text, numeric, numeric, numeric, timestamptz),
    categorize.set_batch_price(text, numeric, numeric),
    categorize.set_model(text, text, jsonb),
    categorize.submit_batches(),
    categorize.poll_batches(),
    categorize.cancel_batch(bigint),
    categorize.enqueue_request(text, text, jsonb, int),
    categorize.set_budget(text, numeric, text, numeric, real, text),
    categorize.drop_budget(text, text),
    categorize.settle_in_doubt(bigint, numeric),
    categorize.adopt_database(),
    categorize.purge_expired(),
    categorize.stats_reset(),
    categorize.set_tenant(text, boolean)
    TO categorize_admin;
