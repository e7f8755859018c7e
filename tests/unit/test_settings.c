/* SPDX-License-Identifier: Apache-2.0 */
/* Settings from real directories of YAML, with descriptors of plugins made up here. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/settings.h"

struct mail_config {
	const char *host;
	int64_t port;
	const char *password;
};
static const struct tocsin_option mail_options[] = {
	TOCSIN_OPTION(STRING, struct mail_config, host, .required = true, .help = "Server."),
	TOCSIN_OPTION(INT, struct mail_config, port, .preset = "25", .min = 1, .max = 65535,
		      .help = "Port."),
	TOCSIN_OPTION(SECRET, struct mail_config, password, .help = "Password."),
};

struct chat_config {
	const char *url;
};
static const struct tocsin_option chat_options[] = {
	TOCSIN_OPTION(SECRET_URL, struct chat_config, url, .required = true, .help = "Hook."),
};

struct clash_config {
	int64_t timeout;
};
static const struct tocsin_option clash_options[] = {
	TOCSIN_OPTION(INT, struct clash_config, timeout, .preset = "1", .help = "Overlaps."),
};

struct table_config {
	const char *table;
};
static const struct tocsin_option table_options[] = {
	TOCSIN_OPTION(STRING, struct table_config, table, .preset = "alerts", .help = "Table."),
};

struct db_config {
	const char *path;
};
static const struct tocsin_option db_options[] = {
	TOCSIN_OPTION(PATH, struct db_config, path, .required = true, .help = "File."),
};

/* Quotes the password, as a careless plugin might. */
static const char *check_mail(const void *config, char *why, size_t why_size)
{
	const struct mail_config *mail = config;

	if (mail->port != 99)
		return NULL;
	snprintf(why, why_size, "port 99 and password %s do not go together", mail->password);
	return why;
}

#define FAKE(what, called, structure, table, ...) \
	{ \
		.kind = (what), .name = (called), .option_size = sizeof(struct tocsin_option), \
		.options = (table), .option_count = TOCSIN_COUNT(table), \
		.config_size = sizeof(struct structure), __VA_ARGS__ \
	}

static const struct plugin fakes[] = {
	{.it = FAKE(TOCSIN_CHANNEL, "chat", chat_config, chat_options, .rate = "1/s",
		    .concurrency = 2)},
	{.it = FAKE(TOCSIN_CHANNEL, "clash", clash_config, clash_options, .rate = NULL)},
	{.it = FAKE(TOCSIN_CHANNEL, "mail", mail_config, mail_options, .blocking = true,
		    .recipients = true),
	 .channel = {.check = check_mail}},
	{.it = {.kind = TOCSIN_CHANNEL,
		.name = "screen",
		.option_size = sizeof(struct tocsin_option)}},
	{.it = FAKE(TOCSIN_SOURCE, "table", table_config, table_options, .rereads = true)},
	{.it = FAKE(TOCSIN_STORE, "db", db_config, db_options, .rate = NULL)},
};
static const struct plugin *const all_fakes[] = {&fakes[0], &fakes[1], &fakes[2],
						 &fakes[3], &fakes[4], &fakes[5]};

const struct plugin *loader_find(const struct loader *loader, enum tocsin_kind kind,
				 const char *name)
{
	(void)loader;
	for (size_t i = 0; i < TOCSIN_COUNT(all_fakes); i++) {
		if (fakes[i].it.kind == kind && strcmp(fakes[i].it.name, name) == 0)
			return &fakes[i];
	}
	return NULL;
}

const struct plugin *const *loader_all(const struct loader *loader, size_t *n)
{
	(void)loader;
	*n = TOCSIN_COUNT(all_fakes);
	return all_fakes;
}

const char *loader_services(const struct loader *loader)
{
	(void)loader;
	return NULL;
}

const char *loader_kind_name(enum tocsin_kind kind)
{
	return kind == TOCSIN_CHANNEL ? "channel" : kind == TOCSIN_SOURCE ? "source" : "store";
}

#define FILES 4
#define STORE "store: {type: db, path: /var/lib/x.db}\n"

