/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs that a table lists. A reading goes over all rows that started since the newest one seen, less
 * `lookback`, because rows become visible in the order of their commits and not of their times; and
 * over those that have not ended, wherever they are. What is known already changes nothing. Readings
 * take at most a tenth of the time.
 *
 * Nothing waits for the server but the making of a connection: jobs start in time meanwhile.
 */
#include "feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "../../common/draft.h"
#include "../../common/instant.h"

enum phase { PHASE_IDLE, PHASE_COLUMNS, PHASE_PAGES, PHASE_FOLLOWED };

struct feed {
	struct database db;
	int socket; /* in cron->poll; -1: none */
	enum phase phase;
	bool known; /* the columns are */
	bool has[FEED_COLUMNS];
	char *sql;               /* of the reading under way */
	char from[INSTANT_SIZE]; /* rows that started before are not read */
	char after[INSTANT_SIZE + 24];
	char *after_id; /* NULL: before all; however long */
	char *followed;
	const char *value[3];
	int64_t began_ms, due_ms; /* of the clock that nobody sets */
	int64_t first_ms, seen_ms;
	bool loaded, swept;
};

const char *feed_check(const struct table_config *config)
{
	return database_check(config->connection);
}

int feed_open(struct cron *cron)
{
	const struct table_config *config = &cron->config->table;
	struct database_settings settings = {.connection = config->connection,
					     .password = config->password,
					     .timeout_ms = config->statement_timeout,
					     .timezone = config->timezone};

	if (!config->connection)
		return 0;
	cron->feed = calloc(1, sizeof(*cron->feed));
	if (!cron->feed)
		return -ENOMEM;
	cron->feed->socket = -1;
	database_init(&cron->feed->db, cron->self, cron->host, &settings);
	return 0;
}

static void end_reading(struct feed *feed)
{
	free(feed->sql);
	free(feed->followed);
	free(feed->after_id);
	feed->sql = feed->followed = feed->after_id = NULL;
	feed->phase = PHASE_IDLE;
}

void feed_reset(struct cron *cron)
{
	if (!cron->feed)
		return;
	end_reading(cron->feed);
	database_close(&cron->feed->db);
	cron->feed->socket = -1;
	cron->feed->loaded = false;
}

void feed_close(struct cron *cron)
{
	feed_reset(cron);
	free(cron->feed);
	cron->feed = NULL;
}

bool feed_swept(const struct cron *cron)
{
	return !cron->feed || cron->feed->swept;
}

/* --- what is kept --- */

static int load(struct cron *cron, int64_t now_ms)
{
	struct feed *feed = cron->feed;
	char *text = NULL;
	int rc = cron->host->load(cron->self, "table", &text);
	json_t *object = rc == 0 ? json_loads(text, 0, NULL) : NULL;

	if (rc != 0 && rc != -ENOENT)
		return -EAGAIN;
	feed->first_ms = json_integer_value(json_object_get(object, "first"));
	feed->seen_ms = json_integer_value(json_object_get(object, "seen"));
	if (feed->first_ms > now_ms)
		feed->first_ms = now_ms;
	if (feed->first_ms == 0) {
		feed->first_ms = now_ms;
		feed->seen_ms = now_ms - cron->config->table.history;
	}
	feed->loaded = true;
	json_decref(object);
	free(text);
	return 0;
}

static int keep(struct cron *cron)
{
	char text[96];

	snprintf(text, sizeof(text), "{\"first\":%lld,\"seen\":%lld}",
		 (long long)cron->feed->first_ms, (long long)cron->feed->seen_ms);
	cron->dirty = true;
	return cron->host->keep(cron->self, "table", text);
}

/* --- readings --- */

static int watch_socket(struct cron *cron)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct feed *feed = cron->feed;
	int socket = PQsocket(feed->db.connection);

	/* a number may be another connection's by now, so it is always added anew */
	if (feed->socket >= 0)
		(void)epoll_ctl(cron->poll, EPOLL_CTL_DEL, feed->socket, NULL);
	feed->socket = socket;
	return epoll_ctl(cron->poll, EPOLL_CTL_ADD, socket, &event) == 0 ? 0 : -ENOMEM;
}

