/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/settings: what conf.d says, checked whole and turned into structs.
 * Immutable once loaded.
 */
#ifndef ENGINE_SETTINGS_H
#define ENGINE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alert/severity.h"
#include "base/log.h"
#include "config/options.h"
#include "config/problems.h"
#include "plugin/loader.h"
#include "policy/route.h"
#include "template/set.h"

/* Keys of every channel, whatever its plugin; the option table is in settings_tables.c. */
struct channel_common {
	const char *type;            /* the name of the plugin or service */
	bool enabled;
	struct tocsin_rate rate;
	int64_t burst;               /* 0: the rate's count */
	int64_t concurrency;         /* deliveries under way at once (channels that do not block) */
	int64_t workers;             /* instances and threads (blocking channels) */
	int64_t timeout;             /* ms, one attempt */
	struct retry_settings {
		int64_t attempts;    /* after so many that failed for their own sake it is dead; 0: any */
		int64_t first;       /* ms before the second attempt */
		int64_t max;         /* ms, cap of the doubling */
		int64_t give_up_after; /* ms since acceptance; then the delivery is dead */
	} retry;
	struct digest_settings {
		int64_t over;        /* so many may wait for a recipient without being folded; 0: any */
		int64_t most;        /* deliveries in one message */
		int64_t every;       /* ms that each waits for company */
	} fold;
	struct at_once_settings {
		const char *label;   /* NULL: no limit */
		int64_t most;        /* deliveries under way for one value of it */
	} at_once_per;
	const char *fallback;        /* the channel that gets what this one cannot deliver; or NULL */
	int64_t fallback_after;      /* ms of being unavailable after which all goes there */
	bool send_resolved;
	const struct tocsin_template *templates; /* read by settings_templates.c */
	struct tocsin_strings to;    /* recipients of alerts that name none */
};

struct channel_settings {
	const char *name;
	const struct plugin *plugin;
	void *config;                /* the plugin's struct, filled */
	const char *service;         /* the service that it is of; NULL: the plugin itself */
	bool recipients;             /* one delivery for each recipient */
	struct channel_common common;
	const struct template_sets *templates; /* NULL: it has none */
	json_t *options;             /* of the service, as templates see them; NULL: none */
	const char *digest;          /* equal digests: the channel did not change */
	struct place place;
};

enum settle_on { SETTLE_ON_DELIVERED, SETTLE_ON_ACCEPTED };

struct source_common {
	const char *type;            /* the plugin's name */
	bool enabled;
	int64_t settle_on;           /* enum settle_on */
	int64_t window;              /* deliveries never tried, per channel, before emit waits */
	struct tocsin_map labels;    /* added to every alert that lacks them */
};

struct source_settings {
	const char *name;
	const struct plugin *plugin;
	void *config;
	struct source_common common;
	const char *digest;
	struct place place;
};

struct settings {
	const char *directory;
	struct {
		const struct plugin *plugin;
		void *config;
		const char *digest;
	} store;
	struct {
		const char *socket;  /* path of the unix socket; NULL or "": none */
		int64_t socket_mode; /* permissions, as an octal number read: 0660 */
		const char *spool;   /* directory; "": none */
	} api;
	struct {
		int64_t level;       /* enum tocsin_level */
		int64_t format;      /* enum log_format */
	} log;
	struct {
		int64_t keep;        /* ms that settled alerts stay in the history */
		int64_t keep_dead;   /* ms that alerts with dead deliveries stay */
	} history;
	struct {
		bool enabled;
		int64_t every;       /* ms: one alert for each channel in that time */
		int64_t severity;    /* enum tocsin_severity */
	} dead_alerts;
	struct severity_aliases aliases;
	struct channel_settings *channel;
	size_t n_channels;
	struct source_settings *source;
	size_t n_sources;
	struct routes routes;
	struct arena *arena;         /* owns all of the above but matchers */
};

/*
 * Reads directory/[^.]*.yaml (and .yml) in lexical order and checks everything.
 * 0 and *settings, or -EINVAL with every mistake in problems (-ENOENT etc.: the directory itself,
 * also as a problem). Every secret value is registered with log (may be NULL) first.
 */
int settings_load(const char *directory, const struct loader *loader, struct log *log,
		  struct problems *problems, struct settings **settings);
void settings_free(struct settings *settings);

const struct channel_settings *settings_channel(const struct settings *settings, const char *name);

/* The option tables of the core's own sections and common keys, for documentation:
 * "store", "api", "log", "history", "channels", "dead_alerts", "services", "sources", "routes",
 * "default", "severities". */
struct settings_section {
	const char *name;            /* the key in YAML */
	const char *help;
	const struct tocsin_option *option;
	size_t n;
};
const struct settings_section *settings_sections(size_t *n);

#endif