/* A directory with up to four files, removed by done(). */
struct load {
	char directory[64];
	char path[FILES][96];
	struct problems problems;
	struct settings *settings;
	struct log *log;
	int result;
};

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void load_again(struct load *load)
{
	problems_done(&load->problems);
	settings_free(load->settings);
	load->settings = NULL;
	load->result =
		settings_load(load->directory, NULL, load->log, &load->problems, &load->settings);
}

static void load_files(struct load *load, const char *const *text)
{
	char directory[] = "/tmp/tocsin-settings-XXXXXX";

	*load = (struct load){0};
	assert_non_null(mkdtemp(directory));
	memcpy(load->directory, directory, sizeof(directory));
	assert_int_equal(log_new(&load->log, -1, LOG_TEXT, TOCSIN_LOG_DEBUG), 0);
	for (int i = 0; text[i]; i++) {
		snprintf(load->path[i], sizeof(load->path[i]), "%s/%c.yaml", directory, 'a' + i);
		write_file(load->path[i], text[i], 0600);
	}
	load_again(load);
}

static void done(struct load *load)
{
	for (int i = 0; i < FILES; i++) {
		if (load->path[i][0])
			unlink(load->path[i]);
	}
	rmdir(load->directory);
	problems_done(&load->problems);
	settings_free(load->settings);
	log_free(load->log);
}

#define LOAD(load, ...) load_files(load, (const char *const[]){__VA_ARGS__, NULL})

static void assert_good(const struct load *load)
{
	if (load->problems.n > 0)
		fail_msg("%s", load->problems.text[0]);
	assert_int_equal(load->result, 0);
	assert_non_null(load->settings);
}

