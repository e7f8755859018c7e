/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/verify.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "plugin/verify_limits.h"

#define PLUGIN_SIZE_1 SIZE_UP_TO(struct tocsin_plugin, rereads)
#define CHANNEL_SIZE_1 SIZE_UP_TO(struct tocsin_channel_ops, idle)
#define SOURCE_SIZE_1 SIZE_UP_TO(struct tocsin_source_ops, check)
#define STORE_SIZE_1 SIZE_UP_TO(struct tocsin_store_ops, maintain)

/* A function that a kind of plugin must have. */
struct required {
	const char *name;
	size_t offset;
};
/* clang-format off */
#define REQUIRED(structure, field) { #field, offsetof(structure, field) }

static const struct required channel_functions[] = {
	REQUIRED(struct tocsin_channel_ops, open),
	REQUIRED(struct tocsin_channel_ops, deliver),
	REQUIRED(struct tocsin_channel_ops, close),
};

static const struct required source_functions[] = {
	REQUIRED(struct tocsin_source_ops, open),
	REQUIRED(struct tocsin_source_ops, run),
	REQUIRED(struct tocsin_source_ops, close),
};

static const struct required store_functions[] = {
	REQUIRED(struct tocsin_store_ops, open),
	REQUIRED(struct tocsin_store_ops, close),
	REQUIRED(struct tocsin_store_ops, begin),
	REQUIRED(struct tocsin_store_ops, commit),
	REQUIRED(struct tocsin_store_ops, rollback),
	REQUIRED(struct tocsin_store_ops, find_mark),
	REQUIRED(struct tocsin_store_ops, accept),
	REQUIRED(struct tocsin_store_ops, unpark),
	REQUIRED(struct tocsin_store_ops, revive),
	REQUIRED(struct tocsin_store_ops, park),
	REQUIRED(struct tocsin_store_ops, withdraw),
	REQUIRED(struct tocsin_store_ops, unwanted),
	REQUIRED(struct tocsin_store_ops, claim),
	REQUIRED(struct tocsin_store_ops, settle),
	REQUIRED(struct tocsin_store_ops, release),
	REQUIRED(struct tocsin_store_ops, renew),
	REQUIRED(struct tocsin_store_ops, recover),
	REQUIRED(struct tocsin_store_ops, hasten),
	REQUIRED(struct tocsin_store_ops, next_due),
	REQUIRED(struct tocsin_store_ops, untold),
	REQUIRED(struct tocsin_store_ops, told),
	REQUIRED(struct tocsin_store_ops, deliveries),
	REQUIRED(struct tocsin_store_ops, attempts),
	REQUIRED(struct tocsin_store_ops, alerts),
	REQUIRED(struct tocsin_store_ops, replay),
	REQUIRED(struct tocsin_store_ops, drop),
	REQUIRED(struct tocsin_store_ops, counters),
	REQUIRED(struct tocsin_store_ops, save),
	REQUIRED(struct tocsin_store_ops, load),
	REQUIRED(struct tocsin_store_ops, prune),
	REQUIRED(struct tocsin_store_ops, maintain),
};
/* clang-format on */

/* An operations table: where it came from, where its copy goes. */
struct operations {
	const char *kind;
	const void *theirs;
	void *ours;
	size_t our_size;
	size_t least_size;
	const struct required *required;
	size_t n_required;
};

