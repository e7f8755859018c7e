/* SPDX-License-Identifier: Apache-2.0 */
#include "config/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct service *services_find(const struct services *services, const char *name)
{
	for (size_t i = 0; i < services->n; i++)
		if (strcmp(services->item[i]->name, name) == 0)
			return services->item[i];
	return NULL;
}

int services_add(struct services *services, const struct options_context *context, const char *name,
		 const struct place *place, const struct node *node)
{
	struct service *service;
	struct service **grown;
	int result = service_read(context, name, place, node, &service);

	if (result < 0)
		return result;
	grown = reallocarray(services->item, services->n + 1, sizeof(struct service *));
	if (!grown) {
		problems_add(context->problems, NULL, "memory is short");
		return -EINVAL;
	}
	services->item = grown;
	grown[services->n++] = service;
	return 0;
}

/* The first of two files that have it keeps it; conf.d is there before them. */
static int add_new(struct services *services, const struct options_context *context,
		   size_t of_directory, const struct node *key, const struct node *value)
{
	const struct service *other = services_find(services, key->text);

	if (!other)
		return services_add(services, context, key->text, &key->place, value);
	for (size_t i = of_directory; i < services->n; i++) {
		if (services->item[i] != other)
			continue;
		problems_add(context->problems, &key->place,
			     "service '%.60s' is defined twice, the first time at %s:%d:%d; rename "
			     "one or take it out",
			     key->text, other->place.file, other->place.line, other->place.column);
		return -EINVAL;
	}
	return 0;
}

static int add_document(struct services *services, const struct options_context *context,
			size_t of_directory, const struct node *root)
{
	const struct node *map = node_get(root, "services");
	int result = 0;

	for (size_t i = 0; root->kind == NODE_MAP && i < root->n; i++) {
		if (strcmp(root->key[i]->text, "services") == 0)
			continue;
		problems_add(context->problems, &root->key[i]->place,
			     "unknown section '%.60s'; a file of services has the section services "
			     "only",
			     root->key[i]->text);
		result = -EINVAL;
	}
	if (map && map->kind != NODE_MAP && map->kind != NODE_NULL) {
		problems_add(context->problems, &map->place,
			     "this must be a map; write each service as 'name:' with its keys "
			     "indented below");
		return -EINVAL;
	}
	for (size_t i = 0; map && i < map->n; i++)
		if (add_new(services, context, of_directory, map->key[i], map->item[i]) < 0)
			result = -EINVAL;
	return result;
}

int services_scan(struct services *services, const struct options_context *context,
		  const char *directory)
{
	size_t of_directory = services->n;
	int result;

	if (access(directory, F_OK) < 0)
		return 0;
	result = documents_read(directory, context->problems, &services->documents);
	for (size_t i = 0; i < services->documents.n; i++)
		if (add_document(services, context, of_directory, services->documents.root[i]) < 0)
			result = -EINVAL;
	return result < 0 ? -EINVAL : 0;
}

void services_done(struct services *services)
{
	free(services->item);
	documents_done(&services->documents);
	*services = (struct services){0};
}
