/* SPDX-License-Identifier: Apache-2.0 */
#include "teams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* Codes begin with these words; what they mean for somebody who set the channel up. */
static const struct meaning {
	const char *code;
	enum tocsin_outcome outcome;
	const char *sentence;
} meanings[] = {
	{"ActionRequestEntityTooLarge", TOCSIN_REJECTED, "the message is too large"},
	{"AuthorizationFailed", TOCSIN_REJECTED,
	 "the flow does not let everybody call it; set its trigger to 'Anyone'"},
	{"DirectApiAuthorizationRequired", TOCSIN_REJECTED,
	 "the flow does not let everybody call it; set its trigger to 'Anyone'"},
	{"DirectApiInvalidAuthorization", TOCSIN_REJECTED,
	 "the signature in 'url' is not valid; copy the flow's URL again"},
	{"FlowNotFound", TOCSIN_REJECTED,
	 "the flow is not there any more; make one and use its URL"},
	{"FlowSuspended", TOCSIN_REJECTED, "the flow is switched off; switch it on again"},
	{"Invalid", TOCSIN_REJECTED,
	 "the flow did not understand the message; does it want the other 'envelope'?"},
	{"MissingApiVersionParameter", TOCSIN_REJECTED, "'url' is not complete; copy it again"},
	{"RequestEntityTooLarge", TOCSIN_REJECTED, "the message is too large"},
	{"ResourceNotFound", TOCSIN_REJECTED,
	 "the flow is not there any more; make one and use its URL"},
	{"ServerTimeout", TOCSIN_UNAVAILABLE, "Power Automate is in trouble"},
	{"ServiceUnavailable", TOCSIN_UNAVAILABLE, "Power Automate is in trouble"},
	{"TooManyRequests", TOCSIN_THROTTLED, "too many messages"},
	{"TriggerInputSchemaMismatch", TOCSIN_REJECTED,
	 "the flow did not understand the message; does it want the other 'envelope'?"},
	{"Unauthorized", TOCSIN_REJECTED,
	 "the signature in 'url' is not valid; copy the flow's URL again"},
	{"WorkflowNotFound", TOCSIN_REJECTED,
	 "the flow is not there any more; make one and use its URL"},
	{"WorkflowRunThrottled", TOCSIN_THROTTLED, "too many messages"},
	{"WorkflowTriggerIsNotEnabled", TOCSIN_REJECTED,
	 "the flow is switched off; switch it on again"},
};

static const struct meaning *meaning_of(const char *code)
{
	for (size_t i = 0; i < TOCSIN_COUNT(meanings); i++) {
		if (strncmp(code, meanings[i].code, strlen(meanings[i].code)) == 0)
			return &meanings[i];
	}
	return NULL;
}

/* {"error":{"code":"WorkflowNotFound","message":"..."}} */
static void explain(const struct tocsin_reply *reply, struct tocsin_verdict *verdict)
{
	json_t *object = json_loads(reply->body ? reply->body : "", 0, NULL);
	const json_t *error = json_object_get(object, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *said = json_string_value(json_object_get(error, "message"));
	const struct meaning *meaning = code ? meaning_of(code) : NULL;

	/* A code is a word; what is longer is none, and would be cut in its middle. */
	if (code && strlen(code) <= 60) {
		/* The status decides, except that trouble on their side is worth another try. */
		if (meaning && meaning->outcome != TOCSIN_REJECTED)
			verdict->outcome = meaning->outcome;
		snprintf(verdict->why, sizeof(verdict->why), "Teams says %d %s: %s", reply->status,
			 code,
			 meaning ? meaning->sentence
			 : said  ? said
				 : "see the run history of the flow");
	}
	json_decref(object);
}

/* A connector answers 200 whatever happened, and "1" when it went well. */
static void judge_connector(const struct tocsin_reply *reply, struct tocsin_verdict *verdict)
{
	static const char said[] = "HTTP error ";
	const char *body = reply->body ? reply->body : "", *found = strstr(body, said);
	long status = found ? strtol(found + strlen(said), NULL, 10) : 0;

	body += strspn(body, " \t\r\n");
	if (*body == '1' && !body[1 + strspn(body + 1, " \t\r\n")])
		return;
	if (status == 429)
		verdict->outcome = TOCSIN_THROTTLED;
	else if (status >= 500 || status == 408)
		verdict->outcome = TOCSIN_UNAVAILABLE;
	else
		verdict->outcome = TOCSIN_REJECTED;
	snprintf(verdict->why, sizeof(verdict->why), "the connector says %d, but: %.180s",
		 reply->status, *body ? body : "nothing, where it should say 1");
}

void teams_judge(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		 const void *judge_data)
{
	const struct teams_config *config = judge_data;
	const char *body = reply->body ? reply->body : "";

	if (reply->status == 0)
		return;
	if (reply->status < 200 || reply->status > 299) {
		explain(reply, verdict);
	} else if (body[strspn(body, " \t\r\n")] == '<') {
		/* A proxy or a login page answers in place of Teams. */
		verdict->outcome = TOCSIN_UNAVAILABLE;
		snprintf(verdict->why, sizeof(verdict->why),
			 "a web page came in place of Teams' answer; is 'url' right, is a proxy in "
			 "between?");
	} else if (config->legacy) {
		judge_connector(reply, verdict);
	}
}
