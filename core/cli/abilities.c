/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/abilities.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"

unsigned int abilities_of_service(const struct service *service)
{
	const struct service_supports *supports = &service->supports;

	return (supports->threads ? TOCSIN_SUPPORTS_THREADS : 0) |
	       (supports->update ? TOCSIN_SUPPORTS_UPDATE : 0) |
	       (supports->rich_text ? TOCSIN_SUPPORTS_RICH_TEXT : 0) |
	       (supports->links ? TOCSIN_SUPPORTS_LINKS : 0) |
	       (supports->idempotency ? TOCSIN_SUPPORTS_IDEMPOTENCY : 0);
}

static const char *text_of(const struct node *map, const char *key)
{
	const struct node *node = map ? node_get(map, key) : NULL;

	return node && node->kind == NODE_SCALAR ? node->text : NULL;
}

/* "title 250, text 4096 bytes, 64KiB in all": the limits of the plugin's request. */
static const char *limits_of(struct arena *arena, const struct service *service)
{
	const struct node *limits = node_get(service->channel, "limits");
	const struct node *fields = limits ? node_get(limits, "fields") : NULL;
	const char *unit = text_of(limits, "unit"), *whole = text_of(limits, "request");
	struct buffer text = {0};
	const char *kept;

	for (size_t i = 0; fields && fields->kind == NODE_MAP && i < fields->n; i++)
		buffer_printf(&text, "%s%s %s", i > 0 ? ", " : "", fields->key[i]->text,
			      fields->item[i]->text);
	if (fields && unit && strcmp(unit, "characters") != 0)
		buffer_printf(&text, " %s", unit);
	if (whole)
		buffer_printf(&text, "%s%s in all", text.length > 0 ? ", " : "", whole);
	kept = text.failed ? NULL : arena_strdup(arena, buffer_text(&text));
	buffer_done(&text);
	return kept;
}

static int add(struct abilities_list *list, struct abilities able)
{
	if (!able.limits)
		return -ENOMEM;
	list->item[list->n++] = able;
	return 0;
}

static int add_plugin(struct abilities_list *list, const struct tocsin_plugin *it)
{
	return add(list, (struct abilities){
				 .name = it->name,
				 .kind = "channel",
				 .supports = it->supports,
				 .recipients = it->recipients,
				 .rate = it->rate,
				 .limits = it->limits ? it->limits : "",
			 });
}

static int add_service(struct abilities_list *list, const struct service *service)
{
	return add(list, (struct abilities){
				 .name = service->name,
				 .kind = "service",
				 .supports = abilities_of_service(service),
				 .recipients = service->recipients,
				 .rate = text_of(service->channel, "rate"),
				 .limits = limits_of(list->arena, service),
			 });
}

int abilities_collect(struct abilities_list *list, const struct loader *loader,
		      const struct services *services)
{
	size_t n;
	const struct plugin *const *plugin = loader_all(loader, &n);
	int result = 0;

	*list = (struct abilities_list){0};
	list->arena = arena_new();
	list->item = list->arena ? arena_alloc(list->arena, (n + services->n) * sizeof(*list->item))
				 : NULL;
	if (!list->item)
		return -ENOMEM;
	for (size_t i = 0; i < n && result == 0; i++)
		if (plugin[i]->it.kind == TOCSIN_CHANNEL)
			result = add_plugin(list, &plugin[i]->it);
	for (size_t i = 0; i < services->n && result == 0; i++)
		result = add_service(list, services->item[i]);
	return result;
}

void abilities_done(struct abilities_list *list)
{
	if (list->arena)
		arena_free(list->arena);
	*list = (struct abilities_list){0};
}

json_t *abilities_json(const struct abilities *able)
{
	unsigned int bits = able->supports;

	return json_pack("{ss ss sb sb sb sb sb sb ss* ss*}", "name", able->name, "kind",
			 able->kind, "threads", (int)!!(bits & TOCSIN_SUPPORTS_THREADS), "update",
			 (int)!!(bits & TOCSIN_SUPPORTS_UPDATE), "rich_text",
			 (int)!!(bits & TOCSIN_SUPPORTS_RICH_TEXT), "links",
			 (int)!!(bits & TOCSIN_SUPPORTS_LINKS), "recipients", (int)able->recipients,
			 "idempotency", (int)!!(bits & TOCSIN_SUPPORTS_IDEMPOTENCY), "rate",
			 able->rate, "limits", *able->limits ? able->limits : NULL);
}
