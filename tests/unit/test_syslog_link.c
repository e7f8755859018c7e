/* SPDX-License-Identifier: Apache-2.0 */
/* How syslog messages get there: over sockets of every kind, and what is known when one breaks. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../plugins/channels/syslog/syslog.h"
#include "fake_host.h"
#include "scarce.h"

struct receiver {
	int fd;   /* listens, or takes datagrams */
	int peer; /* the connection, -1: none yet */
	char directory[64], to[128];
	struct sockaddr_un address;
	struct syslog_config config;
};

static void receiver_init(struct receiver *receiver, int family, int type)
{
	struct sockaddr_in local = {.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(local);

	fake_reset();
	*receiver = (struct receiver){.peer = -1};
	receiver->fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (family == AF_INET) {
		assert_int_equal(bind(receiver->fd, (struct sockaddr *)&local, sizeof(local)), 0);
		assert_int_equal(getsockname(receiver->fd, (struct sockaddr *)&local, &size), 0);
		snprintf(receiver->to, sizeof(receiver->to), "%s:127.0.0.1:%d",
			 type == SOCK_STREAM ? "tcp" : "udp", ntohs(local.sin_port));
	} else {
		fake_directory(receiver->directory);
		receiver->address.sun_family = AF_UNIX;
		snprintf(receiver->address.sun_path, sizeof(receiver->address.sun_path), "%s/log",
			 receiver->directory);
		snprintf(receiver->to, sizeof(receiver->to), "unix:%s/log", receiver->directory);
		assert_int_equal(bind(receiver->fd, (struct sockaddr *)&receiver->address,
				      sizeof(receiver->address)),
				 0);
	}
	if (type == SOCK_STREAM)
		assert_int_equal(listen(receiver->fd, 8), 0);
	receiver->config = (struct syslog_config){.app_name = "tocsin",
						  .enterprise = 32473,
						  .facility = 3,
						  .hostname = "h",
						  .server_timeout = 1000,
						  .structured_data = false,
						  .tls_verify = true,
						  .to = receiver->to};
}

static void receiver_done(struct receiver *receiver)
{
	if (receiver->peer >= 0)
		close(receiver->peer);
	close(receiver->fd);
	if (*receiver->directory)
		fake_remove(receiver->directory);
}

static void receiver_accept(struct receiver *receiver)
{
	if (receiver->peer >= 0)
		close(receiver->peer);
	receiver->peer = accept(receiver->fd, NULL, NULL);
	assert_true(receiver->peer >= 0);
}

/* What has arrived by now. */
static const char *receiver_read(struct receiver *receiver)
{
	static char text[65536];
	struct pollfd at = {.fd = receiver->peer >= 0 ? receiver->peer : receiver->fd,
			    .events = POLLIN};
	size_t used = 0;
	ssize_t n;

	while (poll(&at, 1, 50) > 0 &&
	       (n = recv(at.fd, text + used, sizeof(text) - 2 - used, 0)) > 0) {
		used += (size_t)n;
		if (receiver->peer < 0)
			text[used++] = '|'; /* the end of a datagram */
	}
	text[used] = '\0';
	return text;
}

static void *opened(struct receiver *receiver)
{
	return fake_open(&receiver->config);
}

static enum tocsin_outcome send_one(void *state, const char *summary)
{
	struct fake_alert fake;

	fake_alert_init(&fake, summary);
	return fake_deliver(state, &fake)->outcome;
}

static void closed(void *state)
{
	tocsin_plugin.channel->close(state);
}

static void tcp_counts_octets(void **unused)
{
	struct tocsin_delivery *batch[SYSLOG_BATCH];
	struct fake_alert fakes[SYSLOG_BATCH];
	char summaries[SYSLOG_BATCH][16];
	struct receiver receiver;
	const char *at;
	void *state;

	(void)unused;
	receiver_init(&receiver, AF_INET, SOCK_STREAM);
	state = opened(&receiver);
	for (size_t i = 0; i < SYSLOG_BATCH; i++) {
		snprintf(summaries[i], sizeof(summaries[i]), "number %zu.", i);
		fake_alert_init(&fakes[i], summaries[i]);
		batch[i] = &fakes[i].delivery;
	}
	tocsin_plugin.channel->deliver(state, batch, SYSLOG_BATCH);
	receiver_accept(&receiver);
	at = receiver_read(&receiver);
	for (size_t i = 0; i < SYSLOG_BATCH; i++) {
		char *message;
		size_t length = strtoul(at, &message, 10);

		assert_int_equal(fake_self()->done[i].outcome, TOCSIN_DELIVERED);
		assert_memory_equal(message, " <26>1 ", 7);
		at = message + 1 + length;
		assert_memory_equal(at - strlen(summaries[i]), summaries[i], strlen(summaries[i]));
	}
	assert_string_equal(at, "");
	closed(state);
	receiver_done(&receiver);
}

static void lines_end_with_newlines(void **unused)
{
	struct receiver receiver;
	const char *text;
	void *state;

	(void)unused;
	receiver_init(&receiver, AF_INET, SOCK_STREAM);
	receiver.config.framing = SYSLOG_LINES;
	state = opened(&receiver);
	assert_int_equal(send_one(state, "one\n<0>1 - - - - - - forged"), TOCSIN_DELIVERED);
	assert_int_equal(send_one(state, "two"), TOCSIN_DELIVERED);
	receiver_accept(&receiver);
	text = receiver_read(&receiver);
	assert_memory_equal(text, "<26>1 ", 6);
	assert_non_null(strstr(text, " one\\n<0>1 - - - - - - forged\n<26>1 "));
	assert_string_equal(strchr(text, '\n') + strlen(strchr(text, '\n')) - 5, " two\n");
	closed(state);
	receiver_done(&receiver);
}

/* The first write to a dead connection succeeds, so it must not be made. */
static void a_connection_that_was_closed_is_renewed_before_anything_is_lost(void **unused)
{
	struct receiver receiver;
	void *state;

	(void)unused;
	receiver_init(&receiver, AF_INET, SOCK_STREAM);
	state = opened(&receiver);
	for (int i = 0; i < 5; i++) {
		char word[16];

		snprintf(word, sizeof(word), "word %d", i);
		assert_int_equal(send_one(state, word), TOCSIN_DELIVERED);
		receiver_accept(&receiver);
		assert_non_null(strstr(receiver_read(&receiver), word));
		if (i == 2) /* what a receiver says is nobody's business */
			assert_int_equal(send(receiver.peer, "hello", 5, 0), 5);
		shutdown(receiver.peer, i % 2 ? SHUT_WR : SHUT_RDWR);
		usleep(10000);
	}
	closed(state);
	receiver_done(&receiver);
}

static void what_a_receiver_says_is_ignored(void **unused)
{
	struct receiver receiver;
	void *state;

	(void)unused;
	receiver_init(&receiver, AF_INET, SOCK_STREAM);
	state = opened(&receiver);
	assert_int_equal(send_one(state, "first"), TOCSIN_DELIVERED);
	receiver_accept(&receiver);
	assert_int_equal(send(receiver.peer, "hello", 5, 0), 5);
	usleep(10000);
	assert_int_equal(send_one(state, "second"), TOCSIN_DELIVERED);
	assert_non_null(strstr(receiver_read(&receiver), "second"));
	closed(state);
	receiver_done(&receiver);
}

/* It closes with the message unread: its machine says so, and the message goes again. */
static void a_receiver_that_dies_under_a_message_is_noticed(void **unused)
{
	struct linger hard = {1, 0};
	struct receiver receiver;
	void *state;

	(void)unused;
	receiver_init(&receiver, AF_INET, SOCK_STREAM);
	state = opened(&receiver);
	assert_int_equal(send_one(state, "first"), TOCSIN_DELIVERED);
	receiver_accept(&receiver);
	setsockopt(receiver.peer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(receiver.peer);
	receiver.peer = -1;
	close(receiver.fd);
	assert_int_equal(send_one(state, "second"), TOCSIN_UNAVAILABLE);
	assert_non_null(strstr(fake_self()->done[0].why, "cannot connect to tcp:127.0.0.1"));
	receiver.fd = open("/dev/null", 0);
	closed(state);
	receiver_done(&receiver);
}

/* Its buffers are full: the kernel took what it could, and that must not count. */
static void a_receiver_that_does_not_read_has_not_got_it(void **unused)
{
	static char large[200000];
	int small = 4096, tries = 0;
	enum tocsin_outcome outcome = TOCSIN_DELIVERED;
	struct receiver receiver;
	void *state;

	(void)unused;
	memset(large, 'x', sizeof(large) - 1);
	receiver_init(&receiver, AF_INET, SOCK_STREAM);
	setsockopt(receiver.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	receiver.config.max_size = SYSLOG_MOST;
	receiver.config.server_timeout = 300;
	state = opened(&receiver);
	while (outcome == TOCSIN_DELIVERED && tries++ < 100)
		outcome = send_one(state, large);
	assert_int_equal(outcome, TOCSIN_UNAVAILABLE);
	assert_true(strstr(fake_self()->done[0].why, "does not read") ||
		    strstr(fake_self()->done[0].why, "does not acknowledge"));
	closed(state);
	receiver_done(&receiver);
}

static void datagrams_hold_one_message_each(void **unused)
{
	static const int families[] = {AF_INET, AF_UNIX};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(families); i++) {
		struct fake_alert one, two;
		struct tocsin_delivery *batch[] = {&one.delivery, &two.delivery};
		struct receiver receiver;
		const char *text;
		void *state;

		receiver_init(&receiver, families[i], SOCK_DGRAM);
		state = opened(&receiver);
		fake_alert_init(&one, "one");
		fake_alert_init(&two, "two");
		tocsin_plugin.channel->deliver(state, batch, 2);
		assert_int_equal(fake_self()->done[1].outcome, TOCSIN_DELIVERED);
		text = receiver_read(&receiver);
		assert_memory_equal(text, "<26>", 4);
		assert_non_null(strstr(text, i == 0 ? " one|<26>1" : " one [site="));
		assert_ptr_equal(strchr(strchr(text, '|') + 1, '|'), text + strlen(text) - 1);
		tocsin_plugin.channel->idle(state);
		assert_int_equal(send_one(state, "three"), TOCSIN_DELIVERED);
		assert_non_null(strstr(receiver_read(&receiver), "three"));
		closed(state);
		receiver_done(&receiver);
	}
}

static void nobody_who_listens_is_not_delivered(void **unused)
{
	struct receiver receiver;
	void *state;

	(void)unused;
	receiver_init(&receiver, AF_INET, SOCK_DGRAM);
	close(receiver.fd);
	state = opened(&receiver);
	assert_int_equal(send_one(state, "x"), TOCSIN_UNAVAILABLE);
	assert_non_null(strstr(fake_self()->done[0].why, "Connection refused"));
	closed(state);
	receiver.fd = open("/dev/null", 0);
	receiver.config.to = "unix:/nonexistent/log";
	state = opened(&receiver);
	assert_int_equal(send_one(state, "x"), TOCSIN_UNAVAILABLE);
	assert_non_null(strstr(fake_self()->done[0].why, "No such file"));
	closed(state);
	receiver_done(&receiver);
}

static void the_local_daemon_may_be_started_anew(void **unused)
{
	static const int types[] = {SOCK_DGRAM, SOCK_STREAM};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(types); i++) {
		struct receiver receiver;
		void *state;

		receiver_init(&receiver, AF_UNIX, types[i]);
		state = opened(&receiver);
		assert_int_equal(send_one(state, "first"), TOCSIN_DELIVERED);
		if (types[i] == SOCK_STREAM)
			receiver_accept(&receiver);
		assert_non_null(strstr(receiver_read(&receiver), "first"));
		close(receiver.fd);
		if (receiver.peer >= 0)
			close(receiver.peer);
		receiver.peer = -1;
		unlink(receiver.address.sun_path);
		assert_int_equal(send_one(state, "nobody"), TOCSIN_UNAVAILABLE);
		receiver.fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(receiver.fd, (struct sockaddr *)&receiver.address,
				      sizeof(receiver.address)),
				 0);
		if (types[i] == SOCK_STREAM)
			assert_int_equal(listen(receiver.fd, 8), 0);
		assert_int_equal(send_one(state, "second"), TOCSIN_DELIVERED);
		if (types[i] == SOCK_STREAM)
			receiver_accept(&receiver);
		assert_non_null(strstr(receiver_read(&receiver), "second [site=www.example.com]"));
		closed(state);
		receiver_done(&receiver);
	}
}

