-- The queue, and the batches that are made of it: work that waits for half the price. Rows are written by enqueue() in its
-- caller's transaction and by the gateway, and are not dumped: a copy of a database has no business at a provider.

CREATE SEQUENCE categorize.job_id_seq;
CREATE TABLE categorize.job_entry (
    id               bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.job_id_seq'),
    job_type         text NOT NULL DEFAULT 'categorize' CHECK (job_type <> ''),
    -- 10 goes first.
    priority         smallint NOT NULL DEFAULT 5 CHECK (priority BETWEEN 1 AND 10),
    tenant           text NOT NULL,
    -- Of the input in its tenant and taxonomy; of other work than categorization, of what is sent.
    fingerprint      bytea NOT NULL,
    -- The same among those that tenants share, where the taxonomy shares answers.
    shared_fingerprint bytea,
    -- A taxonomy, or the caller's ad-hoc labels.
    taxonomy_id      int,
    labels           text[],
    -- The text; NULL once the job has ended where the taxonomy stores no input.
    input            text,
    -- Whether a machine's stored answer is no answer to it.
    renews           boolean NOT NULL DEFAULT false,
    -- Of other work than categorization: whom it goes to, the model, the API that it is written for, and what is sent.
    provider_id      int,
    model            text,
    endpoint         text,
    body             jsonb,
    -- How many texts a request asks for the vectors of; 1 where it asks for something else.
    inputs           int NOT NULL DEFAULT 1 CHECK (inputs > 0),
    -- Who wants it, as the ledger has it.
    role_id          oid NOT NULL,
    role             text NOT NULL,
    application_name text NOT NULL DEFAULT '',
    query_id         bigint NOT NULL DEFAULT 0,
    enqueued_at      timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- Batches that it was in, that had no answer to it, and after which it waited again.
    attempts         smallint NOT NULL DEFAULT 0,
    -- Of other work than categorization: the batch that it is or was in last, and what the provider answered.
    batch_id         bigint,
    answer           jsonb,
    CHECK (CASE job_type WHEN 'categorize' THEN pg_catalog.num_nulls(taxonomy_id, labels) = 1
                         ELSE pg_catalog.num_nulls(provider_id, model, endpoint, body) = 0 END)
);

-- How a job goes on is in tables of their own, which are narrow: where very many go to a provider or come back together, no row of
-- their texts is written again. A job that neither waits, nor is asked live, nor has ended is in a batch.

-- What waits for a batch, with all that is asked of it while it does.
CREATE TABLE categorize.job_waiting (
    job_id      bigint PRIMARY KEY,
    job_type    text NOT NULL,
    priority    smallint NOT NULL,
    tenant      text NOT NULL,
    fingerprint bytea NOT NULL,
    taxonomy_id int,
    labels      text[],
    -- Bytes of its text.
    bytes       int NOT NULL,
    enqueued_at timestamptz NOT NULL
);
-- It is walked in this order: those of a tenant and taxonomy, or of the same labels, which may be long, come together, since they
-- share requests.
CREATE INDEX job_waiting_walk_idx ON categorize.job_waiting
    (priority DESC, tenant, coalesce(taxonomy_id, 0), coalesce(pg_catalog.hash_array_extended(labels, 0::bigint), 0::bigint), job_id)
    WHERE job_type = 'categorize';
-- They are few.
CREATE INDEX job_waiting_request_idx ON categorize.job_waiting (job_id) WHERE job_type <> 'categorize';

-- What is asked or to be asked live, since no batch takes it or had an answer.
CREATE TABLE categorize.job_live (
    job_id   bigint PRIMARY KEY,
    priority smallint NOT NULL
);
CREATE INDEX job_live_walk_idx ON categorize.job_live (priority DESC, job_id);

-- What has ended.
CREATE TABLE categorize.job_end (
    job_id   bigint PRIMARY KEY,
    state    text NOT NULL CHECK (state IN ('done', 'failed', 'cancelled')),
    -- Why there is no answer.
    reason   text,
    -- The batch whose results ended it; NULL where it was no batch.
    batch_id bigint,
    ended_at timestamptz NOT NULL
);
CREATE INDEX job_end_ended_at_idx ON categorize.job_end (ended_at);

