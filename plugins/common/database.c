/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting, statements, errors. Readings are in database_read.c. */
#include "database.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define COMPLAINT_MS 60000

int64_t database_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t database_backoff_ms(int attempt, uint32_t random)
{
	int64_t most = attempt >= 6 ? 30000 : INT64_C(1000) << (attempt > 1 ? attempt - 1 : 0);

	return most / 2 + random % (most / 2 + 1);
}

int database_error(struct database *db, int error, const char *format, ...)
{
	va_list args;
	char *c = db->why;

	va_start(args, format);
	vsnprintf(db->why, sizeof(db->why), format, args);
	va_end(args);
	/* libpq ends its sentences with a line break and puts one into long ones. */
	for (size_t i = 0; db->why[i]; i++) {
		bool blank = db->why[i] == '\n' || db->why[i] == '\t' || db->why[i] == ' ';

		if (!blank)
			*c++ = db->why[i];
		else if (c > db->why && c[-1] != ' ')
			*c++ = ' ';
	}
	while (c > db->why && c[-1] == ' ')
		c--;
	*c = '\0';
	/* It may become part of an alert, and servers quote what they were sent. */
	if (db->host && db->host->mask)
		db->host->mask(db->self, db->why);
	return error;
}

/* libpq says what happened in the first line of what it says of a connection, and guesses behind. */
int database_lost(struct database *db, const char *why)
{
	db->lost = true;
	return database_error(db, -ENOTCONN, "connection to the database lost: %.*s",
			      (int)strcspn(why, "\n"), why);
}

void database_complain(struct database *db)
{
	int64_t now = database_now_ms();

	if (strcmp(db->why, db->complaint) == 0 && now - db->complaint_ms < COMPLAINT_MS)
		return;
	db->complaint_ms = now;
	snprintf(db->complaint, sizeof(db->complaint), "%s", db->why);
	db->host->log(db->self, TOCSIN_LOG_ERROR, "%s", db->why);
}

static bool in_class(const char *state, const char *const *classes)
{
	for (; *classes; classes++)
		if (strncmp(state, *classes, strlen(*classes)) == 0)
			return true;
	return false;
}

int database_errno(const char *state)
{
	/* 57P01..57P05: shutdown, crash, starting up, database dropped, idle session ended. */
	static const char *const gone[] = {"08", "57P0", "25P03", "28", NULL};
	/* 54000: a value too long for an index. */
	static const char *const row[] = {"22", "23", "44", "54000", "P0", NULL};
	static const char *const ours[] = {"0A", "21", "25", "2B", "2F", "38",
					   "39", "3D", "3F", "42", NULL};

	if (!state || !*state || in_class(state, gone))
		return -ENOTCONN;
	if (in_class(state, row))
		return -EDOM;
	return in_class(state, ours) ? -EINVAL : -EAGAIN;
}

static const char *find_advice(const struct database_advice *list, const char *state)
{
	for (; list && list->state; list++)
		if (strcmp(state, list->state) == 0)
			return list->advice;
	return NULL;
}

const char *database_advice(const struct database *db, const char *state)
{
	static const struct database_advice general[] = {
		{"22001", "make that column longer"},
		{"22P05", "only a database in UTF8 takes every text"},
		{"42501", "grant the role that right"},
		{"42P01", "name a table that exists, with its schema"},
		{"42703", "name a column that exists; upper and lower case matter"},
		{"42601", "correct the SQL of this option"},
		{"42P18", "give the parameter a type, for instance $1::uuid"},
		{"42P08", "give the parameter a type, for instance $1::uuid"},
		{"57014", "make the query faster, for instance by an index, or raise its time "
			  "limit"},
		{"25006", "this option must only read"},
		{"53300", "raise max_connections or close other connections"},
		{NULL, NULL},
	};
	const char *advice = NULL;

	if (state)
		advice = find_advice(db->settings.advice, state);
	if (state && !advice)
		advice = find_advice(general, state);
	if (advice)
		return advice;
	return database_errno(state) == -EAGAIN ? "it will be tried again" : "correct this option";
}

int database_explain(struct database *db, const char *option, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	int error = database_errno(state);

	if (!message)
		message = PQresultErrorMessage(result);
	if (PQstatus(db->connection) == CONNECTION_BAD || error == -ENOTCONN)
		return database_lost(db, message);
	if (!option)
		return database_error(db, error, "%s (SQLSTATE %s); %s", message, state,
				      database_advice(db, state));
	return database_error(db, error, "option '%s': %s (SQLSTATE %s); %s", option, message,
			      state, database_advice(db, state));
}

bool database_failed(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
	       status != PGRES_SINGLE_TUPLE;
}

/* Waits until the server has said something, but never for ever. */
static int await_server(struct database *db, int64_t deadline_ms)
{
	struct pollfd fd = {.fd = PQsocket(db->connection), .events = POLLIN};
	int64_t left = deadline_ms - database_now_ms();

	if (left <= 0)
		return database_lost(db, "the server does not answer");
	if (poll(&fd, 1, (int)left) > 0 && !PQconsumeInput(db->connection))
		return database_lost(db, PQerrorMessage(db->connection));
	return 0;
}

int database_query(struct database *db, const char *option, const char *sql, int n,
		   const char *const *value, PGresult **result)
{
	int64_t deadline = database_now_ms() + db->settings.timeout_ms + DATABASE_GRACE_MS;
	PGresult *last = NULL, *next = NULL;
	int rc = 0;

	if (!sql)
		return database_error(db, -ENOMEM, "out of memory");
	if (db->lost)
		return database_error(db, -ENOTCONN, "connection to the database lost");
	if (!PQsendQueryParams(db->connection, sql, n, NULL, value, NULL, NULL, 0))
		return database_lost(db, PQerrorMessage(db->connection));
	do {
		while (!rc && PQisBusy(db->connection))
			rc = await_server(db, deadline);
		next = rc ? NULL : PQgetResult(db->connection);
		if (next) {
			PQclear(last);
			last = next;
		}
	} while (next);
	if (!rc && database_failed(last))
		rc = database_explain(db, option, last);
	if (!rc && result)
		*result = last;
	else
		PQclear(last);
	return rc;
}

