/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the syslog channel: where messages go (address.c), what they say (format.c, pure
 * functions) and how they get there (link.c, datagram.c and stream.c).
 */
#ifndef SYSLOG_SYSLOG_H
#define SYSLOG_SYSLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include <curl/curl.h>
#include <tocsin/plugin.h>

#define SYSLOG_BATCH 64
#define SYSLOG_LEAST 480   /* what every receiver takes */
#define SYSLOG_MOST 262144
#define SYSLOG_FRAME 8     /* bytes around a message, at most: its length and a space */

enum syslog_form { SYSLOG_AUTO, SYSLOG_RFC5424, SYSLOG_RFC3164, SYSLOG_LOCAL };
enum syslog_framing { SYSLOG_FRAMING_AUTO, SYSLOG_OCTETS, SYSLOG_LINES, SYSLOG_DATAGRAM };
enum syslog_kind { SYSLOG_UNIX, SYSLOG_UDP, SYSLOG_TCP, SYSLOG_TLS };

struct syslog_config {
	const char *app_name;
	bool bom;
	const char *ca_file, *cert_file;
	int64_t enterprise, facility, format, framing;
	const char *hostname, *key_file;
	int64_t max_size;
	const struct tocsin_template *message;
	int64_t server_timeout;
	bool structured_data;
	const struct tocsin_template *title;
	bool tls_verify;
	const char *to;
};

/* --- address.c --- */

struct syslog_address {
	enum syslog_kind kind;
	char host[256];                                      /* or */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int port;
};

/* unix:/path udp:host[:port] tcp:host[:port] tls:host[:port]; 0, or -EINVAL and why. */
int syslog_address_parse(struct syslog_address *address, const char *text, char *why,
			 size_t why_size);
/* As tocsin_channel_ops.check. */
const char *syslog_check(const void *config, char *why, size_t why_size);

/* --- format.c --- */

/* How messages look; all that does not depend on the alert. */
struct syslog_format {
	enum syslog_form form;
	int facility, enterprise, process;
	bool bom, structured_data;
	char hostname[256];   /* "-" when it is not known */
	const char *app_name; /* borrowed */
	size_t max_size;
};

void syslog_format_init(struct syslog_format *format, const struct syslog_config *config,
			const struct syslog_address *address);
/* Writes the message, at most format->max_size bytes, and returns their number. title and message:
 * in place of the alert's own words, or NULL. */
size_t syslog_format_put(const struct syslog_format *format,
			 const struct tocsin_delivery *delivery, const char *title,
			 const char *message, char *out);

/* --- link.c, datagram.c, stream.c --- */

/* Messages as they go out, one after the other in text. */
struct syslog_batch {
	char *text;
	size_t end[SYSLOG_BATCH]; /* of each */
	size_t n;
};

/* The connection to the receiver: made when it is needed, kept, and renewed when it was lost. */
struct syslog_link {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct syslog_config *config;
	const struct syslog_address *address;
	int fd;           /* -1: not connected */
	CURL *curl;       /* holds the connection of TCP and TLS */
	bool stream;
	char why[400];    /* about the last failure */
	char error[CURL_ERROR_SIZE];
};

void syslog_link_init(struct syslog_link *link, struct tocsin_self *self,
		      const struct tocsin_host *host, const struct syslog_config *config,
		      const struct syslog_address *address);
void syslog_link_close(struct syslog_link *link);
/* Makes sure that there is a connection, as far as can be seen. 0, or negative errno and why. */
int syslog_link_ready(struct syslog_link *link);
/* How each message is to be set apart; the link is ready. */
enum syslog_framing syslog_link_framing(const struct syslog_link *link);
/* Sends them and returns how many of them, from the first, are where they should be; when not all
 * are: *rc is a negative errno, and why. */
size_t syslog_link_send(struct syslog_link *link, const struct syslog_batch *batch, int *rc);
/* Notes the sentence and returns rc. */
int syslog_link_fail(struct syslog_link *link, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int64_t syslog_now_ms(void);
/* What is left until then for poll(). */
int syslog_left_ms(int64_t deadline_ms);

int syslog_datagram_connect(struct syslog_link *link);
size_t syslog_datagram_send(struct syslog_link *link, const struct syslog_batch *batch, int *rc);

int syslog_stream_connect(struct syslog_link *link);
/* Has the other side closed, or is it about to? */
bool syslog_stream_is_stale(struct syslog_link *link);
int syslog_stream_send(struct syslog_link *link, const char *data, size_t length);

#endif
