/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "../../common/text.h"
#include "exec.h"

#define LAST_LINE 120 /* bytes of what the program said last */

static void give(enum exec_meaning of[EXEC_CODES], const struct tocsin_strings *statuses,
		 enum exec_meaning meaning)
{
	for (size_t i = 0; i < statuses->n; i++) {
		int status = exec_status_of(statuses->item[i]);

		if (status >= 0)
			of[status] = meaning;
	}
}

void exec_meanings(const struct exec_config *config, enum exec_meaning of[EXEC_CODES])
{
	for (size_t i = 0; i < EXEC_CODES; i++)
		of[i] = (enum exec_meaning)config->status.otherwise;
	give(of, &config->status.delivered, EXEC_DELIVERED);
	give(of, &config->status.retry, EXEC_RETRY);
	give(of, &config->status.unavailable, EXEC_UNAVAILABLE);
	give(of, &config->status.rejected, EXEC_REJECTED);
}

static enum tocsin_outcome outcome(enum exec_meaning meaning)
{
	static const enum tocsin_outcome outcomes[] = {
		[EXEC_REJECTED] = TOCSIN_REJECTED,
		[EXEC_RETRY] = TOCSIN_RETRY,
		[EXEC_UNAVAILABLE] = TOCSIN_UNAVAILABLE,
		[EXEC_DELIVERED] = TOCSIN_DELIVERED,
	};

	return outcomes[meaning];
}

/* Most programs say last what went wrong. The line is hostile: the alert may have written it. */
static void add_last_line(struct tocsin_verdict *verdict, const struct program_output *output)
{
	size_t end = output->length, begin, used = strlen(verdict->why);
	char line[LAST_LINE + 1] = "";
	uint32_t point;
	const char *cursor = line;

	while (end > 0 && strchr(" \t\r\n", output->text[end - 1]))
		end--;
	for (begin = end; begin > 0 && output->text[begin - 1] != '\n'; begin--)
		;
	memcpy(line, output->text + begin, end - begin < LAST_LINE ? end - begin : LAST_LINE);
	if (*line)
		used += (size_t)snprintf(verdict->why + used, sizeof(verdict->why) - used, ": ");
	while ((point = text_next(&cursor)) != 0 && used + 4 < sizeof(verdict->why))
		used += text_encode(text_is_control(point) ? ' ' : point, verdict->why + used);
	verdict->why[used] = '\0';
}

void exec_judge(const struct exec_config *config, const enum exec_meaning of[EXEC_CODES],
		const struct program_run *run, struct tocsin_verdict *verdict)
{
	*verdict = (struct tocsin_verdict){.outcome = TOCSIN_RETRY};
	if (run->lost) {
		snprintf(verdict->why, sizeof(verdict->why),
			 "nobody knows how the command ended: its status was taken by somebody "
			 "else");
	} else if (run->timed_out) {
		snprintf(verdict->why, sizeof(verdict->why),
			 "the command did not end within %" PRId64 " ms and was %s",
			 config->time_limit,
			 WIFSIGNALED(run->status) && WTERMSIG(run->status) == SIGKILL ? "killed"
										      : "ended");
	} else if (WIFSIGNALED(run->status)) {
		verdict->outcome = outcome((enum exec_meaning)config->status.killed);
		snprintf(verdict->why, sizeof(verdict->why),
			 "the command was killed by signal %d (%s)", WTERMSIG(run->status),
			 strsignal(WTERMSIG(run->status)));
	} else {
		verdict->outcome = outcome(of[WEXITSTATUS(run->status)]);
		snprintf(verdict->why, sizeof(verdict->why),
			 "the command ended with status %d after %" PRId64 " ms",
			 WEXITSTATUS(run->status), run->took_ms);
	}
	if (verdict->outcome != TOCSIN_DELIVERED)
		add_last_line(verdict, &run->output);
}
