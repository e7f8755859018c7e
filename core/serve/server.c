/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "serve/listen.h"
#include "serve/request.h"
#include "serve/state.h"

#define CONNECTIONS 256
#define IDLE_SECONDS 15
#define CONNECTION_MEMORY (64 * 1024) /* headers and the read buffer of one connection */
#define STARVED "Hit process or system resource limit" /* how libmicrohttpd begins to say so */
#define STARVED_EVERY_MS (60 * 1000)
#define FAREWELL_MS 2000 /* for answers to reach slow clients when stopping */

static const struct endpoint endpoints[] = {
	{"POST", "/api/v1/alerts", api_alerts_post, api_alerts_posted, false, 0},
	{"GET", "/api/v1/alerts", api_alerts_list, api_alerts_listed, false, 0},
	{"GET", "/api/v1/deliveries", api_deliveries_list, api_deliveries_listed, false, 0},
	{"GET", "/api/v1/deliveries/*", api_delivery_show, api_delivery_shown, false, 0},
	{"POST", "/api/v1/dead/replay", api_dead_replay, api_dead_replayed, false, 0},
	{"POST", "/api/v1/dead/drop", api_dead_drop, api_dead_dropped, false, 0},
	{"POST", "/api/v1/channels/*/test", api_channel_test, api_alerts_posted, false, 0},
	{"POST", "/api/v1/reload", api_reload, NULL, false, 0},
	{"GET", "/api/v1/status", api_status, api_status_counted, true, 0},
	{"GET", "/api/v1/health", api_health, NULL, false, 0},
	{"GET", "/api/v1/heartbeats", api_items_list, api_items_answered, false, TOCSIN_HEARTBEATS},
	{"GET", "/api/v1/heartbeats/*", api_item_show, api_items_answered, false,
	 TOCSIN_HEARTBEATS},
	{"POST", "/api/v1/heartbeats/*/*", api_item_call, api_item_called, false,
	 TOCSIN_HEARTBEATS},
	{"GET", "/api/v1/jobs", api_items_list, api_items_answered, false, TOCSIN_JOBS},
	{"GET", "/api/v1/jobs/*", api_item_show, api_items_answered, false, TOCSIN_JOBS},
	{"POST", "/api/v1/jobs/*/*", api_item_call, api_item_called, false, TOCSIN_JOBS},
	{"GET", "/api/v1/checks", api_items_list, api_items_answered, false, TOCSIN_CHECKS},
	{"GET", "/api/v1/checks/*", api_item_show, api_items_answered, false, TOCSIN_CHECKS},
	{"POST", "/api/v1/checks/*/*", api_item_call, api_item_called, false, TOCSIN_CHECKS},
};

bool server_enter_locked(struct call *call)
{
	if (call->server->stopping)
		return false;
	call->server->suspended++;
	call->state = CALL_SUSPENDED;
	/* Before anybody can resume it, and under the lock, so that stop sees either the suspended
	 * call or none. */
	MHD_suspend_connection(call->connection);
	return true;
}

bool server_enter(struct call *call)
{
	bool open;

	pthread_mutex_lock(&call->server->lock);
	open = server_enter_locked(call);
	pthread_mutex_unlock(&call->server->lock);
	return open;
}

void server_leave(struct server *server)
{
	pthread_mutex_lock(&server->lock);
	server->suspended--;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
}

static enum MHD_Result handle(void *data, struct MHD_Connection *connection, const char *path,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **context)
{
	struct server *server = data;
	struct call *call = *context;

	(void)version;
	if (call)
		return request_continue(call, upload, upload_size);
	call = calloc(1, sizeof(*call));
	if (!call)
		return MHD_NO;
	*context = call;
	call->server = server;
	call->options = &server->options;
	call->connection = connection;
	pthread_mutex_lock(&server->lock);
	server->calls++;
	pthread_mutex_unlock(&server->lock);
	router_find(endpoints, TOCSIN_COUNT(endpoints), method, path, &call->match);
	return request_begin(call, method, path);
}

