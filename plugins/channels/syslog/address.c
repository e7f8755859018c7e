/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "syslog.h"

#define DATAGRAM_MOST 65000 /* of UDP over IPv4, with the headers */

static const struct {
	const char *word;
	enum syslog_kind kind;
	int port; /* as registered for it */
} kinds[] = {
	{"unix:", SYSLOG_UNIX, 0},
	{"udp:", SYSLOG_UDP, 514},
	{"tcp:", SYSLOG_TCP, 601},
	{"tls:", SYSLOG_TLS, 6514},
};

static int port_of(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	long port = digits > 0 && digits < 6 && !text[digits] ? strtol(text, NULL, 10) : 0;

	return port > 0 && port < 65536 ? (int)port : -1;
}

/* host, host:port, [address], [address]:port; false when it is none of these. */
static bool parse_host(struct syslog_address *address, const char *text)
{
	bool bracket = *text == '[';
	const char *end = bracket ? strchr(text, ']') : text + strcspn(text, ":");
	size_t length;

	if (!end)
		return false;
	text += bracket;
	length = (size_t)(end - text);
	end += bracket;
	if (length == 0 || length >= sizeof(address->host) ||
	    strcspn(text, "/@?# \t\"'%\\") < length)
		return false;
	memcpy(address->host, text, length);
	address->host[length] = '\0';
	if (*end == ':')
		address->port = port_of(end + 1);
	return address->port > 0 && (*end == '\0' || *end == ':');
}

int syslog_address_parse(struct syslog_address *address, const char *text, char *why,
			 size_t why_size)
{
	size_t length = 0, i;
	bool good;

	*address = (struct syslog_address){.port = 0};
	for (i = 0; i < TOCSIN_COUNT(kinds) && length == 0; i++) {
		if (strncmp(text, kinds[i].word, strlen(kinds[i].word)) == 0) {
			length = strlen(kinds[i].word);
			address->kind = kinds[i].kind;
			address->port = kinds[i].port;
		}
	}
	if (length > 0 && strncmp(text + length, "//", 2) == 0)
		length += 2; /* as a URL has it */
	text += length;
	if (address->kind == SYSLOG_UNIX)
		good = *text == '/' && strlen(text) < sizeof(address->path);
	else
		good = parse_host(address, text);
	if (length == 0 || !good) {
		snprintf(why, why_size,
			 "'to' is not an address; write one such as unix:/dev/log, "
			 "udp:logs.example.com, tcp:logs.example.com:601 or "
			 "tls:logs.example.com:6514");
		return -EINVAL;
	}
	if (address->kind == SYSLOG_UNIX)
		memcpy(address->path, text, strlen(text) + 1);
	return 0;
}

static bool is_word(const char *text, size_t most, const char *but)
{
	size_t length = strlen(text);

	for (const char *c = text; *c; c++) {
		if (*c <= ' ' || *c > '~' || strchr(but, *c))
			return false;
	}
	return length > 0 && length <= most;
}

const char *syslog_check(const void *config_data, char *why, size_t why_size)
{
	const struct syslog_config *config = config_data;
	struct syslog_address address;

	if (syslog_address_parse(&address, config->to, why, why_size) != 0)
		return why;
	if (!is_word(config->app_name, 48, "[]:\"\\"))
		return "'app_name' must have 1 to 48 printable ASCII characters, without spaces, "
		       "colons, quotes and brackets";
	if (config->hostname && !is_word(config->hostname, 255, ""))
		return "'hostname' must have 1 to 255 printable ASCII characters without spaces";
	if (config->format == SYSLOG_LOCAL && address.kind != SYSLOG_UNIX)
		return "'format: local' has no host name, so it is for unix: only; write "
		       "rfc5424 or rfc3164";
	if (config->max_size > 0 && config->max_size < SYSLOG_LEAST)
		return "'max_size' is less than the 480 bytes that every receiver takes";
	if (address.kind == SYSLOG_UDP && config->max_size > DATAGRAM_MOST)
		return "'max_size' is more than fits into a datagram; write at most 65000";
	if (!config->cert_file != !config->key_file)
		return "'cert_file' and 'key_file' go together; write both or neither";
	if (address.kind != SYSLOG_TLS && (config->ca_file || config->cert_file))
		return "'ca_file', 'cert_file' and 'key_file' are for tls: only";
	return NULL;
}
