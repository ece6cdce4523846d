-- Providers, models, prices and budgets: what may be set, and what people see of it. Nothing here asks a language model.
SELECT categorize.create_taxonomy('asked', ARRAY['Toys', 'Books']) > 0 AS created;

-- Without a provider nobody is woken.
SELECT source, reason, cost_usd, upgraded, provider, model FROM categorize_detail('qwertz', 'asked');

-- Providers. Only official hosts are allowed here, and keys by the names of their variables.
SELECT categorize.add_provider('main', 'openai', key_env => 'OPENAI_API_KEY') >= 1000 AS added;
SELECT categorize.add_provider('second', 'systemone', 'https://api.typesafe.ai/', key_env => 'TYPESAFE_API_KEY',
                               settings => '{"priority": 5, "model": "jev-latest"}') >= 1000 AS added;
SELECT name, kind, base_url, key, priority, settings, bound_here, created_by FROM categorize.providers ORDER BY priority;
CALL testing.sweep(
    $$ SELECT categorize.add_provider('main', 'openai') $$,
    $$ SELECT categorize.add_provider('x', 'opnai') $$,
    $$ SELECT categorize.add_provider('x', 'cohere') $$,
    $$ SELECT categorize.add_provider('', 'openai') $$,
    $$ SELECT categorize.add_provider(NULL, 'openai') $$,
    $$ SELECT categorize.add_provider('x', 'openai', 'no address') $$,
    $$ SELECT categorize.add_provider('x', 'openai', 'ftp://api.openai.com/v1') $$,
    $$ SELECT categorize.add_provider('x', 'openai', 'https://llm.example.com/v1') $$,
    $$ SELECT categorize.add_provider('x', 'openai', 'http://127.0.0.1:8080/v1') $$,
    $$ SELECT categorize.add_provider('x', 'openai', key_env => 'PGPASSWORD') $$,
    $$ SELECT categorize.add_provider('x', 'openai', key_env => 'TYPESAFE_API_KEY') $$,
    $$ SELECT categorize.add_provider('x', 'openai', key_env => 'PG_CATEGORIZE_OTHER') $$,
    $$ SELECT categorize.add_provider('x', 'openai', key_file => 'openai.key') $$,
    $$ SELECT categorize.add_provider('x', 'openai', key_file => '../passwd') $$,
    $$ SELECT categorize.add_provider('x', 'openai', key_env => 'OPENAI_API_KEY', key_file => 'openai.key') $$,
    $$ SELECT categorize.add_provider('x', 'openai', settings => '{"modell": "gpt-6-luna"}') $$,
    $$ SELECT categorize.add_provider('x', 'openai', settings => '{"requests_per_minute": 0}') $$,
    $$ SELECT categorize.add_provider('x', 'openai', settings => '[]') $$,
    $$ SELECT categorize.drop_provider('mian') $$);

-- What would be asked is told for nothing: explain() and EXPLAIN buy no answer.
SELECT detail FROM categorize.explain('qwertz', 'asked') WHERE tier = 'llm';
SELECT categorize.configure('asked', '{"models": {"cheap": "gpt-4.1-nano"}}');
SELECT detail FROM categorize.explain('qwertz', 'asked') WHERE tier = 'llm';
EXPLAIN (COSTS OFF) SELECT categorize('qwertz', 'asked');
PREPARE question AS SELECT categorize('qwertz', 'asked');
DEALLOCATE question;
SELECT categorize_cached('qwertz', 'asked');
SELECT count(*) AS attempts FROM categorize.ledger;
-- Nor does a correction, which notes what the machine had said.
SELECT categorize.correct('qwertz', 'Toys', 'asked');
SELECT machine_category IS NULL AS nothing_was_known FROM categorize.corrections WHERE taxonomy = 'asked';
SELECT count(*) AS attempts FROM categorize.ledger;
-- What keeps an input in the database keeps it there.
SELECT categorize.configure('asked', '{"allow_external": false}');
SELECT reason FROM categorize_detail('qwertzu', 'asked');
SELECT detail FROM categorize.explain('qwertzu', 'asked') WHERE tier = 'llm';
SET categorize.mode = cached;
SELECT reason FROM categorize_detail('qwertzu', 'asked');
RESET categorize.mode;

-- Models: shipped rows are laid over, never changed.
SELECT name, mode, max_output_tokens, reasoning_effort, shipped, input_usd, cached_input_usd, cache_write_usd,
       cache_write_long_usd, output_usd, long_above, long_input_usd, long_output_usd
  FROM categorize.models WHERE name IN ('gpt-6-luna', 'jev-latest') ORDER BY name;
