/* SPDX-License-Identifier: Apache-2.0 */
/* A channel for the bench: posts each alert as JSON to one URL, without a limit of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <tocsin/plugin.h>

struct config {
	const char *url;
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(STRING, struct config, url, .required = true,
		      .example = "\"http://127.0.0.1:8080/alert\"", .help = "Where to post."),
};

struct post {
	const struct tocsin_host *host;
	const struct config *config;
};

static int post_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		     void **state)
{
	struct post *post = malloc(sizeof(*post));

	(void)self;
	if (!post)
		return -ENOMEM;
	*post = (struct post){.host = host, .config = config};
	*state = post;
	return 0;
}

static json_t *object_of(const struct tocsin_map *map)
{
	json_t *object = json_object();

	for (size_t i = 0; i < map->n; i++)
		json_object_set_new(object, map->pair[i].name, json_string(map->pair[i].value));
	return object;
}

static void post_one(const struct post *post, struct tocsin_delivery *delivery)
{
	const struct tocsin_alert *alert = delivery->alert;
	json_t *object = json_pack("{ss ss ss so so}", "id", alert->id, "key", delivery->key,
				   "severity", alert->severity_name, "labels",
				   object_of(&alert->labels), "annotations",
				   object_of(&alert->annotations));
	char *body = json_dumps(object, JSON_COMPACT);
	struct tocsin_request request = {.size = sizeof(request),
					 .url = post->config->url,
					 .body = body,
					 .body_length = body ? strlen(body) : 0};

	if (body)
		post->host->post(delivery, &request);
	else
		post->host->done(delivery, TOCSIN_RETRY, 0, "out of memory");
	free(body);
	json_decref(object);
}

static void post_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		post_one(state, batch[i]);
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = post_open,
	.deliver = post_deliver,
	.close = free,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "post", .version = "1",
	      .summary = "posts alerts as JSON", .options = options,
	      .option_count = TOCSIN_COUNT(options), .config_size = sizeof(struct config),
	      .channel = &ops, .concurrency = 64, );
