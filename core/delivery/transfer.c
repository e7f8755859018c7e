/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/transfer.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/clock.h"
#include "delivery/address.h"
#include "delivery/http.h"
#include "delivery/verdict.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif
#define AGENT "tocsin/" PACKAGE_VERSION
#define CONNECT_TIMEOUT_MS 10000
/* What is read at once. Most replies are shorter, and each request has such a piece of its own. */
#define READ_BYTES 1024L
/* libcurl asks whether a server wants a body that is larger than 1 MiB; this is below. */
#define ASKED_FOR (64 * 1024)

void transfer_free(struct transfer *transfer)
{
	if (!transfer)
		return;
	curl_slist_free_all(transfer->headers);
	buffer_done(&transfer->sent);
	buffer_done(&transfer->body);
	buffer_done(&transfer->header_text);
	buffer_done(&transfer->lines);
	buffer_done(&transfer->next_lines);
	buffer_done(&transfer->url);
	curl_easy_cleanup(transfer->easy);
	curl_url_cleanup(transfer->parts);
	free(transfer);
}

static bool has_proxy; /* of the environment, which does not change */
/* libcurl 7.83 to 8.2 (Debian 12 has 7.88) keeps a pointer into the headers of the reply before in a
 * handle that is used again, and follows it when the next reply begins with a folded line. Such a reply
 * is wrong, and may be refused (RFC 9112, 2.2); so these versions are to show the head to on_body, which
 * they do before they look at it themselves. */
static bool shows_head;

static void look_around(void)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
					    "ALL_PROXY"};
	unsigned int version = curl_version_info(CURLVERSION_NOW)->version_num;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		has_proxy |= getenv(names[i]) != NULL;
	shows_head = version >= 0x075300 && version < 0x080300;
}

/* A line of the head, or a part of one. */
static size_t on_head(struct transfer *transfer, const char *data, size_t length)
{
	bool folded = transfer->head_begins && (*data == ' ' || *data == '\t');

	transfer->head_begins = false;
	if (folded)
		snprintf(transfer->refused, sizeof(transfer->refused),
			 "the first header line of the reply is the rest of another");
	return folded ? 0 : length;
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
	struct transfer *transfer = userdata;
	size_t length = size * n, room = HTTP_BODY - transfer->body.length;

	if (transfer->in_head && length > 0)
		return on_head(transfer, data, length);
	buffer_add(&transfer->body, data, length < room ? length : room);
	/* What is over the limit is read and dropped: the status counts. What memory does not hold
	 * ends the transfer: a judge must not see half an answer. */
	return transfer->body.failed ? 0 : length;
}

/* libcurl lets through what no value may hold; RFC 9110, 5.5, wants a space instead. */
static char value_character(char c)
{
	return c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
}

/* Keeps the first `name` bytes of the line as a name, and what is from there to there as its value. */
static bool keep_header(struct transfer *transfer, const char *line, size_t name, size_t from,
			size_t to)
{
	struct buffer *text = &transfer->header_text;
	size_t at = text->length;

	transfer->header[transfer->n_headers].name = at;
	buffer_add(text, line, name);
	buffer_add(text, "", 1);
	transfer->header[transfer->n_headers].value = text->length;
	buffer_add(text, line + from, to - from);
	buffer_add(text, "", 1);
	if (text->failed)
		return false;
	for (size_t i = 0; i < name; i++, at++)
		text->data[at] = (char)tolower((unsigned char)text->data[at]);
	for (at = transfer->header[transfer->n_headers].value; at < text->length - 1; at++)
		text->data[at] = value_character(text->data[at]);
	transfer->n_headers++;
	return true;
}

/* Only the last reply counts (100 Continue). What came as its body is this line, if libcurl shows it. */
static void begin_head(struct transfer *transfer)
{
	transfer->n_headers = 0;
	buffer_clear(&transfer->header_text);
	buffer_clear(&transfer->body);
	transfer->in_head = transfer->head_begins = shows_head;
}