SELECT categorize.set_model('gpt-6-luna', 'openai', '{"max_output_tokens": 4096, "reasoning_effort": null}');
SELECT categorize.set_model('gpt-6-luna', 'openai', '{"temperature": 0}');
SELECT categorize.set_model('my-model', 'systemone', '{"shut_down_on": "2020-02-29"}');
SELECT categorize.set_model('my-other', 'openai');
SELECT name, kind, mode, max_input_tokens, max_output_tokens, reasoning_effort, temperature, cache_breakpoint, shut_down_on,
       shipped FROM categorize.models WHERE name = 'gpt-6-luna' OR name LIKE 'my-%' ORDER BY name;
SELECT max_output_tokens, reasoning_effort FROM categorize.model WHERE name = 'gpt-6-luna' ORDER BY id;
CALL testing.sweep(
    $$ SELECT categorize.set_model('my-model', 'llama') $$,
    $$ SELECT categorize.set_model('my-model', 'openai', '{"mode": "chat"}') $$,
    $$ SELECT categorize.set_model('my-model', 'openai', '{"max_ouput_tokens": 1}') $$,
    $$ SELECT categorize.set_model('my-model', 'openai', '{"max_output_tokens": 0}') $$,
    $$ SELECT categorize.set_model('my-model', 'openai', '{"shut_down_on": "2026-02-31"}') $$,
    $$ SELECT categorize.set_model('', 'openai') $$);

-- Prices: exact, with what is not stated at the dearest that is known; long prompts are dearer by as much as shipped.
SELECT categorize.set_price('gpt-6-luna', 0.2, 1, 0.01) >= 1000 AS set;
SELECT categorize.set_price('my-model', 0.000000001, 12.345678901) >= 1000 AS set;
SELECT categorize.set_price('my-model', 99, 99, valid_from => now() + interval '1 year') >= 1000 AS set;
SELECT name, input_usd, cached_input_usd, cache_write_usd, cache_write_long_usd, output_usd, long_above, long_input_usd,
       long_output_usd FROM categorize.models WHERE name IN ('gpt-6-luna', 'my-model') ORDER BY name;
-- A model that has only a price is there, with no more than that; a price that is to come makes none.
SELECT categorize.set_price('only-priced', 0.3, 0.6) >= 1000 AS set;
SELECT categorize.set_price('to-come', 1, 1, valid_from => now() + interval '1 year') >= 1000 AS set;
SELECT name, kind, mode, thinking_tokens, cache_breakpoint, shut_down_on, known_on, shipped, input_usd, output_usd
  FROM categorize.models WHERE name IN ('only-priced', 'to-come');
SELECT count(*) = count(DISTINCT name) AS each_once, count(*) FILTER (WHERE shipped IS NULL) AS unsaid FROM categorize.models;
CALL testing.sweep(
    $$ SELECT categorize.set_price('m', -1, 1) $$,
    $$ SELECT categorize.set_price('m', 1, 0.0000000001) $$,
    $$ SELECT categorize.set_price('m', 'NaN', 1) $$,
    $$ SELECT categorize.set_price('m', 1, 'Infinity') $$,
    $$ SELECT categorize.set_price('m', 1e7, 1) $$,
    $$ SELECT categorize.set_price('m', 1, NULL) $$,
    $$ SELECT categorize.set_price('', 1, 1) $$);

-- Budgets: the shipped one holds until another is set, and again when that is dropped.
SELECT scope, period, time_zone, limit_usd, settled_usd, reserved_usd, in_doubt_usd, remaining_usd, soft, soft_ratio,
       per_request_usd FROM categorize.budget_status ORDER BY scope, period;
SELECT categorize.set_budget(limit_usd => 5);
SELECT categorize.set_budget('database', 100, 'month', time_zone => 'europe/vienna', soft_ratio => 0.5);
SELECT categorize.set_budget('tenant:acme', 0.000000001, per_request_usd => 0.01);
SELECT categorize.set_budget('taxonomy:asked', NULL, 'month');
SELECT categorize.set_budget('provider:second', 3);
SELECT scope, period, time_zone, limit_usd, remaining_usd, soft, soft_ratio, per_request_usd
  FROM categorize.budget_status ORDER BY scope, period;
SELECT scope, starts_at AT TIME ZONE time_zone = date_trunc(period, now() AT TIME ZONE time_zone) AS starts_with_its_period
  FROM categorize.budget_status ORDER BY scope, period;
