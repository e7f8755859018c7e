/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/loader: finds plugins in directories, checks them and keeps their
 * descriptors. Main thread only; nothing is ever unloaded.
 *
 * Refused, each with the file and the reason: relative directories, files or
 * directories that somebody other than root or the own user may write, files
 * that are no shared object for this machine (the reason from the dynamic
 * linker), without the symbol tocsin_plugin, of another ABI number, with
 * impossible sizes, without the operations of their kind, a second one of the
 * same name and kind.
 */
#ifndef PLUGIN_LOADER_H
#define PLUGIN_LOADER_H

#include <stddef.h>

#include <tocsin/plugin.h>
#include <tocsin/store.h>

#include "base/error.h"

/* A descriptor that passed the checks. The ops tables are copies of full size: functions that an
 * older plugin does not know are NULL. */
struct plugin {
	struct tocsin_plugin it;
	struct tocsin_channel_ops channel;
	struct tocsin_source_ops source;
	struct tocsin_store_ops store;
	const char *path;       /* the file it came from */
};

struct loader;

/* Called for every file refused; the sentence names the file. */
typedef void loader_refused_fn(const char *sentence, void *data);

int loader_new(struct loader **loader, struct error *err);
/* Loads every *.so of a directory, in lexical order. Returns how many were loaded, or a negative
 * errno when the directory itself is refused or missing. */
int loader_scan(struct loader *loader, const char *directory, loader_refused_fn *refused,
		void *data, struct error *err);
void loader_free(struct loader *loader);

/* Where the services that come with an installation are (config/service); copied. NULL: none. */
int loader_set_services(struct loader *loader, const char *directory, struct error *err);
const char *loader_services(const struct loader *loader);

/* NULL when there is none. */
const struct plugin *loader_find(const struct loader *loader, enum tocsin_kind kind,
				 const char *name);
/* All plugins in order of kind and name. */
const struct plugin *const *loader_all(const struct loader *loader, size_t *n);
/* "channel", "source", "store" */
const char *loader_kind_name(enum tocsin_kind kind);

#endif
