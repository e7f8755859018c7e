/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tocsin run: a job that is watched. The command comes first: it is started before anything is said
 * of it, and nothing that goes wrong with saying it delays or changes the run.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/launch.h"
#include "cli/outbox.h"
#include "cli/pump.h"
#include "cli/run_words.h"

static const struct option_row options[] = {
	{"no-output", 0, NULL,
	 "Leave the output streams alone: the command gets them as they are, such as a terminal, and "
	 "the report says nothing of what it wrote."},
	{"quiet", 'q', NULL, "Say nothing when a report can be neither told nor kept."},
	OPTION_SOURCE,
	OPTION_SPOOL,
	OPTION_SOCKET,
	OPTION_CONFIG,
	OPTION_HELP,
};

/* A report under way, on a thread of its own while the command runs. */
struct report {
	struct cli *cli;
	const char *path;
	json_t *body;
	int64_t patience_ms;
	enum outbox result;
	struct error why;
	pthread_t thread;
	bool threaded;
};

struct run {
	struct run_words words;
	struct launch launch;
	struct tail tail;
	struct pump pump[2];
	size_t n_pumps;
	int64_t began_ms;  /* boot time */
	int64_t passed_ms; /* boot time when it had ended and all that it wrote was passed on */
	bool started;
	int killed; /* the signal that ended us while we passed on what the command wrote, or 0 */
};

static void *tell(void *data)
{
	struct report *report = data;

	report->result = report->body ? outbox_put(report->cli, report->path, report->body,
						   report->patience_ms, &report->why)
				      : OUTBOX_LOST;
	return NULL;
}

/* Where the order of both streams counts there is one pump for both. */
static void open_pumps(struct run *run, int *output, int *errors)
{
	bool same = pump_same(STDOUT_FILENO, STDERR_FILENO);

	run->words.output = &run->tail;
	if (pump_open(&run->pump[0], STDOUT_FILENO, &run->tail)) {
		*output = run->pump[0].give;
		run->n_pumps = 1;
	}
	if (same)
		*errors = *output;
	else if (pump_open(&run->pump[run->n_pumps], STDERR_FILENO, &run->tail))
		*errors = run->pump[run->n_pumps++].give;
}

static int begin(struct run *run, const struct cli *cli, char *const command[])
{
	int output = -1, errors = -1, result;

	launch_prepare(&run->launch);
	id_uuid(run->words.id);
	run->words.command = (const char *const *)command;
	if (!cli_has(cli, "no-output"))
		open_pumps(run, &output, &errors);
	run->words.started_ms = clock_wall_ms();
	run->began_ms = clock_boot_ms();
	result = launch_start(&run->launch, command, output, errors);
	for (size_t i = 0; i < run->n_pumps; i++)
		pump_given(&run->pump[i]);
	run->started = result == 0;
	/* What we open from now on must not come where a closed stream was. */
	file_fill_standard_streams();
	return result;
}

/* After what cannot be started: as a shell would end. */
static void not_started(struct run *run, const char *command, int code)
{
	run->words.error = code == -ENOENT ? "command not found" : strerror(-code);
	run->words.status = W_EXITCODE(code == -ENOENT ? 127 : 126, 0);
	cli_error(0, "%.200s: %s", command, run->words.error);
}

static bool all_is_passed(struct run *run)
{
	for (size_t i = 0; i < run->n_pumps; i++)
		if (!pump_is_done(&run->pump[i]))
			return false;
	return true;
}

/* Until what is said of the start is said, or given up. */
static void join_report(struct report *report)
{
	if (report->threaded)
		pthread_join(report->thread, NULL);
	report->threaded = false;
}

/* A reader who does not read holds us up, as it would the command. But then a signal ends us, as it
 * would the command; what was not passed on is lost, and the pumps end with us. */
