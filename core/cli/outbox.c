/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/outbox.h"

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/spool.h"

/* True when the daemon has said its last word about it. */
static bool ask(struct cli *cli, const char *path, const char *body, enum outbox *result,
		struct error *why)
{
	struct client_reply reply = {0};
	bool final = false;

	if (cli_try(cli, "POST", path, body, &reply, why) < 0)
		return false;
	if (reply.status >= 200 && reply.status < 300) {
		*result = OUTBOX_TOLD;
		final = true;
	} else {
		const char *sentence = json_text_of(reply.json, "error");

		/* What is wrong today may be right when it is asked again, but for what was said. */
		final = reply.status < 500 && reply.status != 429;
		*result = OUTBOX_REFUSED;
		if (*sentence)
			error_set(why, -EINVAL, "%s", sentence);
		else
			error_set(why, -EINVAL, "the daemon answered with HTTP status %ld",
				  reply.status);
	}
	json_decref(reply.json);
	return final;
}

static enum outbox keep(struct cli *cli, const char *path, const char *body, struct error *why)
{
	struct error failure;
	enum outbox result = OUTBOX_KEPT;
	char *directory;
	int status = cli_spool(cli, &directory, &failure);

	if (status == 0 && !*directory)
		status =
			error_set(&failure, -ENOENT, "api.spool is empty, so that nothing is kept");
	if (status == 0)
		status = spool_write(directory, path, body, &failure);
	if (status < 0) {
		struct error first = *why;

		error_set(why, -EIO, "%.340s, and %.340s", failure.text, first.text);
		result = OUTBOX_LOST;
	}
	free(directory);
	return result;
}

enum outbox outbox_put(struct cli *cli, const char *path, const json_t *body, int64_t patience_ms,
		       struct error *why)
{
	char *text = json_write(body, JSON_COMPACT);
	enum outbox result;

	if (!text) {
		error_set(why, -ENOMEM, "out of memory");
		return OUTBOX_LOST;
	}
	cli->patience_ms = (long)patience_ms;
	error_set(why, 0, "tocsind did not answer in time");
	if (patience_ms <= 0 || !ask(cli, path, text, &result, why))
		result = keep(cli, path, text, why);
	free(text);
	return result;
}
