/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every service that is shipped: the request for an alert and for its end, byte by byte beside
 * tests/services/golden, and what the vendor's answers mean (tests/services/replies.yaml).
 * With TOCSIN_GOLDEN=write the requests are written down instead; then read what changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/webhook/reply.h"
#include "base/buffer.h"
#include "delivery/verdict.h"
#include "services_fixture.h"

/* --- requests --- */

static const struct tocsin_pair labels[] = {
	{"alertname", "DiskFull"},
	{"host", "db1.example.com"},
	{"site", "<b>*www*</b>"},
};
static const struct tocsin_pair annotations[] = {
	{"dashboard_url", "https://grafana.example.com/d/1?a=b&c=d"},
	{"description", "97 % of /var & <more>\n*second* line \"quoted\""},
	{"runbook_url", "https://wiki.example.com/disk"},
	{"summary", "disk is full on <db1> & \"others\""},
};

static void add_request(struct buffer *out, struct service_trial *trial,
			struct tocsin_delivery *delivery)
{
	struct tocsin_request made, *request = &made;

	service_trial_request(trial, delivery, request);
	buffer_printf(out, "%s %s\n", request->method, request->url);
	for (size_t i = 0; i < request->headers.n; i++)
		buffer_printf(out, "%s: %s\n", request->headers.pair[i].name,
			      request->headers.pair[i].value);
	if (request->body)
		buffer_printf(out, "Content-Type: %s\n\n%s\n", request->content_type,
			      request->body);
}

static void add_both(struct buffer *out, const struct channel_settings *channel)
{
	struct tocsin_alert alert = {
		.size = sizeof(alert),
		.id = "0123456789abcdef0123456789abcdef",
		.source = "site-alerts",
		.fingerprint = "00c0ffee00c0ffee",
		.severity_name = "critical",
		.severity = TOCSIN_CRITICAL,
		.starts_at_ms = SERVICES_NOW_MS,
		.labels = {labels, sizeof(labels) / sizeof(labels[0])},
		.annotations = {annotations, sizeof(annotations) / sizeof(annotations[0])},
		.link = "https://example.com/db1?x=1&y=2",
	};
	struct tocsin_delivery delivery = {
		.size = sizeof(delivery),
		.id = 1,
		.key = "fedcba9876543210fedcba9876543210",
		.recipient = channel->recipients ? "+15550100" : "",
		.channel = channel->name,
		.route = "default",
		.attempt = 1,
		.alert = &alert,
	};
	struct service_trial trial;

	service_trial_begin(&trial, channel);
	buffer_puts(out, "# firing\n");
	add_request(out, &trial, &delivery);
	alert.status = TOCSIN_RESOLVED;
	alert.ends_at_ms = SERVICES_NOW_MS + 60000;
	buffer_puts(out, "\n# resolved\n");
	if (channel->common.send_resolved)
		add_request(out, &trial, &delivery);
	service_trial_end(&trial);
}