static int start(struct cron *cron, enum phase phase, char *sql, int n_values)
{
	struct feed *feed = cron->feed;
	struct database_read read = {.option = cron->config->table.query ? "query" : "table",
				     .value = feed->value,
				     .n_values = n_values,
				     .most = (size_t)cron->config->table.batch + 1};

	free(feed->sql);
	feed->sql = sql;
	read.sql = sql;
	if (!sql)
		return -ENOMEM;
	if (phase == PHASE_FOLLOWED)
		read.most = 100000;
	feed->phase = phase;
	return database_start(&feed->db, &read);
}

static int start_columns(struct cron *cron)
{
	struct draft draft;

	if (!draft_begin(&draft))
		return -ENOMEM;
	fputs("SELECT * FROM ", draft.out);
	feed_put_from(draft.out, &cron->config->table);
	fputs(" LIMIT 0", draft.out);
	return start(cron, PHASE_COLUMNS, draft_end(&draft, NULL), 0);
}

static int start_page(struct cron *cron)
{
	struct feed *feed = cron->feed;

	feed->value[0] = feed->from;
	feed->value[1] = feed->after;
	feed->value[2] = feed->after_id ? feed->after_id : "";
	return start(cron, PHASE_PAGES, feed_sql(&cron->config->table, feed->has, false), 3);
}

static int start_first_page(struct cron *cron)
{
	struct feed *feed = cron->feed;
	int64_t now = cron_wall_ms(), seen = feed->seen_ms < now ? feed->seen_ms : now;

	/* what was seen in the future was so before the clock was set back */
	instant_text(seen - cron->config->table.lookback, feed->from);
	snprintf(feed->after, sizeof(feed->after), "-infinity");
	free(feed->after_id);
	feed->after_id = NULL;
	return start_page(cron);
}

static int begin_reading(struct cron *cron)
{
	struct feed *feed = cron->feed;
	bool fresh = !feed->db.connection;
	int rc = database_keep(&feed->db);

	if (rc == 0)
		rc = watch_socket(cron);
	if (fresh)
		feed->known = false;
	feed->began_ms = database_now_ms();
	if (rc != 0)
		return rc;
	return feed->known ? start_first_page(cron) : start_columns(cron);
}

static int take_columns(struct cron *cron, const PGresult *rows)
{
	struct feed *feed = cron->feed;

	for (int i = 0; i < FEED_COLUMNS; i++) {
		const char *name = feed_column(&cron->config->table, (enum feed_column)i);
		char quoted[300];

		/* as it is written, upper and lower case */
		snprintf(quoted, sizeof(quoted), "\"%.250s\"", name);
		feed->has[i] = *name && PQfnumber(rows, quoted) >= 0;
		if (feed->has[i] || (i > FEED_STARTED && strcmp(name, feed_columns[i]) == 0) ||
		    (i > FEED_STARTED && !*name))
			continue;
		return database_error(
			&feed->db, -EINVAL,
			"table: there is no column '%.100s'; say under 'columns' which "
			"one is the %s",
			name, feed_columns[i]);
	}
	feed->known = true;
	return start_first_page(cron);
}

/* Behind the last row of this page. */
static int next_page(struct cron *cron, const PGresult *rows)
{
	struct feed *feed = cron->feed;
	int last = PQntuples(rows) - 1;

	snprintf(feed->after, sizeof(feed->after), "%s", PQgetvalue(rows, last, FEED_POSITION));
	free(feed->after_id);
	feed->after_id = strdup(PQgetvalue(rows, last, FEED_ID));
	return feed->after_id ? start_page(cron) : -ENOMEM;
}