-- NULL keeps what was, but for the limit, and who had one is told.
SELECT categorize.set_budget('database', NULL, 'month', soft_ratio => 0.6);
SELECT limit_usd, soft_ratio, time_zone FROM categorize.budget_status WHERE scope = 'database' AND period = 'month';
SELECT categorize.set_budget('database', period => 'month', soft_ratio => 0.6);
SELECT categorize.set_budget('tenant:acme', per_request_usd => 0.02);
SELECT limit_usd, per_request_usd FROM categorize.budget_status WHERE scope = 'tenant:acme';
SELECT categorize.set_budget('tenant:acme', 0.000000001, per_request_usd => 0.01);
-- The shipped one, too.
BEGIN;
SELECT categorize.drop_budget('database');
SELECT categorize.set_budget(per_request_usd => 0.01);
ROLLBACK;
CALL testing.sweep(
    $$ SELECT categorize.set_budget('world', 1) $$,
    $$ SELECT categorize.set_budget('tenant', 1) $$,
    $$ SELECT categorize.set_budget('taxonomy:nowhere', 1) $$,
    $$ SELECT categorize.set_budget('provider:scond', 1) $$,
    $$ SELECT categorize.set_budget('database', 1, 'year') $$,
    $$ SELECT categorize.set_budget('database', -1) $$,
    $$ SELECT categorize.set_budget('database', 0.0000000001) $$,
    $$ SELECT categorize.set_budget('database', 1e10) $$,
    $$ SELECT categorize.set_budget('database', 1, soft_ratio => 1.5) $$,
    $$ SELECT categorize.set_budget('database', 1, soft_ratio => 'NaN') $$,
    $$ SELECT categorize.set_budget('database', 1, time_zone => 'Middle/Earth') $$,
    $$ SELECT categorize.set_budget(NULL) $$,
    $$ SELECT categorize.settle_in_doubt(1, 0) $$,
    $$ SELECT categorize.settle_in_doubt(1, -1) $$);
SELECT categorize.drop_budget('database', 'month') AS dropped, categorize.drop_budget('database', 'month') AS again,
       categorize.drop_budget('database') AS shipped_holds_again;
SELECT limit_usd, per_request_usd FROM categorize.budget_status WHERE scope = 'database';

-- What was spent, what is in doubt and what operators see, from a ledger as a gateway would have written it.
INSERT INTO categorize.ledger (attempt_id, kind, booked_at, reserved_at, amount_nanousd, provider_id, provider, model, price_id,
                               tenant, taxonomy_id, role, application_name, query_id, inputs, wasted, input_tokens, cached_tokens,
                               output_tokens)
SELECT v.attempt, v.kind, now(), now(), v.amount, 1000, 'main', 'gpt-6-luna', 1, v.tenant, t.id, v.role, 'app', 7, v.inputs,
       v.wasted, v.input_tokens, v.input_tokens / 10, v.input_tokens / 100
  FROM categorize.taxonomy t,
       (VALUES (1, 'reserve', 5000, '', 'ann', 3, 0, NULL), (1, 'settle', 1000, '', 'ann', 2, 1, 500), (1, 'settle', 501, '', 'bob', 1, 0, NULL),
               (2, 'settle', 100, 'acme', 'eve', 3, 1, 60), (2, 'adjust', 7, 'acme', 'eve', 3, 0, NULL))
           AS v (attempt, kind, amount, tenant, role, inputs, wasted, input_tokens)
 WHERE t.name = 'asked';
INSERT INTO categorize.ledger_day VALUES ('2026-01-31', 1000, 'main', 'gpt-6-luna', '', NULL, 'ann', 'app', 7, 10, 20, 4, 1000, 100, 10, 2000, 400);
INSERT INTO categorize.reservation (attempt_id, state, reserved_at, in_doubt_since, amount_nanousd, provider_id, provider, model,
                                    price_id, tenant, taxonomy_id, role, application_name, query_id, inputs)
VALUES (3, 'open', now(), NULL, 40, 1000, 'main', 'gpt-6-luna', 1, '', NULL, 'ann', 'app', 0, 1),
       (4, 'in_doubt', now(), now(), 2, 1000, 'main', 'gpt-6-luna', 1, 'acme', NULL, 'eve', 'app', 0, 1);