int database_command(struct database *db, const char *sql)
{
	return database_query(db, NULL, sql, 0, NULL, NULL);
}

void database_rollback(struct database *db)
{
	char why[sizeof(db->why)];

	if (db->lost || !db->connection || PQtransactionStatus(db->connection) == PQTRANS_IDLE)
		return;
	/* The sentence of the error that brought us here is the one to keep. */
	memcpy(why, db->why, sizeof(why));
	database_command(db, "ROLLBACK");
	memcpy(db->why, why, sizeof(why));
}

/* Numbers with commas between them; one of them, or all, may be missing. */
static bool are_ports(const char *text)
{
	return text[strspn(text, "0123456789, ")] == '\0';
}

/* Each a path, a socket without one (it begins with @), or a name or an address, which have neither sign. */
static bool are_hosts(const char *text)
{
	for (;; text++) {
		size_t length = strcspn(text, ",");

		if (length > 0 && *text != '/' && strcspn(text + 1, "@/") < length - 1)
			return false;
		text += length;
		if (*text == '\0')
			return true;
	}
}

static bool is_place(const PQconninfoOption *option)
{
	bool place = true;

	for (; option->keyword; option++) {
		if (option->val && strcmp(option->keyword, "host") == 0)
			place &= are_hosts(option->val);
		if (option->val && strcmp(option->keyword, "port") == 0)
			place &= are_ports(option->val);
	}
	return place;
}

/* In a URI the first @ or / ends the password for libpq: is there an @ behind it, which belongs to none of
 * host, port and database, then what stands before that is a part of the password, too. */
static bool is_torn(const char *connection)
{
	const char *uri = strstr(connection, "://"), *end, *at;

	if (!uri)
		return false;
	uri += strlen("://");
	end = uri + strcspn(uri, "@/");
	if (*end == '@')
		end++;
	at = end + strcspn(end, "@?");
	return *at == '@';
}

const char *database_check(const char *connection)
{
	bool string = strchr(connection, '=') || strstr(connection, "://");
	char *error = NULL;
	PQconninfoOption *parsed = string ? PQconninfoParse(connection, &error) : NULL;
	bool bad = string && !parsed;
	bool torn = parsed && (!is_place(parsed) ||
			       (strncmp(connection, "postgres", 8) == 0 && is_torn(connection)));

	/* libpq's own sentence may quote a piece of the password. */
	PQconninfoFree(parsed);
	PQfreemem(error);
	if (torn)
		return "'connection' names no host and port: when user or password of a URI have signs "
		       "of their own, write %40 for @, %2F for /, %3A for :, %3F for ?, %23 for # and "
		       "%25 for %, or use the option 'password'";
	return bad ? "'connection' is no connection string of libpq: write key=value pairs with "
		     "blanks between them and values with blanks in single quotes, or a "
		     "postgresql:// URI"
		   : NULL;
}

void database_init(struct database *db, struct tocsin_self *self, const struct tocsin_host *host,
		   const struct database_settings *settings)
{
	memset(db, 0, sizeof(*db));
	db->self = self;
	db->host = host;
	db->settings = *settings;
}

static void on_notice(void *data, const char *message)
{
	struct database *db = data;

	db->host->log(db->self, TOCSIN_LOG_DEBUG, "%s", message);
}

static PGconn *connect_with_options(const struct database_settings *settings)
{
	/* What stands before dbname can be changed by the connection string, the rest not. */
	const char *keyword[] = {"application_name", "connect_timeout",
				 "keepalives_idle",  "keepalives_interval",
				 "keepalives_count", "tcp_user_timeout",
				 "dbname",           "client_encoding",
				 "password",         NULL};
	const char *value[] = {
		"tocsin",           "10", "10", "5", "3", "10000", settings->connection, "UTF8",
		settings->password, NULL};

	if (!settings->password || !*settings->password)
		keyword[8] = NULL;
	return PQconnectdbParams(keyword, value, 1);
}

int database_open(struct database *db)
{
	int rc = 0;

	db->lost = false;
	db->connection = connect_with_options(&db->settings);
	if (!db->connection)
		return database_error(db, -ENOMEM, "out of memory");
	PQsetNoticeProcessor(db->connection, on_notice, db);
	if (PQstatus(db->connection) != CONNECTION_OK) {
		const char *why = PQerrorMessage(db->connection);

		rc = database_error(db, -ENOTCONN, "cannot connect to the database: %.*s",
				    (int)strcspn(why, "\n"), why);
		database_close(db);
	}
	return rc;
}

void database_close(struct database *db)
{
	PQclear(db->reading.rows);
	memset(&db->reading, 0, sizeof(db->reading));
	PQfinish(db->connection);
	db->connection = NULL;
	db->lost = false;
}

int database_keep(struct database *db)
{
	uint32_t random;
	int rc;

	if (db->connection && !db->lost)
		return 0;
	database_close(db);
	if (db->failures > 0 && database_now_ms() < db->retry_ms)
		return -EAGAIN;
	rc = database_open(db);
	if (!rc) {
		db->failures = 0;
		return 0;
	}
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (uint32_t)database_now_ms();
	db->retry_ms = database_now_ms() + database_backoff_ms(++db->failures, random);
	return rc;
}
