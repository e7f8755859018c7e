-- SPDX-License-Identifier: Apache-2.0
-- A field service in three tables, for the eight checks of metrics.yaml:
--
--	psql app < metrics.sql
--
-- The rows at the end make every check fire; DROP SCHEMA field_service CASCADE takes all away.
-- With tables of your own only the queries of metrics.yaml are to be changed.

BEGIN;

CREATE SCHEMA field_service;
SET LOCAL search_path = field_service;

CREATE TABLE technicians (
	name text PRIMARY KEY,
	hours_available numeric NOT NULL DEFAULT 40 CHECK (hours_available > 0),
	hours_booked numeric NOT NULL DEFAULT 0,
	overtime_hours numeric NOT NULL DEFAULT 0,      -- of the last 7 days
	days_without_break integer NOT NULL DEFAULT 0
);

CREATE TABLE dispatches (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	technician text REFERENCES technicians,
	status text NOT NULL DEFAULT 'pending'
		CHECK (status IN ('pending', 'assigned', 'completed', 'cancelled')),
	created_at timestamptz NOT NULL DEFAULT now(),
	assigned_at timestamptz,
	due_at timestamptz,
	completed_at timestamptz,
	estimated_hours numeric,                        -- to complete, as reckoned when assigned
	cost numeric,
	first_time_fix boolean
);
CREATE INDEX ON dispatches (completed_at);
CREATE INDEX ON dispatches (assigned_at);
CREATE INDEX ON dispatches (created_at) WHERE status = 'pending';

-- Who is likely to burn out: much overtime, or long without a day off.
CREATE VIEW burnout_risk AS
	SELECT name, overtime_hours, days_without_break FROM technicians
	WHERE overtime_hours > 10 OR days_without_break >= 10;

-- What makes all eight fire.
INSERT INTO technicians
	SELECT 'Technician ' || n, 40, 39.5, CASE WHEN n <= 5 THEN 14 ELSE 0 END, n
	FROM generate_series(1, 8) n;
INSERT INTO dispatches (technician, status, created_at, assigned_at, due_at, completed_at,
			estimated_hours, cost, first_time_fix)
	SELECT 'Technician ' || 1 + n % 8, 'completed', now() - interval '50 minutes',
		now() - interval '44 minutes', now() - interval '10 minutes',
		now() - interval '20 minutes' + n % 5 * interval '5 minutes', 9, 540, n % 8 > 2
	FROM generate_series(0, 39) n;
INSERT INTO dispatches (status, created_at)
	SELECT 'pending', now() - n * interval '1 minute' FROM generate_series(1, 23) n;

COMMIT;

-- The role that tocsin connects as needs no more than this:
--	GRANT USAGE ON SCHEMA field_service TO tocsin;
--	GRANT SELECT ON ALL TABLES IN SCHEMA field_service TO tocsin;
