/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program for each alert. */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../common/document.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3; systems may demand it */
#endif

#define MINUTE 60000

static const char *const meanings[] = {"rejected", "retry", "unavailable", NULL};

static const struct tocsin_option status_options[] = {
	TOCSIN_OPTION(STRINGS, struct exec_statuses, delivered, .preset = "[0]",
		      .help = "Exit statuses that mean: done."),
	TOCSIN_OPTION(CHOICE, struct exec_statuses, killed, .preset = "retry", .choices = meanings,
		      .help = "What it means when the program was killed by a signal, but not "
			      "because of its time limit."),
	TOCSIN_OPTION(CHOICE, struct exec_statuses, otherwise, .preset = "rejected",
		      .choices = meanings, .help = "What every other status means."),
	TOCSIN_OPTION(STRINGS, struct exec_statuses, rejected, .example = "[64, 65]",
		      .help = "Exit statuses that mean: never, keep the alert as dead."),
	TOCSIN_OPTION(STRINGS, struct exec_statuses, retry, .preset = "[75]",
		      .help = "Exit statuses that mean: not now, try this alert again."),
	TOCSIN_OPTION(STRINGS, struct exec_statuses, unavailable, .preset = "[69]",
		      .help = "Exit statuses that mean: nothing would work now; as retry, and "
			      "enough of them pause the channel."),
};

static const struct tocsin_option limit_options[] = {
	TOCSIN_OPTION(DURATION, struct program_limits, cpu, .min = 1000, .max = 24 * 60 * MINUTE,
		      .example = "10s", .help = "CPU time (RLIMIT_CPU)."),
	TOCSIN_OPTION(INT, struct program_limits, files, .min = 4, .max = 1048576, .example = "256",
		      .help = "Open files (RLIMIT_NOFILE). Default: at most 1024."),
	TOCSIN_OPTION(SIZE, struct program_limits, memory, .min = 1048576, .max = INT64_C(1) << 50,
		      .example = "512MiB", .help = "Address space (RLIMIT_AS)."),
	TOCSIN_OPTION(INT, struct program_limits, processes, .min = 1, .max = 1048576,
		      .example = "64",
		      .help = "Processes of the user, all programs together (RLIMIT_NPROC)."),
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(STRINGS, struct exec_config, command, .required = true,
		      .example = "[/usr/local/bin/page, --urgent]",
		      .help = "The program by its absolute path, and its arguments. No shell reads "
			      "them, and nothing of an alert gets into them."),
	TOCSIN_OPTION(PATH, struct exec_config, directory, .preset = "/",
		      .help = "The directory that the program starts in."),
	TOCSIN_OPTION(MAP, struct exec_config, environment, .example = "{TZ: UTC}",
		      .help = "Environment variables beside those of the alert. The program "
			      "inherits none."),
	TOCSIN_OPTION(DURATION, struct exec_config, kill_after, .preset = "5s", .min = 1,
		      .max = 10 * MINUTE,
		      .help = "How long the program has after SIGTERM, before SIGKILL."),
	TOCSIN_OPTION_SECTION(struct exec_config, limits, limit_options,
			      .help = "Resource limits of each run."),
	TOCSIN_OPTION(TEMPLATE, struct exec_config, message, .text = true,
		      .example = "\"{{ .annotations.description }}\"",
		      .help = "The message in the document and in TOCSIN_MESSAGE. Default: the "
			      "annotation description or message."),
	TOCSIN_OPTION_SECTION(struct exec_config, status, status_options,
			      .help = "What the exit status of the program means."),
	TOCSIN_OPTION(DURATION, struct exec_config, time_limit, .preset = "30s", .min = 1,
		      .max = 24 * 60 * MINUTE,
		      .help = "How long the program may run. Then its process group gets SIGTERM, "
			      "and the delivery is tried again later."),
	TOCSIN_OPTION(TEMPLATE, struct exec_config, title, .text = true,
		      .example = "\"{{ .labels.site }}: {{ .title }}\"",
		      .help = "The title in the document and in TOCSIN_TITLE. Default: the "
			      "annotation summary, else the alertname."),
	TOCSIN_OPTION(STRING, struct exec_config, user, .example = "nobody",
		      .help = "The user to run as, with the groups of that user; only when the "
			      "daemon runs as root. Default: the daemon's own."),
};

struct exec {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct exec_config *config;
	char **arguments;
	struct program_user user;
	enum exec_meaning meaning[EXEC_CODES];
};

/* The list with the NULL that execve wants; NULL when memory is short. */
static char **arguments_of(const struct tocsin_strings *command)
{
	char **arguments = calloc(command->n + 1, sizeof(*arguments));

	for (size_t i = 0; arguments && i < command->n; i++)
		arguments[i] = (char *)(uintptr_t)command->item[i]; /* execve does not write */
	return arguments;
}

static int exec_open(struct tocsin_self *self, const struct tocsin_host *host,
		     const void *config_data, void **state)
{
	const struct exec_config *config = config_data;
	struct exec *exec = calloc(1, sizeof(*exec));
	char why[256] = "out of memory";
	int rc = -ENOMEM;

	if (exec)
		exec->arguments = arguments_of(&config->command);
	if (exec && exec->arguments)
		rc = config->user ? program_user_find(&exec->user, config->user, why, sizeof(why))
				  : 0;
	if (rc != 0) {
		host->log(self, TOCSIN_LOG_ERROR, "%s", why);
		if (exec)
			free(exec->arguments);
		free(exec);
		return rc;
	}
	if (access(config->command.item[0], X_OK) != 0)
		host->log(self, TOCSIN_LOG_WARNING, "%s cannot be run yet: %s",
			  config->command.item[0], strerror(errno));
	exec->self = self;
	exec->host = host;
	exec->config = config;
	exec_meanings(config, exec->meaning);
	*state = exec;
	return 0;
}

