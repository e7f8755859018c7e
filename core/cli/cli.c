/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/paths.h"
#include "config/directory.h"

const char *cli_get(const struct cli *cli, const char *name)
{
	return arguments_get(&cli->arguments, name);
}

bool cli_has(const struct cli *cli, const char *name)
{
	return cli_get(cli, name) != NULL;
}

const char *cli_operand(const struct cli *cli, size_t index)
{
	return index < cli->arguments.n_operands ? cli->arguments.operand[index] : NULL;
}

int cli_error(int status, const char *format, ...)
{
	struct error sentence;
	struct buffer safe = {0};
	va_list args;

	va_start(args, format);
	vsnprintf(sentence.text, sizeof(sentence.text), format, args);
	va_end(args);
	output_safe(&safe, sentence.text);
	fprintf(stderr, "tocsin: %s\n", buffer_text(&safe));
	buffer_done(&safe);
	return status;
}

int cli_flush(struct cli *cli)
{
	bool good = !cli->out.failed;

	if (good && cli->out.length > 0)
		good = fwrite(cli->out.data, 1, cli->out.length, stdout) == cli->out.length;
	good = fflush(stdout) == 0 && good;
	buffer_clear(&cli->out);
	return good ? 0 : -EIO;
}

void cli_print_json(struct cli *cli, json_t *json)
{
	/* On a terminal only ASCII, so that nothing in it can act on the terminal. */
	size_t flags = cli->terminal ? JSON_INDENT(2) | JSON_ENSURE_ASCII : JSON_COMPACT;
	char *text = json ? json_dumps(json, flags | JSON_ENCODE_ANY) : NULL;

	if (text)
		buffer_printf(&cli->out, "%s\n", text);
	else
		cli->out.failed = true;
	free(text);
	json_decref(json);
}

const char *cli_config(const struct cli *cli)
{
	const char *given = cli_get(cli, "config");

	return given ? given : PATHS_CONFIG;
}

/* A key of the section api, in a configuration that may be unreadable or wrong: then there is none. */
static char *configured(const char *directory, const char *key)
{
	struct problems problems = {0};
	struct documents documents = {0};
	char *found = NULL;

	documents_read(directory, &problems, &documents);
	for (size_t i = 0; i < documents.n && !found; i++) {
		const struct node *root = documents.root[i], *api, *value;

		api = root && root->kind == NODE_MAP ? node_get(root, "api") : NULL;
		value = api && api->kind == NODE_MAP ? node_get(api, key) : NULL;
		if (value && value->kind == NODE_SCALAR)
			found = strdup(value->text);
	}
	documents_done(&documents);
	problems_done(&problems);
	return found;
}

static int connect_client(struct cli *cli, struct error *err)
{
	const char *given = cli_get(cli, "socket");
	char *found = given ? NULL : configured(cli_config(cli), "socket");
	int result = client_new(given ? given : found ? found : PATHS_SOCKET, &cli->client, err);

	free(found);
	return result;
}

char *cli_spool(const struct cli *cli)
{
	const char *given = cli_get(cli, "spool");
	char *found = given ? strdup(given) : configured(cli_config(cli), "spool");

	return found || given ? found : strdup(PATHS_SPOOL);
}

int cli_try(struct cli *cli, const char *method, const char *path, const char *body,
	    struct client_reply *reply, struct error *err)
{
	int result = 0;

	if (!cli->client)
		result = connect_client(cli, err);
	if (result < 0)
		return result;
	if (cli->patience_ms > 0)
		client_set_patience(cli->client, cli->patience_ms);
	return client_call(cli->client, method, path, body, reply, err);
}

static int refused(const struct client_reply *reply, struct error *why)
{
	const char *sentence = json_text_of(reply->json, "error");

	if (*sentence)
		error_set(why, -EINVAL, "%s", sentence);
	else
		error_set(why, -EINVAL, "the daemon answered with HTTP status %ld", reply->status);
	return reply->status == 503 || reply->status == 429 ? STATUS_LATER : STATUS_NO;
}

int cli_ask(struct cli *cli, const char *method, const char *path, json_t *body, json_t **answer,
	    struct error *why)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct client_reply reply = {0};
	int result = cli_try(cli, method, path, text, &reply, why);

	free(text);
	json_decref(body);
	*answer = NULL;
	if (result < 0)
		return STATUS_UNREACHABLE;
	*answer = reply.json;
	return reply.status >= 200 && reply.status < 300 && reply.json ? STATUS_DONE
								       : refused(&reply, why);
}

int cli_request(struct cli *cli, const char *method, const char *path, json_t *body,
		json_t **answer)
{
	struct error why;
	int status = cli_ask(cli, method, path, body, answer, &why);

	return status == STATUS_DONE ? status : cli_error(status, "%s", why.text);
}

int cli_time(const char *text, char *rfc3339, size_t size)
{
	char time[CLOCK_TEXT];
	int64_t ms;

	if (units_parse_duration(text, &ms) == 0)
		ms = clock_wall_ms() - ms;
	else if (clock_parse(text, &ms) < 0)
		return -EINVAL;
	clock_format_utc(ms, time);
	return snprintf(rfc3339, size, "%s", time) < (int)size ? 0 : -EINVAL;
}

int cli_number(const char *text, long long *number)
{
	char *end;

	errno = 0;
	*number = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *number > 0 ? 0 : -EINVAL;
}

int cli_pair(const char *text, char *name, size_t size, const char **value)
{
	size_t length = strcspn(text, "=");

	if (length == 0 || length >= size || text[length] != '=')
		return -EINVAL;
	memcpy(name, text, length);
	name[length] = '\0';
	*value = text + length + 1;
	return 0;
}

const char *json_text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

long long json_number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *json_time_of(const json_t *object, const char *key, char *text)
{
	int64_t ms;

	if (clock_parse(json_text_of(object, key), &ms) < 0)
		return "";
	clock_format_local(ms, text);
	return text;
}
