/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/loader.h"

#include <assert.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fnmatch.h>
#include <link.h>
#include <ltdl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "plugin/elf.h"
#include "plugin/trust.h"
#include "plugin/verify.h"

#define SYMBOL "tocsin_plugin"

struct loader {
	const struct plugin **plugins; /* in order of kind and name */
	size_t n;
	char *services; /* directory */
	lt_dladvise advise;
};

/* Where the sentences about refused files go. */
struct listener {
	loader_refused_fn *refused;
	void *data;
};

static void plugin_free(struct plugin *plugin)
{
	if (!plugin)
		return;
	free((char *)plugin->path);
	free(plugin);
}

int loader_new(struct loader **loader, struct error *err)
{
	struct loader *made = calloc(1, sizeof(*made));

	if (!made)
		return error_set(err, -ENOMEM, "not enough memory");
	if (lt_dlinit() != 0) {
		free(made);
		return error_set(err, -EIO, "cannot load plugins: %s", lt_dlerror());
	}
	/* Without local symbols two plugins that define the same name would call each other. */
	if (lt_dladvise_init(&made->advise) != 0 || lt_dladvise_local(&made->advise) != 0) {
		free(made);
		return error_set(err, -ENOMEM, "cannot load plugins: %s", lt_dlerror());
	}
	*loader = made;
	return 0;
}

void loader_free(struct loader *loader)
{
	if (!loader)
		return;
	for (size_t i = 0; i < loader->n; i++)
		plugin_free((struct plugin *)loader->plugins[i]);
	free(loader->plugins);
	free(loader->services);
	/* No lt_dlexit: it would unload code that threads may still be leaving. */
	lt_dladvise_destroy(&loader->advise);
	free(loader);
}

int loader_set_services(struct loader *loader, const char *directory, struct error *err)
{
	char *copy = strdup(directory);

	if (!copy)
		return error_set(err, -ENOMEM, "not enough memory");
	free(loader->services);
	loader->services = copy;
	return 0;
}

const char *loader_services(const struct loader *loader)
{
	return loader->services;
}

static int compare(const struct plugin *plugin, enum tocsin_kind kind, const char *name)
{
	if (plugin->it.kind != kind)
		return plugin->it.kind < kind ? -1 : 1;
	return strcmp(plugin->it.name, name);
}

const struct plugin *loader_find(const struct loader *loader, enum tocsin_kind kind,
				 const char *name)
{
	for (size_t i = 0; i < loader->n; i++)
		if (compare(loader->plugins[i], kind, name) == 0)
			return loader->plugins[i];
	return NULL;
}

const struct plugin *const *loader_all(const struct loader *loader, size_t *n)
{
	*n = loader->n;
	return loader->plugins;
}

const char *loader_kind_name(enum tocsin_kind kind)
{
	switch (kind) {
	case TOCSIN_CHANNEL:
		return "channel";
	case TOCSIN_SOURCE:
		return "source";
	case TOCSIN_STORE:
		return "store";
	}
	return "plugin";
}

/* Puts the plugin in its place; it is the loader's then, and *plugin NULL. */
static int insert(struct loader *loader, struct plugin **plugin, struct error *err)
{
	const struct tocsin_plugin *it = &(*plugin)->it;
	size_t at = 0;
	const struct plugin **grown =
		reallocarray(loader->plugins, loader->n + 1, sizeof(struct plugin *));

	if (!grown)
		return error_set(err, -ENOMEM, "not enough memory");
	loader->plugins = grown;
	while (at < loader->n && compare(grown[at], it->kind, it->name) < 0)
		at++;
	memmove(grown + at + 1, grown + at, (loader->n - at) * sizeof(struct plugin *));
	grown[at] = *plugin;
	loader->n++;
	*plugin = NULL;
	return 0;
}

/* How many bytes the file has for a symbol; 0 when the linker does not tell. */
static size_t symbol_size(const void *symbol)
{
#ifdef __GLIBC__
	const ElfW(Sym) *entry = NULL;
	void *extra = NULL;
	Dl_info info;

	if (dladdr1(symbol, &info, &extra, RTLD_DL_SYMENT) != 0 && extra) {
		entry = extra;
		return entry->st_size;
	}
#else
	(void)symbol;
#endif
	return 0;
}

/* What the dynamic linker said, without the name under which it knows the file. */
static int linker_refused(const char *name, struct error *err)
{
	const char *reason = dlerror();
	size_t length = strlen(name);

	if (!reason)
		reason = "the dynamic linker gives no reason";
	if (strncmp(reason, name, length) == 0 && strncmp(reason + length, ": ", 2) == 0)
		reason += length + 2;
	return error_set(err, -ENOEXEC, "%s", reason);
}