static void pass_rest(struct run *run, struct report *start)
{
	bool others = false;

	for (size_t i = 0; i < run->n_pumps; i++)
		pump_end(&run->pump[i]);
	while (run->killed == 0 && !all_is_passed(run))
		run->killed = launch_await_signal(&run->launch);
	run->passed_ms = clock_boot_ms();
	if (run->killed)
		return;
	for (size_t i = 0; i < run->n_pumps; i++) {
		others |= pump_join(&run->pump[i]);
		if (run->pump[i].error)
			cli_error(0, "what the command wrote cannot be passed on: %s",
				  strerror(run->pump[i].error));
	}
	if (others) {
		join_report(start); /* a copy of a process has no threads but one */
		pump_leave(run->pump, run->n_pumps, &run->launch.mask);
	}
	for (size_t i = 0; i < run->n_pumps; i++)
		pump_close(&run->pump[i]);
}

static void wait_for_end(struct run *run, struct report *start)
{
	if (run->started)
		launch_wait(&run->launch, &run->words.status, &run->words.usage);
	run->words.duration_ms = clock_boot_ms() - run->began_ms;
	run->words.ended_ms = clock_wall_ms();
	pass_rest(run, start);
}

/* Both reports together get the daemon's patience once what the command wrote is passed on. */
static void tell_end(struct run *run, struct report *start, struct report *end)
{
	join_report(start);
	end->body = run_words_end(&run->words);
	end->patience_ms = OUTBOX_PATIENCE_MS - (clock_boot_ms() - run->passed_ms);
	tell(end);
	if (end->result >= OUTBOX_REFUSED && !cli_has(end->cli, "quiet"))
		cli_error(0, "the run is not recorded: %s", end->why.text);
	json_decref(start->body);
	json_decref(end->body);
}

static int run(struct cli *cli)
{
	struct buffer path = {0};
	struct run run = {0};
	struct report start = {.cli = cli,
			       .patience_ms = OUTBOX_PATIENCE_MS,
			       .why.text = "out of memory"},
		      end = start;
	char *const *command = (char *const *)(void *)(cli->arguments.operand + 1);
	int result;

	if (!*cli_operand(cli, 0))
		return cli_error(STATUS_USAGE, "the name of the job is empty");
	tail_init(&run.tail);
	result = begin(&run, cli, command);
	buffer_puts(&path, "/api/v1/jobs/");
	client_add_part(&path, cli_operand(cli, 0));
	buffer_puts(&path, "/report");
	client_add_parameter(&path, "source", cli_get(cli, "source"));
	start.path = end.path = buffer_text(&path);
	if (result == 0) {
		start.body = run_words_start(&run.words);
		start.threaded = pthread_create(&start.thread, NULL, tell, &start) == 0;
	} else {
		not_started(&run, command[0], result);
	}
	wait_for_end(&run, &start);
	tell_end(&run, &start, &end);
	buffer_done(&path);
	if (run.killed) {
		launch_die(run.killed);
		_exit(128 + run.killed); /* its threads still have what is on this stack */
	}
	tail_done(&run.tail);
	if (WIFSIGNALED(run.words.status)) {
		launch_die(WTERMSIG(run.words.status));
		return 128 + WTERMSIG(run.words.status);
	}
	return WEXITSTATUS(run.words.status);
}

const struct command command_run = {
	.name = "run",
	.operands = "JOB [--] COMMAND [ARGUMENT]...",
	.least = 2,
	.most = (size_t)-1,
	.words = 2,
	.summary = "run a command as a job whose runs are recorded",
	.description =
		"Runs the command and reports its start and end to the source of jobs that has JOB: "
		"exit status, duration, processor time, memory, and the last 4 KiB of what it "
		"wrote. Input, output, signals and the exit status are the command's. When the "
		"daemon does not answer within two seconds the report is kept as a file in the "
		"spool, and the daemon takes it from there: the job neither waits nor fails because "
		"of tocsin.",
	.examples = "  tocsin run backup -- /usr/local/bin/backup --all\n"
		    "  17 3 * * *  tocsin run cleanup -- sh -c 'find /srv/tmp -mtime +7 -delete'\n",
	.status =
		"  that of the command, or its signal, or the signal that came when it had ended and\n"
		"  nobody took what it wrote; 127 when there is no such command, 126 when it cannot\n"
		"  be started; 2 wrong usage, with nothing run\n",
	OPTIONS(options),
	.run = run,
};
