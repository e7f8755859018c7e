/* SPDX-License-Identifier: Apache-2.0 */
/* A directory that the file channel writes to, and another one whose file it must never touch. */
#ifndef FILE_PLACE_H
#define FILE_PLACE_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../plugins/channels/file/file.h"
#include "../../plugins/channels/file/shelf.h"
#include "fake_host.h"

struct place {
	char directory[64], path[128], victim[64];
	struct file_config config;
	void *state;
};

static inline void place_init(struct place *place)
{
	fake_reset();
	fake_directory(place->directory);
	snprintf(place->path, sizeof(place->path), "%s/alerts.log", place->directory);
	place->config = (struct file_config){.format = FILE_JSON,
					     .mode = "0640",
					     .most_files = 1000,
					     .path = place->path,
					     .rotate = {.keep = 3}};
	fake_directory(place->victim);
}

static inline void by_label(struct place *place)
{
	place->config.path = place->directory;
	place->config.per_label = "name";
}

static inline void place_done(struct place *place)
{
	tocsin_plugin.channel->close(place->state);
	fake_remove(place->directory);
	fake_remove(place->victim);
}

static inline const struct fake_done *write_one(struct place *place, const char *value, const char *text)
{
	struct fake_alert fake;

	fake_alert_init(&fake, text);
	if (value)
		fake_label(&fake, "name", value);
	return fake_deliver(place->state, &fake);
}

static inline void in_directory(const struct place *place, char out[256], const char *name)
{
	snprintf(out, 256, "%s/%s", place->directory, name);
}

/* How many records are in a file, all of them whole; -1: there is none. */
static inline int records_in(const struct place *place, const char *name)
{
	char path[256], *text;
	int n = 0;

	in_directory(place, path, name);
	if (access(path, F_OK) != 0)
		return -1;
	text = fake_read(path);
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, n++)
		assert_true(*line == '{' && end[-1] == '}');
	free(text);
	return n;
}

static inline int files_in(const char *path)
{
	DIR *directory = opendir(path);
	int n = 0;

	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
		n += *entry->d_name != '.';
	closedir(directory);
	return n;
}

#endif