-- Which job asks about a text: one at a time. The row of a job that has ended is in nobody's way: whoever asks anew takes it over.
CREATE TABLE categorize.job_key (
    fingerprint bytea PRIMARY KEY,
    job_id      bigint NOT NULL
);

-- Jobs with how far they are: `waiting` for a batch, in a batch (`batched`), asked or to be asked `live`; the others are final.
CREATE VIEW categorize.job WITH (security_barrier) AS
    SELECT j.id, j.job_type,
           CASE WHEN e.job_id IS NOT NULL THEN e.state WHEN w.job_id IS NOT NULL THEN 'waiting'
                WHEN l.job_id IS NOT NULL THEN 'live' ELSE 'batched' END AS state,
           j.priority, j.tenant, j.fingerprint, j.shared_fingerprint, j.taxonomy_id, j.labels, j.input, j.renews, j.provider_id, j.model,
           j.endpoint, j.body, j.inputs, j.role_id, j.role, j.application_name, j.query_id, j.enqueued_at, j.attempts,
           coalesce(e.batch_id, j.batch_id) AS batch_id, e.ended_at, e.reason, j.answer
      FROM categorize.job_entry j
      LEFT JOIN categorize.job_end e ON e.job_id = j.id
      LEFT JOIN categorize.job_waiting w ON w.job_id = j.id
      LEFT JOIN categorize.job_live l ON l.job_id = j.id;

-- One batch at a provider. It is bound to the database that made it, as providers are.
CREATE SEQUENCE categorize.batch_id_seq;
CREATE TABLE categorize.batch (
    id                bigint PRIMARY KEY DEFAULT pg_catalog.nextval('categorize.batch_id_seq'),
    provider_id       int NOT NULL,
    provider          text NOT NULL,
    model             text NOT NULL,
    -- Whether it is also asked why.
    rationale         boolean NOT NULL,
    price_id          bigint NOT NULL,
    -- Whose requests all of them are; NULL where they are of several tenants.
    tenant            text,
    -- By which it is known at the provider. It stays, also where the database is adopted.
    token             bigint NOT NULL,
    state             text NOT NULL CHECK (state IN ('building', 'uploaded', 'submitted', 'in_progress', 'ingesting',
                                                     'done', 'failed', 'expired', 'cancelled')),
    -- What the state machine keeps of it.
    record            jsonb NOT NULL,
    -- Whether its create was, or may have been, sent, and the provider's id for it is not known.
    unanswered        boolean NOT NULL DEFAULT false,
    -- Whether somebody asked to have it cancelled.
    cancel_wanted     boolean NOT NULL DEFAULT false,
    requests          int NOT NULL CHECK (requests > 0),
    inputs            int NOT NULL CHECK (inputs > 0),
    -- Of its requests as they are sent.
    bytes             bigint NOT NULL CHECK (bytes > 0),
    worst_case_nanousd bigint NOT NULL CHECK (worst_case_nanousd >= 0),
    -- What its requests cost, and what the same tokens would have cost live.
    cost_nanousd      bigint NOT NULL DEFAULT 0,
    live_cost_nanousd bigint NOT NULL DEFAULT 0,
    -- Inputs with an answer, and those without one that left it.
    answered          int NOT NULL DEFAULT 0,
    failed            int NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    submitted_at      timestamptz,
    ended_at          timestamptz,
    system_identifier bigint NOT NULL,
    database_oid      oid NOT NULL
);
-- Of the creates to one provider one at most is without an answer.
CREATE UNIQUE INDEX batch_unanswered_key ON categorize.batch (provider_id) WHERE unanswered;
CREATE INDEX batch_open_idx ON categorize.batch (id) WHERE ended_at IS NULL;

-- The requests of a batch, with the attempt under which the ledger has their money.
CREATE TABLE categorize.batch_item (
    -- Of a batch that is stored in the same transaction. No foreign key: it would be looked up for each request.
    batch_id       bigint NOT NULL,
    ordinal        int NOT NULL CHECK (ordinal >= 0),
    attempt_id     bigint NOT NULL,
    -- Whether it is known what became of it.
    has_result     boolean NOT NULL DEFAULT false,
    -- Its inputs in their order, and the number of the first of them in the batch: the jobs may be in another one by now. The
    -- fingerprints are one after the other.
    first_number   int NOT NULL,
    jobs           bigint[] NOT NULL,
    fingerprints   bytea NOT NULL,
    PRIMARY KEY (batch_id, ordinal)
);