/* Replaced between two messages, with the old socket gone: no message is lost in between. */
static void a_new_socket_at_the_old_place_gets_the_next_message(void **unused)
{
	struct receiver receiver;
	void *state;

	(void)unused;
	receiver_init(&receiver, AF_UNIX, SOCK_DGRAM);
	state = opened(&receiver);
	assert_int_equal(send_one(state, "first"), TOCSIN_DELIVERED);
	close(receiver.fd);
	unlink(receiver.address.sun_path);
	receiver.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		bind(receiver.fd, (struct sockaddr *)&receiver.address, sizeof(receiver.address)),
		0);
	assert_int_equal(send_one(state, "second"), TOCSIN_DELIVERED);
	assert_non_null(strstr(receiver_read(&receiver), "second"));
	closed(state);
	receiver_done(&receiver);
}

static void a_local_reader_that_sleeps_is_waited_for_and_then_given_up(void **unused)
{
	enum tocsin_outcome outcome = TOCSIN_DELIVERED;
	struct receiver receiver;
	int sent = 0;
	void *state;

	(void)unused;
	receiver_init(&receiver, AF_UNIX, SOCK_DGRAM);
	receiver.config.server_timeout = 200;
	state = opened(&receiver);
	while (outcome == TOCSIN_DELIVERED && sent < 100000) {
		outcome = send_one(state, "x");
		sent++;
	}
	assert_int_equal(outcome, TOCSIN_UNAVAILABLE);
	assert_non_null(strstr(fake_self()->done[0].why, "timed out"));
	closed(state);
	receiver_done(&receiver);
}