static char *read_golden(const char *name)
{
	char path[640], file[96], *text = NULL;
	size_t length = 0, n;
	char piece[4096];
	FILE *in, *out;

	snprintf(file, sizeof(file), "golden/%s.txt", name);
	services_path(path, file);
	in = fopen(path, "re");
	if (!in)
		return NULL;
	out = open_memstream(&text, &length);
	assert_non_null(out);
	while ((n = fread(piece, 1, sizeof(piece), in)) > 0)
		fwrite(piece, 1, n, out);
	fclose(in);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void write_golden(const char *name, const char *text)
{
	char path[640], file[96];
	FILE *out;

	snprintf(file, sizeof(file), "golden/%s.txt", name);
	services_path(path, file);
	out = fopen(path, "we");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void every_request_is_what_was_agreed(void **state)
{
	const char *mode = getenv("TOCSIN_GOLDEN");
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < services_settings()->n_channels; i++) {
		const struct channel_settings *channel = &services_settings()->channel[i];
		struct buffer made = {0};
		char *golden = read_golden(channel->name);

		add_both(&made, channel);
		if (mode && strcmp(mode, "write") == 0) {
			write_golden(channel->name, buffer_text(&made));
		} else if (!golden || strcmp(golden, buffer_text(&made)) != 0) {
			print_error("%s: expected\n%s\nbut it is\n%s\n", channel->name,
				    golden ? golden : "nothing", buffer_text(&made));
			wrong++;
		}
		free(golden);
		buffer_done(&made);
	}
	assert_int_equal(wrong, 0);
}

/* What is put into the text of an alert must not become structure: every JSON body parses, and the
 * markup of the alert's own words is not there in the open where the service reads HTML. */
static void no_body_is_broken_by_an_alert(void **state)
{
	(void)state;
	for (size_t i = 0; i < services_settings()->n_channels; i++) {
		struct buffer made = {0};
		const char *at;

		add_both(&made, &services_settings()->channel[i]);
		at = buffer_text(&made);
		while ((at = strstr(at, "Content-Type: application/json\n\n"))) {
			char *end;
			json_t *body;

			at += strlen("Content-Type: application/json\n\n");
			end = strchr(at, '\n');
			body = json_loadb(at, (size_t)(end - at), 0, NULL);
			if (!body)
				fail_msg("%s: not JSON: %.*s", services_settings()->channel[i].name,
					 (int)(end - at), at);
			json_decref(body);
		}
		buffer_done(&made);
	}
}

/* --- answers --- */

static const char *const outcomes[] = {"nothing",  "delivered",   "retry",
				       "rejected", "unavailable", "throttled"};

struct answered {
	const struct webhook_config *config;
	const char *service;
	int status;
	const char *body;
	struct tocsin_pair header[4];
	size_t n_headers;
};

static struct tocsin_verdict judge(const struct answered *answered)
{
	struct tocsin_map headers = {answered->header, answered->n_headers};
	struct tocsin_reply reply = {.size = sizeof(reply),
				     .status = answered->status,
				     .error = answered->status ? NULL : "no answer",
				     .body = answered->body,
				     .body_length = strlen(answered->body),
				     .headers = &headers};
	struct tocsin_verdict verdict;

	for (size_t i = 0; i < answered->n_headers; i++)
		if (strcmp(answered->header[i].name, "retry-after") == 0)
			reply.retry_after_ms =
				verdict_retry_after_ms(answered->header[i].value, SERVICES_NOW_MS);
	verdict_from_reply(&reply, &verdict);
	webhook_judge_at(&reply, &verdict, answered->config, SERVICES_NOW_MS);
	return verdict;
}

static int assert_means(const struct answered *answered, const char *outcome, int64_t least_ms)
{
	struct tocsin_verdict verdict = judge(answered);

	if (strcmp(outcomes[verdict.outcome], outcome) == 0 && verdict.retry_after_ms >= least_ms &&
	    *verdict.why)
		return 0;
	print_error("%s: %d %.120s is %s after %lld ms (%s), not %s after %lld\n",
		    answered->service, answered->status, answered->body, outcomes[verdict.outcome],
		    (long long)verdict.retry_after_ms, verdict.why, outcome, (long long)least_ms);
	return 1;
}

/* [status, body, outcome, least wait, headers] */
static int check_row(const struct channel_settings *channel, const struct node *row)
{
	struct answered answered = {.config = channel->config, .service = channel->name};
	int64_t least = 0;

	assert_true(row->kind == NODE_LIST && row->n >= 3);
	answered.status = (int)strtol(row->item[0]->text, NULL, 10);
	answered.body = row->item[1]->text;
	if (row->n > 3)
		least = strtoll(row->item[3]->text, NULL, 10);
	for (size_t i = 0; row->n > 4 && i < row->item[4]->n && i < 4; i++)
		answered.header[answered.n_headers++] = (struct tocsin_pair){
			row->item[4]->key[i]->text, row->item[4]->item[i]->text};
	return assert_means(&answered, row->item[2]->text, least);
}

static void what_vendors_answer_means_what_they_say(void **state)
{
	struct problems problems = {0};
	struct node *root;
	int wrong = 0;
	char path[640];

	(void)state;
	services_path(path, "replies.yaml");
	assert_int_equal(yaml_read_file(path, &problems, &root), 0);
	for (size_t i = 0; i < services_settings()->n_channels; i++) {
		const struct channel_settings *channel = &services_settings()->channel[i];
		const struct node *rows = node_get(root, channel->name);

		if (!rows || rows->n == 0) {
			print_error("%s: no answers are known of it\n", channel->name);
			wrong++;
			continue;
		}
		for (size_t k = 0; k < rows->n; k++)
			wrong += check_row(channel, rows->item[k]);
	}
	assert_int_equal(wrong, 0);
	node_free(root);
	problems_done(&problems);
}

static void what_means_the_same_everywhere_does(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < services_settings()->n_channels; i++) {
		const struct channel_settings *channel = &services_settings()->channel[i];
		const struct webhook_config *config = channel->config;
		struct answered answered = {.config = config, .service = channel->name, .body = ""};

		wrong += assert_means(&answered, "unavailable", 0);
		answered.status = 500;
		wrong += assert_means(&answered, "unavailable", 0);
		answered.header[0] = (struct tocsin_pair){"retry-after", "7"};
		answered.n_headers = 1;
		answered.status = 503;
		wrong += assert_means(&answered, "unavailable", 7000);
		answered.status = 429;
		wrong += assert_means(&answered, "throttled", 7000);
		answered.n_headers = 0;
		answered.status = 200;
		answered.body = "<html>log in first</html>";
		if (config->success.json)
			wrong += assert_means(&answered, "unavailable", 0);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_is_what_was_agreed),
		cmocka_unit_test(no_body_is_broken_by_an_alert),
		cmocka_unit_test(what_vendors_answer_means_what_they_say),
		cmocka_unit_test(what_means_the_same_everywhere_does),
	};

	return cmocka_run_group_tests(tests, services_set_up, services_tear_down);
}
