/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli: what every command works with, and the list of commands. One thread. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>

#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/output.h"

/* Exit statuses; documented in help.c and tocsin(1). */
enum {
	STATUS_DONE = 0,
	STATUS_NO = 1, /* the answer is no: not valid, failed, not found */
	STATUS_USAGE = 2,
	STATUS_UNREACHABLE = 3,
	STATUS_LATER = 4,
};

struct cli {
	const struct command *command;
	struct arguments arguments;
	bool json;
	bool terminal; /* standard output is one */
	bool colour;
	size_t width;          /* of the terminal; 0: unlimited */
	struct buffer out;     /* written to standard output at the end, or by cli_flush */
	struct client *client; /* made by the first request */
	long patience_ms;      /* for each request; 0: CLIENT_ANSWER_MS */
	bool alive;            /* the daemon has answered, so that a longer wait is for something */
};

/* Shorthands for cli->arguments. */
const char *cli_get(const struct cli *cli, const char *name);
bool cli_has(const struct cli *cli, const char *name);
const char *cli_operand(const struct cli *cli, size_t index); /* NULL: not given */

/* "tocsin: sentence" on standard error. Returns status. */
int cli_error(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes what is in out to standard output. 0 or -EIO. */
int cli_flush(struct cli *cli);
/* Adds JSON to out, taken over: indented for a terminal, one line otherwise. */
void cli_print_json(struct cli *cli, json_t *json);

/* The directory given, or the installed one. */
const char *cli_config(const struct cli *cli);

/*
 * Asks the daemon. body (may be NULL) is taken over. STATUS_DONE and *answer (a
 * new reference), or the exit status after telling why; *answer is then the
 * answer of a daemon that refused, or NULL.
 */
int cli_request(struct cli *cli, const char *method, const char *path, json_t *body,
		json_t **answer);
/* The same, and why is not told but said. */
int cli_ask(struct cli *cli, const char *method, const char *path, json_t *body, json_t **answer,
	    struct error *why);
/* The same for requests whose failure is not told: -errno of client_call, or 0 and *reply. */
int cli_try(struct cli *cli, const char *method, const char *path, const char *body,
	    struct client_reply *reply, struct error *err);

/* Where words are kept that the daemon could not be told: --spool, else of the configuration, else
 * of the installation. 0 and *directory for the caller to free(), or a negative errno and why: the
 * configuration that was named cannot be read, or memory is short. */
int cli_spool(const struct cli *cli, char **directory, struct error *err);

/* "2h" (so long ago) or RFC 3339, as RFC 3339 for the API. 0 or -EINVAL. */
int cli_time(const char *text, char *rfc3339, size_t size);
/* A positive number. 0 or -EINVAL. */
int cli_number(const char *text, long long *number);
/* Splits NAME=VALUE. 0 and *value within text, or -EINVAL. */
int cli_pair(const char *text, char *name, size_t size, const char **value);

/* Members of JSON objects, with "" and 0 for what is missing. */
const char *json_text_of(const json_t *object, const char *key);
long long json_number_of(const json_t *object, const char *key);
/* An RFC 3339 member as local time; "" when missing. text holds CLOCK_TEXT bytes. */
const char *json_time_of(const json_t *object, const char *key, char *text);

extern const struct command command_send;
extern const struct command command_test;
extern const struct command command_status;
extern const struct command command_check_config;
extern const struct command command_routes_show;
extern const struct command command_routes_test;
extern const struct command command_deliveries;
extern const struct command command_dead_list;
extern const struct command command_dead_show;
extern const struct command command_dead_replay;
extern const struct command command_dead_drop;
extern const struct command command_history;
extern const struct command command_plugins_list;
extern const struct command command_plugins_show;
extern const struct command command_plugins_table;
extern const struct command command_reload;
extern const struct command command_sql_alerts, command_sql_jobs;
extern const struct command command_templates_list;
extern const struct command command_templates_render;
extern const struct command command_heartbeats_list;
extern const struct command command_heartbeats_show;
extern const struct command command_heartbeats_pause;
extern const struct command command_heartbeats_resume;
extern const struct command command_jobs_list;
extern const struct command command_jobs_show;
extern const struct command command_jobs_run;
extern const struct command command_jobs_pause;
extern const struct command command_jobs_resume;
extern const struct command command_jobs_history;
extern const struct command command_checks_list;
extern const struct command command_checks_show;
extern const struct command command_checks_pause;
extern const struct command command_checks_resume;
extern const struct command command_check_heartbeat;
extern const struct command command_check_threshold;
extern const struct command command_ping;
extern const struct command command_run;
extern const struct command command_version;

/* All of them, as the overview lists them: commands.c. */
extern const struct command *const cli_commands[];
extern const size_t cli_n_commands;

#endif