/*
 * Opens the shared object behind a descriptor and finds the symbol. dlopen
 * comes first: it resolves every function now and says what is missing, while
 * libltdl would bind lazily and call each failure "file not found".
 */
static int open_object(const struct loader *loader, int fd, const void **symbol, struct error *err)
{
	char name[64];
	lt_dlhandle handle;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (!dlopen(name, RTLD_NOW | RTLD_LOCAL))
		return linker_refused(name, err);
	handle = lt_dlopenadvise(name, loader->advise);
	if (!handle)
		return error_set(err, -EIO, "%s", lt_dlerror());
	lt_dlmakeresident(handle);
	*symbol = lt_dlsym(handle, SYMBOL);
	if (!*symbol)
		return error_set(err, -ENOENT,
				 "it has no symbol " SYMBOL
				 "; a plugin is made with TOCSIN_PLUGIN");
	return 0;
}

/* Fills the plugin from its file and takes it over. *loaded: code of the file is now in this
 * process. */
static int read_plugin(struct loader *loader, struct plugin **plugin, int fd, bool *loaded,
		       struct error *err)
{
	const struct tocsin_plugin *it = &(*plugin)->it;
	const struct plugin *other;
	const void *symbol = NULL;
	int result = elf_check(fd, err);

	if (result < 0)
		return result;
	result = open_object(loader, fd, &symbol, err);
	*loaded = result != -ENOEXEC;
	if (result == 0)
		result = verify_descriptor(symbol, symbol_size(symbol), *plugin, err);
	if (result < 0)
		return result;
	assert(it->name);
	other = loader_find(loader, it->kind, it->name);
	if (other)
		return error_set(err, -EEXIST, "the %s '%s' was loaded already from %s",
				 loader_kind_name(it->kind), it->name, other->path);
	return insert(loader, plugin, err);
}

static int load(struct loader *loader, const char *path, struct error *err)
{
	struct plugin *plugin = calloc(1, sizeof(*plugin));
	bool loaded = false;
	int result = -ENOMEM;
	int fd = -1;

	if (plugin)
		plugin->path = strdup(path);
	if (!plugin || !plugin->path) {
		error_set(err, result, "not enough memory");
	} else {
		result = fd = trust_open(path, false, err);
		if (fd >= 0)
			result = read_plugin(loader, &plugin, fd, &loaded, err);
	}
	plugin_free(plugin);
	/* The linker knows a loaded file as /proc/self/fd/N and takes that name for the same file
	 * for ever, so N must not come to mean another. */
	if (fd >= 0 && !loaded)
		close(fd);
	return result;
}

static int is_plugin_file(const struct dirent *entry)
{
	return fnmatch("*.so", entry->d_name, FNM_PERIOD) == 0;
}

/* By bytes, not by the locale: the order must be the same everywhere. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void refuse(const struct listener *listener, const char *path, const struct error *why)
{
	struct buffer sentence = {0};

	buffer_printf(&sentence, "plugin %s refused: %s", path, why->text);
	if (listener->refused)
		listener->refused(buffer_text(&sentence), listener->data);
	buffer_done(&sentence);
}

static int load_entry(struct loader *loader, const char *directory, const char *name,
		      const struct listener *listener)
{
	struct buffer path = {0};
	struct error why = {"not enough memory"};
	int result = -ENOMEM;

	buffer_printf(&path, "%s/%s", directory, name);
	if (!path.failed)
		result = load(loader, buffer_text(&path), &why);
	if (result < 0)
		refuse(listener, buffer_text(&path), &why);
	buffer_done(&path);
	return result;
}

int loader_scan(struct loader *loader, const char *directory, loader_refused_fn *refused,
		void *data, struct error *err)
{
	struct listener listener = {refused, data};
	struct dirent **entries;
	struct error why;
	int loaded = 0;
	int n;
	int fd = trust_open(directory, true, &why);

	if (fd < 0)
		return error_set(err, fd, "plugin directory: %s", why.text);
	n = scandirat(fd, ".", &entries, is_plugin_file, by_name);
	if (n < 0)
		n = error_set(err, -errno, "plugin directory %s: %s", directory, strerror(errno));
	close(fd);
	for (int i = 0; i < n; i++) {
		if (load_entry(loader, directory, entries[i]->d_name, &listener) == 0)
			loaded++;
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return n < 0 ? n : loaded;
}