/* Loads the files; the problems must be these, in this order, and no others. */
static void finds(const char *const *files, const char *const *expected)
{
	struct load load;
	size_t n = 0;

	load_files(&load, files);
	assert_int_equal(load.result, -EINVAL);
	assert_null(load.settings);
	for (; expected[n]; n++) {
		if (n >= load.problems.n)
			fail_msg("not found: %s", expected[n]);
		if (!strstr(load.problems.text[n], expected[n]))
			fail_msg("found '%s', not '%s'", load.problems.text[n], expected[n]);
	}
	if (load.problems.n > n)
		fail_msg("also found: %s", load.problems.text[n]);
	done(&load);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void everything_has_a_default_but_the_store(void **state)
{
	struct load load;

	(void)state;
	LOAD(&load, STORE);
	assert_good(&load);
	assert_string_equal(load.settings->directory, load.directory);
	assert_string_equal(load.settings->store.plugin->it.name, "db");
	assert_string_equal(((struct db_config *)load.settings->store.config)->path,
			    "/var/lib/x.db");
	assert_non_null(strstr(load.settings->api.socket, "/tocsin/tocsin.sock"));
	assert_int_equal(load.settings->api.socket_mode, 0660);
	assert_int_equal(load.settings->log.level, TOCSIN_LOG_INFO);
	assert_int_equal(load.settings->log.format, LOG_TEXT);
	assert_int_equal(load.settings->history.keep, INT64_C(30) * 86400000);
	assert_int_equal(load.settings->history.keep_dead, INT64_C(90) * 86400000);
	assert_int_equal(load.settings->n_channels, 0);
	assert_int_equal(load.settings->n_sources, 0);
	assert_string_equal(load.settings->routes.root->name, "default");
	done(&load);
	finds(LIST("log: {level: debug}\n"), LIST("there is no store; add a section such as "
						  "store: {type: sqlite"));
}

static void sections_of_several_files_become_one(void **state)
{
	struct load load;
	const struct channel_settings *mail, *chat;

	(void)state;
	LOAD(&load,
	     STORE "log: {level: debug, format: json}\n"
		   "severities: {aliases: {blocker: critical}}\n"
		   "channels:\n  mail: {type: mail, host: h, to: [ops@example.com], workers: 3,\n"
		   "    retry: {first: 2s, max: 1m}}\n"
		   "routes: [{name: one, severity: blocker, channels: [chat]}]\n",
	     "channels:\n  chat: {type: chat, url: 'https://example.com/x', enabled: false}\n"
	     "severities: {aliases: {nag: notice}}\n",
	     "sources:\n  t: {type: table, labels: {team: web}, settle_on: accepted}\n"
	     "api: {socket: '', mode: \"0600\"}\n",
	     "routes: [{name: two, severity: nag}]\ndefault: {channels: [mail]}\n");
	assert_good(&load);
	assert_int_equal(load.settings->n_channels, 2);
	mail = settings_channel(load.settings, "mail");
	assert_non_null(mail);
	assert_string_equal(((struct mail_config *)mail->config)->host, "h");
	assert_int_equal(((struct mail_config *)mail->config)->port, 25);
	assert_true(mail->common.enabled);
	assert_true(mail->common.send_resolved);
	assert_int_equal(mail->common.workers, 3);
	assert_int_equal(mail->common.retry.first, 2000);
	assert_int_equal(mail->common.retry.max, 60000);
	assert_int_equal(mail->common.retry.give_up_after, INT64_C(3) * 86400000);
	assert_int_equal(mail->common.rate.count, 0);
	assert_string_equal(mail->common.to.item[0], "ops@example.com");
	assert_string_equal(mail->place.file, load.path[0]);
	chat = settings_channel(load.settings, "chat");
	assert_non_null(chat);
	assert_false(chat->common.enabled);
	assert_null(settings_channel(load.settings, "none"));
	assert_int_equal(load.settings->log.level, TOCSIN_LOG_DEBUG);
	assert_int_equal(load.settings->log.format, LOG_JSON);
	assert_string_equal(load.settings->api.socket, "");
	assert_int_equal(load.settings->api.socket_mode, 0600);
	assert_int_equal(load.settings->aliases.n, 2);
	assert_int_equal(load.settings->n_sources, 1);
	assert_int_equal(load.settings->source[0].common.settle_on, SETTLE_ON_ACCEPTED);
	assert_int_equal(load.settings->source[0].common.window, 1000);
	assert_string_equal(load.settings->source[0].common.labels.pair[0].value, "web");
	assert_int_equal(load.settings->routes.root->n_children, 2);
	assert_string_equal(load.settings->routes.root->child[1]->name, "two");
	done(&load);
}

static void the_plugin_sets_rate_and_concurrency_unless_written(void **state)
{
	struct load load;

	(void)state;
	LOAD(&load, STORE "channels:\n  a: {type: chat, url: 'https://example.com/x'}\n"
			  "  b: {type: chat, url: 'https://example.com/x', rate: 5/m, "
			  "concurrency: 9}\n"
			  "  c: {type: screen}\n"
			  "default: {channels: [a]}\n");
	assert_good(&load);
	assert_int_equal(load.settings->channel[0].common.rate.count, 1);
	assert_int_equal(load.settings->channel[0].common.rate.per_ms, 1000);
	assert_int_equal(load.settings->channel[0].common.concurrency, 2);
	assert_int_equal(load.settings->channel[1].common.rate.count, 5);
	assert_int_equal(load.settings->channel[1].common.concurrency, 9);
	assert_int_equal(load.settings->channel[2].common.rate.count, 0);
	assert_int_equal(load.settings->channel[2].common.concurrency, 4);
	assert_int_equal(load.settings->channel[2].common.workers, 1);
	assert_non_null(load.settings->channel[2].config);
	done(&load);
}

static void what_stands_twice_names_both_places(void **state)
{
	(void)state;
	finds(LIST(STORE "channels:\n  screen: {type: screen}\ndefault: {channels: [screen]}\n",
		   "log: {}\nlog: {}\nchannels:\n  screen: {type: screen}\n",
		   "log: {}\nstore: {type: db}\nseverities: {aliases: {x: info, y: info}}\n",
		   "severities: {aliases: {x: info}}\n"),
	      LIST("b.yaml:2:1: the key 'log' is there twice", "b.yaml:4:3: channel 'screen' is",
		   "c.yaml:1:1: log stands twice, the first time at",
		   "c.yaml:2:1: store stands twice", "d.yaml:1:24: alias 'x' is defined twice"));
}

static void every_mistake_of_all_files_is_found_in_one_run(void **state)
{
	(void)state;
	finds(LIST("stroe: {type: db}\n"
		   "store: {type: dbb, path: /x}\n"
		   "api: {mode: \"0999\", socket: run/x}\n"
		   "log: {level: loud}\n"
		   "history: {keep: forever}\n"
		   "nonsense: 1\n",
		   "channels:\n"
		   "  mail: {type: mial, host: h}\n"
		   "  chat: {url: 'https://example.com/x'}\n"
		   "  '-x': {type: screen, to: [a]}\n"
		   "  none:\n"
		   "  both: {type: screen, workers: 2, retry: {first: 1m, max: 1s, often: 2}}\n"
		   "  slow: {type: mail, host: h, concurrency: 2, retry: {first: 1m, max: 1s}}\n"
		   "  over: {type: clash}\n"
		   "  ok: {type: screen, workers: 2}\n",
		   "sources: [table]\n"
		   "severities: {alias: {a: b}}\n",
		   "sources:\n  t: {type: table, labels: {'': x}}\n  api: {type: table}\n"
		   "  test: {type: table}\n  tocsin: {type: table}\n"
		   "severities: {aliases: {error: info, a: loud}}\n"
		   "default: {channels: [mail, ms]}\n"),
	      LIST("a.yaml:1:1: unknown section 'stroe'; did you mean 'store'?",
		   "a.yaml:2:15: store: no store plugin 'dbb'; did you mean 'db'? known: db",
		   "a.yaml:3:13: api: mode must be permissions in octal",
		   "a.yaml:3:29: api: socket must be an absolute path",
		   "a.yaml:4:14: log: ", "a.yaml:5:17: history: ",
		   "a.yaml:6:1: unknown section 'nonsense'; the sections are",
		   "b.yaml:2:16: channel 'mail': no channel plugin 'mial'; did you mean 'mail'? known: "
		   "chat, clash, mail, screen",
		   "b.yaml:3:3: channel 'chat': the required key 'type' is missing; write type: and "
		   "one of chat, clash, mail, screen",
		   "b.yaml:4:3: channel '-x': a name has",
		   "b.yaml:4:24: channel '-x': unknown key 'to'",
		   "b.yaml:5:3: channel 'none' must have keys",
		   "b.yaml:6:64: channel 'both': retry: unknown key 'often'",
		   "b.yaml:7:3: channel 'slow': retry: max is shorter than first",
		   "b.yaml:7:31: channel 'slow': this channel blocks",
		   "b.yaml:8:3: channel 'over': the plugin clash cannot be used",
		   "b.yaml:9:22: channel 'ok': this channel does not block",
		   "c.yaml:1:10: this must be a map",
		   "c.yaml:2:14: severities: unknown key 'alias'",
		   "d.yaml:2:28: source 't': labels: a name has",
		   "d.yaml:3:3: source 'api': api, test and tocsin",
		   "d.yaml:4:3: source 'test': ", "d.yaml:5:3: source 'tocsin': ",
		   "d.yaml:6:24: severities: 'error' is a severity",
		   "d.yaml:6:40: severities: alias 'a' must stand for",
		   "d.yaml:7:28: default: no channel 'ms'"));
}

static void a_broken_file_does_not_make_others_look_wrong(void **state)
{
	(void)state;
	finds(LIST("channels: {mail: [\n", "routes: [{channels: [mail]}]\nchanels: {}\n"),
	      LIST("a.yaml:", "b.yaml:2:1: unknown section 'chanels'; did you mean 'channels'?"));
}

static void the_plugins_own_check_is_asked_and_its_secrets_are_masked(void **state)
{
	struct load load;

	(void)state;
	LOAD(&load, STORE "channels:\n  m: {type: mail, host: h, port: 99, password: hunter22}\n"
			  "default: {channels: [m]}\n");
	assert_int_equal(load.problems.n, 1);
	assert_non_null(strstr(load.problems.text[0], "a.yaml:3:3: channel 'm': port 99 and"));
	assert_null(strstr(load.problems.text[0], "hunter22"));
	done(&load);
}

static void a_secret_in_an_odd_place_is_masked_too(void **state)
{
	(void)state;
	assert_int_equal(setenv("TOCSIN_TEST_SECRET", "hunter24", 1), 0);
	finds(LIST(STORE "default: {channels: ['${env:TOCSIN_TEST_SECRET}']}\n"),
	      LIST("default: no channel '***'"));
}

static void a_directory_that_is_not_there_is_a_problem_of_its_own(void **state)
{
	struct problems problems = {0};
	struct settings *settings = NULL;

	(void)state;
	assert_int_equal(settings_load("/nonexistent/conf.d", NULL, NULL, &problems, &settings),
			 -ENOENT);
	assert_int_equal(problems.n, 1);
	assert_non_null(strstr(problems.text[0], "/nonexistent/conf.d"));
	assert_null(settings);
	problems_done(&problems);
}

static char *digest_of(const struct load *load)
{
	assert_good(load);
	return strdup(load->settings->channel[0].digest);
}

static void the_digest_changes_with_the_meaning_and_with_nothing_else(void **state)
{
	char secret[] = "/tmp/tocsin-secret-XXXXXX";
	char text[300], *first, *same, *other, *rotated;
	struct load load;
	int fd = mkstemp(secret);

	(void)state;
	assert_int_equal(close(fd), 0);
	write_file(secret, "hunter22\n", 0600);
	snprintf(text, sizeof(text),
		 STORE "channels:\n  m: {type: mail, host: h, password: '${file:%s}'}\n"
		       "default: {channels: [m]}\n",
		 secret);
	LOAD(&load, text);
	first = digest_of(&load);
	assert_int_equal(strlen(first), 32);
	snprintf(text, sizeof(text),
		 STORE "default: {channels: [m]}\n# moved\nchannels:\n  m:\n    host: \"h\"\n"
		       "    password: '${file:%s}'\n    type: mail\n",
		 secret);
	write_file(load.path[0], text, 0600);
	load_again(&load);
	same = digest_of(&load);
	assert_string_equal(first, same);
	write_file(secret, "hunter23\n", 0600);
	load_again(&load);
	rotated = digest_of(&load);
	assert_string_not_equal(first, rotated);
	write_file(load.path[0],
		   STORE "channels: {m: {type: mail, host: hh, password: hunter22}}\n"
			 "default: {channels: [m]}\n",
		   0600);
	load_again(&load);
	other = digest_of(&load);
	assert_string_not_equal(first, other);
	free(first);
	free(same);
	free(rotated);
	free(other);
	done(&load);
	unlink(secret);
}

static void every_section_is_documented(void **state)
{
	size_t n;
	const struct settings_section *section = settings_sections(&n);

	(void)state;
	assert_int_equal(n, 12);
	for (size_t i = 0; i < n; i++) {
		assert_true(section[i].name && section[i].help);
		/* what a service is has a page of its own */
		assert_true(section[i].n > 0 || strcmp(section[i].name, "services") == 0);
		for (size_t j = 0; j < section[i].n; j++)
			assert_non_null(section[i].option[j].help);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_has_a_default_but_the_store),
		cmocka_unit_test(sections_of_several_files_become_one),
		cmocka_unit_test(the_plugin_sets_rate_and_concurrency_unless_written),
		cmocka_unit_test(what_stands_twice_names_both_places),
		cmocka_unit_test(every_mistake_of_all_files_is_found_in_one_run),
		cmocka_unit_test(a_broken_file_does_not_make_others_look_wrong),
		cmocka_unit_test(the_plugins_own_check_is_asked_and_its_secrets_are_masked),
		cmocka_unit_test(a_secret_in_an_odd_place_is_masked_too),
		cmocka_unit_test(a_directory_that_is_not_there_is_a_problem_of_its_own),
		cmocka_unit_test(the_digest_changes_with_the_meaning_and_with_nothing_else),
		cmocka_unit_test(every_section_is_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
