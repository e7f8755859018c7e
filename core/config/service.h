/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config/service: services, which are channels made of another one by data: options of their own,
 * and keys of the plugin in which ${option:NAME} stands for what a user gave. tocsin-services(5).
 *
 * Everything made here is in the arena of the context, and borrows from the YAML trees.
 */
#ifndef CONFIG_SERVICE_H
#define CONFIG_SERVICE_H

#include <jansson.h>

#include "config/directory.h"
#include "config/options.h"

/* What a service can do, for the table of channels. */
struct service_supports {
	bool threads, update, rich_text, links, idempotency;
};

struct service {
	const char *name;
	struct place place;
	const char *plugin;          /* the channel plugin that does the work */
	const char *summary;
	const char *documentation;   /* URL, or NULL */
	bool recipients;
	struct service_supports supports;
	const struct tocsin_option *option; /* for documentation: templates are TEMPLATE */
	const struct tocsin_option *field;  /* the same to be filled: templates are STRING */
	size_t n_options;
	size_t size;                 /* of the struct that they fill */
	const struct node *channel;  /* the keys of the plugin */
	const struct node *node;     /* the whole definition */
};

struct services {
	struct service **item;
	size_t n;
	struct documents documents;  /* of the directory */
};

/* Reads one definition. 0 and *service, or -EINVAL with problems added. */
int service_read(const struct options_context *context, const char *name,
		 const struct place *place, const struct node *node, struct service **service);
/* Adds a service that stands in conf.d; it hides one of the same name that comes later. 0 or
 * -EINVAL. */
int services_add(struct services *services, const struct options_context *context,
		 const char *name, const struct place *place, const struct node *node);
/* Adds those of the *.yaml files of a directory; one that does not exist has none. 0, or -EINVAL
 * with problems added; what could be read is there all the same. */
int services_scan(struct services *services, const struct options_context *context,
		  const char *directory);
const struct service *services_find(const struct services *services, const char *name);
void services_done(struct services *services);

/* A channel of a service on its way to one of the plugin. */
struct service_use {
	const struct service *service;
	const struct node *node;     /* what the user wrote */
	const struct place *place;
	const char *what;            /* "channel 'duty'" */
	const struct options_table *tables; /* keys of every channel, and of the plugin */
	size_t n_tables;
	/* made by service_use */
	void *values;                /* of the service's options */
	const char (*number)[32];    /* the same as texts, of those that are numbers */
	const struct node *channel;  /* what the plugin is to read */
	json_t *options;             /* those that templates may see; for the caller to free */
};

/*
 * Checks what the user wrote and makes channel and options. Where a text of channel is read, the
 * context must have service_value and the use as its option and option_data. 0, or -EINVAL with
 * problems added.
 */
int service_use(const struct options_context *context, struct service_use *use);
/* For the context: the text of an option. */
enum options_reference service_value(const char *name, void *use, const char **text);

#endif
