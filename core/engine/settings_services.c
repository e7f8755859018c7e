/* SPDX-License-Identifier: Apache-2.0 */
/* engine/settings_services: which services there are, and channels that are of one. */
#include <errno.h>
#include <stdlib.h>

#include <jansson.h>

#include "engine/settings_parts.h"

void settings_read_services(struct loading *loading, const struct entries *entries)
{
	for (size_t i = 0; i < entries->n; i++)
		services_add(&loading->services, &loading->context, entries->entry[i].name,
			     &entries->entry[i].place, entries->entry[i].value);
}

/* Most configurations need none of them. */
static void scan(struct loading *loading)
{
	const char *directory = loader_services(loading->loader);

	if (!loading->scanned && directory)
		services_scan(&loading->services, &loading->context, directory);
	loading->scanned = true;
}

const struct service *settings_service(struct loading *loading, const char *name)
{
	const struct service *service = services_find(&loading->services, name);

	if (!service) {
		scan(loading);
		service = services_find(&loading->services, name);
	}
	return service;
}

const char **settings_service_names(struct loading *loading, size_t *n)
{
	const char **names;

	scan(loading);
	names = calloc(loading->services.n + 1, sizeof(*names));
	*n = names ? loading->services.n : 0;
	for (size_t i = 0; i < *n; i++)
		names[i] = loading->services.item[i]->name;
	return names;
}

int settings_enter_service(struct loading *loading, const struct service *service,
			   const struct plugin *plugin, struct plugin_section *section,
			   json_t **options)
{
	const struct options_table tables[2] = {
		{section->common.option, section->common.n, sizeof(struct tocsin_option), NULL},
		{plugin->it.options, plugin->it.option_count, plugin->it.option_size, NULL},
	};
	struct service_use *use = loading_alloc(loading, 1, sizeof(*use));

	if (!use)
		return -EINVAL;
	*use = (struct service_use){
		.service = service,
		.node = section->node,
		.place = section->place,
		.what = section->what,
		.tables = tables,
		.n_tables = 2,
	};
	if (service_use(&loading->context, use) < 0)
		return -EINVAL;
	section->node = use->channel;
	*options = use->options;
	loading->context.option = service_value;
	loading->context.option_data = use;
	return 0;
}

void settings_leave_service(struct loading *loading)
{
	loading->context.option = NULL;
	loading->context.option_data = NULL;
}
