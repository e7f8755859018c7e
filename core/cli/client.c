/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <curl/curl.h>

#include "base/units.h"

#define REPLY_MOST (64U * 1024 * 1024)
#define SOCKET_MOST (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#define CONNECT_MS 5000L

struct client {
	CURL *easy;
	struct curl_slist *headers;
	char *socket;
	long patience_ms;
	struct buffer reply;
};

static size_t take_reply(char *data, size_t size, size_t n, void *into)
{
	struct buffer *reply = into;

	if (reply->length + size * n > REPLY_MOST)
		return 0;
	buffer_add(reply, data, size * n);
	return reply->failed ? 0 : size * n;
}

static void set_up(struct client *client)
{
	CURL *easy = client->easy;

	client->headers = curl_slist_append(NULL, "Content-Type: application/json");
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, client->socket);
	/* A name may be "..", which is no step up. */
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	client_set_patience(client, CLIENT_ANSWER_MS);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_reply);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &client->reply);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "tocsin");
}

int client_new(const char *socket, struct client **client, struct error *err)
{
	struct client *made;

	if (strlen(socket) > SOCKET_MOST)
		return error_set(err, -ENAMETOOLONG,
				 "the path of the socket has %zu bytes; %zu is the most",
				 strlen(socket), SOCKET_MOST);
	made = calloc(1, sizeof(*made));
	if (!made || curl_global_init(CURL_GLOBAL_NOTHING) != 0) {
		free(made);
		return error_set(err, -ENOMEM, "cannot set up libcurl");
	}
	made->socket = strdup(socket);
	made->easy = curl_easy_init();
	if (!made->easy || !made->socket) {
		client_free(made);
		return error_set(err, -ENOMEM, "cannot set up libcurl");
	}
	set_up(made);
	*client = made;
	return 0;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->easy);
	curl_slist_free_all(client->headers);
	buffer_done(&client->reply);
	free(client->socket);
	free(client);
	curl_global_cleanup();
}

void client_set_patience(struct client *client, long ms)
{
	client->patience_ms = ms;
	curl_easy_setopt(client->easy, CURLOPT_CONNECTTIMEOUT_MS,
			 ms < CONNECT_MS ? ms : CONNECT_MS);
	curl_easy_setopt(client->easy, CURLOPT_TIMEOUT_MS, ms);
}

/* It may be stopped, be held up by its disk, or have more to do than it can. */
static int explain_silence(const struct client *client, bool changes, struct error *err)
{
	char patience[UNITS_TEXT];

	units_format_duration(client->patience_ms, patience);
	return error_set(err, -ETIMEDOUT,
			 "tocsind takes requests on %s but did not answer within %s%s; its log may "
			 "say what keeps it",
			 client->socket, patience,
			 changes ? ", so it is not known whether it was done" : "");
}

static int explain(const struct client *client, CURLcode code, bool changes, struct error *err)
{
	curl_off_t connected_us = 0;
	long number = 0;

	curl_easy_getinfo(client->easy, CURLINFO_OS_ERRNO, &number);
	if (code == CURLE_COULDNT_CONNECT && number == ECONNREFUSED && !*client->socket)
		return error_set(err, -ECONNREFUSED,
				 "the socket has an empty path, so there is none; set api.socket, "
				 "or name it with --socket");
	curl_easy_getinfo(client->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
	if (code == CURLE_OPERATION_TIMEDOUT && connected_us > 0)
		return explain_silence(client, changes, err);
	if (code != CURLE_COULDNT_CONNECT && code != CURLE_OPERATION_TIMEDOUT)
		return error_set(err, -EIO, "the connection to %s broke: %s", client->socket,
				 curl_easy_strerror(code));
	if (number == EACCES)
		return error_set(err, -ECONNREFUSED,
				 "you may not use %s; ask for membership in its group",
				 client->socket);
	return error_set(err, -ECONNREFUSED, "tocsind does not answer on %s%s%s; is it running?",
			 client->socket, number ? ": " : "", number ? strerror((int)number) : "");
}

static void prepare(struct client *client, const char *method, const char *path, const char *body,
		    struct buffer *url)
{
	CURL *easy = client->easy;

	buffer_printf(url, "http://localhost%s", path);
	curl_easy_setopt(easy, CURLOPT_URL, buffer_text(url));
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
	if (strcmp(method, "GET") == 0) {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body ? body : "");
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(body ? strlen(body) : 0));
}

int client_call(struct client *client, const char *method, const char *path, const char *body,
		struct client_reply *reply, struct error *err)
{
	struct buffer url = {0};
	CURLcode code;

	buffer_clear(&client->reply);
	prepare(client, method, path, body, &url);
	code = curl_easy_perform(client->easy);
	buffer_done(&url);
	if (code != CURLE_OK)
		return explain(client, code, strcmp(method, "GET") != 0, err);
	curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &reply->status);
	reply->json = json_loadb(buffer_text(&client->reply), client->reply.length, 0, NULL);
	return 0;
}

void client_add_part(struct buffer *path, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~,:";

	for (; *text; text++) {
		if (strchr(plain, *text))
			buffer_putc(path, *text);
		else
			buffer_printf(path, "%%%02X", (unsigned int)(unsigned char)*text);
	}
}

void client_add_parameter(struct buffer *path, const char *name, const char *value)
{
	if (!value)
		return;
	buffer_printf(path, "%c%s=", strchr(buffer_text(path), '?') ? '&' : '?', name);
	client_add_part(path, value);
}
