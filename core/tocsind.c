/* SPDX-License-Identifier: Apache-2.0 */
/* tocsind, the daemon: arguments, signals, order of start and stop. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/secrets.h"
#include "base/supervisor.h"
#include "cli/arguments.h"
#include "cli/paths.h"
#include "cli/progress.h"
#include "engine/engine.h"
#include "serve/server.h"
#include "serve/spool.h"

#define UPKEEP_MS (60 * 1000)

enum { EXIT_FINE = 0, EXIT_SOME_FAILED = 1, EXIT_FATAL = 2 };

struct program {
	struct arguments arguments;
	const char *directory;
	bool once;
	struct log *log;
	struct loader *loader;
	struct engine *engine;
	struct server *server;
	struct spool *spool;
	struct progress *progress;
	int signals, reloads; /* descriptors: signalfd, eventfd */
};

static const struct option_row options[] = {
	{"config", 'c', "DIR", "Read the configuration from DIR instead of " PATHS_CONFIG "."},
	{"plugins", 'P', "DIR",
	 "Load plugins from DIR instead of " PATHS_PLUGINS "; may be repeated."},
	{"services", 0, "DIR", "Read services from DIR instead of " PATHS_SERVICES "."},
	{"once", 0, NULL, "Deliver what is pending now, print a summary, and exit."},
	{"check", 0, NULL, "Check the configuration and exit."},
#ifdef FAULT_POINTS
	{"fault-points", 0, NULL, "List the places at which TOCSIN_FAULT=NAME kills; exit."},
#endif
	{"version", 'V', NULL, "Print the version."},
	{"help", 'h', NULL, "Print this help."},
};

static const struct command daemon_command = {
	.name = "tocsind",
	.operands = "",
	.summary = "The notifier daemon",
	.description = "Runs in the foreground until SIGTERM or SIGINT. SIGHUP reads the "
		       "configuration again and reopens files. With --once it polls every source "
		       "once, delivers everything that is due, and exits: 0 all sent or nothing to "
		       "do, 1 some failed (they stay pending), 2 fatal (nothing is lost).",
	.no = "with --once: some alerts could not be sent",
	.examples = "  tocsind --config ./conf.d\n"
		    "  tocsind --once          from cron, every five minutes\n",
	OPTIONS(options),
};

static void print_help(void)
{
	struct buffer out = {0};

	arguments_help(&out, &daemon_command);
	fputs(buffer_text(&out), stdout);
	buffer_done(&out);
}

static void on_refused(const char *sentence, void *data)
{
	struct program *program = data;

	log_write(program->log, TOCSIN_LOG_ERROR, "plugins", "%s", sentence);
}

static int load_plugins(struct program *program, struct error *err)
{
	size_t index = 0;
	const char *directory = arguments_next(&program->arguments, "plugins", &index);
	const char *from = arguments_get(&program->arguments, "services");
	int result = loader_new(&program->loader, err);

	if (result == 0)
		result = loader_set_services(program->loader, from ? from : PATHS_SERVICES, err);
	while (result >= 0) {
		result = loader_scan(program->loader, directory ? directory : PATHS_PLUGINS,
				     on_refused, program, err);
		directory = arguments_next(&program->arguments, "plugins", &index);
		if (!directory)
			break;
	}
	return result;
}

/* Problems of the configuration stand alone on a line, as compilers write theirs. */
static void print_problems(const struct problems *problems)
{
	for (size_t i = 0; i < problems->n; i++)
		fprintf(stderr, "%s\n", problems->text[i]);
	fprintf(stderr, "tocsind: the configuration is not valid: %zu problem%s\n", problems->n,
		problems->n == 1 ? "" : "s");
}

static struct settings *load_settings(struct program *program)
{
	struct problems problems = {0};
	struct settings *settings = NULL;

	if (settings_load(program->directory, program->loader, program->log, &problems, &settings) <
	    0)
		print_problems(&problems);
	problems_done(&problems);
	return settings;
}

/* --- reload --- */

