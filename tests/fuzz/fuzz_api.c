/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to the API, with libmicrohttpd and the engine played here: each gets exactly one
 * answer, which is JSON, and a refusal says why.
 *
 * The input: the method and the path; then texts that begin with what they are: hNAME=VALUE
 * header, ?NAME=VALUE or ?NAME parameter, bTEXT a piece of the body, eNUMBER how the store
 * answers (a negative errno).
 */
#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/state.h"

#define TEXTS 64

struct MHD_Connection {
	char *text[TEXTS];
	size_t n;
	int store_result;
	bool suspended;
	unsigned int status; /* of the answer; 0: none yet */
	char *answer;
};

struct MHD_Response {
	char *text;
	size_t length;
};

/* What the server told libmicrohttpd. */
static struct MHD_Daemon {
	MHD_AccessHandlerCallback handle;
	void *handle_data;
	MHD_RequestCompletedCallback ended;
	void *ended_data;
	size_t (*unescape)(void *data, struct MHD_Connection *connection, char *text);
	int listening;
} http;

struct MHD_Daemon *MHD_start_daemon(unsigned int flags, uint16_t port, MHD_AcceptPolicyCallback apc,
				    void *apc_data, MHD_AccessHandlerCallback handle,
				    void *handle_data, ...)
{
	va_list arguments;
	int option;

	assert(flags && port == 0 && !apc && !apc_data);
	http.handle = handle;
	http.handle_data = handle_data;
	va_start(arguments, handle_data);
	while ((option = va_arg(arguments, int)) != MHD_OPTION_END) {
		if (option == MHD_OPTION_NOTIFY_COMPLETED) {
			http.ended = va_arg(arguments, MHD_RequestCompletedCallback);
			http.ended_data = va_arg(arguments, void *);
		} else if (option == MHD_OPTION_UNESCAPE_CALLBACK) {
			http.unescape = va_arg(arguments,
					       size_t(*)(void *, struct MHD_Connection *, char *));
			(void)va_arg(arguments, void *);
		} else if (option == MHD_OPTION_EXTERNAL_LOGGER) {
			(void)va_arg(arguments, void *);
			(void)va_arg(arguments, void *);
		} else if (option == MHD_OPTION_CONNECTION_MEMORY_LIMIT) {
			(void)va_arg(arguments, size_t);
		} else {
			http.listening = va_arg(arguments, int);
		}
	}
	va_end(arguments);
	return &http;
}

const char *MHD_lookup_connection_value(struct MHD_Connection *connection, enum MHD_ValueKind kind,
					const char *name)
{
	size_t length = strlen(name);

	assert(kind == MHD_HEADER_KIND);
	for (size_t i = 0; i < connection->n; i++) {
		const char *text = connection->text[i];

		if (text[0] == 'h' && strncasecmp(text + 1, name, length) == 0 &&
		    text[1 + length] == '=')
			return text + 2 + length;
	}
	return NULL;
}

int MHD_get_connection_values(struct MHD_Connection *connection, enum MHD_ValueKind kind,
			      MHD_KeyValueIterator each, void *data)
{
	int n = 0;

	assert(kind == MHD_GET_ARGUMENT_KIND);
	for (size_t i = 0; i < connection->n; i++) {
		char *text = connection->text[i], *value, name[256];
		enum MHD_Result more;

		if (text[0] != '?')
			continue;
		value = strchr(text + 1, '=');
		snprintf(name, sizeof(name), "%.*s", value ? (int)(value - text - 1) : 255,
			 text + 1);
		more = each(data, kind, name, value ? value + 1 : NULL);
		n++;
		if (more == MHD_NO)
			break;
	}
	return n;
}

const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *connection,
							enum MHD_ConnectionInfoType type, ...)
{
	(void)connection;
	(void)type;
	return NULL;
}

struct MHD_Response *MHD_create_response_from_buffer(size_t size, void *text,
						     enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response = calloc(1, sizeof(*response));

	assert(response);
	*response = (struct MHD_Response){strndup(text, size), size};
	if (mode == MHD_RESPMEM_MUST_FREE)
		free(text);
	return response;
}

enum MHD_Result MHD_add_response_header(struct MHD_Response *response, const char *name,
					const char *value)
{
	assert(response && *name && *value && !strpbrk(name, "\r\n:") && !strpbrk(value, "\r\n"));
	return MHD_YES;
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned int status,
				   struct MHD_Response *response)
{
	assert(connection->status == 0 && !connection->suspended);
	connection->status = status;
	connection->answer = strdup(response->text);
	assert(connection->answer && strlen(connection->answer) == response->length);
	return MHD_YES;
}

