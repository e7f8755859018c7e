/* SPDX-License-Identifier: Apache-2.0 */
/* Which alert a rehearsal is about. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/build.h"
#include "cli/rehearsal.h"

/* What a client would send. Takes the JSON over. */
static int from_client(const struct offline *offline, json_t *json, struct alert **alert)
{
	struct error err;
	int result = alert_from_client(json, "api", clock_wall_ms(), &offline->settings->aliases,
				       alert, &err);

	json_decref(json);
	return result == 0 ? STATUS_DONE : cli_error(STATUS_USAGE, "%s", err.text);
}

/* An alert as the API lists it, in the form of the store. */
static int from_stored(const json_t *listed, struct alert **alert)
{
	static const char *const keys[] = {"id",          "source",     "fingerprint", "status",
					   "severity",    "starts_at",  "ends_at",     "labels",
					   "annotations", "recipients", "link"};
	json_t *kept = json_object();
	struct error err = {"out of memory"};
	char *text;
	int result = -ENOMEM;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *value = json_object_get(listed, keys[i]);

		if (value && !json_is_null(value))
			json_object_set(kept, keys[i], value);
	}
	text = json_write(kept, JSON_COMPACT);
	json_decref(kept);
	if (text)
		result = alert_from_json(text, alert, &err);
	free(text);
	return result == 0 ? STATUS_DONE : cli_error(STATUS_NO, "%s", err.text);
}

/* By its id of 32 digits, or by the number that the history shows. */
static int from_daemon(struct cli *cli, const char *which, struct alert **alert)
{
	struct buffer path = {0};
	char before[32];
	long long number = 0;
	json_t *answer, *found;
	int status;

	buffer_puts(&path, "/api/v1/alerts");
	if (strlen(which) < 20 && cli_number(which, &number) == 0) {
		snprintf(before, sizeof(before), "%lld", number + 1);
		client_add_parameter(&path, "before", before);
	} else {
		client_add_parameter(&path, "alert", which);
	}
	client_add_parameter(&path, "limit", "1");
	status = cli_request(cli, "GET", buffer_text(&path), NULL, &answer);
	buffer_done(&path);
	if (status != STATUS_DONE) {
		json_decref(answer);
		return status;
	}
	found = json_array_get(json_object_get(answer, "alerts"), 0);
	if (!found || (number > 0 && json_number_of(found, "number") != number))
		status = cli_error(STATUS_NO, "there is no alert '%.40s'; see 'tocsin history'",
				   which);
	else
		status = from_stored(found, alert);
	json_decref(answer);
	return status;
}

static int from_file(const struct offline *offline, const char *path, struct alert **alert)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = malloc(ALERT_BODY + 1);
	json_error_t mistake;
	json_t *json = NULL;
	ssize_t length = -errno;
	int result;

	if (fd >= 0)
		length = text ? file_read(fd, text, ALERT_BODY + 1) : -ENOMEM;
	if (fd >= 0 && !standard)
		close(fd);
	if (length < 0 || length > ALERT_BODY) {
		free(text);
		return cli_error(STATUS_USAGE, "'%s' cannot be read: %s", path,
				 length < 0 ? strerror((int)-length) : "it is too large");
	}
	result = json_read(text, (size_t)length, 0, &json, &mistake);
	free(text);
	if (result < 0)
		return cli_error(STATUS_USAGE, "'%s' is not JSON: line %d, column %d: %s", path,
				 mistake.line, mistake.column, mistake.text);
	return from_client(offline, json, alert);
}

static int of_options(struct cli *cli, const struct offline *offline, const char *channel,
		      struct alert **alert)
{
	const char *severity = cli_get(cli, "severity"), *summary = cli_get(cli, "summary");
	struct error err;
	json_t *json;

	if (cli_has(cli, "label")) {
		json = build_alert(&cli->arguments, &err);
		return json ? from_client(offline, json, alert)
			    : cli_error(STATUS_USAGE, "%s", err.text);
	}
	json = json_pack("{s{ss ss} s{ss} ss ss}", "labels", "alertname", "TocsinTest", "channel",
			 channel ? channel : "all", "annotations", "summary",
			 summary ? summary : "Test of a channel; nothing has happened.", "severity",
			 severity ? severity : "info", "status",
			 cli_get(cli, "status") ? cli_get(cli, "status") : "event");
	if (json && cli_has(cli, "recipient"))
		json_object_set_new(json, "recipients",
				    json_pack("[s]", cli_get(cli, "recipient")));
	return json ? from_client(offline, json, alert)
		    : cli_error(STATUS_USAGE, "an option is not valid UTF-8");
}

int rehearsal_alert(struct cli *cli, const struct offline *offline, const char *channel,
		    struct alert **alert)
{
	if (cli_has(cli, "alert"))
		return from_daemon(cli, cli_get(cli, "alert"), alert);
	if (cli_has(cli, "file"))
		return from_file(offline, cli_get(cli, "file"), alert);
	return of_options(cli, offline, channel, alert);
}
