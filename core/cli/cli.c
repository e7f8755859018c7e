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

/* A scalar of the section api in one of the files; NULL: there is none. */
static const char *api_value(const struct documents *documents, const char *key)
{
	for (size_t i = 0; i < documents->n; i++) {
		const struct node *root = documents->root[i], *api, *value;

		api = root && root->kind == NODE_MAP ? node_get(root, "api") : NULL;
		value = api && api->kind == NODE_MAP ? node_get(api, key) : NULL;
		if (value && value->kind == NODE_SCALAR)
			return value->text;
	}
	return NULL;
}

/* The installed place would be that of another daemon than the one that was meant. */
static int refuse_config(const char *key, const struct problems *problems, struct error *err)
{
	const char *problem = problems->n > 0 ? problems->text[0] : NULL;

	return error_set(err, -EINVAL,
			 "the configuration that was named does not say which %s is meant: %.500s; "
			 "correct it, or name the %s with --%s",
			 key, problem ? problem : "out of memory", key, key);
}

/*
 * What an option says, else the configuration, else the installation. A configuration that is not
 * named may be unreadable or wrong. 0 and *found to be free()d, or a negative errno and why.
 */
static int place_of(const struct cli *cli, const char *key, const char *installed, char **found,
		    struct error *err)
{
	const char *value = cli_get(cli, key);
	struct problems problems = {0};
	struct documents documents = {0};
	int result = 0;

	*found = NULL;
	if (!value) {
		result = documents_read(cli_config(cli), &problems, &documents);
		value = api_value(&documents, key);
	}
	if (!value && result < 0 && cli_has(cli, "config")) {
		result = refuse_config(key, &problems, err);
	} else {
		*found = strdup(value ? value : installed);
		result = *found ? 0 : error_set(err, -ENOMEM, "out of memory");
	}
	documents_done(&documents);
	problems_done(&problems);
	return result;
}

static int connect_client(struct cli *cli, struct error *err)
{
	char *socket;
	int result = place_of(cli, "socket", PATHS_SOCKET, &socket, err);

	if (result == 0)
		result = client_new(socket, &cli->client, err);
	free(socket);
	return result;
}

int cli_spool(const struct cli *cli, char **directory, struct error *err)
{
	return place_of(cli, "spool", PATHS_SPOOL, directory, err);
}

/* A daemon that hangs is not waited for as long as one that has much to do. */
static int look_alive(struct cli *cli, struct error *err)
{
	struct client_reply reply = {0};
	int result;

	client_set_patience(cli->client, CLIENT_ANSWER_MS);
	result = client_call(cli->client, "GET", "/api/v1/health", NULL, &reply, err);
	json_decref(reply.json);
	cli->alive = result == 0;
	return result;
}

int cli_try(struct cli *cli, const char *method, const char *path, const char *body,
	    struct client_reply *reply, struct error *err)
{
	int result = 0;

	if (!cli->client)
		result = connect_client(cli, err);
	if (result == 0 && cli->patience_ms > CLIENT_ANSWER_MS && !cli->alive)
		result = look_alive(cli, err);
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