void MHD_destroy_response(struct MHD_Response *response)
{
	free(response->text);
	free(response);
}

void MHD_suspend_connection(struct MHD_Connection *connection)
{
	assert(!connection->suspended && connection->status == 0);
	connection->suspended = true;
}

void MHD_resume_connection(struct MHD_Connection *connection)
{
	assert(connection->suspended);
	connection->suspended = false;
}

/* A store with one row of everything, and damage in it. */

static const char body[] = "{\"labels\":{\"a\":\"b\"},\"severity\":\"info\",\"annotations\":{}}";

static int deliveries(void *state, const struct tocsin_query *query, tocsin_delivery_fn *fn,
		      void *data)
{
	struct tocsin_stored_delivery row = {
		.id = 7,
		.alert = 3,
		.alert_id = "0123456789abcdef0123456789abcdef",
		.source = "api",
		.channel = "mail",
		.recipient = "\xff\xc3",
		.route = "all",
		.key = "k",
		.state = TOCSIN_STATE_DEAD,
		.attempt = 3,
		.created_ms = 1,
		.due_ms = TOCSIN_PARKED,
		.reason = "550 \x1b[31m",
		.body = body,
	};
	int result;

	(void)state;
	assert(query->limit > 0 && query->limit <= API_LIMIT_MOST);
	result = fn(&row, data);
	row.body = "no JSON";
	row.state = (enum tocsin_state)99;
	return result == 0 && query->limit > 1 ? fn(&row, data) : result;
}

static int attempts(void *state, int64_t delivery, tocsin_attempt_fn *fn, void *data)
{
	const struct tocsin_attempt row = {.delivery = delivery,
					   .number = 1,
					   .started_ms = 5,
					   .ended_ms = 6,
					   .detail = "\xfe"};

	(void)state;
	assert(delivery > 0);
	return fn(&row, data);
}

static int alerts(void *state, const struct tocsin_query *query, tocsin_alert_fn *fn, void *data)
{
	const struct tocsin_stored_alert row = {.number = 3,
						.id = "0",
						.source = "api",
						.fingerprint = "f",
						.body = body,
						.severity = TOCSIN_INFO,
						.received_ms = INT64_MAX};

	(void)state;
	assert(query->limit > 0 && query->limit <= API_LIMIT_MOST);
	return fn(&row, data);
}

static int replay(void *state, const struct tocsin_query *query, int64_t now_ms, int64_t *n)
{
	(void)state;
	assert(now_ms > 0 && (query->id > 0) + (query->channel != NULL) <= 1);
	*n = query->id == 7;
	return 0;
}

static int drop(void *state, const struct tocsin_query *query, const char *reason, int64_t now_ms,
		int64_t *n)
{
	assert(*reason);
	return replay(state, query, now_ms, n);
}

static int counters(void *state, struct tocsin_counters *found)
{
	(void)state;
	*found = (struct tocsin_counters){.accepted = 1};
	return 0;
}

static const struct tocsin_store_ops operations = {
	.size = sizeof(operations),
	.deliveries = deliveries,
	.attempts = attempts,
	.alerts = alerts,
	.replay = replay,
	.drop = drop,
	.counters = counters,
};

/* The connection that is being served, and an engine for it. */
static struct MHD_Connection *served;

void store_submit(struct store *store, struct store_request *request)
{
	const struct transaction transaction = {.ops = &operations};
	int result = served->store_result;

	(void)store;
	if (result == 0)
		result = request->apply(request, &transaction);
	request->done(request, result);
}

bool store_is_full(struct store *store)
{
	(void)store;
	return served->store_result != 0;
}

size_t store_backlog(struct store *store)
{
	(void)store;
	return 0;
}

int64_t store_now_ms(const struct store *store)
{
	(void)store;
	return INT64_C(1700000000000);
}

int64_t store_to_wall_ms(const struct store *store, int64_t ms)
{
	(void)store;
	return ms;
}

int64_t store_from_wall_ms(const struct store *store, int64_t wall_ms)
{
	(void)store;
	return wall_ms;
}

struct store *engine_store(struct engine *engine)
{
	(void)engine;
	return NULL;
}

json_t *engine_status(struct engine *engine)
{
	(void)engine;
	return json_pack("{s[] s[]}", "channels", "sources");
}

bool engine_has_channel(struct engine *engine, const char *name)
{
	(void)engine;
	return strcmp(name, "mail") == 0;
}

void engine_look_again(struct engine *engine)
{
	(void)engine;
}

