/* SPDX-License-Identifier: Apache-2.0 */
/* policy/route_keys: name, severity, match and channels of a route. */
#include "policy/route_keys.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct problems *route_problems(struct route_reading *reading)
{
	reading->result = -EINVAL;
	return reading->config->options->problems;
}

void *route_alloc(struct route_reading *reading, size_t n, size_t size)
{
	void *memory = arena_alloc(reading->config->options->arena, (n ? n : 1) * size);

	if (!memory)
		problems_add(route_problems(reading), NULL, "memory is short");
	return memory;
}

/* The place of one text of a list that may also be written as a single text. */
static const struct place *item_place(const struct node *node, size_t index)
{
	return node->kind == NODE_LIST && index < node->n ? &node->item[index]->place
							  : &node->place;
}

static void check_channel(struct route_reading *reading, const char *what, const char *name,
			  const struct place *place)
{
	const struct route_config *config = reading->config;
	const char *meant;

	for (size_t i = 0; i < config->n_channels; i++) {
		if (strcmp(config->channel[i], name) == 0)
			return;
	}
	/* The channel may stand in a file that could not be read. */
	if (!config->complete)
		return;
	meant = text_closest(name, config->channel, config->n_channels);
	if (meant)
		problems_add(route_problems(reading), place,
			     "%s: no channel '%s'; did you mean '%s'?", what, name, meant);
	else
		problems_add(route_problems(reading), place,
			     "%s: no channel '%s'; define it under channels:", what, name);
}

void route_check_channels(struct route_reading *reading, const char *what, const struct node *node,
			  const struct tocsin_strings *channels)
{
	if (channels->n > ROUTE_CHANNELS) {
		problems_add(route_problems(reading), &node->place,
			     "%s: %zu channels; %d is the most", what, channels->n, ROUTE_CHANNELS);
		return;
	}
	for (size_t i = 0; i < channels->n; i++) {
		check_channel(reading, what, channels->item[i], item_place(node, i));
		for (size_t j = 0; j < i; j++) {
			if (strcmp(channels->item[i], channels->item[j]) == 0)
				problems_add(route_problems(reading), item_place(node, i),
					     "%s: channel '%s' stands twice in the list; write it "
					     "once",
					     what, channels->item[i]);
		}
	}
}

static void read_severities(struct route_reading *reading, const char *what,
			    const struct node *node, const struct tocsin_strings *words,
			    struct route *route)
{
	struct buffer text = {0};

	route->severities = 0;
	for (size_t i = 0; i < words->n; i++) {
		unsigned int set = 0;

		if (severity_parse_set(words->item[i], reading->config->aliases, &set) < 0)
			problems_add(
				route_problems(reading), item_place(node, i),
				"%s: severity '%s' is not known; write debug, info, notice, "
				"warning, error, critical, emergency or an alias, a floor such "
				"as warning+, or a list",
				what, words->item[i]);
		route->severities |= set;
		buffer_printf(&text, "%s%s", i > 0 ? ", " : "", words->item[i]);
	}
	if (words->n == 0)
		problems_add(route_problems(reading), &node->place,
			     "%s: the list of severities is empty; leave the key out for all",
			     what);
	route->severity_text = arena_strdup(reading->config->options->arena, buffer_text(&text));
	buffer_done(&text);
}

static void add_matcher(struct route_reading *reading, const char *what, const struct node *node,
			const struct node *label, struct route *route)
{
	struct matcher *matcher;
	struct error err;
	int rc;

	if (node->kind != NODE_SCALAR) {
		problems_add(
			route_problems(reading), &node->place,
			label ? "%s: write the value of the label as one text"
			      : "%s: write each matcher as one text, such as 'site=\"example.com\"'",
			what);
		return;
	}
	if (label)
		rc = matcher_new(label->text, MATCH_EQUAL, node->text, &matcher, &err);
	else
		rc = matcher_parse(node->text, &matcher, &err);
	if (rc < 0)
		problems_add(route_problems(reading), &node->place, "%s: match: %s", what,
			     err.text);
	else
		route->matcher[route->n_matchers++] = matcher;
}

static void read_matchers(struct route_reading *reading, const char *what, const struct node *node,
			  struct route *route)
{
	bool single = node->kind == NODE_SCALAR;

	if (node->kind == NODE_NULL) {
		problems_add(route_problems(reading), &node->place,
			     "%s: match is empty; leave the key out to match everything", what);
		return;
	}
	if (node->n > ROUTE_MATCHERS) {
		problems_add(route_problems(reading), &node->place,
			     "%s: %zu matchers; %d is the most", what, node->n, ROUTE_MATCHERS);
		return;
	}
	route->matcher = route_alloc(reading, single ? 1 : node->n, sizeof(*route->matcher));
	if (!route->matcher)
		return;
	if (single)
		add_matcher(reading, what, node, NULL, route);
	for (size_t i = 0; i < node->n; i++)
		add_matcher(reading, what, node->item[i],
			    node->kind == NODE_MAP ? node->key[i] : NULL, route);
}

void route_check_name(struct route_reading *reading, const char *name, bool given,
		      const struct place *place)
{
	size_t length = strlen(name);
	struct used_name *grown;

	if (given && (length == 0 || length > ROUTE_NAME))
		problems_add(route_problems(reading), place,
			     "a route's name has 1 to %d bytes, not %zu; choose another",
			     ROUTE_NAME, length);
	for (const char *c = name; *c; c++) {
		if (!iscntrl((unsigned char)*c))
			continue;
		problems_add(route_problems(reading), place,
			     "route '%s': the name contains a control character; leave it out",
			     name);
		break;
	}
	if (strcmp(name, "default") == 0)
		problems_add(
			route_problems(reading), place,
			"route 'default': that is the name of the default route; choose another");
	for (size_t i = 0; i < reading->n_used; i++) {
		const struct place *first = &reading->used[i].place;

		if (strcmp(reading->used[i].name, name) == 0)
			problems_add(route_problems(reading), place,
				     "route '%s': the name is taken at %s:%d:%d; choose another",
				     name, first->file, first->line, first->column);
	}
	grown = realloc(reading->used, (reading->n_used + 1) * sizeof(*grown));
	if (!grown) {
		problems_add(route_problems(reading), NULL, "memory is short");
		return;
	}
	reading->used = grown;
	grown[reading->n_used++] = (struct used_name){name, *place};
}

/* The keys that the table knows, checked further. */
void route_apply_keys(struct route_reading *reading, const char *what, const struct node *node,
		      const struct route_keys *keys, struct route *route)
{
	const struct node *severity = node_get(node, "severity");
	const struct node *channels = node_get(node, "channels");
	const struct node *match = node_get(node, "match");

	route->proceed = keys->proceed;
	if (severity)
		read_severities(reading, what, severity, &keys->severity, route);
	if (channels) {
		route->channels = keys->channels;
		route_check_channels(reading, what, channels, &keys->channels);
	}
	if (match)
		read_matchers(reading, what, match, route);
}