static void exec_close(void *state)
{
	struct exec *exec = state;

	free(exec->arguments);
	free(exec);
}

/* The document, for the caller to free(); NULL when memory is short. */
static char *document_of(const struct tocsin_delivery *delivery, const char *title,
			 const char *message, size_t *length)
{
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	document_put(&draft, delivery, title, message);
	return draft_end(&draft, length);
}

static bool write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno != EINTR)
			return false;
		text += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* A file in memory and not a pipe: a program that does not read it harms nobody, and one that does
 * cannot make us wait. The file, or a negative errno. */
static int input_of(const char *text, size_t length)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("alert", flags | MFD_NOEXEC_SEAL), rc;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("alert", flags);
	if (fd < 0)
		return -errno;
	if (write_all(fd, text, length) && lseek(fd, 0, SEEK_SET) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static void not_started(struct tocsin_verdict *verdict, const struct exec_config *config,
			const char *what, int rc)
{
	/* Nothing is wrong with the alert: it waits until somebody has mended the command. */
	*verdict = (struct tocsin_verdict){.outcome = TOCSIN_UNAVAILABLE};
	snprintf(verdict->why, sizeof(verdict->why), "%s %s: %s", what, config->command.item[0],
		 strerror(-rc));
}

/* Runs the program; takes the input. */
static void run(struct exec *exec, struct tocsin_delivery *delivery, int input,
		char *const environment[], struct tocsin_verdict *verdict)
{
	struct program_launch launch = {.arguments = exec->arguments,
					.environment = environment,
					.directory = exec->config->directory,
					.user = exec->config->user ? &exec->user : NULL,
					.limits = &exec->config->limits,
					.mask = 077,
					.input = input};
	struct program_run run = {0};
	const char *what = "cannot make a pipe for";
	pid_t process = -1;
	int pipe[2];

	if (pipe2(pipe, O_CLOEXEC) != 0 || fcntl(pipe[0], F_SETFL, O_NONBLOCK) != 0) {
		not_started(verdict, exec->config, what, -errno);
		close(input);
		return;
	}
	launch.output = pipe[1];
	process = program_start(&launch, &what);
	close(pipe[1]);
	close(input);
	if (process > 0) {
		program_watch(&run, process,
			      &(struct program_watch){.output = pipe[0],
						      .stop = -1,
						      .time_limit_ms = exec->config->time_limit,
						      .kill_after_ms = exec->config->kill_after});
		exec_judge(exec->config, exec->meaning, &run, verdict);
		if (run.output.length > 0)
			exec->host->output(delivery, run.output.text, run.output.length);
	} else {
		not_started(verdict, exec->config, what, process);
	}
	close(pipe[0]);
}

static void exec_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	struct exec *exec = state;
	struct tocsin_delivery *delivery = batch[0];
	const char *title = exec->host->text(delivery, exec->config->title);
	const char *message = exec->host->text(delivery, exec->config->message);
	struct tocsin_verdict verdict = {TOCSIN_RETRY, 0, "out of memory"};
	size_t length = 0;
	char **environment = exec_environment(exec->config, delivery, title, message);
	char *document = document_of(delivery, title, message, &length);
	int input = -ENOMEM;

	(void)n;
	if (environment && document)
		input = input_of(document, length);
	exec->host->begin(delivery);
	if (input >= 0)
		run(exec, delivery, input, environment, &verdict);
	else if (input != -ENOMEM)
		not_started(&verdict, exec->config, "cannot make the input of", input);
	exec->host->done(delivery, verdict.outcome, verdict.retry_after_ms, verdict.why);
	free(document);
	free(environment);
}

static void put_preview(FILE *out, const struct exec_config *config, char *const environment[],
			const char *document)
{
	fputs("command:", out);
	for (size_t i = 0; i < config->command.n; i++)
		fprintf(out, " '%s'", config->command.item[i]);
	fputs("\nenvironment:\n", out);
	for (size_t i = 0; environment[i]; i++) {
		size_t name = strcspn(environment[i], "=");
		bool own = strncmp(environment[i], "TOCSIN_", 7) == 0;

		/* What the configuration puts there may be a password. */
		fprintf(out, "  %.*s=%s\n", (int)name, environment[i],
			own ? environment[i] + name + 1 : "***");
	}
	fprintf(out, "standard input:\n%s", document);
}

static char *exec_preview(const struct tocsin_host *host, const void *config_data,
			  struct tocsin_delivery *delivery)
{
	const struct exec_config *config = config_data;
	const char *title = host->text(delivery, config->title);
	const char *message = host->text(delivery, config->message);
	char **environment = exec_environment(config, delivery, title, message), *text = NULL;
	char *document = document_of(delivery, title, message, NULL);
	struct draft draft;

	if (environment && document && draft_begin(&draft)) {
		put_preview(draft.out, config, environment, document);
		text = draft_end(&draft, NULL);
	}
	free(document);
	free(environment);
	return text;
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = exec_open,
	.deliver = exec_deliver,
	.close = exec_close,
	.check = exec_check,
	.preview = exec_preview,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "exec", .version = "1.0",
	      .summary = "runs a program for each alert", .options = options,
	      .option_count = TOCSIN_COUNT(options), .config_size = sizeof(struct exec_config),
	      .channel = &ops, .blocking = true, .batch = 1,
	      .supports = TOCSIN_SUPPORTS_IDEMPOTENCY, );
