/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for a reload wait for the main thread. All that wait get the same answer. */
#include "serve/state.h"

#include "serve/api_json.h"

void api_reload(struct call *call)
{
	struct server *server = call->server;
	bool open;

	if (!server->options.reload) {
		call_fail(call, MHD_HTTP_NOT_IMPLEMENTED, "this program cannot reload");
		return;
	}
	call_audit(call, "reload");
	pthread_mutex_lock(&server->lock);
	open = server_enter_locked(call);
	if (open) {
		call->next = server->reload_asked;
		server->reload_asked = call;
	}
	pthread_mutex_unlock(&server->lock);
	if (open)
		server->options.reload(server->options.data);
	else
		call_fail(call, MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon is stopping");
}

void server_reload_begin(struct server *server)
{
	struct call **tail;

	if (!server)
		return;
	pthread_mutex_lock(&server->lock);
	for (tail = &server->reload_under_way; *tail;)
		tail = &(*tail)->next;
	*tail = server->reload_asked;
	server->reload_asked = NULL;
	pthread_mutex_unlock(&server->lock);
}

/* NULL when memory is short. */
static json_t *refusal(const struct problems *problems, const char *sentence)
{
	json_t *list = json_array();

	for (size_t i = 0; list && problems && i < problems->n; i++) {
		if (json_array_append_new(list, api_json_text(problems->text[i])) < 0) {
			json_decref(list);
			list = NULL;
		}
	}
	if (!sentence)
		sentence = "the configuration is not valid; the old one stays in force";
	return json_pack("{so so}", "error", api_json_text(sentence), "problems", list);
}

static struct call *take_under_way(struct server *server)
{
	struct call *call;

	pthread_mutex_lock(&server->lock);
	call = server->reload_under_way;
	server->reload_under_way = NULL;
	pthread_mutex_unlock(&server->lock);
	return call;
}

void server_reload_end(struct server *server, int result, const struct problems *problems,
		       const char *sentence)
{
	struct call *call = server ? take_under_way(server) : NULL;

	while (call) {
		struct call *next = call->next;

		if (result == 0)
			call_answer(call, MHD_HTTP_OK, json_pack("{sb}", "reloaded", 1));
		else
			call_answer(call, MHD_HTTP_UNPROCESSABLE_CONTENT,
				    refusal(problems, sentence));
		call_resume(call, 0);
		call = next;
	}
}

void reload_refuse(struct server *server)
{
	struct call *call;

	server_reload_begin(server);
	call = take_under_way(server);
	while (call) {
		struct call *next = call->next;

		call_fail(call, MHD_HTTP_SERVICE_UNAVAILABLE, "the daemon is stopping");
		call_resume(call, 0);
		call = next;
	}
}