static void ask_reload(void *data)
{
	struct program *program = data;
	static const uint64_t one = 1;

	if (write(program->reloads, &one, sizeof(one)) < 0)
		return; /* the counter is full: one is on its way */
}

static void reload(struct program *program)
{
	struct problems problems = {0};
	struct settings *settings;
	struct error err = {0};
	int result;

	supervisor_tell("RELOADING=1");
	server_reload_begin(program->server);
	result = settings_load(program->directory, program->loader, program->log, &problems,
			       &settings);
	if (result == 0)
		result = engine_reload(program->engine, settings, &err);
	if (result == 0)
		log_write(program->log, TOCSIN_LOG_INFO, NULL, "configuration reloaded from %s",
			  program->directory);
	for (size_t i = 0; i < problems.n; i++)
		log_write(program->log, TOCSIN_LOG_ERROR, "config", "%s", problems.text[i]);
	if (result < 0)
		log_write(program->log, TOCSIN_LOG_ERROR, NULL,
			  "not reloaded, the running configuration stays: %s",
			  *err.text    ? err.text
			  : problems.n ? "see the problems above"
				       : "out of memory");
	server_reload_end(program->server, result, problems.n ? &problems : NULL,
			  *err.text ? err.text : NULL);
	problems_done(&problems);
	supervisor_tell("READY=1");
}

/* --- running --- */

static int block_signals(struct program *program)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored by who started us, the status of a program is lost */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* before any thread starts, so that all inherit it */
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	program->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	program->reloads = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return program->signals < 0 || program->reloads < 0 ? -errno : 0;
}