void engine_wake_sources(struct engine *engine, bool tell)
{
	(void)engine, (void)tell;
}

int engine_parse_alert(struct engine *engine, const json_t *object, const char *source,
		       struct alert **alert, struct error *err)
{
	(void)engine;
	return alert_from_client(object, source, 1700000000000, NULL, alert, err);
}

void engine_accept(struct engine *engine, struct alert **list, size_t n, const char *channel,
		   engine_accepted_fn *done, void *data)
{
	(void)engine;
	assert(n > 0 && (!channel || strcmp(channel, "mail") == 0));
	for (size_t i = 0; i < n; i++)
		alert_free(list[i]);
	done(served->store_result, data);
}

/* A source that has nothing to say, or with eNUMBER does not want to. */
void engine_call(struct engine *engine, const struct engine_call *call, engine_called_fn *done,
		 void *data)
{
	json_t *said = call->body ? json_loads(call->body, JSON_REJECT_DUPLICATES, NULL) : NULL;

	(void)engine;
	assert(call->kind >= TOCSIN_HEARTBEATS && call->kind <= TOCSIN_CHECKS);
	assert(*call->verb && (!call->item || *call->item));
	assert(!call->body || json_is_object(said));
	json_decref(said);
	if (served->store_result != 0)
		done(409, strdup("\xff no"), data);
	else
		done(200, strdup("{}"), data);
}

void engine_refuse_calls(struct engine *engine)
{
	(void)engine;
}

const char *engine_items_name(enum tocsin_items kind)
{
	(void)kind;
	return "jobs";
}

static struct server *server;

static void reload(void *data)
{
	(void)data;
	server_reload_begin(server);
	server_reload_end(server, served->store_result, NULL, served->store_result ? "no" : NULL);
}

static void start(void)
{
	char path[96];
	struct error err;
	const struct server_options options = {.socket = path, .mode = 0600, .reload = reload};

	snprintf(path, sizeof(path), "%s/socket", fuzz_directory());
	assert(server_start(&options, &server, &err) == 0);
}

/* As libmicrohttpd does: once for the headers, for each piece of the body, and for the end. */
static void serve(struct MHD_Connection *connection, const char *method, char *path)
{
	enum MHD_Result result;
	void *context = NULL;
	size_t left = 0;

	served = connection;
	(void)http.unescape(NULL, connection, path);
	result = http.handle(http.handle_data, connection, path, method, "HTTP/1.1", NULL, &left,
			     &context);
	for (size_t i = 0; i < connection->n && result == MHD_YES && !connection->status; i++) {
		if (connection->text[i][0] != 'b' || !connection->text[i][1])
			continue;
		left = strlen(connection->text[i] + 1);
		result = http.handle(http.handle_data, connection, path, method, "HTTP/1.1",
				     connection->text[i] + 1, &left, &context);
		assert(result == MHD_NO || left == 0);
	}
	/* The end of the body, and again after the resumption. */
	for (int i = 0; i < 2 && result == MHD_YES && !connection->status; i++) {
		assert(!connection->suspended);
		left = 0;
		result = http.handle(http.handle_data, connection, path, method, "HTTP/1.1", NULL,
				     &left, &context);
	}
	assert(result == MHD_YES && connection->status != 0);
	http.ended(http.ended_data, connection, &context, MHD_REQUEST_TERMINATED_COMPLETED_OK);
	assert(!context);
}

static void check_answer(const struct MHD_Connection *connection)
{
	json_t *answer = json_loads(connection->answer, JSON_REJECT_DUPLICATES, NULL);
	const char *why = json_string_value(json_object_get(answer, "error"));

	assert(json_is_object(answer));
	assert(connection->status >= 200 && connection->status < 600);
	assert((connection->status >= 400) == (why && *why));
	/* Nobody outside makes the daemon fail. */
	assert(connection->status != 500 || connection->store_result != 0);
	json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *method = fuzz_text(&input), *path = fuzz_text(&input);
	struct MHD_Connection connection = {.n = 0};

	if (!server)
		start();
	while (connection.n < TEXTS && (connection.text[connection.n] = fuzz_text(&input)))
		connection.n++;
	for (size_t i = 0; i < connection.n; i++)
		if (connection.text[i][0] == 'e')
			connection.store_result = -(abs(atoi(connection.text[i] + 1)) % 130);
	if (method && path) {
		serve(&connection, method, path);
		check_answer(&connection);
	}
	for (size_t i = 0; i < connection.n; i++)
		free(connection.text[i]);
	free(connection.answer);
	free(method);
	free(path);
	return 0;
}
