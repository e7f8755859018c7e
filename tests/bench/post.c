/* SPDX-License-Identifier: Apache-2.0 */
/* A channel for the bench: posts each alert as JSON to one URL, without a limit of its own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A body that grows; one that memory did not hold is not sent. */
struct body {
	char *text;
	size_t length, room;
	bool failed;
};

static void put(struct body *body, const char *text, size_t length)
{
	if (body->length + length > body->room) {
		size_t room = (body->length + length) * 2;
		char *larger = realloc(body->text, room);

		body->failed |= larger == NULL;
		if (!larger)
			return;
		body->text = larger;
		body->room = room;
	}
	memcpy(body->text + body->length, text, length);
	body->length += length;
}

static void put_text(struct body *body, const char *text)
{
	put(body, "\"", 1);
	while (*text) {
		size_t run = strcspn(text, "\"\\\n\r\t\b\f");
		char escape[8];

		put(body, text, run);
		text += run;
		if (*text)
			put(body, escape,
			    (size_t)snprintf(escape, sizeof(escape), "\\u%04x",
					     (unsigned)(unsigned char)*text++));
	}
	put(body, "\"", 1);
}

/* name with its quotes and what stands before it */
static void put_member(struct body *body, const char *name, const char *text)
{
	put(body, name, strlen(name));
	put_text(body, text);
}

static void put_map(struct body *body, const char *name, const struct tocsin_map *map)
{
	put(body, name, strlen(name));
	for (size_t i = 0; i < map->n; i++) {
		put(body, i ? "," : "{", 1);
		put_text(body, map->pair[i].name);
		put(body, ":", 1);
		put_text(body, map->pair[i].value);
	}
	put(body, map->n ? "}" : "{}", map->n ? 1 : 2);
}

static void post_one(const struct post *post, struct tocsin_delivery *delivery)
{
	const struct tocsin_alert *alert = delivery->alert;
	struct tocsin_request request = {.size = sizeof(request), .url = post->config->url};
	struct body body = {0};

	put_member(&body, "{\"id\":", alert->id);
	put_member(&body, ",\"key\":", delivery->key);
	put_member(&body, ",\"severity\":", alert->severity_name);
	put_map(&body, ",\"labels\":", &alert->labels);
	put_map(&body, ",\"annotations\":", &alert->annotations);
	put(&body, "}", 1);
	request.body = body.text;
	request.body_length = body.length;
	if (body.failed)
		post->host->done(delivery, TOCSIN_RETRY, 0, "out of memory");
	else
		post->host->post(delivery, &request);
	free(body.text);
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