bool verify_name(const char *name)
{
	size_t length = strnlen(name, MAX_NAME + 1);

	return length > 0 && length <= MAX_NAME && name[0] >= 'a' && name[0] <= 'z' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

static int copy_operations(const struct operations *ops, struct error *err)
{
	size_t size;

	if (!ops->theirs)
		return error_set(err, -EINVAL, "it is a %s without .%s operations", ops->kind,
				 ops->kind);
	memcpy(&size, ops->theirs, sizeof(size));
	if (size < ops->least_size || size > MAX_STRUCT || size % sizeof(void *) != 0)
		return error_set(err, -EINVAL,
				 "its .%s operations have the impossible size %zu; set .size to "
				 "sizeof(struct tocsin_%s_ops)",
				 ops->kind, size, ops->kind);
	memset(ops->ours, 0, ops->our_size);
	memcpy(ops->ours, ops->theirs, size < ops->our_size ? size : ops->our_size);
	memcpy(ops->ours, &ops->our_size, sizeof(ops->our_size));
	for (size_t i = 0; i < ops->n_required; i++) {
		void (*function)(void);

		memcpy(&function, (const char *)ops->ours + ops->required[i].offset,
		       sizeof(function));
		if (!function)
			return error_set(err, -EINVAL, "its .%s operations lack the function '%s'",
					 ops->kind, ops->required[i].name);
	}
	return 0;
}

static int check_channel(struct plugin *plugin, struct error *err)
{
	struct operations ops = {"channel",
				 plugin->it.channel,
				 &plugin->channel,
				 sizeof(plugin->channel),
				 CHANNEL_SIZE_1,
				 channel_functions,
				 TOCSIN_COUNT(channel_functions)};

	plugin->it.channel = &plugin->channel;
	if (plugin->it.batch > MAX_BATCH || plugin->it.concurrency < 0)
		return error_set(err, -EINVAL, "its .batch or .concurrency is impossible");
	return copy_operations(&ops, err);
}

static int check_source(struct plugin *plugin, struct error *err)
{
	struct operations ops = {"source",
				 plugin->it.source,
				 &plugin->source,
				 sizeof(plugin->source),
				 SOURCE_SIZE_1,
				 source_functions,
				 TOCSIN_COUNT(source_functions)};

	int result = copy_operations(&ops, err);

	plugin->it.source = &plugin->source;
	if (result == 0 && plugin->it.items > TOCSIN_CHECKS)
		return error_set(err, -EINVAL, "its .items are none that this tocsin knows");
	if (result == 0 && plugin->it.items && !plugin->source.call)
		return error_set(err, -EINVAL,
				 "it has .items, but its .source operations lack the function "
				 "'call'");
	return result;
}

static int check_store(struct plugin *plugin, struct error *err)
{
	struct operations ops = {"store",
				 plugin->it.store,
				 &plugin->store,
				 sizeof(plugin->store),
				 STORE_SIZE_1,
				 store_functions,
				 TOCSIN_COUNT(store_functions)};

	plugin->it.store = &plugin->store;
	return copy_operations(&ops, err);
}

static int check_kind(struct plugin *plugin, struct error *err)
{
	switch (plugin->it.kind) {
	case TOCSIN_CHANNEL:
		return check_channel(plugin, err);
	case TOCSIN_SOURCE:
		return check_source(plugin, err);
	case TOCSIN_STORE:
		return check_store(plugin, err);
	}
	return error_set(err, -EINVAL, "its .kind %d is not a channel, source or store",
			 (int)plugin->it.kind);
}

/* The two numbers in front, which every ABI has: they say whether the rest may be read. */
static int check_front(const void *symbol, size_t symbol_size, uint32_t *size, struct error *err)
{
	uint32_t front[2];

	if (symbol_size != 0 && symbol_size < sizeof(front))
		return error_set(err, -EINVAL,
				 "its symbol tocsin_plugin is not made with TOCSIN_PLUGIN");
	memcpy(front, symbol, sizeof(front));
	if (front[0] != TOCSIN_ABI)
		return error_set(err, -EPROTO,
				 "it was built for plugin ABI %u, this is ABI %d; build it against "
				 "these headers",
				 front[0], TOCSIN_ABI);
	*size = front[1];
	if (*size < PLUGIN_SIZE_1 || *size > MAX_STRUCT ||
	    (symbol_size != 0 && *size > symbol_size))
		return error_set(err, -EINVAL, "its descriptor has the impossible size %u", *size);
	return 0;
}

int verify_descriptor(const void *symbol, size_t symbol_size, struct plugin *plugin,
		      struct error *err)
{
	struct tocsin_plugin *it = &plugin->it;
	uint32_t size = 0;
	int result = check_front(symbol, symbol_size, &size, err);

	if (result < 0)
		return result;
	memset(it, 0, sizeof(*it));
	memcpy(it, symbol, size < sizeof(*it) ? size : sizeof(*it));
	it->size = sizeof(*it);
	if (!it->name || !verify_name(it->name))
		return error_set(err, -EINVAL,
				 "its .name must be a small letter followed by small letters, "
				 "digits, '_' or '-'");
	if (!it->version || !it->summary)
		return error_set(err, -EINVAL, "it has no .%s",
				 it->version ? "summary" : "version");
	result = check_kind(plugin, err);
	return result < 0 ? result : verify_options(it, err);
}
