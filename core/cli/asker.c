/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/asker.h"

#include <errno.h>
#include <string.h>

#include "cli/solo.h"

int asker_begin(struct asker *asker, struct cli *cli, const char *kind)
{
	*asker = (struct asker){.cli = cli, .kind = kind};
	if (!cli_has(cli, "local"))
		return STATUS_DONE;
	return solo_open(cli, strcmp(kind, "heartbeats") == 0 ? TOCSIN_HEARTBEATS : TOCSIN_CHECKS,
			 cli_get(cli, "source"), &asker->solo);
}

void asker_end(struct asker *asker)
{
	solo_close(asker->solo);
}

int asker_list(struct asker *asker, json_t **items, struct error *why)
{
	struct buffer path = {0};
	json_t *answer;
	int status;

	if (asker->solo)
		return solo_list(asker->solo, items, why);
	buffer_printf(&path, "/api/v1/%s", asker->kind);
	client_add_parameter(&path, "source", cli_get(asker->cli, "source"));
	status = cli_ask(asker->cli, "GET", buffer_text(&path), NULL, &answer, why);
	buffer_done(&path);
	*items = json_incref(json_object_get(answer, asker->kind));
	json_decref(answer);
	if (status == STATUS_DONE && !json_is_array(*items)) {
		error_set(why, -EINVAL, "the daemon's answer has no list of %s", asker->kind);
		status = STATUS_NO;
	}
	return status;
}

int asker_check(struct asker *asker, const char *name, const char *source, json_t **answer,
		struct error *why)
{
	struct buffer path = {0};
	int status;

	if (asker->solo)
		return solo_check(asker->solo, name, source, answer, why);
	buffer_printf(&path, "/api/v1/%s/", asker->kind);
	client_add_part(&path, name);
	buffer_puts(&path, "/check");
	client_add_parameter(&path, "source", source);
	asker->cli->patience_ms = CLIENT_LONG_MS; /* for the query */
	status = cli_ask(asker->cli, "POST", buffer_text(&path), json_object(), answer, why);
	buffer_done(&path);
	return status;
}
