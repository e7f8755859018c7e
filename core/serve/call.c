/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/json.h"
#include "serve/api_json.h"

void call_answer_text(struct call *call, unsigned int status, char *text)
{
	if (call->text != text)
		free(call->text);
	call->text = text;
	call->status = text ? status : MHD_HTTP_SERVICE_UNAVAILABLE;
}

void call_fail_memory(struct call *call)
{
	call_answer_text(call, MHD_HTTP_SERVICE_UNAVAILABLE, NULL);
}

void call_answer(struct call *call, unsigned int status, json_t *answer)
{
	char *text = json_write(answer, JSON_COMPACT);

	json_decref(answer);
	call_answer_text(call, status, text);
}

void call_fail(struct call *call, unsigned int status, const char *format, ...)
{
	struct error sentence;
	va_list args;

	va_start(args, format);
	vsnprintf(sentence.text, sizeof(sentence.text), format, args);
	va_end(args);
	call_answer(call, status, json_pack("{so}", "error", api_json_text(sentence.text)));
}

void call_fail_store(struct call *call, int result)
{
	switch (result) {
	case -ENOSPC:
		call_fail(call, MHD_HTTP_SERVICE_UNAVAILABLE,
			  "the store has no room now; try again later");
		return;
	case -ENOMEM:
		call_fail_memory(call);
		return;
	case -EAGAIN:
		call_fail(call, MHD_HTTP_SERVICE_UNAVAILABLE, "too busy now; try again later");
		return;
	case -EIO:
	case -ESHUTDOWN:
		call_fail(call, MHD_HTTP_SERVICE_UNAVAILABLE,
			  "the store is not available; the daemon is stopping");
		return;
	case -ENOENT:
		call_fail(call, MHD_HTTP_NOT_FOUND, "there is no such delivery");
		return;
	default:
		call_fail(call, MHD_HTTP_INTERNAL_SERVER_ERROR, "the store refused: %s",
			  strerror(-result));
	}
}

json_t *call_json(struct call *call)
{
	struct error err;
	json_t *root = NULL;
	int result = -ENOMEM;

	if (!call->body.failed)
		result = api_json_read(buffer_text(&call->body), call->body.length, &root, &err);
	if (result == -ENOMEM)
		call_fail_memory(call);
	else if (result < 0)
		call_fail(call, MHD_HTTP_BAD_REQUEST, "%s", err.text);
	return root;
}

struct query_walk {
	struct tocsin_query *query;
	enum api_list list;
	int result;
	struct error err;
};

static enum MHD_Result add_parameter(void *data, enum MHD_ValueKind kind, const char *name,
				     const char *value)
{
	struct query_walk *walk = data;

	(void)kind;
	walk->result = api_query_add(walk->query, walk->list, name, value, &walk->err);
	return walk->result == 0 ? MHD_YES : MHD_NO;
}

bool call_query(struct call *call, enum api_list list)
{
	struct query_walk walk = {.query = &call->query, .list = list};

	call->query.limit = API_LIMIT;
	MHD_get_connection_values(call->connection, MHD_GET_ARGUMENT_KIND, add_parameter, &walk);
	if (walk.result < 0)
		call_fail(call, MHD_HTTP_BAD_REQUEST, "%s", walk.err.text);
	return walk.result == 0;
}

int call_reset_rows(struct call *call)
{
	json_decref(call->rows);
	call->rows = json_array();
	call->rows_bytes = 0;
	call->rows_cut = false;
	call->count = 0;
	return call->rows ? 0 : -ENOMEM;
}

int call_add_row(struct call *call, json_t *row, size_t bytes)
{
	if (call->rows_bytes > CALL_ROWS_BYTES) {
		call->rows_cut = true;
		json_decref(row);
		return 0;
	}
	call->rows_bytes += bytes;
	return json_array_append_new(call->rows, row) < 0 ? -ENOMEM : 0;
}

json_t *call_next(const struct call *call, const char *number)
{
	size_t n = json_array_size(call->rows);

	if (n == 0 || (!call->rows_cut && (int64_t)n < call->query.limit))
		return json_null();
	return json_incref(json_object_get(json_array_get(call->rows, n - 1), number));
}

bool call_suspend(struct call *call)
{
	if (server_enter(call))
		return true;
	call_fail(call, MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon is stopping");
	return false;
}

void call_resume(struct call *call, int result)
{
	struct server *server = call->server;

	call->result = result;
	MHD_resume_connection(call->connection);
	server_leave(server);
}

struct call *call_of(struct store_request *request)
{
	return (struct call *)(void *)((char *)request - offsetof(struct call, request));
}

static void store_done(struct store_request *request, int result)
{
	call_resume(call_of(request), result);
}

void call_store(struct call *call, int (*apply)(struct store_request *, const struct transaction *))
{
	call->request.apply = apply;
	call->request.done = store_done;
	if (call_suspend(call))
		store_submit(engine_store(call->options->engine), &call->request);
}

void call_audit(struct call *call, const char *what)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer = {.pid = -1, .uid = (uid_t)-1};
	socklen_t length = sizeof(peer);

	if (info)
		getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
	log_write(call->options->log, TOCSIN_LOG_INFO, "api", "%s, asked by user %d (process %d)",
		  what, (int)peer.uid, (int)peer.pid);
}