struct sweep {
	struct receiver receiver;
	void *state;
};

static int connect_and_send(void *data)
{
	struct sweep *sweep = data;
	void *state = NULL;
	enum tocsin_outcome outcome;
	int rc;

	fake_reset();
	rc = tocsin_plugin.channel->open(fake_self(), &fake_host, &sweep->receiver.config, &state);
	if (rc != 0)
		return rc;
	outcome = send_one(state, "disk is full");
	tocsin_plugin.channel->close(state);
	if (outcome == TOCSIN_DELIVERED && strncmp(sweep->receiver.to, "tcp", 3) == 0) {
		receiver_accept(&sweep->receiver);
		if (!strstr(receiver_read(&sweep->receiver), ": disk is full [site"))
			scarce_fail("a part of it");
	}
	return outcome == TOCSIN_DELIVERED ? 0 : -ENOMEM;
}

static void a_message_is_whole_or_is_tried_again_when_memory_is_short(void **unused)
{
	struct sweep sweep;
	char *text;

	(void)unused;
	receiver_init(&sweep.receiver, AF_UNIX, SOCK_DGRAM);
	assert_true(scarce_sweep("syslog", connect_and_send, &sweep) > 0);
	text = strdup(receiver_read(&sweep.receiver));
	for (char *at = strtok(text, "|"); at; at = strtok(NULL, "|"))
		assert_string_equal(strchr(at, ':') + 7 + strcspn(strchr(at, ':') + 7, ":"),
				    ": disk is full [site=www.example.com]");
	free(text);
	receiver_done(&sweep.receiver);
	receiver_init(&sweep.receiver, AF_INET, SOCK_STREAM);
	sweep.receiver.config.format = SYSLOG_RFC3164;
	assert_true(scarce_sweep("syslog over TCP", connect_and_send, &sweep) > 0);
	receiver_done(&sweep.receiver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_counts_octets),
		cmocka_unit_test(lines_end_with_newlines),
		cmocka_unit_test(a_connection_that_was_closed_is_renewed_before_anything_is_lost),
		cmocka_unit_test(what_a_receiver_says_is_ignored),
		cmocka_unit_test(a_receiver_that_dies_under_a_message_is_noticed),
		cmocka_unit_test(a_receiver_that_does_not_read_has_not_got_it),
		cmocka_unit_test(datagrams_hold_one_message_each),
		cmocka_unit_test(nobody_who_listens_is_not_delivered),
		cmocka_unit_test(the_local_daemon_may_be_started_anew),
		cmocka_unit_test(a_new_socket_at_the_old_place_gets_the_next_message),
		cmocka_unit_test(a_local_reader_that_sleeps_is_waited_for_and_then_given_up),
		cmocka_unit_test(a_message_is_whole_or_is_tried_again_when_memory_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
