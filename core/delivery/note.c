/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/note.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "delivery/channel.h"

/* A note that cannot be kept costs a thread, not the message: it is said, and that is all. */
void note_set(struct delivery *delivery, const char *note)
{
	const char *why = NULL;
	char *copy = NULL;

	if (strlen(note) > NOTE_MAX)
		why = "it has more than 4096 bytes";
	else if (!(copy = strdup(note)))
		why = "out of memory";
	if (why)
		log_write(delivery->channel->world->log, TOCSIN_LOG_ERROR, delivery->pub.channel,
			  "delivery %lld: its note is not kept: %s", (long long)delivery->pub.id,
			  why);
	free(delivery->note);
	delivery->note = copy;
}

void note_output(struct delivery *delivery, const char *text, size_t length)
{
	struct buffer valid = {0}, safe = {0};

	text_add_valid(&valid, text, length);
	if (valid.data && !valid.failed) {
		log_mask(delivery->channel->world->log, valid.data);
		text_add_safe(&safe, valid.data, true);
	}
	free(delivery->output);
	delivery->output = NULL;
	if (safe.data && !safe.failed) /* half of it might be half of a secret */
		delivery->output =
			strndup(safe.data, text_prefix(safe.data, safe.length, OUTPUT_MAX));
	buffer_done(&valid);
	buffer_done(&safe);
}

int note_apply(const struct delivery *delivery, const struct transaction *transaction)
{
	const struct tocsin_delivery *pub = &delivery->pub;

	if (!delivery->note || !transaction->ops->note)
		return 0;
	return transaction->ops->note(transaction->state, pub->channel, pub->alert->fingerprint,
				      pub->recipient, delivery->note);
}

struct recalling {
	struct store_request request;
	const struct tocsin_delivery *of;
	char *note;
};

static int recall(struct store_request *request, const struct transaction *transaction)
{
	struct recalling *recalling = (struct recalling *)request;
	const struct tocsin_delivery *of = recalling->of;

	free(recalling->note); /* of an earlier try that was rolled back */
	recalling->note = NULL;
	if (!transaction->ops->recall)
		return -ENOENT;
	return transaction->ops->recall(transaction->state, of->channel, of->alert->fingerprint,
					of->recipient, &recalling->note);
}

int note_recall(const struct delivery *delivery, char **note)
{
	struct recalling recalling = {.request = {.apply = recall}, .of = &delivery->pub};
	int result;

	*note = NULL;
	if (delivery->note) { /* of this very attempt */
		*note = strdup(delivery->note);
		return *note ? 0 : -ENOMEM;
	}
	result = store_call(delivery->channel->world->store, &recalling.request);
	if (result == 0)
		*note = recalling.note;
	else
		free(recalling.note);
	return result;
}