-- When the last daily run was.
CREATE TABLE categorize.batch_schedule (
    single           boolean PRIMARY KEY DEFAULT true CHECK (single),
    last_daily_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- When somebody wanted what waits to be submitted, or what is open to be polled, at once; NULL once that is done.
    submit_wanted_at timestamptz,
    poll_wanted_at   timestamptz
);
INSERT INTO categorize.batch_schedule (single) VALUES (true);

-- What waits, and what became of it.
CREATE VIEW categorize.queue_status WITH (security_barrier) AS
    SELECT j.job_type, j.tenant, t.name AS taxonomy, j.state, j.priority, j.reason, count(*) AS jobs,
           min(j.enqueued_at) AS oldest_enqueued_at, max(j.ended_at) AS latest_ended_at
      FROM categorize.job j
      LEFT JOIN categorize.taxonomies t ON t.id = j.taxonomy_id
     WHERE categorize.sees_all_tenants() OR j.tenant = categorize.current_tenant()
     GROUP BY j.job_type, j.tenant, t.name, j.state, j.priority, j.reason;

CREATE VIEW categorize.batch_status WITH (security_barrier) AS
    SELECT b.id, b.provider, b.model, b.state,
           -- Whether nobody knows if the provider has it: it is looked for, and neither sent again nor given up.
           coalesce((b.record ->> 'suspect'::text)::boolean, false) AS suspect,
           b.cancel_wanted, b.requests, b.inputs, b.answered, b.failed, b.bytes,
           b.worst_case_nanousd::numeric * 0.000000001 AS worst_case_usd,
           b.cost_nanousd::numeric * 0.000000001 AS cost_usd,
           b.live_cost_nanousd::numeric * 0.000000001 AS live_cost_usd,
           b.created_at, b.submitted_at, b.ended_at,
           CASE WHEN b.ended_at IS NULL THEN to_timestamp((b.record ->> 'next_at'::text)::float8) END AS next_step_at
      FROM categorize.batch b
     WHERE categorize.sees_all_tenants() OR b.tenant = categorize.current_tenant();

COMMENT ON VIEW categorize.queue_status IS
    'Queued work by state, priority and reason: of the tenant of the session, of all for members of categorize_admin.';
COMMENT ON VIEW categorize.batch_status IS
    'How far the batches at providers are, and what they cost; live_cost_usd is what the same would have cost live. Of the tenant of the session, of all for members of categorize_admin.';
COMMENT ON VIEW categorize.job IS
    'Queued work, with whom it is for and what became of it. Of an input the batch is told that ended it.';
COMMENT ON TABLE categorize.job_entry IS 'Queued work, with whom it is for.';
COMMENT ON TABLE categorize.job_waiting IS 'Jobs that wait for a batch.';
COMMENT ON TABLE categorize.job_live IS 'Jobs that are asked live.';
COMMENT ON TABLE categorize.job_end IS 'Jobs that have ended, with what became of them.';
COMMENT ON TABLE categorize.job_key IS 'Which job asks about a text.';
COMMENT ON TABLE categorize.batch IS 'Batches at providers, with how far each is and what it cost.';
COMMENT ON TABLE categorize.batch_item IS 'The requests of batches, with the attempts under which the ledger has their money.';
COMMENT ON TABLE categorize.batch_schedule IS 'When the last daily run of batches was, and what is wanted at once.';
COMMENT ON SEQUENCE categorize.job_id_seq IS 'Ids of jobs.';
COMMENT ON SEQUENCE categorize.batch_id_seq IS 'Ids of batches.';
REVOKE ALL ON categorize.job, categorize.job_entry, categorize.job_waiting, categorize.job_live, categorize.job_end, categorize.job_key,
    categorize.batch, categorize.batch_item, categorize.batch_schedule FROM PUBLIC;
REVOKE ALL ON SEQUENCE categorize.job_id_seq, categorize.batch_id_seq FROM PUBLIC;