/* Which signal came; 0: none. */
static int next_signal(const struct program *program)
{
	struct signalfd_siginfo info;

	if (read(program->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

static void serve_until_stopped(struct program *program)
{
	struct pollfd fds[2] = {{.fd = program->signals, .events = POLLIN},
				{.fd = program->reloads, .events = POLLIN}};
	int64_t upkeep_ms = clock_boot_ms(); /* first at once: things aged while nobody ran */
	uint64_t count;

	for (;;) {
		int64_t now = clock_boot_ms();

		if (now >= upkeep_ms) {
			engine_upkeep(program->engine);
			upkeep_ms = now + UPKEEP_MS;
		}
		if (poll(fds, 2, (int)(upkeep_ms - now)) <= 0)
			continue;
		if (fds[0].revents & POLLIN) {
			int signal_number = next_signal(program);

			if (signal_number == SIGHUP)
				reload(program);
			else if (signal_number)
				return;
		}
		if ((fds[1].revents & POLLIN) && read(program->reloads, &count, sizeof(count)) > 0)
			reload(program);
	}
}

static int start_server(struct program *program, const char *socket, unsigned int mode,
			struct error *err)
{
	struct server_options server = {.engine = program->engine,
					.log = program->log,
					.socket = socket,
					.mode = mode,
					.config = program->directory,
					.reload = ask_reload,
					.data = program};

	if (!socket || !*socket)
		return 0;
	return server_start(&server, &program->server, err);
}

static int run_daemon(struct program *program, struct settings *settings)
{
	struct engine_options engine = {.loader = program->loader, .log = program->log};
	const char *socket = settings->api.socket;
	unsigned int mode = (unsigned int)settings->api.socket_mode;
	struct spool_options spool = {
		.log = program->log, .path = settings->api.spool, .mode = mode};
	struct error err = {0};
	int result = engine_start(&engine, settings, &program->engine, &err);

	if (result == 0)
		result = start_server(program, socket, mode, &err);
	if (result == 0)
		result = engine_start_sources(program->engine, &err);
	if (result == 0) {
		spool.engine = program->engine;
		program->spool = spool_start(&spool);
		log_write(program->log, TOCSIN_LOG_INFO, NULL, "tocsind %s is ready with %s",
			  PACKAGE_VERSION, program->directory);
		memory_rest();
		supervisor_tell("READY=1");
		serve_until_stopped(program);
		log_write(program->log, TOCSIN_LOG_INFO, NULL, "stopping");
		supervisor_tell("STOPPING=1");
	} else {
		log_write(program->log, TOCSIN_LOG_ERROR, NULL, "not started: %s", err.text);
	}
	server_stop(program->server);
	spool_stop(program->spool);
	engine_stop(program->engine, NULL);
	if (result == 0)
		log_write(program->log, TOCSIN_LOG_INFO, NULL, "stopped");
	return result == 0 ? EXIT_FINE : EXIT_FATAL;
}

/* --- once --- */

static void show_progress(int64_t done, int64_t of, void *data)
{
	struct program *program = data;

	/* a bar and a line for each alert do not go together */
	if (progress_show(program->progress, done, of) && isatty(STDOUT_FILENO))
		log_set_level(program->log, TOCSIN_LOG_WARNING);
}

/* A signal ends a run early; what is not delivered stays pending. */
static void *watch_signals(void *data)
{
	struct program *program = data;
	struct pollfd fds[2] = {{.fd = program->signals, .events = POLLIN},
				{.fd = program->reloads, .events = POLLIN}};

	while (poll(fds, 2, -1) < 0 || !(fds[1].revents & POLLIN)) {
		int signal_number = (fds[0].revents & POLLIN) ? next_signal(program) : 0;

		if (signal_number == SIGTERM || signal_number == SIGINT) {
			log_write(program->log, TOCSIN_LOG_WARNING, NULL,
				  "interrupted: what is not sent stays pending");
			engine_interrupt(program->engine);
		}
	}
	return NULL;
}

static int sum_up(struct program *program, const struct engine_summary *summary)
{
	long long sent = summary->sent, failed = summary->failed, untried = summary->untried;

	log_write(program->log, TOCSIN_LOG_INFO, NULL,
		  "Dispatcher complete: %lld sent, %lld failed", sent, failed);
	if (untried > 0)
		log_write(program->log, TOCSIN_LOG_WARNING, NULL,
			  "%lld alert%s not settled (a channel is not available, the source could "
			  "not mark it, or the run was interrupted); the next run goes on with %s",
			  untried, untried == 1 ? " was" : "s were", untried == 1 ? "it" : "them");
	log_write(program->log, TOCSIN_LOG_INFO, NULL,
		  "Summary: %lld sent, %lld failed, %lld total", sent, failed + untried,
		  sent + failed + untried);
	log_write(program->log, TOCSIN_LOG_INFO, NULL, "exiting");
	if (summary->fatal)
		return EXIT_FATAL;
	return failed + untried > 0 ? EXIT_SOME_FAILED : EXIT_FINE;
}

static int run_once(struct program *program, struct settings *settings)
{
	struct engine_options engine = {
		.loader = program->loader, .log = program->log, .once = true};
	enum tocsin_level level = (enum tocsin_level)settings->log.level;
	struct engine_summary summary = {0};
	struct error err = {0};
	pthread_t watcher;
	int result;

	if (isatty(STDERR_FILENO) && progress_new(&program->progress, STDERR_FILENO) == 0) {
		engine.progress = show_progress;
		engine.progress_data = program;
	}
	log_write(program->log, TOCSIN_LOG_INFO, NULL, "tocsind %s started, one run with %s",
		  PACKAGE_VERSION, program->directory);
	result = engine_start(&engine, settings, &program->engine, &err);
	if (result == -EBUSY) {
		log_write(program->log, TOCSIN_LOG_INFO, NULL,
			  "another tocsind works with this store and delivers what is pending; "
			  "nothing to do");
		return EXIT_FINE;
	}
	if (result == 0)
		result = engine_start_sources(program->engine, &err);
	if (result < 0) {
		log_write(program->log, TOCSIN_LOG_ERROR, NULL, "not started: %s", err.text);
		engine_stop(program->engine, NULL);
		return EXIT_FATAL;
	}
	if (pthread_create(&watcher, NULL, watch_signals, program) != 0) {
		log_write(program->log, TOCSIN_LOG_ERROR, NULL, "no thread can be started");
		engine_stop(program->engine, NULL);
		return EXIT_FATAL;
	}
	engine_once(program->engine);
	ask_reload(program); /* ends the watcher */
	pthread_join(watcher, NULL);
	engine_stop(program->engine, &summary);
	progress_free(program->progress);
	log_set_level(program->log, level);
	return sum_up(program, &summary);
}

/* --- start --- */

static int check(struct program *program)
{
	struct settings *settings = load_settings(program);

	if (!settings)
		return EXIT_FATAL;
	printf("configuration of %s is valid: %zu channel%s, %zu source%s\n", program->directory,
	       settings->n_channels, settings->n_channels == 1 ? "" : "s", settings->n_sources,
	       settings->n_sources == 1 ? "" : "s");
	settings_free(settings);
	return EXIT_FINE;
}

static int run(struct program *program)
{
	struct settings *settings;
	struct error err = {0};

	if (load_plugins(program, &err) < 0) {
		log_write(program->log, TOCSIN_LOG_ERROR, "plugins", "%s", err.text);
		return EXIT_FATAL;
	}
	if (arguments_get(&program->arguments, "check"))
		return check(program);
	settings = load_settings(program);
	if (!settings)
		return EXIT_FATAL;
	log_set_level(program->log, (enum tocsin_level)settings->log.level);
	log_set_format(program->log, (enum log_format)settings->log.format);
	if (block_signals(program) < 0) {
		log_write(program->log, TOCSIN_LOG_ERROR, NULL, "signals cannot be set up: %s",
			  strerror(errno));
		settings_free(settings);
		return EXIT_FATAL;
	}
	log_gather(program->log);
	return program->once ? run_once(program, settings) : run_daemon(program, settings);
}

static int parse(struct program *program, int argc, char **argv)
{
	struct error err;

	if (arguments_parse(&daemon_command, argc - 1, argv + 1, &program->arguments, &err) < 0) {
		fprintf(stderr, "tocsind: %s\n", err.text);
		return EXIT_FATAL;
	}
	if (arguments_get(&program->arguments, "help")) {
		print_help();
		return EXIT_FINE;
	}
	if (arguments_get(&program->arguments, "version")) {
		printf("tocsind %s\n", PACKAGE_VERSION);
		return EXIT_FINE;
	}
#ifdef FAULT_POINTS
	if (arguments_get(&program->arguments, "fault-points")) {
		fault_print();
		return EXIT_FINE;
	}
	if (fault_arm(&err) < 0) {
		fprintf(stderr, "tocsind: %s\n", err.text);
		return EXIT_FATAL;
	}
#endif
	program->once = arguments_get(&program->arguments, "once") != NULL;
	program->directory = arguments_get(&program->arguments, "config");
	if (!program->directory)
		program->directory = PATHS_CONFIG;
	return -1;
}

static bool prepare_libraries(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	/* What could not be made the first time is never made again, and would be used all the same. */
	if (!OSSL_LIB_CTX_get0_global_default())
		return false;
#endif
	return true;
}

static int no_memory(void)
{
	fputs("tocsind: not started: out of memory\n", stderr);
	return EXIT_FATAL;
}

int main(int argc, char **argv)
{
	struct program program = {.signals = -1, .reloads = -1};
	int result = file_fill_standard_streams();
	int status;

	if (result < 0)
		fprintf(stderr, "tocsind: /dev/null cannot be opened: %s\n", strerror(-result));
	status = result < 0 ? EXIT_FATAL : parse(&program, argc, argv);

	if (status < 0) {
		secrets_keep_in_memory();
		umask(077);
		/* a run that is once speaks on standard output, as a script does */
		if (prepare_libraries() &&
		    log_new(&program.log, program.once ? STDOUT_FILENO : STDERR_FILENO, LOG_TEXT,
			    TOCSIN_LOG_INFO) == 0)
			status = run(&program);
		else
			status = no_memory();
		loader_free(program.loader);
		log_free(program.log);
		curl_global_cleanup();
	}
	arguments_done(&program.arguments);
	return status;
}
