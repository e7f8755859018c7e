/* SPDX-License-Identifier: Apache-2.0 */
/* The private store of a trial, and the directory it lives in. */
#include "cli/trial_store.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *trial_directory(void)
{
	const char *base = getenv("TMPDIR");
	struct buffer path = {0};
	char *made;

	buffer_printf(&path, "%s/tocsin-test-XXXXXX", base && *base == '/' ? base : "/tmp");
	made = buffer_take(&path);
	if (made && !mkdtemp(made)) {
		cli_error(0, "cannot make %s: %s", made, strerror(errno));
		free(made);
		made = NULL;
	}
	return made;
}

void trial_remove(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		closedir(directory);
	rmdir(path);
}

/* Any store plugin will do that keeps everything at one path. */
static bool has_path(const struct plugin *plugin)
{
	const struct tocsin_plugin *it = &plugin->it;

	for (size_t i = 0; i < it->option_count; i++) {
		struct tocsin_option option = options_at(it->options, it->option_size, i);

		if (strcmp(option.name, "path") == 0 && option.type == TOCSIN_PATH)
			return it->kind == TOCSIN_STORE;
	}
	return false;
}

static const struct plugin *find_store(const struct offline *offline)
{
	const struct plugin *const *plugins;
	size_t n;

	if (offline->settings->store.plugin && has_path(offline->settings->store.plugin))
		return offline->settings->store.plugin;
	plugins = loader_all(offline->loader, &n);
	for (size_t i = 0; i < n; i++)
		if (has_path(plugins[i]))
			return plugins[i];
	return NULL;
}

int trial_use_store(struct offline *offline, const char *directory)
{
	const struct plugin *plugin = find_store(offline);
	struct arena *arena = offline->settings->arena;
	struct options_context context = {.arena = arena, .problems = &offline->problems};
	struct options_table table;
	struct buffer text = {0};
	struct node *root = NULL;
	int result;

	if (!plugin)
		return cli_error(STATUS_NO, "no installed store can be used for a test");
	table.option = plugin->it.options;
	table.n = plugin->it.option_count;
	table.option_size = plugin->it.option_size;
	table.into = arena_alloc(arena, plugin->it.config_size);
	if (!table.into)
		return cli_error(STATUS_NO, "out of memory");
	memset(table.into, 0, plugin->it.config_size);
	buffer_printf(&text, "path: '%s/trial.db'\n", directory);
	result = yaml_read("test", buffer_text(&text), text.length, &offline->problems, &root);
	if (result == 0)
		result = options_fill(&context, root, &root->place, "store", &table, 1, NULL);
	node_free(root);
	buffer_done(&text);
	if (result < 0)
		return cli_error(STATUS_NO, "the store '%s' cannot be used for a test",
				 plugin->it.name);
	offline->settings->store.plugin = plugin;
	offline->settings->store.config = table.into;
	return STATUS_DONE;
}