INSERT INTO categorize.alert_log (kind, provider, model, message) VALUES ('breaker_open', 'main', 'gpt-6-luna', 'Five failures in a row.');
SELECT CASE WHEN day < '2026-02-01' THEN day END AS day, role, application_name, query_id, tenant, taxonomy, provider, model,
       requests, inputs, wasted_inputs, spent_usd, wasted_usd, input_tokens, cached_tokens, output_tokens
  FROM categorize.spend ORDER BY 1, tenant, role, spent_usd DESC;
SELECT attempt_id, worst_usd, provider, model, inputs, tenant, role, settled_at_worst_at - since AS after FROM categorize.in_doubt;
SELECT scope, limit_usd, settled_usd, reserved_usd, in_doubt_usd, remaining_usd, soft FROM categorize.budget_status ORDER BY scope;
-- Where the gateway keeps a counter, that is what counts.
INSERT INTO categorize.budget_counter SELECT 'tenant', 'acme', period, starts_at, ends_at, 1, 0 FROM categorize.budget_status WHERE scope = 'tenant:acme';
SELECT settled_usd, reserved_usd, remaining_usd, soft FROM categorize.budget_status WHERE scope = 'tenant:acme';
SELECT kind, provider, model, message FROM categorize.alert;
SELECT provider, model, state, attempts, warning FROM categorize.provider_health ORDER BY provider;
SELECT categorize.add_provider('old', 'systemone', settings => '{"model": "my-model"}') >= 1000 AS added;
SELECT provider, model, state, warning FROM categorize.provider_health WHERE provider = 'old';
SELECT count(*) AS lines FROM categorize.provider_health();

-- A plain user sees his tenant's money, and nothing of others'.
CREATE ROLE regress_money IN ROLE categorize_user;
SET categorize.tenant = 'acme';
SET ROLE regress_money;
SELECT categorize.sees_all_tenants();
SELECT role, tenant, spent_usd, wasted_usd FROM categorize.spend ORDER BY spent_usd DESC;
SELECT attempt_id, tenant FROM categorize.in_doubt;
SELECT scope, limit_usd FROM categorize.budget_status;
SELECT count(*) AS alerts FROM categorize.alert;
SELECT name, base_url, key FROM categorize.providers ORDER BY name;
RESET ROLE;
SET categorize.tenant = 'nobody';
SET ROLE regress_money;
SELECT (SELECT count(*) FROM categorize.spend) AS spend, (SELECT count(*) FROM categorize.in_doubt) AS in_doubt,
       (SELECT count(*) FROM categorize.budget_status) AS budgets;
RESET ROLE;
RESET categorize.tenant;
DROP ROLE regress_money;

-- A copy of a database sends nothing until it is adopted.
SELECT categorize.adopt_database() AS already_here;
UPDATE categorize.provider SET system_identifier = 1 WHERE name = 'main';
UPDATE categorize.provider SET database_oid = 1 WHERE name = 'second';
SELECT name, bound_here FROM categorize.providers ORDER BY name;
SELECT categorize.adopt_database();
SELECT bool_and(bound_here) AS all_here FROM categorize.providers;

-- Settings of the server are not a session's to choose.
SELECT name, setting, unit, context FROM pg_settings
 WHERE name IN ('categorize.timeout_ms', 'categorize.gateway_idle', 'categorize.key_directory', 'categorize.key_environment',
                'categorize.allowed_hosts', 'categorize.cluster_limit_usd_day', 'categorize.ledger_retention') ORDER BY name;
-- Its message differs between versions of Postgres.
DO $$ BEGIN SET categorize.timeout_ms = 0; EXCEPTION WHEN invalid_parameter_value THEN RAISE NOTICE 'refused'; END $$;
SET categorize.allowed_hosts = 'evil.example';

-- Dropping a provider takes its budgets along; what was spent there stays.
SELECT categorize.drop_provider('main');
SELECT categorize.drop_provider('second');
SELECT categorize.drop_provider('old');
SELECT scope FROM categorize.budget_status ORDER BY scope;
SELECT count(*) AS providers FROM categorize.providers;
SELECT count(*) > 0 AS still_told FROM categorize.spend;

SELECT categorize.drop_budget('tenant:acme'), categorize.drop_budget('taxonomy:asked', 'month');
SELECT categorize.drop_taxonomy('asked');
TRUNCATE categorize.ledger, categorize.ledger_day, categorize.reservation, categorize.alert_log, categorize.budget_counter;
DELETE FROM categorize.model WHERE id >= 1000;
DELETE FROM categorize.price WHERE id >= 1000;
