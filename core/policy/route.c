/* SPDX-License-Identifier: Apache-2.0 */
/* policy/route: the walk through the tree, and the same walk with reasons. */
#include "policy/route.h"

#include <string.h>

#include "alert/severity.h"
#include "base/text.h"

/* Longest value of a label that is quoted in a reason. */
#define SHOWN 200

static bool severity_fits(const struct route *route, const struct tocsin_alert *alert)
{
	return route->severities >> alert->severity & 1U;
}

/* The first matcher that does not hold, or NULL. */
static const struct matcher *failing_matcher(const struct route *route,
					     const struct tocsin_alert *alert)
{
	for (size_t i = 0; i < route->n_matchers; i++) {
		if (!matcher_matches(route->matcher[i], alert))
			return route->matcher[i];
	}
	return NULL;
}

static bool matches(const struct route *route, const struct tocsin_alert *alert)
{
	return severity_fits(route, alert) && !failing_matcher(route, alert);
}

/* The children that take the alert, without the parent itself. */
static size_t walk(const struct route *parent, const struct tocsin_alert *alert, route_fn *fn,
		   void *data)
{
	size_t n = 0;

	for (size_t i = 0; i < parent->n_children; i++) {
		const struct route *route = parent->child[i];
		size_t below;

		if (!matches(route, alert))
			continue;
		below = walk(route, alert, fn, data);
		if (below == 0) {
			fn(route, data);
			below = 1;
		}
		n += below;
		if (!route->proceed)
			break;
	}
	return n;
}

size_t routes_match(const struct routes *routes, const struct tocsin_alert *alert, route_fn *fn,
		    void *data)
{
	size_t n = walk(routes->root, alert, fn, data);

	if (n == 0) {
		fn(routes->root, data);
		n = 1;
	}
	return n;
}

/* Explains one alert: whom to tell, and the buffer in which reasons are written. */
struct explanation {
	const struct tocsin_alert *alert;
	route_explain_fn *fn;
	void *data;
	struct buffer reason;
};

static void add_shown(struct buffer *out, const char *value)
{
	struct buffer cut = {0};
	size_t length = strlen(value);
	size_t shown = text_prefix(value, length, SHOWN);

	buffer_add(&cut, value, shown);
	text_add_safe(out, buffer_text(&cut), false);
	if (shown < length)
		buffer_puts(out, "...");
	buffer_done(&cut);
}

static void explain_mismatch(struct explanation *explanation, const struct route *route)
{
	struct buffer *reason = &explanation->reason;
	const struct matcher *matcher;
	const char *value;

	if (!severity_fits(route, explanation->alert)) {
		buffer_printf(reason, "severity %s is not in %s",
			      severity_name(explanation->alert->severity),
			      route->severity_text ? route->severity_text : "its set");
		return;
	}
	matcher = failing_matcher(route, explanation->alert);
	value = matcher_subject(matcher, explanation->alert);
	add_shown(reason, matcher_text(matcher));
	if (*value == '\0') {
		buffer_puts(reason, " does not hold: the alert has no such label");
		return;
	}
	buffer_puts(reason, " does not hold: the value is \"");
	add_shown(reason, value);
	buffer_putc(reason, '"');
}

static void explain_match(struct explanation *explanation, const struct route *route, bool selected)
{
	struct buffer *reason = &explanation->reason;

	if (!route->severity_text && route->n_matchers == 0)
		buffer_puts(reason, "it has no conditions");
	if (route->severity_text)
		buffer_printf(reason, "severity %s is in %s",
			      severity_name(explanation->alert->severity), route->severity_text);
	for (size_t i = 0; i < route->n_matchers; i++) {
		if (i > 0 || route->severity_text)
			buffer_puts(reason, i + 1 < route->n_matchers ? ", " : " and ");
		add_shown(reason, matcher_text(route->matcher[i]));
	}
	if (route->n_matchers > 0)
		buffer_puts(reason, route->n_matchers > 1 ? " hold" : " holds");
	if (!selected)
		buffer_puts(reason, ", and a route below it takes the alert");
	else if (route->channels.n == 0)
		buffer_puts(reason, "; it has no channels, so the alert is suppressed here");
}

static void tell(struct explanation *explanation, const struct route *route, int depth,
		 bool matched, bool selected)
{
	const char *reason = explanation->reason.failed ? "" : buffer_text(&explanation->reason);

	explanation->fn(route, depth, matched, selected, reason, explanation->data);
	buffer_clear(&explanation->reason);
}

static bool any_child_matches(const struct route *route, const struct tocsin_alert *alert)
{
	for (size_t i = 0; i < route->n_children; i++) {
		if (matches(route->child[i], alert))
			return true;
	}
	return false;
}

static size_t explain_children(struct explanation *explanation, const struct route *parent,
			       int depth)
{
	const struct route *taken_by = NULL;
	size_t n = 0;

	for (size_t i = 0; i < parent->n_children; i++) {
		const struct route *route = parent->child[i];
		bool selected;

		if (taken_by) {
			buffer_puts(&explanation->reason, "not tried: route '");
			add_shown(&explanation->reason, taken_by->name);
			buffer_puts(&explanation->reason,
				    "' took the alert and does not say `continue: true`");
			tell(explanation, route, depth, false, false);
			continue;
		}
		if (!matches(route, explanation->alert)) {
			explain_mismatch(explanation, route);
			tell(explanation, route, depth, false, false);
			continue;
		}
		selected = !any_child_matches(route, explanation->alert);
		explain_match(explanation, route, selected);
		tell(explanation, route, depth, true, selected);
		n += selected;
		n += explain_children(explanation, route, depth + 1);
		if (!route->proceed)
			taken_by = route;
	}
	return n;
}

size_t routes_explain(const struct routes *routes, const struct tocsin_alert *alert,
		      route_explain_fn *fn, void *data)
{
	struct explanation explanation = {.alert = alert, .fn = fn, .data = data};
	size_t n = explain_children(&explanation, routes->root, 0);

	buffer_puts(&explanation.reason, n == 0 ? "no other route took the alert"
						: "not needed: a route took the alert");
	tell(&explanation, routes->root, 0, n == 0, n == 0);
	buffer_done(&explanation.reason);
	return n == 0 ? 1 : n;
}

const struct route *routes_find(const struct route *route, const char *name)
{
	const struct route *found = strcmp(route->name, name) == 0 ? route : NULL;

	for (size_t i = 0; !found && i < route->n_children; i++)
		found = routes_find(route->child[i], name);
	return found;
}

void route_done(struct route *route)
{
	for (size_t i = 0; i < route->n_matchers; i++)
		matcher_free(route->matcher[i]);
	for (size_t i = 0; i < route->n_children; i++)
		route_done(route->child[i]);
	route->n_matchers = 0;
	route->n_children = 0;
}
