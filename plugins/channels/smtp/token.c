/* SPDX-License-Identifier: Apache-2.0 */
#include "token.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define OUTPUT_MAX (64 * 1024)
/* It is not used any more this long before it expires, so that it does not on the way. */
#define MARGIN_S 60

void smtp_token_forget(struct smtp_token *token)
{
	if (token->text)
		explicit_bzero(token->text, strlen(token->text));
	free(token->text);
	*token = (struct smtp_token){0};
}

/* What may stand in a bearer token (RFC 6750), and whatever else is visible. */
static int keep(struct smtp_token *token, const char *text, size_t length)
{
	if (length == 0 || length > SMTP_TOKEN_MAX)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return -EINVAL;
	}
	token->text = strndup(text, length);
	token->fresh = true;
	return token->text ? 0 : -ENOMEM;
}

/* A number, or one in a text. */
static int64_t seconds_of(const json_t *value)
{
	if (json_is_string(value))
		return strtoll(json_string_value(value), NULL, 10);
	return json_is_number(value) ? (int64_t)json_number_value(value) : 0;
}

/* As OAuth servers and the tools of the clouds write it. */
static int read_json(struct smtp_token *token, const char *text, size_t length, int64_t now_ms,
		     int64_t wall_s)
{
	json_t *root = json_loadb(text, length, 0, NULL);
	const json_t *access = json_object_get(root, "access_token");
	int64_t lasts_s = seconds_of(json_object_get(root, "expires_in"));
	int64_t expires_s = seconds_of(json_object_get(root, "expires_on"));
	int rc = -EINVAL;

	if (!access)
		access = json_object_get(root, "accessToken");
	if (json_is_string(access))
		rc = keep(token, json_string_value(access), json_string_length(access));
	if (lasts_s <= 0 && expires_s > 0)
		lasts_s = expires_s > wall_s ? expires_s - wall_s : 1;
	if (rc == 0 && lasts_s > 0 && lasts_s < INT32_MAX) {
		int64_t margin_s = lasts_s > 2 * MARGIN_S ? MARGIN_S : lasts_s / 2;

		token->until_ms = now_ms + (lasts_s - margin_s) * 1000;
	}
	json_decref(root);
	return rc;
}

int smtp_token_read(struct smtp_token *token, char *text, size_t length, int64_t now_ms,
		    int64_t wall_s)
{
	smtp_token_forget(token);
	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		length--;
	if (length > 0 && text[0] == '{')
		return read_json(token, text, length, now_ms, wall_s);
	return keep(token, text, length);
}

static int say(char *why, size_t why_size, int rc, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static int say(char *why, size_t why_size, int rc, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, why_size, format, arguments);
	va_end(arguments);
	return rc;
}

/* What went wrong with the command; 0 when it ended well. */
static int explain(int rc, int status, int64_t timeout_ms, char *why, size_t why_size)
{
	if (rc == -ETIMEDOUT)
		return say(why, why_size, rc, "token_command did not end within %d s",
			   (int)(timeout_ms / 1000));
	if (rc == -E2BIG)
		return say(why, why_size, rc, "token_command printed more than %d KiB",
			   OUTPUT_MAX / 1024);
	if (rc != 0)
		return say(why, why_size, rc, "token_command could not be %s: %s",
			   status == -1 ? "started" : "read", strerror(-rc));
	if (WIFSIGNALED(status))
		return say(why, why_size, -EIO, "token_command was killed by signal %d",
			   WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return say(why, why_size, -EIO, "token_command ended with status %d",
			   WEXITSTATUS(status));
	return 0;
}

int smtp_token_get(struct smtp_token *token, const struct tocsin_strings *command,
		   int64_t timeout_ms, int64_t now_ms, char *why, size_t why_size)
{
	size_t length = 0;
	int status = 0, rc;
	char *output;

	if (token->text && (token->until_ms == 0 || now_ms < token->until_ms))
		return 0;
	output = malloc(OUTPUT_MAX);
	if (!output)
		return say(why, why_size, -ENOMEM, "out of memory");
	rc = smtp_command_output(command, timeout_ms, output, OUTPUT_MAX, &length, &status);
	rc = explain(rc, status, timeout_ms, why, why_size);
	if (rc == 0) {
		rc = smtp_token_read(token, output, length, now_ms, (int64_t)time(NULL));
		if (rc != 0)
			(void)say(why, why_size, rc, "token_command printed no token");
	}
	explicit_bzero(output, length);
	free(output);
	return rc;
}
