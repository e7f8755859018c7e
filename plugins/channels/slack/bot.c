/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bot posts through the API, which tells the number of the message. The channel notes it, and attaches
 * what is said later about the same alert: a reply in its thread, or new words in its place. When that
 * message is gone, a new one is posted.
 */
#include "slack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One delivery on its way, until Slack has answered for the last time. */
struct post {
	struct slack *slack;
	struct tocsin_delivery *delivery;
	enum slack_kind kind;
	struct slack_thread thread;
};

static void end(struct post *post, enum tocsin_outcome outcome, int64_t retry_after_ms,
		const char *why)
{
	post->slack->host->done(post->delivery, outcome, retry_after_ms, why);
	free(post);
}

static void take_note(const struct post *post, const struct tocsin_reply *reply)
{
	enum tocsin_status status = post->delivery->alert->status;
	struct slack_thread thread = post->thread;
	char note[SLACK_NOTE];

	/* An event is over when it is told. */
	if (!post->slack->config->threads || status == TOCSIN_EVENT)
		return;
	if (post->kind == SLACK_NEW && !slack_thread_from_reply(reply, &thread))
		return;
	thread.closed = status == TOCSIN_RESOLVED;
	if (slack_thread_write(&thread, post->slack->config->channel, note))
		post->slack->host->note(post->delivery, note);
}

static void send(struct post *post);

static void on_reply(const struct tocsin_reply *reply, void *data)
{
	struct tocsin_verdict verdict;
	struct post *post = data;

	post->slack->host->verdict(reply, &verdict);
	slack_judge(reply, &verdict, NULL);
	if (verdict.outcome == TOCSIN_REJECTED && post->kind != SLACK_NEW &&
	    slack_thread_is_lost(reply)) {
		post->kind = SLACK_NEW;
		/* Whatever comes of the new one, nobody looks for the old one again. */
		post->slack->host->note(post->delivery, "");
		send(post);
		return;
	}
	if (verdict.outcome == TOCSIN_DELIVERED)
		take_note(post, reply);
	end(post, verdict.outcome, verdict.retry_after_ms, verdict.why);
}

static char *body_of_post(const struct post *post)
{
	const struct slack_config *config = post->slack->config;
	const struct tocsin_host *host = post->slack->host;
	const struct slack_texts texts = {.title = host->text(post->delivery, config->title),
					  .message = host->text(post->delivery, config->message)};
	const struct slack_place place = {.kind = post->kind,
					  .channel = post->kind == SLACK_NEW ? config->channel
									     : post->thread.channel,
					  .ts = post->thread.ts};

	return slack_message(config, post->delivery->alert, &texts, &place);
}

static void send(struct post *post)
{
	struct slack *slack = post->slack;
	const struct tocsin_pair headers[] = {{"Authorization", slack->authorization}};
	char *body = body_of_post(post);
	struct tocsin_request request = {.size = sizeof(request),
					 .url = post->kind == SLACK_UPDATE ? slack->update_url
									   : slack->post_url,
					 .content_type = "application/json; charset=utf-8",
					 .headers = {headers, 1},
					 .body = body,
					 .body_length = body ? strlen(body) : 0};
	int result = body ? slack->host->http(slack->self, &request, on_reply, post) : -ENOMEM;

	free(body);
	if (result == -ENOMEM)
		end(post, TOCSIN_RETRY, 0, "out of memory");
	else if (result < 0)
		end(post, TOCSIN_REJECTED, 0, "the request cannot be made; check 'api_url'");
}

/* 0, or -ENOMEM: then it is not known what was posted before. */
static int find_thread(struct post *post)
{
	const struct slack_config *config = post->slack->config;
	enum tocsin_status status = post->delivery->alert->status;
	char *note = NULL;
	int result;

	if (!config->threads || status == TOCSIN_EVENT)
		return 0;
	result = post->slack->host->recall(post->delivery, &note);
	if (result == 0 && slack_thread_read(note, config->channel, &post->thread) &&
	    (status == TOCSIN_RESOLVED || !post->thread.closed))
		post->kind = config->update ? SLACK_UPDATE : SLACK_REPLY;
	free(note);
	return result == -ENOMEM ? result : 0;
}

void slack_bot_deliver(struct slack *slack, struct tocsin_delivery *delivery)
{
	struct post *post = calloc(1, sizeof(*post));

	if (!post) {
		slack->host->done(delivery, TOCSIN_RETRY, 0, "out of memory");
		return;
	}
	post->slack = slack;
	post->delivery = delivery;
	post->kind = SLACK_NEW;
	if (find_thread(post) < 0)
		end(post, TOCSIN_RETRY, 0, "out of memory");
	else
		send(post);
}
