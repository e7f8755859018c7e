/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of routes and an alert: every alert goes somewhere, and what is explained is what is
 * done. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "policy/route_config.h"

#define TAKEN 256

struct taken {
	const struct route *route[TAKEN];
	size_t n;
};

static void note(const struct route *route, void *data)
{
	struct taken *taken = data;

	if (taken->n < TAKEN)
		taken->route[taken->n] = route;
	taken->n++;
}

static void note_explained(const struct route *route, int depth, bool matched, bool selected,
			   const char *reason, void *data)
{
	assert(depth >= 0 && depth <= ROUTE_DEPTH);
	assert(fuzz_is_clean(reason, strlen(reason), ""));
	assert(matched || !selected);
	if (selected)
		note(route, data);
}

static void walk(const struct routes *routes, struct tocsin_alert *alert)
{
	struct taken taken = {.n = 0}, explained = {.n = 0};

	alert->severity %= TOCSIN_EMERGENCY + 1;
	alert->status %= TOCSIN_EVENT + 1;
	assert(routes_match(routes, alert, note, &taken) == taken.n && taken.n > 0);
	assert(routes_explain(routes, alert, note_explained, &explained) == taken.n);
	assert(explained.n == taken.n);
	assert(memcmp(taken.route, explained.route, sizeof(taken.route)) == 0);
}

static void read_routes(const struct node *root, struct problems *problems,
			struct tocsin_alert *alert)
{
	static const char *const channels[] = {"mail", "chat", "screen"};
	static struct severity_alias alias[] = {{"blocker", TOCSIN_CRITICAL}};
	const struct severity_aliases aliases = {alias, 1};
	const struct place place = {.file = "conf.d"};
	const struct options_context context = {.arena = arena_new(), .problems = problems};
	const struct route_config config = {
		.options = &context,
		.aliases = &aliases,
		.channel = channels,
		.n_channels = 3,
		.place = &place,
		.complete = true,
	};
	const struct node *list = node_get(root, "routes");
	struct routes routes = {0};
	int result =
		route_config_read(&config, &list, list ? 1 : 0, node_get(root, "default"), &routes);

	assert((result == 0) == (problems->n == 0));
	if (result == 0)
		walk(&routes, alert);
	if (routes.root)
		route_done(routes.root);
	arena_free(context.arena);
}

/* The YAML, then the texts of an alert. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *yaml = fuzz_text(&input);
	struct problems problems = {0};
	struct node *root = NULL;
	struct fuzz_alert fuzz;

	if (!yaml)
		return 0;
	fuzz_alert_read(&fuzz, &input);
	if (yaml_read("fuzz.yaml", yaml, strlen(yaml), &problems, &root) == 0)
		read_routes(root, &problems, &fuzz.alert);
	for (size_t i = 0; i < problems.n; i++)
		assert(fuzz_is_clean(problems.text[i], strlen(problems.text[i]), ""));
	node_free(root);
	problems_done(&problems);
	fuzz_alert_done(&fuzz);
	free(yaml);
	return 0;
}
