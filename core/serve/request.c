/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

static const char *header(const struct call *call, const char *name)
{
	return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

static bool has_body(const struct call *call)
{
	const char *length = header(call, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return header(call, MHD_HTTP_HEADER_TRANSFER_ENCODING) ||
	       (length && strcmp(length, "0") != 0);
}

static bool is_json(const char *type)
{
	static const char wanted[] = "application/json";
	size_t length = sizeof(wanted) - 1;

	return type && strncasecmp(type, wanted, length) == 0 &&
	       (type[length] == '\0' || type[length] == ';' || type[length] == ' ');
}

static void check_type(struct call *call)
{
	const char *type = header(call, MHD_HTTP_HEADER_CONTENT_TYPE);

	if (strcmp(call->match.endpoint->method, "POST") != 0 || !has_body(call) || is_json(type))
		return;
	call_fail(call, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
		  "the body must be JSON; send the header Content-Type: application/json");
}

static void refuse_large(struct call *call)
{
	call_fail(call, MHD_HTTP_CONTENT_TOO_LARGE,
		  "the body is larger than 4 MiB; send fewer alerts at once");
}

/* A body that announces itself as too large. */
static void check_length(struct call *call)
{
	const char *length = header(call, MHD_HTTP_HEADER_CONTENT_LENGTH);
	unsigned long long bytes;
	char *end;

	if (!length)
		return;
	bytes = strtoull(length, &end,
			 10); /* the greatest there is for what is too long to count */
	if (*end == '\0' && bytes > CALL_BODY)
		refuse_large(call);
}

/* Below a name there is a verb at most: a slash more stands in the name, as it must not. */
static const char *hint(const char *path)
{
	static const char *const kinds[] = {"/api/v1/heartbeats/", "/api/v1/jobs/",
					    "/api/v1/checks/"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i]);

		if (strncmp(path, kinds[i], length) == 0 && strchr(path + length, '/'))
			return "; in a name a '/' is written %2F";
	}
	return "";
}

/* What can be refused by the headers alone. */
static void check_headers(struct call *call, const char *method, const char *path)
{
	if (header(call, "Origin")) {
		/* Nothing that runs in a web browser has business here, however it got here. */
		call_fail(call, MHD_HTTP_FORBIDDEN, "requests from web pages are not accepted");
	} else if (call->match.endpoint) {
		check_type(call);
		if (!call->status)
			check_length(call);
	} else if (call->match.allow[0]) {
		call_fail(call, MHD_HTTP_METHOD_NOT_ALLOWED,
			  "%.16s is not possible here, only %s%s", method, call->match.allow,
			  hint(path));
	} else {
		call_fail(call, MHD_HTTP_NOT_FOUND, "there is no %.200s%s", path, hint(path));
	}
}

static enum MHD_Result send_answer(struct call *call)
{
	static char memory[] = "{\"error\":\"out of memory\"}";
	bool own = call->text != NULL;
	struct MHD_Response *response = MHD_create_response_from_buffer(
		own ? strlen(call->text) : sizeof(memory) - 1, own ? call->text : memory,
		own ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	call->text = NULL;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (call->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, call->match.allow);
	if (call->status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, CALL_RETRY_AFTER);
	result = MHD_queue_response(call->connection, call->status, response);
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result request_begin(struct call *call, const char *method, const char *path)
{
	call->deadline_ms = clock_boot_ms() + CALL_DEADLINE_MS;
	check_headers(call, method, path);
	/* A refusal waits until the body has been read, or the client would see a broken pipe
	 * instead of the answer; unless the client itself waits for our word. */
	if (call->status && header(call, MHD_HTTP_HEADER_EXPECT))
		return send_answer(call);
	return MHD_YES;
}

static enum MHD_Result take_body(struct call *call, const char *upload, size_t *upload_size)
{
	call->received += *upload_size;
	if (call->received > CALL_DRAIN || clock_boot_ms() > call->deadline_ms)
		return MHD_NO;
	if (!call->status && call->received > CALL_BODY)
		refuse_large(call);
	if (call->status)
		buffer_done(&call->body);
	else
		buffer_add(&call->body, upload, *upload_size);
	*upload_size = 0;
	return MHD_YES;
}

static void finish(struct call *call)
{
	const struct endpoint *endpoint = call->match.endpoint;

	if (call->result == 0 || (call->result == -ENOSPC && endpoint->unstored))
		endpoint->finish(call);
	else
		call_fail_store(call, call->result);
}

enum MHD_Result request_continue(struct call *call, const char *upload, size_t *upload_size)
{
	if (*upload_size > 0)
		return take_body(call, upload, upload_size);
	if (call->state == CALL_READING) {
		if (!call->status)
			call->match.endpoint->begin(call);
		if (call->state == CALL_SUSPENDED)
			return MHD_YES;
	} else if (!call->status) {
		finish(call);
	}
	return send_answer(call);
}