static size_t on_header(char *data, size_t size, size_t n, void *userdata)
{
	struct transfer *transfer = userdata;
	size_t length = size * n, name = 0, from, to = length;

	if (length > 5 && strncasecmp(data, "HTTP/", 5) == 0) {
		begin_head(transfer);
		return length;
	}
	if (length > 0 && (*data == '\r' || *data == '\n'))
		transfer->in_head = false;
	while (name < length && data[name] != ':')
		name++;
	if (name == length || transfer->n_headers == TRANSFER_HEADERS)
		return length;
	for (from = name + 1; from < to && isspace((unsigned char)data[from]); from++)
		;
	while (to > from && isspace((unsigned char)data[to - 1]))
		to--;
	return keep_header(transfer, data, name, from, to) ? length : 0;
}

static void refuse_address(struct transfer *transfer, const char *text)
{
	snprintf(transfer->refused, sizeof(transfer->refused),
		 "the name in the URL means %s, which is not an address of the open Internet; "
		 "write private_addresses: allow if that is right",
		 text);
}

/* Between the answer of the resolver and the connection: nothing can change in between. */
static curl_socket_t open_public(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	char text[INET6_ADDRSTRLEN] = "something else";
	const void *octets = address->family == AF_INET6
				     ? (const void *)((const char *)&address->addr +
						      offsetof(struct sockaddr_in6, sin6_addr))
				     : (const void *)((const char *)&address->addr +
						      offsetof(struct sockaddr_in, sin_addr));

	(void)purpose;
	if (address_is_public(&address->addr))
		return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	inet_ntop(address->family, octets, text, sizeof(text));
	refuse_address(data, text);
	return CURL_SOCKET_BAD;
}

/* A kept connection may be one that another channel was allowed to make. */
static int use_public(void *data, char *peer, char *own, int peer_port, int own_port)
{
	(void)own, (void)peer_port, (void)own_port;
	if (address_text_is_public(peer))
		return CURL_PREREQFUNC_OK;
	refuse_address(data, peer);
	return CURL_PREREQFUNC_ABORT;
}

/* What no request changes. False when memory is short: libcurl copies texts, and without one of them
 * the requests would be others. */
static bool set_lasting_options(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Else who ends before its name is resolved waits for the resolver's thread, and all with it. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, READ_BYTES);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADER, shows_head ? 1L : 0L);
	/* Without a proxy libcurl would search the environment for one in each request; and only a proxy
	 * needs the name here. */
	return (has_proxy ? curl_easy_setopt(easy, CURLOPT_USERAGENT, AGENT)
			  : curl_easy_setopt(easy, CURLOPT_NOPROXY, "*")) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
}

struct transfer *transfer_new(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, look_around);
	return calloc(1, sizeof(struct transfer));
}

void transfer_reset(struct transfer *transfer)
{
	transfer->n_headers = 0;
	buffer_clear(&transfer->sent);
	buffer_clear(&transfer->body);
	buffer_clear(&transfer->header_text);
	transfer->delivery = NULL;
	transfer->attached = NULL;
	transfer->reply_fn = NULL;
	transfer->judge = NULL;
	transfer->refused[0] = '\0';
}

/* One after the other, each ended by a NUL, as libcurl wants them. */
static int put_line(struct buffer *lines, const char *name, const char *value, struct error *err)
{
	if (!*name || strpbrk(name, "\r\n: ") || strpbrk(value, "\r\n"))
		return error_set(err, -EINVAL,
				 "the HTTP header '%.40s' has a line break or an "
				 "impossible name",
				 name);
	/* curl wants "name;" to send a header without a value */
	buffer_puts(lines, name);
	buffer_puts(lines, *value ? ": " : ";");
	buffer_add(lines, value, strlen(value) + 1);
	return 0;
}

