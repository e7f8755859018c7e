/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine/settings_parts: what the settings*.c files share while conf.d is read.
 * Mistakes are added to problems; a function that found one still does what it
 * can, so that one run finds them all.
 */
#ifndef ENGINE_SETTINGS_PARTS_H
#define ENGINE_SETTINGS_PARTS_H

#include "config/directory.h"
#include "config/service.h"
#include "engine/settings.h"

struct entries;

/* Names of texts that `templates` may give. */
#define TEXT_NAMES 64
struct text_names {
	const char *name[TEXT_NAMES];
	size_t n;
};

/* settings_texts.c: adds a name once, and those of every channel plugin. */
void texts_know(struct text_names *names, const char *name);
void texts_know_plugins(struct text_names *names, const struct loader *loader);
bool texts_are_known(const struct text_names *names, const char *name);
/* The problem of a name that is not known there. */
struct loading;
void texts_refuse(struct loading *loading, const char *what, const struct node *key,
		  const struct text_names *names);

/* What `templates` of a route says, until the channels of the route are known. */
struct route_texts {
	const struct node *texts;
	const char *what;            /* "route 'sites'" */
	bool named;                  /* it is a set of its own */
	struct text_names names;     /* those that its channels have */
};

struct loading {
	const struct loader *loader;
	struct log *log;
	struct settings *settings;
	struct options_context context;
	struct place whole;          /* the directory: where a missing section is missing */
	bool complete;               /* all files could be read: what is missing is a mistake */
	struct entries *templates;   /* the sets of texts by name */
	bool *template_used;         /* of each: somebody wants it */
	struct route_texts *route_texts;
	size_t n_route_texts;
	struct services services;    /* of conf.d, and of the directory when that was asked for */
	bool scanned;                /* it was */
};

/* Zeroed memory from the settings' arena, or NULL with a problem added. */
void *loading_alloc(struct loading *loading, size_t n, size_t size);
char *loading_strdup(struct loading *loading, const char *text);

/* settings_sections.c: the sections of all files, merged. Everything is borrowed from documents. */
struct entry {
	const char *name;
	const struct node *value;
	struct place place;          /* of the name */
};
struct entries {
	struct entry *entry;
	size_t n;
};
struct sections {
	struct entry store, api, log, history, dead_alerts, fallback; /* value NULL: not given */
	struct entries channels, services, sources, aliases, templates;
	const struct node **routes;
	size_t n_routes;
};
void sections_collect(struct loading *loading, const struct documents *documents,
		      struct sections *sections);
void sections_done(struct sections *sections);

/* settings_tables.c: the core's own options. */
struct table {
	const struct tocsin_option *option;
	size_t n;
};
extern const struct table table_store, table_api, table_log, table_history, table_dead_alerts;
extern const struct table table_channel; /* the last one is `to` */
extern const struct table table_source;
struct api_keys {
	const char *socket;
	const char *mode;
	const char *spool;
};
struct store_keys {
	const char *type;
};

/* settings_plugin.c: one section that belongs to a plugin. */
struct plugin_section {
	enum tocsin_kind kind;
	const char *what;            /* "channel 'mail'" */
	const struct node *node;
	const struct place *place;   /* of its name */
	struct table common;         /* the core's keys of it */
	const char *const *skip;     /* keys that are read elsewhere; NULL-terminated, or NULL */
	void *common_into;
};
/* The plugin that `type` names, or that of the service which it names (*service; NULL else; only
 * channels have services). NULL with a problem added. */
const struct plugin *plugin_section_find(struct loading *loading,
					 const struct plugin_section *section,
					 const struct service **service);
/* Fills the common struct and *config (the plugin's, from the arena), asks the plugin's own check.
 * 0 or -EINVAL. */
int plugin_section_fill(struct loading *loading, const struct plugin_section *section,
			const struct plugin *plugin, void **config);
/* Hash of the section with ${...} replaced, and of another node, which may be NULL; "" when memory
 * is short. */
const char *plugin_section_digest(struct loading *loading, const struct node *node,
				  const struct node *other);

/* settings_services.c */
void settings_read_services(struct loading *loading, const struct entries *entries);
/* The service of a name, or NULL; the directory is read when conf.d does not have it. */
const struct service *settings_service(struct loading *loading, const char *name);
/* Names of all services; for the caller to free(), NULL when memory is short. */
const char **settings_service_names(struct loading *loading, size_t *n);
/* Turns the section of a channel of a service into one of its plugin: section->node is another
 * afterwards, and the loading's context knows ${option:...} until settings_leave_service. 0 or
 * -EINVAL. */
int settings_enter_service(struct loading *loading, const struct service *service,
			   const struct plugin *plugin, struct plugin_section *section,
			   json_t **options);
void settings_leave_service(struct loading *loading);

/* settings_instances.c */
void settings_read_channels(struct loading *loading, const struct entries *entries);
void settings_read_sources(struct loading *loading, const struct entries *entries);
void settings_read_store(struct loading *loading, const struct entry *entry);

/* settings_fallback.c: after the channels were read. */
void settings_check_fallbacks(struct loading *loading, const struct entries *entries);
/* settings_templates.c: `templates` of a channel that was filled. what: "channel 'mail'". */
void settings_read_channel_templates(struct loading *loading, const char *what,
				     const struct node *node, struct channel_settings *channel);
/* For route_config: keeps what a route says until settings_finish_templates. data: the loading. The
 * number to find it by, 0: none. */
size_t settings_note_route_templates(void *data, const char *what, const struct node *node);
/* When channels and routes are read: makes the sets and compiles them. */
void settings_finish_templates(struct loading *loading);
/* settings_compile.c: has jq judge every expression. */
void settings_compile_templates(struct loading *loading);

#endif
