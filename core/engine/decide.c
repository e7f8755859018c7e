/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/decide.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct deciding {
	const struct settings *settings;
	const struct tocsin_alert *alert;
	struct arena *arena;
	struct decisions *decisions;
	const char *unreached; /* of a fallback: the recipient for whom it stands in; else NULL */
	const char *about; /* the channel that is not to hear of it, and nothing dies; or NULL */
	int result;
};

static bool is_decided(const struct decisions *decisions, const char *channel,
		       const char *recipient)
{
	for (size_t i = 0; i < decisions->n; i++)
		if (strcmp(decisions->item[i].channel, channel) == 0 &&
		    strcmp(decisions->item[i].recipient, recipient) == 0)
			return true;
	return false;
}

static struct decision *add(struct deciding *d)
{
	struct decisions *list = d->decisions;

	if (list->n == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 4;
		struct decision *item = arena_alloc(d->arena, capacity * sizeof(*item));

		if (!item) {
			d->result = -ENOMEM;
			return NULL;
		}
		if (list->n)
			memcpy(item, list->item, list->n * sizeof(*item));
		list->item = item;
		list->capacity = capacity;
	}
	return &list->item[list->n++];
}

static const char *copy(struct arena *arena, const char *text)
{
	return *text ? arena_strdup(arena, text) : "";
}

static void add_decision(struct deciding *d, const char *channel, const char *recipient,
			 const char *route, enum tocsin_state state, const char *reason)
{
	struct decision *decision;

	/* After a failure there is half a decision in the list. */
	if (d->result < 0 || is_decided(d->decisions, channel, recipient))
		return;
	decision = add(d);
	if (!decision)
		return;
	/* the settings may be replaced before this is written: copy */
	*decision = (struct decision){.channel = copy(d->arena, channel),
				      .recipient = copy(d->arena, recipient),
				      .route = copy(d->arena, route),
				      .state = state,
				      .reason = copy(d->arena, reason)};
	if (!decision->channel || !decision->recipient || !decision->route || !decision->reason)
		d->result = -ENOMEM;
}

/* Who is meant on the channel: those that the alert names, or else the channel's own. On a fallback the
 * other way round, because addresses are of one kind of channel: its own, or else the one whom the
 * delivery did not reach. */
static struct tocsin_strings recipients_of(const struct deciding *d,
					   const struct channel_settings *channel)
{
	const struct tocsin_strings *named = &d->alert->recipients, *own = &channel->common.to;

	if (d->unreached && own->n == 0 && *d->unreached)
		return (struct tocsin_strings){.item = &d->unreached, .n = 1};
	if (d->unreached)
		return own->n ? *own : *named;
	return named->n ? *named : *own;
}

static void decide_fallback_of(struct deciding *d, const struct channel_settings *channel,
			       const char *route);

static void decide_recipients(struct deciding *d, const struct channel_settings *channel,
			      const char *route)
{
	const struct tocsin_strings recipients = recipients_of(d, channel), *to = &recipients;

	if (!channel->recipients) {
		add_decision(d, channel->name, "", route, TOCSIN_STATE_PENDING, "");
		return;
	}
	for (size_t i = 0; i < to->n; i++)
		add_decision(d, channel->name, to->item[i], route, TOCSIN_STATE_PENDING, "");
	if (to->n > 0 || d->about)
		return;
	add_decision(d, channel->name, "", route, TOCSIN_STATE_DEAD,
		     "no recipient: the alert names none and the channel has no 'to'");
	decide_fallback_of(d, channel, route);
}

static void decide_channel(struct deciding *d, const char *name, const char *route)
{
	const struct channel_settings *channel = settings_channel(d->settings, name);
	char reason[160];

	if (d->about && strcmp(d->about, name) == 0)
		return;
	if (!channel) { /* cannot come from checked routes; a test may name any */
		snprintf(reason, sizeof(reason), "there is no channel '%.64s'", name);
		add_decision(d, name, "", route, TOCSIN_STATE_DEAD, reason);
	} else if (!channel->common.enabled) {
		add_decision(d, name, "", route, TOCSIN_STATE_SUPPRESSED,
			     "the channel is disabled (enabled: false)");
	} else if (d->alert->status == TOCSIN_RESOLVED && !channel->common.send_resolved) {
		add_decision(d, name, "", route, TOCSIN_STATE_SUPPRESSED,
			     "the channel does not send resolves (send_resolved: false)");
	} else {
		decide_recipients(d, channel, route);
	}
}

/* A delivery that is dead from the start falls back at once. Settings have no circles. */
static void decide_fallback_of(struct deciding *d, const struct channel_settings *channel,
			       const char *route)
{
	struct deciding fallen = *d;

	if (!channel->common.fallback)
		return;
	fallen.unreached = "";
	decide_channel(&fallen, channel->common.fallback, route);
	d->result = fallen.result;
}

static void decide_route(const struct route *route, void *data)
{
	struct deciding *d = data;

	for (size_t i = 0; i < route->channels.n; i++)
		decide_channel(d, route->channels.item[i], route->name);
	if (route->channels.n == 0)
		add_decision(d, "", "", route->name, TOCSIN_STATE_SUPPRESSED,
			     "the route names no channel");
}

int decide(const struct settings *settings, const struct tocsin_alert *alert, const char *channel,
	   struct arena *arena, struct decisions *decisions)
{
	struct deciding d = {
		.settings = settings, .alert = alert, .arena = arena, .decisions = decisions};

	*decisions = (struct decisions){0};
	if (channel)
		decide_channel(&d, channel, "test");
	else
		routes_match(&settings->routes, alert, decide_route, &d);
	return d.result;
}

int decide_fallback(const struct settings *settings, const struct tocsin_alert *alert,
		    const char *channel, const char *recipient, const char *route,
		    struct arena *arena, struct decisions *decisions)
{
	struct deciding d = {.settings = settings,
			     .alert = alert,
			     .arena = arena,
			     .decisions = decisions,
			     .unreached = recipient};

	*decisions = (struct decisions){0};
	if (settings_channel(settings, channel))
		decide_channel(&d, channel, route);
	return d.result;
}

static bool any_pending(const struct decisions *decisions)
{
	for (size_t i = 0; i < decisions->n; i++)
		if (decisions->item[i].state == TOCSIN_STATE_PENDING)
			return true;
	return false;
}

int decide_about(const struct settings *settings, const struct tocsin_alert *alert,
		 const char *channel, struct arena *arena, struct decisions *decisions)
{
	struct deciding d = {.settings = settings,
			     .alert = alert,
			     .arena = arena,
			     .decisions = decisions,
			     .about = channel};

	*decisions = (struct decisions){0};
	if (!settings->routes.root) /* without channels there are no routes */
		return 0;
	routes_match(&settings->routes, alert, decide_route, &d);
	if (!any_pending(decisions))
		decide_route(settings->routes.root, &d);
	if (!any_pending(decisions))
		decisions->n = 0;
	return d.result;
}