static int put_lines(struct buffer *lines, const struct tocsin_request *request, struct error *err)
{
	bool named = false;
	int result = 0;

	buffer_clear(lines);
	/* no reply is worth waiting for before the body goes out: switch "Expect" off */
	if (request->body_length > ASKED_FOR)
		buffer_add(lines, "Expect:", sizeof("Expect:"));
	if (request->body)
		result = put_line(
			lines, "Content-Type",
			request->content_type ? request->content_type : "application/json", err);
	for (size_t i = 0; result == 0 && i < request->headers.n; i++) {
		const struct tocsin_pair *pair = &request->headers.pair[i];

		named |= strcasecmp(pair->name, "User-Agent") == 0;
		result = put_line(lines, pair->name, pair->value, err);
	}
	/* as an option libcurl would put it together twice in each request */
	if (result == 0 && !named)
		result = put_line(lines, "User-Agent", AGENT, err);
	return result;
}

static bool make_list(struct transfer *transfer)
{
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	for (size_t at = 0; at < transfer->lines.length;) {
		const char *line = transfer->lines.data + at;
		struct curl_slist *list = curl_slist_append(transfer->headers, line);

		if (!list)
			return false;
		transfer->headers = list;
		at += strlen(line) + 1;
	}
	return true;
}

/* The list stays for requests with the same headers, which most have. */
static int set_headers(struct transfer *transfer, const struct tocsin_request *request,
		       struct error *err)
{
	struct buffer *next = &transfer->next_lines, *lines = &transfer->lines, last = *lines;
	int result = put_lines(next, request, err);

	if (result < 0)
		return result;
	if (next->failed)
		return error_set(err, -ENOMEM, "out of memory");
	if (next->length == lines->length && memcmp(next->data, lines->data, next->length) == 0)
		return 0;
	*lines = *next;
	*next = last;
	if (make_list(transfer))
		return 0;
	buffer_clear(lines); /* as no request has them: there is a User-Agent at least */
	return error_set(err, -ENOMEM, "out of memory");
}

/* libcurl puts the method into the request as it is. */
static bool is_method(const char *method)
{
	return *method != '\0' && method[strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static bool set_peers(struct transfer *transfer, const struct tocsin_request *request)
{
	CURL *easy = transfer->easy;

	if (request->public_only) {
		/* what a proxy of the environment connects to could not be judged here */
		if (curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK)
			return false;
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_public);
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
		curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, use_public);
		curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	}
	/* Without the directory, where Debian has all the others. */
	return !request->ca_file ||
	       (curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK);
}

/* POST and its like say that their body is empty; a server may wait for one else. */
static bool sends_body(const struct tocsin_request *request)
{
	const char *method = request->method;

	return request->body ||
	       (method && (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
			   strcmp(method, "PATCH") == 0));
}

/* A handle goes to one URL by one set of rules and is made anew for another, and after a failure: so no
 * secret, option or state of one receiver can reach another. */
static bool suits(const struct transfer *transfer, const struct tocsin_request *request)
{
	return transfer->url.length > 0 && strcmp(transfer->url.data, request->url) == 0 &&
	       transfer->public_only == request->public_only && !request->ca_file;
}

/* libcurl would take the URL to pieces in each request and put them together again. What it cannot read
 * would look like a peer that is not there. */
static int set_url(struct transfer *transfer, const char *url, struct error *err)
{
	CURL *easy = transfer->easy;
	CURLUcode code = CURLUE_OUT_OF_MEMORY;

	transfer->parts = curl_url();
	if (transfer->parts) /* with the flags that it has for its own reading */
		code = curl_url_set(transfer->parts, CURLUPART_URL, url,
				    CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME);
	if (code != CURLUE_OK && code != CURLUE_OUT_OF_MEMORY)
		return error_set(err, -EINVAL, "the URL cannot be read: %s",
				 curl_url_strerror(code));
	if (code != CURLUE_OK || curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK ||
	    curl_easy_setopt(easy, CURLOPT_CURLU, transfer->parts) != CURLE_OK)
		return error_set(err, -ENOMEM, "out of memory");
	return 0;
}

