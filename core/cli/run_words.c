/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_words.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define COMMAND_MOST 4096 /* bytes of all words */

/* Whatever it is, as text that JSON can hold. */
static json_t *text_of(const char *bytes, size_t length)
{
	struct buffer text = {0};
	json_t *json = NULL;

	text_add_valid(&text, bytes, length);
	if (!text.failed)
		json = json_string(buffer_text(&text));
	buffer_done(&text);
	return json;
}

static json_t *command_of(const char *const command[])
{
	json_t *array = json_array();
	size_t left = COMMAND_MOST;

	for (size_t i = 0; command[i] && left > 0; i++) {
		size_t length = text_prefix(command[i], strlen(command[i]), left);

		if (json_array_append_new(array, text_of(command[i], length)) < 0) {
			json_decref(array);
			return NULL;
		}
		left = command[i][length] ? 0 : left - length;
	}
	return array;
}

/* The user's name as the machine itself knows it: a directory service may be slow, or away. */
static json_t *user_of(uid_t user)
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd entry, *found = NULL;
	char line[1024], number[16];
	json_t *name = NULL;

	while (file && fgetpwent_r(file, &entry, line, sizeof(line), &found) == 0)
		if (found->pw_uid == user) {
			name = text_of(found->pw_name, strlen(found->pw_name));
			break;
		}
	if (file)
		fclose(file);
	if (name)
		return name;
	snprintf(number, sizeof(number), "%u", (unsigned int)user);
	return json_string(number);
}

static json_t *host_of(void)
{
	char name[256] = "";

	if (gethostname(name, sizeof(name) - 1) < 0)
		return json_null();
	return text_of(name, strlen(name));
}

static json_t *words(const struct run_words *run, const char *event)
{
	char started[CLOCK_TEXT];

	clock_format_utc(run->started_ms, started);
	return json_pack("{ss ss ss so so so}", "event", event, "id", run->id, "started_at",
			 started, "host", host_of(), "user", user_of(geteuid()), "command",
			 command_of(run->command));
}

json_t *run_words_start(const struct run_words *run)
{
	return words(run, "start");
}

static json_int_t ms_of(const struct timeval *time)
{
	return (json_int_t)time->tv_sec * 1000 + time->tv_usec / 1000;
}

static int add_usage(json_t *json, const struct rusage *usage)
{
	return json_object_set_new(json, "usage",
				   json_pack("{sI sI sI}", "user_ms", ms_of(&usage->ru_utime),
					     "system_ms", ms_of(&usage->ru_stime), "max_rss_kib",
					     (json_int_t)usage->ru_maxrss));
}

static int add_output(json_t *json, struct tail *output)
{
	struct buffer text = {0};
	int result = -1;

	tail_text(output, &text);
	if (!text.failed)
		result = json_object_set_new(json, "output", json_string(buffer_text(&text)));
	buffer_done(&text);
	return result;
}

static int add_status(json_t *json, int status)
{
	if (WIFSIGNALED(status))
		return json_object_set_new(json, "signal", json_integer(WTERMSIG(status)));
	return json_object_set_new(json, "exit", json_integer(WEXITSTATUS(status)));
}

json_t *run_words_end(const struct run_words *run)
{
	json_t *json = words(run, "end");
	char ended[CLOCK_TEXT];
	int result;

	clock_format_utc(run->ended_ms, ended);
	result = json_object_set_new(json, "ended_at", json_string(ended));
	result |= json_object_set_new(json, "duration_ms",
				      json_integer((json_int_t)run->duration_ms));
	result |= add_status(json, run->status);
	if (run->error)
		result |=
			json_object_set_new(json, "error", text_of(run->error, strlen(run->error)));
	else
		result |= add_usage(json, &run->usage);
	if (run->output)
		result |= add_output(json, run->output);
	if (result == 0)
		return json;
	json_decref(json);
	return NULL;
}
