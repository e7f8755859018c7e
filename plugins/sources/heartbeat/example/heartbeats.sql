-- SPDX-License-Identifier: Apache-2.0
-- Tables of a daemon that runs schedules, as heartbeats.yaml beside this file watches them. May be
-- run again at any time: what exists already is left as it is.

SET client_min_messages = warning;

-- One row per daemon, which writes into it every few seconds:
--	INSERT INTO daemon_heartbeats (type, status, started_at) VALUES ('scheduler', 'running', now())
--		ON CONFLICT (type) DO UPDATE SET status = EXCLUDED.status, last_heartbeat_at = now()
CREATE TABLE IF NOT EXISTS daemon_heartbeats (
	type text PRIMARY KEY,
	status text NOT NULL DEFAULT 'running',
	last_heartbeat_at timestamptz NOT NULL DEFAULT now(),
	started_at timestamptz
);
COMMENT ON COLUMN daemon_heartbeats.status IS 'running, or what it is instead';
COMMENT ON COLUMN daemon_heartbeats.started_at IS 'Set when the daemon starts; each new value is a restart';

CREATE TABLE IF NOT EXISTS schedules (
	name text PRIMARY KEY,
	enabled boolean NOT NULL DEFAULT true,
	next_run_at timestamptz,
	consecutive_failures integer NOT NULL DEFAULT 0,
	last_error text
);

-- What tocsin needs: GRANT SELECT ON daemon_heartbeats, schedules TO tocsin;
