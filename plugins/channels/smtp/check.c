/* SPDX-License-Identifier: Apache-2.0 */
/* What the options may not say together, or in a form that the core cannot check. */
#include "smtp.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static bool is_loopback(const char *host)
{
	if (strncmp(host, "127.", 4) == 0)
		return host[strspn(host, "0123456789.")] == '\0';
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
}

static const char *check_token(const struct smtp_config *config)
{
	if (config->auth != SMTP_AUTH_XOAUTH2 && config->auth != SMTP_AUTH_OAUTHBEARER)
		return "'token_command' needs 'auth: xoauth2' or 'auth: oauthbearer'";
	if (config->password)
		return "'token_command' takes the place of 'password'; remove one of them";
	if (!config->username)
		return "'token_command' needs a 'username' beside it";
	if (config->token_command.item[0][0] != '/')
		return "'token_command' must begin with the absolute path of a program; no shell "
		       "looks for it";
	return NULL;
}

static const char *check_login(const struct smtp_config *config)
{
	const char *wrong = config->token_command.n > 0 ? check_token(config) : NULL;
	bool shows_password = config->auth != SMTP_AUTH_CRAM_MD5 &&
			      config->auth != SMTP_AUTH_SCRAM_SHA_256 &&
			      config->auth != SMTP_AUTH_NONE;

	if (wrong)
		return wrong;
	if (config->username && !config->password && config->token_command.n == 0)
		return "'username' needs a 'password' beside it";
	if (config->password && !config->username)
		return "'password' needs a 'username' beside it";
	if (!config->username && config->auth > SMTP_AUTH_NONE)
		return "'auth' needs 'username' and 'password'";
	if (config->username && shows_password && config->tls == SMTP_TLS_NONE &&
	    !is_loopback(config->host))
		return "with 'tls: none' the password would cross the network in the clear; use "
		       "'starttls' or 'implicit', or 'auth: scram-sha-256' or 'cram-md5'";
	return NULL;
}

/* Refuses headers that are made here, or would change whom a mail reaches or how it reads. */
static const char *check_header(const struct tocsin_pair *header, char *why, size_t why_size)
{
	static const char *const own[] = {
		"Auto-Submitted", "Bcc",        "Cc",           "Content-Transfer-Encoding",
		"Content-Type",   "Date",       "From",         "Importance",
		"In-Reply-To",    "List-Id",    "MIME-Version", "Message-ID",
		"Received",       "References", "Reply-To",     "Return-Path",
		"Sender",         "Subject",    "To",           "X-Auto-Response-Suppress",
		"X-Priority",
	};
	size_t length = strspn(header->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					     "0123456789-");

	if (length == 0 || length > 50 || header->name[length] != '\0')
		return "'headers' has a name that is not a header's; use letters, digits and "
		       "hyphens";
	for (size_t i = 0; i < TOCSIN_COUNT(own); i++) {
		if (strcasecmp(own[i], header->name) == 0) {
			snprintf(why, why_size, "'headers' must not set %s, which is made here",
				 own[i]);
			return why;
		}
	}
	return NULL;
}

/* A colon is part of an IPv6 address, or somebody wrote the port here. */
static bool is_host(const char *host)
{
	struct in6_addr address;

	if (!*host || strpbrk(host, "/@?#[]% \t\r\n\\"))
		return false;
	return !strchr(host, ':') || inet_pton(AF_INET6, host, &address) == 1;
}

static const char *check_names(const struct smtp_config *config)
{
	if (!is_host(config->host))
		return "'host' is not the name or address of a server; write only that, the port "
		       "goes to 'port'";
	if (config->hello && !smtp_is_domain(config->hello))
		return "'hello' is not a host name";
	if (config->list_id && !smtp_is_domain(config->list_id))
		return "'list_id' is not a name such as alerts.example.com";
	return NULL;
}

const char *smtp_check(const void *config_data, char *why, size_t why_size)
{
	const struct smtp_config *config = config_data;
	struct smtp_address address;
	const char *wrong = check_names(config);
	char sentence[200];

	if (!wrong)
		wrong = check_login(config);
	for (size_t i = 0; !wrong && i < config->headers.n; i++)
		wrong = check_header(&config->headers.pair[i], why, why_size);
	if (wrong)
		return wrong;
	if (smtp_address_parse(&address, config->from, true, sentence, sizeof(sentence)) != 0) {
		snprintf(why, why_size, "'from': %s", sentence);
		return why;
	}
	if (config->reply_to &&
	    smtp_address_parse(&address, config->reply_to, true, sentence, sizeof(sentence)) != 0) {
		snprintf(why, why_size, "'reply_to': %s", sentence);
		return why;
	}
	return NULL;
}