static int renew(struct transfer *transfer, const struct tocsin_request *request, struct error *err)
{
	int result;

	buffer_clear(&transfer->url);
	curl_easy_cleanup(transfer->easy);
	curl_url_cleanup(transfer->parts);
	transfer->parts = NULL;
	transfer->easy = curl_easy_init();
	if (!transfer->easy || !set_lasting_options(transfer) || !set_peers(transfer, request))
		return error_set(err, -ENOMEM, "out of memory");
	result = set_url(transfer, request->url, err);
	if (result < 0)
		return result;
	transfer->public_only = request->public_only;
	if (!request->ca_file)
		buffer_puts(&transfer->url, request->url);
	return transfer->url.failed ? error_set(err, -ENOMEM, "out of memory") : 0;
}

/* NULL: as libcurl names it by itself. */
static const char *method_of(const struct tocsin_request *request)
{
	const char *own = sends_body(request) ? "POST" : "GET";

	return request->method && strcmp(request->method, own) != 0 ? request->method : NULL;
}

/* All that may differ from the last request of the handle. */
static int set_options(struct transfer *transfer, const struct tocsin_request *request,
		       int64_t timeout_ms)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : CONNECT_TIMEOUT_MS));
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	if (sends_body(request)) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, buffer_text(&transfer->sent));
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)transfer->sent.length);
	} else {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	}
	return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method_of(request)) == CURLE_OK
		       ? 0
		       : -ENOMEM;
}

int transfer_prepare(struct transfer *transfer, const struct tocsin_request *request,
		     int64_t timeout_ms, struct error *err)
{
	int result = 0;

	if (request->method && !is_method(request->method))
		return error_set(err, -EINVAL, "'%.20s' is not an HTTP method", request->method);
	if (!suits(transfer, request))
		result = renew(transfer, request, err);
	if (result == 0)
		result = set_headers(transfer, request, err);
	if (result < 0)
		return result;
	transfer->error[0] = '\0';
	transfer->in_head = shows_head;
	transfer->judge = request->judge;
	transfer->judge_data = request->judge_data;
	if (request->body)
		buffer_add(&transfer->sent, request->body, request->body_length);
	result = transfer->sent.failed
			 ? -ENOMEM
			 : set_options(transfer, request,
				       request->timeout_ms > 0 ? request->timeout_ms : timeout_ms);
	return result < 0 ? error_set(err, result, "out of memory") : 0;
}

static void fill_headers(struct transfer *transfer)
{
	const char *text = buffer_text(&transfer->header_text);

	for (size_t i = 0; i < transfer->n_headers; i++)
		transfer->pair[i] = (struct tocsin_pair){.name = text + transfer->header[i].name,
							 .value = text + transfer->header[i].value};
	transfer->map = (struct tocsin_map){.pair = transfer->pair, .n = transfer->n_headers};
}

/* "Failed to connect to 127.0.0.1 port 2525 after 0 ms: Couldn't connect to server": what the system said
 * is worth more than the end. */
static void tell_reason(struct transfer *transfer)
{
	char *end = strstr(transfer->error, " after ");
	long reason = 0;

	if (end && curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &reason) == CURLE_OK &&
	    reason > 0)
		snprintf(end, sizeof(transfer->error) - (size_t)(end - transfer->error), ": %s",
			 strerror((int)reason));
}

void transfer_reply(struct transfer *transfer, CURLcode code, struct tocsin_reply *reply)
{
	long status = 0;

	*reply = (struct tocsin_reply){.size = sizeof(*reply)};
	fill_headers(transfer);
	reply->headers = &transfer->map;
	reply->body = buffer_text(&transfer->body);
	reply->body_length = transfer->body.length;
	if (code != CURLE_OK) {
		buffer_clear(&transfer->url); /* see suits */
		if (code == CURLE_COULDNT_CONNECT)
			tell_reason(transfer);
		reply->error = *transfer->refused ? transfer->refused
			       : *transfer->error ? transfer->error
						  : curl_easy_strerror(code);
		return;
	}
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	reply->status = (int)status;
	for (size_t i = 0; i < transfer->n_headers; i++)
		if (strcmp(transfer->pair[i].name, "retry-after") == 0)
			reply->retry_after_ms =
				verdict_retry_after_ms(transfer->pair[i].value, clock_wall_ms());
}
