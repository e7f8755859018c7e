/* SPDX-License-Identifier: Apache-2.0 */
/* The services that the core offers to channels. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/schedule.h"
#include "delivery/channel.h"
#include "delivery/http.h"
#include "delivery/note.h"
#include "delivery/render.h"
#include "delivery/verdict.h"
#include "store/values.h"

static bool host_begin(struct tocsin_delivery *pub)
{
	return channel_begin((struct delivery *)pub);
}

static void host_done(struct tocsin_delivery *pub, enum tocsin_outcome outcome,
		      int64_t retry_after_ms, const char *why)
{
	channel_complete((struct delivery *)pub, outcome, retry_after_ms, why);
}

static void host_post(struct tocsin_delivery *pub, const struct tocsin_request *request)
{
	struct delivery *delivery = (struct delivery *)pub;

	http_post(delivery->channel->world->http, delivery, request);
}

static int host_http(struct tocsin_self *self, const struct tocsin_request *request,
		     tocsin_reply_fn *reply_fn, void *data)
{
	struct instance *instance = self->owner;

	if (instance->channel->spec.plugin->it.blocking)
		return -ENOTSUP;
	return http_request(instance->channel->world->http, instance->channel, request, reply_fn,
			    data);
}

static int host_timer(struct tocsin_self *self, int64_t after_ms, tocsin_timer_fn *fn, void *data)
{
	struct instance *instance = self->owner;

	if (instance->channel->spec.plugin->it.blocking)
		return -ENOTSUP;
	return http_timer(instance->channel->world->http, instance->channel, after_ms, fn, data);
}

static const char *host_text(struct tocsin_delivery *pub, const struct tocsin_template *template)
{
	return render_text((struct delivery *)pub, template);
}

static void host_note(struct tocsin_delivery *pub, const char *note)
{
	note_set((struct delivery *)pub, note);
}

static int host_recall(struct tocsin_delivery *pub, char **note)
{
	return note_recall((const struct delivery *)pub, note);
}

static void host_output(struct tocsin_delivery *pub, const char *text, size_t length)
{
	note_output((struct delivery *)pub, text, length);
}

static struct tocsin_delivery *host_more(struct tocsin_self *self)
{
	struct delivery *delivery = worker_more(self->owner);

	return delivery ? &delivery->pub : NULL;
}

const struct tocsin_host *channel_host(void)
{
	static const struct tocsin_host host = {
		.size = sizeof(host),
		.log = self_log,
		.count = self_count,
		.save = self_save,
		.load = self_load,
		.begin = host_begin,
		.done = host_done,
		.post = host_post,
		.http = host_http,
		.timer = host_timer,
		.text = host_text,
		.note = host_note,
		.recall = host_recall,
		.verdict = verdict_from_reply,
		.output = host_output,
		.next = schedule_next,
		.local = self_local,
		.more = host_more,
	};

	return &host;
}