static int start_followed(struct cron *cron, bool *more)
{
	struct feed *feed = cron->feed;
	size_t n;

	free(feed->followed);
	feed->followed = feed_followed(cron, &n);
	if (!feed->followed)
		return -ENOMEM;
	*more = n > 0;
	if (n == 0)
		return 0;
	feed->value[0] = feed->followed;
	return start(cron, PHASE_FOLLOWED, feed_sql(&cron->config->table, feed->has, true), 1);
}

/* -EINPROGRESS: there is more to read. */
static int take_rows(struct cron *cron, const PGresult *rows, int64_t now_ms)
{
	struct feed *feed = cron->feed;
	int64_t seen = feed->seen_ms;
	enum phase phase = feed->phase;
	bool more = true;
	int rc;

	if (phase == PHASE_COLUMNS) {
		rc = take_columns(cron, rows);
		return rc ? rc : -EINPROGRESS;
	}
	rc = feed_take(cron, rows, feed->first_ms, now_ms, &feed->seen_ms);
	if (rc == 0 && seen != feed->seen_ms)
		rc = keep(cron);
	if (rc != 0)
		return rc;
	if (phase == PHASE_FOLLOWED)
		return 0;
	if (PQntuples(rows) >= cron->config->table.batch)
		rc = next_page(cron, rows);
	else
		rc = start_followed(cron, &more);
	return rc || !more ? rc : -EINPROGRESS;
}

/* What can be read now, without waiting. */
static int go_on(struct cron *cron, int64_t now_ms)
{
	struct feed *feed = cron->feed;
	int rc = -EINPROGRESS;

	while (rc == -EINPROGRESS) {
		PGresult *rows = NULL;

		rc = database_take(&feed->db, &rows, NULL);
		if (rc == -EINPROGRESS)
			return rc;
		if (rc == 0)
			rc = take_rows(cron, rows, now_ms);
		PQclear(rows);
	}
	return rc;
}

static int64_t pause_after(const struct cron *cron, int64_t took_ms)
{
	return took_ms * 10 > cron->config->table.poll ? took_ms * 10 : cron->config->table.poll;
}

/* The reading is over, well or not. */
static int conclude(struct cron *cron, int rc, int64_t now_ms)
{
	struct feed *feed = cron->feed;
	int64_t now = database_now_ms();

	if (rc != 0) {
		database_complain(&feed->db);
		if (rc != -EAGAIN) {
			database_close(&feed->db);
			feed->socket = -1;
		}
	} else {
		feed->swept = true;
	}
	end_reading(feed);
	feed->due_ms = now + pause_after(cron, now - feed->began_ms);
	return unread_note(cron, rc ? feed->db.why : NULL, now_ms);
}

/* While nothing is read the server has nothing to say but that it ends. */
static void listen_idle(struct feed *feed)
{
	if (!feed->db.connection || PQconsumeInput(feed->db.connection))
		return;
	database_close(&feed->db);
	feed->socket = -1;
}

int feed_read(struct cron *cron, int64_t now_ms, int64_t *wait_ms)
{
	struct feed *feed = cron->feed;
	int rc, noted;

	*wait_ms = CRON_WAKE_MS;
	if (!feed)
		return 0;
	if (!feed->loaded && load(cron, now_ms) != 0)
		return -EAGAIN;
	if (feed->phase == PHASE_IDLE)
		listen_idle(feed);
	if (feed->phase == PHASE_IDLE && database_now_ms() < feed->due_ms) {
		*wait_ms = feed->due_ms - database_now_ms();
		return 0;
	}
	rc = feed->phase == PHASE_IDLE ? begin_reading(cron) : 0;
	if (rc == 0)
		rc = go_on(cron, now_ms);
	if (rc == -EINPROGRESS) {
		*wait_ms = database_left_ms(&feed->db);
		return 0;
	}
	if (rc == -ENOMEM && !feed->db.lost)
		return rc;
	noted = conclude(cron, rc, now_ms);
	*wait_ms = feed->due_ms - database_now_ms();
	if (noted != 0)
		return noted;
	/* a run that is once waits for no server */
	return cron->host->once(cron->self) ? rc : 0;
}
