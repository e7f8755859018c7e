/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any YAML as the definition of a service, and any as a channel of it: either every mistake has its
 * place, or a plugin's struct is filled and templates see no secret.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "config/service.h"

struct config {
	const char *url, *text;
	int64_t number;
	struct tocsin_strings list;
};
static const struct tocsin_option options[] = {
	TOCSIN_OPTION(STRINGS, struct config, list, .help = ""),
	TOCSIN_OPTION(INT, struct config, number, .help = ""),
	TOCSIN_OPTION(STRING, struct config, text, .help = ""),
	TOCSIN_OPTION(SECRET_URL, struct config, url, .help = ""),
};

static void use(struct options_context *context, const struct service *service, struct node *node)
{
	static const char *const skip[] = {"type", NULL};
	struct config config = {0};
	struct options_table table = {options, 4, sizeof(options[0]), &config};
	struct service_use use = {.service = service,
				  .node = node,
				  .place = &node->place,
				  .what = "channel 'x'",
				  .tables = &table,
				  .n_tables = 1};
	size_t before = context->problems->added;

	if (service_use(context, &use) < 0) {
		assert(context->problems->added > before && !use.options);
		return;
	}
	for (size_t i = 0; i < service->n_options; i++)
		assert(service->option[i].type != TOCSIN_SECRET ||
		       !json_object_get(use.options, service->option[i].name));
	context->option = service_value;
	context->option_data = &use;
	before = context->problems->added;
	assert((options_fill(context, use.channel, &node->place, "channel 'x'", &table, 1, skip) ==
		0) == (context->problems->added == before));
	json_decref(use.options);
}

/* Definition NUL channel. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *definition = fuzz_text(&input), *channel = fuzz_rest(&input);
	struct problems problems = {0};
	struct options_context context = {.problems = &problems, .arena = arena_new()};
	struct node *service_node = NULL, *node = NULL;
	struct service *service;
	struct place place = {"s.yaml", 1, 1};

	assert(context.arena);
	if (definition &&
	    yaml_read("s.yaml", definition, strlen(definition), &problems, &service_node) == 0) {
		size_t before = problems.added;
		int result = service_read(&context, "shop", &place, service_node, &service);

		assert((result == 0) == (problems.added == before));
		if (result == 0 &&
		    yaml_read("c.yaml", channel, strlen(channel), &problems, &node) == 0)
			use(&context, service, node);
	}
	for (size_t i = 0; i < problems.n; i++)
		assert(problems.text[i] && *problems.text[i]);
	node_free(node);
	node_free(service_node);
	arena_free(context.arena);
	problems_done(&problems);
	free(definition);
	free(channel);
	return 0;
}
