-- SPDX-License-Identifier: Apache-2.0
-- Tables for the postgres source of tocsin as a worker of a job queue (section
-- "queue"), with its default options. May be run again at any time: what exists
-- already is left as it is.
--
--	tocsin sql jobs | psql --single-transaction --set ON_ERROR_STOP=1 app
--
-- Needs PostgreSQL 13 or later (gen_random_uuid).

SET client_min_messages = warning;

-- One row per job. Insert kind, payload and, if there is one, user_id.
CREATE TABLE IF NOT EXISTS jobs (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind text NOT NULL DEFAULT 'job',
	user_id text,
	payload jsonb NOT NULL DEFAULT '{}',
	status text NOT NULL DEFAULT 'pending'
		CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
	scheduled_at timestamptz NOT NULL DEFAULT now(),
	attempts integer NOT NULL DEFAULT 0,
	max_attempts integer,
	claimed_by text,
	claim_token uuid,
	lease_until timestamptz,
	started_at timestamptz,
	completed_at timestamptz,
	duration_ms bigint,
	last_error text,
	output text,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE jobs IS 'Jobs to be done by tocsin';
COMMENT ON COLUMN jobs.kind IS 'What is to be done; routes choose by the label kind';
COMMENT ON COLUMN jobs.user_id IS 'For whom; at most max_per_key jobs of one user run at once';
COMMENT ON COLUMN jobs.payload IS 'What the job needs to know; at most 16000 characters';
COMMENT ON COLUMN jobs.status IS 'pending, processing, completed or failed; set it to cancelled to stop one';
COMMENT ON COLUMN jobs.scheduled_at IS 'Not before; the oldest first';
COMMENT ON COLUMN jobs.max_attempts IS 'NULL: as the option retry.attempts says';
COMMENT ON COLUMN jobs.claim_token IS 'Fresh with each claim: who has it may write the end, nobody else; stays when the job has ended';
COMMENT ON COLUMN jobs.lease_until IS 'Whose worker does not renew it until then is pending again';

-- One row per attempt.
CREATE TABLE IF NOT EXISTS job_log (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	job_id bigint NOT NULL,
	attempt integer NOT NULL,
	worker text,
	started_at timestamptz,
	ended_at timestamptz NOT NULL,
	status text NOT NULL,
	error text,
	output text
);
COMMENT ON TABLE job_log IS 'Every attempt of every job: completed, failed, or lost with its worker';
CREATE INDEX IF NOT EXISTS job_log_job ON job_log (job_id);
CREATE INDEX IF NOT EXISTS job_log_ended ON job_log (ended_at);

-- Small whatever the table grows to: pending rows in the order in which they
-- are claimed, and claimed rows. The lease is in no index, so that renewing it
-- writes no index either.
CREATE INDEX IF NOT EXISTS jobs_pending ON jobs (scheduled_at, id) WHERE status = 'pending';
CREATE INDEX IF NOT EXISTS jobs_processing ON jobs (user_id) WHERE status = 'processing';

-- Each job leaves two dead row versions or more behind: room for them in the
-- page, and early cleaning.
ALTER TABLE jobs SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01,
	autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

-- Wakes the workers at once; without it new rows are found by polling. Once per
-- statement and without a payload. The server serialises the commits of
-- transactions that notify: with thousands of inserting transactions a second
-- drop the trigger and rely on polling.
CREATE OR REPLACE FUNCTION tocsin_announce_jobs() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	PERFORM pg_notify('tocsin_jobs', '');
	RETURN NULL;
END
$$;

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'jobs'::regclass
		       AND tgname = 'tocsin_announce_jobs') THEN
		CREATE TRIGGER tocsin_announce_jobs AFTER INSERT ON jobs
			FOR EACH STATEMENT EXECUTE FUNCTION tocsin_announce_jobs();
	END IF;
END
$$;

RESET client_min_messages;

-- A table that exists already needs columns for the claim, whatever they are
-- called (see queue.columns); the others of them are used where they are.
--
-- ALTER TABLE app.tasks
--	ADD COLUMN attempts integer NOT NULL DEFAULT 0,
--	ADD COLUMN claim_token uuid,
--	ADD COLUMN lease_until timestamptz;
-- CREATE INDEX CONCURRENTLY ON app.tasks (scheduled_at, id) WHERE status = 'pending';
-- CREATE INDEX CONCURRENTLY ON app.tasks (user_id) WHERE status = 'processing';
-- ALTER TABLE app.tasks SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);

-- The role that tocsin connects as needs these rights and no others. Uncomment
-- them, and set a password with \password tocsin (or use peer authentication).
--
-- CREATE ROLE tocsin LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 5;
-- GRANT USAGE ON SCHEMA public TO tocsin;
-- GRANT SELECT, UPDATE ON jobs TO tocsin;
-- GRANT INSERT ON job_log TO tocsin;
