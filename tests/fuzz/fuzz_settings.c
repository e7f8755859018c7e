/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Up to three files of conf.d, read and checked as the daemon does, with the options of the real
 * mail channel and with one of each type: settings or sentences come out, never both, and no
 * sentence tells a secret.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/settings.h"

extern const struct tocsin_plugin tocsin_plugin; /* smtp's */

struct inner {
	int64_t number;
	const char *text;
};
static const struct tocsin_option inner_options[] = {
	TOCSIN_OPTION(INT, struct inner, number, .preset = "1", .min = 1, .max = 9, .help = "N."),
	TOCSIN_OPTION(STRING, struct inner, text, .help = "T."),
};

struct every {
	const char *text, *secret, *url, *hook, *query, *path;
	int64_t number, wait, room, choice;
	bool flag;
	struct tocsin_rate pace;
	struct tocsin_strings list;
	struct tocsin_map map;
	struct inner inner;
	struct tocsin_sections items; /* struct inner */
};
static const char *const choices[] = {"red", "green", "blue", NULL};
static const struct tocsin_option every_options[] = {
	TOCSIN_OPTION(STRING, struct every, text, .help = "Text."),
	TOCSIN_OPTION(SECRET, struct every, secret, .help = "Secret."),
	TOCSIN_OPTION(URL, struct every, url, .help = "URL."),
	TOCSIN_OPTION(SECRET_URL, struct every, hook, .help = "Hook."),
	TOCSIN_OPTION(QUERY, struct every, query, .help = "SQL."),
	TOCSIN_OPTION(PATH, struct every, path, .help = "Path."),
	TOCSIN_OPTION(INT, struct every, number, .min = -5, .max = 5, .help = "Number."),
	TOCSIN_OPTION(DURATION, struct every, wait, .preset = "5s", .help = "Wait."),
	TOCSIN_OPTION(SIZE, struct every, room, .preset = "64KiB", .help = "Room."),
	TOCSIN_OPTION(CHOICE, struct every, choice, .preset = "red", .choices = choices,
		      .help = "Colour."),
	TOCSIN_OPTION(BOOL, struct every, flag, .preset = "true", .help = "Flag."),
	TOCSIN_OPTION(RATE, struct every, pace, .preset = "5/s", .help = "Pace."),
	TOCSIN_OPTION(STRINGS, struct every, list, .help = "List."),
	TOCSIN_OPTION(MAP, struct every, map, .help = "Map."),
	TOCSIN_OPTION_SECTION(struct every, inner, inner_options, .help = "Inner."),
	TOCSIN_OPTION_SECTIONS(struct every, items, inner_options, struct inner, .help = "Items."),
};

#define EVERY(what, called, ...) \
	{ \
		.it = {.kind = (what), \
		       .name = (called), \
		       .option_size = sizeof(struct tocsin_option), \
		       .options = every_options, \
		       .option_count = TOCSIN_COUNT(every_options), \
		       .config_size = sizeof(struct every), \
		       __VA_ARGS__ } \
	}

static struct plugin plugins[] = {
	EVERY(TOCSIN_CHANNEL, "every", .rate = "1/s", .concurrency = 2),
	EVERY(TOCSIN_SOURCE, "table", .rereads = true),
	EVERY(TOCSIN_STORE, "db", .rate = NULL),
	{.it = {.kind = TOCSIN_CHANNEL}}, /* smtp */
};
static const struct plugin *const all_plugins[] = {&plugins[0], &plugins[1], &plugins[2],
						   &plugins[3]};

const struct plugin *loader_find(const struct loader *loader, enum tocsin_kind kind,
				 const char *name)
{
	(void)loader;
	for (size_t i = 0; i < TOCSIN_COUNT(plugins); i++)
		if (plugins[i].it.kind == kind && strcmp(plugins[i].it.name, name) == 0)
			return &plugins[i];
	return NULL;
}

const struct plugin *const *loader_all(const struct loader *loader, size_t *n)
{
	(void)loader;
	*n = TOCSIN_COUNT(all_plugins);
	return all_plugins;
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

static const char hushed[] = "Quiet-42-Hush";

static void write_file(int number, const char *text)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/%d.yaml", fuzz_directory(), number);
	if (!text) {
		unlink(path);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* What the engine relies on. */
static void check_settings(const struct settings *settings)
{
	assert(settings->routes.root && settings->store.plugin && settings->store.config);
	for (size_t i = 0; i < settings->n_channels; i++) {
		const struct channel_settings *channel = &settings->channel[i];

		assert(settings_channel(settings, channel->name) == channel);
		assert(channel->plugin && channel->config && *channel->digest);
		assert(channel->common.timeout > 0 && channel->common.concurrency > 0);
		assert(channel->common.workers > 0 && channel->common.retry.first > 0);
		assert(channel->common.retry.max >= channel->common.retry.first);
	}
	for (size_t i = 0; i < settings->n_sources; i++)
		assert(settings->source[i].config && settings->source[i].common.window > 0);
}

static void check_problems(const struct problems *problems, bool hush)
{
	for (size_t i = 0; i < problems->n; i++) {
		assert(fuzz_is_clean(problems->text[i], strlen(problems->text[i]), ""));
		assert(!hush || !strstr(problems->text[i], hushed));
	}
}

static void prepare(void)
{
	plugins[3].it = tocsin_plugin;
	plugins[3].channel = *tocsin_plugin.channel;
	assert(setenv("FUZZ_SECRET", hushed, 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct problems problems = {0};
	struct settings *settings = NULL;
	struct log *log = NULL;
	bool hush = true;
	int result;

	if (!plugins[3].it.name)
		prepare();
	for (int i = 0; i < 3; i++) {
		char *text = fuzz_text(&input);

		/* Whoever writes the secret out is told of it. */
		hush = hush && !(text && strstr(text, "Quiet"));
		write_file(i, text);
		free(text);
	}
	assert(log_new(&log, -1, LOG_TEXT, TOCSIN_LOG_DEBUG) == 0);
	result = settings_load(fuzz_directory(), NULL, log, &problems, &settings);
	assert((result == 0) == (problems.n == 0));
	assert((result == 0) == (settings != NULL));
	if (settings)
		check_settings(settings);
	check_problems(&problems, hush);
	settings_free(settings);
	problems_done(&problems);
	log_free(log);
	return 0;
}
