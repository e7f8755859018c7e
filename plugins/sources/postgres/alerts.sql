-- SPDX-License-Identifier: Apache-2.0
-- Tables for the postgres source of tocsin with its default options. May be run
-- again at any time: what exists already is left as it is.
--
--	tocsin sql alerts | psql --single-transaction --set ON_ERROR_STOP=1 app
--
-- Needs PostgreSQL 13 or later (gen_random_uuid).

SET client_min_messages = warning;

-- One row per alert. Insert it and go on: the rest is tocsin's work.
CREATE TABLE IF NOT EXISTS alerts (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	site_url text NOT NULL,
	severity text NOT NULL DEFAULT 'warning',
	message text NOT NULL,
	email_sent boolean NOT NULL DEFAULT false,
	triggered_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE alerts IS 'Alerts to be sent by tocsin';
COMMENT ON COLUMN alerts.site_url IS 'What the alert is about; chooses the rows of alert_recipients';
COMMENT ON COLUMN alerts.severity IS 'debug, info, notice, warning, error, critical or emergency';
COMMENT ON COLUMN alerts.message IS 'One line for people';
COMMENT ON COLUMN alerts.email_sent IS 'Set by tocsin after every recipient''s server took the alert';
COMMENT ON COLUMN alerts.triggered_at IS 'When it happened; the oldest is sent first';

-- Who is told of the alerts of a site. Sites without a row go to the channel's own "to".
CREATE TABLE IF NOT EXISTS alert_recipients (
	site_url text NOT NULL,
	email text NOT NULL,
	PRIMARY KEY (site_url, email)
);
COMMENT ON TABLE alert_recipients IS 'Who is told of the alerts of a site';

-- Holds pending rows only, in the order in which they are read: it stays small
-- however large the table grows. The condition must be that of the option
-- "pending", word for word.
CREATE INDEX IF NOT EXISTS alerts_pending ON alerts (triggered_at, id)
	WHERE email_sent IS NOT TRUE;

-- Every sent alert leaves a dead row version behind: have them cleaned early.
ALTER TABLE alerts SET (autovacuum_vacuum_scale_factor = 0.02);

-- Wakes tocsin at once; without it new rows are found by polling. Once per
-- statement and without a payload: many notifications of one transaction are
-- merged into one. The server serialises the commits of transactions that
-- notify, so on a table with thousands of inserting transactions a second
-- drop the trigger and rely on polling.
CREATE OR REPLACE FUNCTION tocsin_announce() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	PERFORM pg_notify('tocsin_alerts', '');
	RETURN NULL;
END
$$;

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'alerts'::regclass
		       AND tgname = 'tocsin_announce') THEN
		CREATE TRIGGER tocsin_announce AFTER INSERT ON alerts
			FOR EACH STATEMENT EXECUTE FUNCTION tocsin_announce();
	END IF;
END
$$;

RESET client_min_messages;

-- The role that tocsin connects as needs these rights and no others. Uncomment
-- them, and set a password with \password tocsin (or use peer authentication).
--
-- CREATE ROLE tocsin LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 5;
-- GRANT USAGE ON SCHEMA public TO tocsin;
-- GRANT SELECT ON alerts, alert_recipients TO tocsin;
-- GRANT UPDATE (email_sent) ON alerts TO tocsin;