static void ended(void *data, struct MHD_Connection *connection, void **context,
		  enum MHD_RequestTerminationCode why)
{
	struct server *server = data;
	struct call *call = *context;

	(void)connection;
	(void)why;
	if (!call)
		return;
	*context = NULL;
	buffer_done(&call->body);
	json_decref(call->rows);
	free(call->text);
	free(call->said);
	free(call);
	pthread_mutex_lock(&server->lock);
	server->calls--;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
}

__attribute__((format(printf, 2, 0))) static void complain(void *data, const char *format,
							   va_list args)
{
	struct server *server = data;
	int64_t now = clock_boot_ms();

	/* What libmicrohttpd complains about is what clients do wrong, but for this, which it says as
	 * often as it tries. */
	if (strncmp(format, STARVED, sizeof(STARVED) - 1) != 0) {
		log_vwrite(server->options.log, TOCSIN_LOG_DEBUG, "api", format, args);
		return;
	}
	if (server->starved_ms && now - server->starved_ms < STARVED_EVERY_MS)
		return;
	server->starved_ms = now;
	log_write(server->options.log, TOCSIN_LOG_WARNING, "api",
		  "clients have to wait: there is no descriptor, or no memory, for another "
		  "connection; see LimitNOFILE or 'ulimit -n'");
}

/* The router has to tell slashes that separate from those in names. */
static size_t unescape(void *data, struct MHD_Connection *connection, char *text)
{
	(void)data;
	(void)connection;
	return router_unescape(text, true);
}

static int start_daemon(struct server *server, int fd, struct error *err)
{
	unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL |
			     MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

	server->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, handle, server, MHD_OPTION_EXTERNAL_LOGGER, complain, server,
		MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_NOTIFY_COMPLETED, ended, server, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_END);
	if (server->daemon)
		return 0;
	return error_set(err, -ENOMEM, "cannot start the HTTP server on %s", server->path);
}

static void server_free(struct server *server)
{
	free(server->path);
	pthread_cond_destroy(&server->changed);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

int server_start(const struct server_options *options, struct server **server, struct error *err)
{
	struct server *made = calloc(1, sizeof(*made));
	int fd, result;

	if (!made)
		return error_set(err, -ENOMEM, "out of memory");
	made->options = *options;
	made->path = strdup(options->socket);
	if (!made->path) {
		free(made);
		return error_set(err, -ENOMEM, "out of memory");
	}
	pthread_mutex_init(&made->lock, NULL);
	clock_cond_init(&made->changed);
	result = listen_unix(options->socket, options->mode, &fd, err);
	if (result == 0) {
		result = start_daemon(made, fd, err);
		if (result < 0) {
			unlink(options->socket);
			close(fd);
		}
	}
	if (result < 0)
		server_free(made);
	else
		*server = made;
	return result;
}

static void await_suspended(struct server *server)
{
	int64_t until_ms = clock_boot_ms() + FAREWELL_MS;

	pthread_mutex_lock(&server->lock);
	while (server->suspended > 0) {
		if (clock_boot_ms() < until_ms) {
			clock_cond_wait(&server->changed, &server->lock, until_ms);
			continue;
		}
		pthread_mutex_unlock(&server->lock);
		engine_refuse_calls(server->options.engine);
		until_ms = clock_boot_ms() + FAREWELL_MS;
		pthread_mutex_lock(&server->lock);
	}
	pthread_mutex_unlock(&server->lock);
}

void server_stop(struct server *server)
{
	int64_t farewell_ms;

	if (!server)
		return;
	unlink(server->path);
	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	pthread_mutex_unlock(&server->lock);
	reload_refuse(server);

	/* The store answers every request, and sources have a moment, so this ends; libmicrohttpd
	 * must not stop before. */
	await_suspended(server);
	pthread_mutex_lock(&server->lock);
	farewell_ms = clock_boot_ms() + FAREWELL_MS;
	while (server->calls > 0 && clock_boot_ms() < farewell_ms)
		clock_cond_wait(&server->changed, &server->lock, farewell_ms);
	pthread_mutex_unlock(&server->lock);
	MHD_stop_daemon(server->daemon);
	server_free(server);
}
