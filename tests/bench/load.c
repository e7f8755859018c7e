/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Posts alerts in batches from many clients, as fast as they are accepted or at a
 * rate, and notes when each acceptance was read. Prints the rate and the
 * percentiles of the requests as JSON.
 */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common.h"

#define HEAD 256   /* room before the body for the lines of the request */
#define ALERT 512  /* at most, in a body */
#define ANSWER 128 /* at most, for an alert in a reply */

struct client {
	int fd;
	char *out, *in;
	size_t sent, length, read;
	size_t first, n; /* alerts of the request under way; n 0: none */
	int64_t began_ns;
};

struct load {
	const char *to, *path, *notes_path;
	bool alertmanager;
	size_t clients, batch, alerts, first, rate;
	int epoll;
	struct notes *notes;
	struct client *client;
	size_t begun, done; /* alerts */
	int64_t began_ns;
	int64_t *took_ns; /* by request */
	size_t requests;
};

static int connect_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		die("%s: the path is too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static int connect_port(const char *text)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				      .sin_port = htons((uint16_t)number_of(text, "the port"))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("port %s: %s", text, strerror(errno));
	return fd;
}

static void watch(const struct load *load, struct client *client, int how, bool write)
{
	struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = client};

	(void)epoll_ctl(load->epoll, how, client->fd, &event);
}

static void open_clients(struct load *load)
{
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->client = calloc(load->clients, sizeof(*load->client));
	load->took_ns = calloc(load->alerts, sizeof(*load->took_ns));
	if (!load->client || !load->took_ns)
		die("out of memory");
	for (size_t i = 0; i < load->clients; i++) {
		struct client *client = &load->client[i];

		client->fd = load->to[0] == '/' ? connect_unix(load->to) : connect_port(load->to);
		client->out = malloc(HEAD + load->batch * ALERT);
		client->in = malloc(load->batch * ANSWER + 65536);
		if (!client->out || !client->in)
			die("out of memory");
		watch(load, client, EPOLL_CTL_ADD, false);
	}
}

static int print_alert(const struct load *load, char *text, size_t number)
{
	const char *form =
		"{\"status\":\"event\",\"severity\":\"warning\",\"labels\":{\"alertname\":\"DiskFull\","
		"\"site\":\"" TOKEN ".example.com\",\"team\":\"shop\"},\"annotations\":"
		"{\"summary\":\"The disk of " TOKEN ".example.com is 85 %% full\"}}";

	if (load->alertmanager)
		form = "{\"labels\":{\"alertname\":\"DiskFull\",\"severity\":\"warning\","
		       "\"site\":\"" TOKEN ".example.com\",\"team\":\"shop\"},\"annotations\":"
		       "{\"summary\":\"The disk of " TOKEN ".example.com is 85 %% full\"}}";
	return snprintf(text, ALERT, form, number, number);
}

/* The body comes first, because the head tells its length. */
static void make_request(const struct load *load, struct client *client)
{
	char head[HEAD], *body = client->out + HEAD;
	size_t length = 0;
	int n;

	for (size_t i = 0; i < client->n; i++) {
		body[length++] = i > 0 ? ',' : '[';
		length += (size_t)print_alert(load, body + length, client->first + i);
	}
	body[length++] = ']';
	n = snprintf(head, sizeof(head),
		     "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		     "Content-Length: %zu\r\n\r\n",
		     load->path, length);
	memmove(client->out + n, body, length);
	memcpy(client->out, head, (size_t)n);
	client->length = (size_t)n + length;
	client->sent = client->read = 0;
}

static void push(const struct load *load, struct client *client)
{
	ssize_t n = send(client->fd, client->out + client->sent, client->length - client->sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		die("cannot send: %s", strerror(errno));
	client->sent += n < 0 ? 0 : (size_t)n;
	watch(load, client, EPOLL_CTL_MOD, client->sent < client->length);
}

/* When that many alerts should have begun. */
static int64_t due_ns(const struct load *load, size_t begun)
{
	return load->rate ? load->began_ns + (int64_t)(begun * 1000000000 / load->rate) : 0;
}

static void begin(struct load *load, struct client *client)
{
	size_t left = load->alerts - load->begun;

	if (client->n > 0 || left == 0 || due_ns(load, load->begun) > now_ns())
		return;
	client->n = left < load->batch ? left : load->batch;
	client->first = load->first + load->begun;
	load->begun += client->n;
	make_request(load, client);
	client->began_ns = now_ns();
	push(load, client);
}

static bool is_complete(struct client *client)
{
	const char *body, *length;

	client->in[client->read] = '\0';
	body = strstr(client->in, "\r\n\r\n");
	if (!body)
		return false;
	if (strncmp(client->in, "HTTP/1.1 200", 12) != 0)
		die("refused: %s", client->in);
	length = strcasestr(client->in, "\r\ncontent-length:");
	if (!length || length > body)
		die("a reply without its length: %s", client->in);
	return client->in + client->read >= body + 4 + strtoull(length + 17, NULL, 10);
}

static void hear(struct load *load, struct client *client)
{
	ssize_t n = recv(client->fd, client->in + client->read,
			 load->batch * ANSWER + 65535 - client->read, MSG_DONTWAIT);
	int64_t now = now_ns();

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		die("the server hung up: %s", n < 0 ? strerror(errno) : "end of the connection");
	client->read += (size_t)n;
	if (!is_complete(client))
		return;
	for (size_t i = 0; i < client->n; i++)
		notes_number(load->notes, client->first + i, now);
	load->took_ns[load->requests++] = now - client->began_ns;
	load->done += client->n;
	client->n = 0;
	begin(load, client);
}

static int wait_ms(const struct load *load)
{
	int64_t left;

	if (!load->rate || load->begun == load->alerts)
		return -1;
	left = due_ns(load, load->begun) - now_ns();
	return left > 0 ? (int)((left + 999999) / 1000000) : 0;
}

static void run(struct load *load)
{
	struct epoll_event events[256];

	load->began_ns = now_ns();
	while (load->done < load->alerts) {
		int n;

		for (size_t i = 0; i < load->clients; i++)
			begin(load, &load->client[i]);
		n = epoll_wait(load->epoll, events, 256, wait_ms(load));
		for (int i = 0; i < n; i++) {
			struct client *client = events[i].data.ptr;

			if (events[i].events & EPOLLOUT)
				push(load, client);
			if (events[i].events & ~(unsigned int)EPOLLOUT)
				hear(load, client);
		}
	}
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void report(const struct load *load)
{
	double seconds = (double)(load->notes->last_ns - load->began_ns) / 1e9;
	double p50, p99;

	qsort(load->took_ns, load->requests, sizeof(*load->took_ns), by_size);
	p50 = (double)load->took_ns[load->requests / 2] / 1e6;
	p99 = (double)load->took_ns[load->requests * 99 / 100] / 1e6;
	(void)printf("{\"alerts\":%zu,\"seconds\":%.4f,\"rate\":%.1f,\"began_ns\":%lld,"
		     "\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n",
		     load->alerts, seconds, (double)load->alerts / seconds,
		     (long long)load->began_ns, p50, p99);
}

static const struct option known[] = {
	{"alertmanager", no_argument, NULL, 'm'}, {"alerts", required_argument, NULL, 'a'},
	{"batch", required_argument, NULL, 'b'},  {"clients", required_argument, NULL, 'c'},
	{"first", required_argument, NULL, 'f'},  {"notes", required_argument, NULL, 'n'},
	{"rate", required_argument, NULL, 'r'},   {0}};

int main(int argc, char *argv[])
{
	struct load load = {.path = "/api/v1/alerts", .clients = 1, .batch = 1, .alerts = 1000};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == 'm') {
			load.alertmanager = true;
			load.path = "/api/v2/alerts";
		} else if (option == 'a') {
			load.alerts = number_of(optarg, "--alerts");
		} else if (option == 'b') {
			load.batch = number_of(optarg, "--batch");
		} else if (option == 'c') {
			load.clients = number_of(optarg, "--clients");
		} else if (option == 'f') {
			load.first = number_of(optarg, "--first");
		} else if (option == 'n') {
			load.notes_path = optarg;
		} else if (option == 'r') {
			load.rate = number_of(optarg, "--rate");
		} else {
			return 2;
		}
	}
	if (optind + 1 != argc || !load.alerts || !load.batch || !load.clients)
		die("usage: load [--OPTION N]... SOCKET|PORT");
	load.to = argv[optind];
	load.notes = notes_map(load.notes_path, load.first + load.alerts);
	open_clients(&load);
	run(&load);
	report(&load);
	return 0;
}
