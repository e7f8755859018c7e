/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every service that is shipped: the request for an alert and for its end, byte by byte beside
 * tests/services/golden, and what the vendor's answers mean (tests/services/replies.yaml).
 * With TOCSIN_GOLDEN=write the requests are written down instead; then read what changed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../plugins/channels/webhook/reply.h"
#include "../../plugins/channels/webhook/request.h"
#include "base/buffer.h"
#include "config/service.h"
#include "delivery/verdict.h"
#include "engine/settings.h"
#include "template/renderer.h"

#define NOW_MS INT64_C(1763476245123) /* 2025-11-18T14:30:45.123Z */

extern const struct tocsin_plugin tocsin_plugin;

/* --- in place of the loader --- */

struct db_config {
	const char *path;
};
static const struct tocsin_option db_options[] = {
	TOCSIN_OPTION(PATH, struct db_config, path, .help = "File."),
};
static struct plugin webhook;
static const struct plugin db = {.it = {.kind = TOCSIN_STORE,
					.name = "db",
					.option_size = sizeof(struct tocsin_option),
					.options = db_options,
					.option_count = 1,
					.config_size = sizeof(struct db_config)}};
static const struct plugin *const plugins[] = {&webhook, &db};
static char services_directory[512], golden_directory[512], replies_path[512];

const struct plugin *loader_find(const struct loader *loader, enum tocsin_kind kind,
				 const char *name)
{
	(void)loader;
	for (size_t i = 0; i < 2; i++)
		if (plugins[i]->it.kind == kind && strcmp(plugins[i]->it.name, name) == 0)
			return plugins[i];
	return NULL;
}

const struct plugin *const *loader_all(const struct loader *loader, size_t *n)
{
	(void)loader;
	*n = 2;
	return plugins;
}

const char *loader_services(const struct loader *loader)
{
	(void)loader;
	return services_directory;
}

const char *loader_kind_name(enum tocsin_kind kind)
{
	return kind == TOCSIN_CHANNEL ? "channel" : kind == TOCSIN_SOURCE ? "source" : "store";
}

/* --- a channel of every service --- */

static char scratch[] = "/tmp/tocsin-services-XXXXXX";
static char config_directory[64], credentials[64];
static struct settings *settings;
static struct log *silent;
static struct renderer *renderer;

static void write_file(const char *directory, const char *name, const char *text)
{
	char path[192];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* What the example refers to: a credential with a value that one can recognise. */
static void give_credential(const struct tocsin_option *option)
{
	const char *at = strstr(option->example, "${cred:");
	char name[96], value[160];

	if (!at)
		return;
	at += strlen("${cred:");
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, "}"), at);
	snprintf(value, sizeof(value), "%sS3cret+%s",
		 option->type == TOCSIN_SECRET_URL ? "https://hooks.example.com/" : "", name);
	write_file(credentials, name, value);
}

static void add_channel(struct buffer *conf, const struct service *service)
{
	buffer_printf(conf, "  %s:\n    type: %s\n", service->name, service->name);
	for (size_t i = 0; i < service->n_options; i++) {
		const struct tocsin_option *option = &service->option[i];

		if (!option->required)
			continue;
		give_credential(option);
		buffer_printf(conf, "    %s: %s\n", option->name, option->example);
	}
	if (service->recipients)
		buffer_puts(conf, "    to: [\"+15550100\"]\n");
}

static void write_configuration(void)
{
	struct problems problems = {0};
	struct options_context context = {.problems = &problems, .arena = arena_new()};
	struct services services = {0};
	struct buffer conf = {0};

	services_scan(&services, &context, services_directory);
	for (size_t i = 0; i < problems.n; i++)
		print_error("%s\n", problems.text[i]);
	assert_int_equal(problems.n, 0);
	assert_true(services.n >= 40);
	buffer_puts(&conf, "store: {type: db}\nchannels:\n");
	for (size_t i = 0; i < services.n; i++)
		add_channel(&conf, services.item[i]);
	buffer_puts(&conf, "default: {channels: []}\n");
	write_file(config_directory, "a.yaml", buffer_text(&conf));
	buffer_done(&conf);
	services_done(&services);
	arena_free(context.arena);
	problems_done(&problems);
}

static int set_up(void **state)
{
	const char *top = getenv("srcdir");
	struct problems problems = {0};

	(void)state;
	top = top ? top : ".";
	snprintf(services_directory, sizeof(services_directory),
		 "%s/plugins/channels/webhook/services", top);
	snprintf(golden_directory, sizeof(golden_directory), "%s/tests/services/golden", top);
	snprintf(replies_path, sizeof(replies_path), "%s/tests/services/replies.yaml", top);
	webhook.it = tocsin_plugin;
	webhook.channel = *tocsin_plugin.channel;
	if (!mkdtemp(scratch))
		return -1;
	snprintf(config_directory, sizeof(config_directory), "%s/conf.d", scratch);
	snprintf(credentials, sizeof(credentials), "%s/credentials", scratch);
	if (mkdir(config_directory, 0700) < 0 || mkdir(credentials, 0700) < 0 ||
	    setenv("CREDENTIALS_DIRECTORY", credentials, 1) < 0 ||
	    log_new(&silent, -1, LOG_TEXT, TOCSIN_LOG_DEBUG) < 0)
		return -1;
	write_configuration();
	settings_load(config_directory, NULL, silent, &problems, &settings);
	for (size_t i = 0; i < problems.n; i++)
		print_error("%s\n", problems.text[i]);
	problems_done(&problems);
	renderer = renderer_new(silent, NULL);
	return settings && renderer ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	renderer_free(renderer);
	settings_free(settings);
	log_free(silent);
	snprintf(command, sizeof(command), "rm -r %s", scratch);
	return system(command);
}

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

static const struct template_set *rendered_set;
static const struct rendering *rendered;

static const char *text_of(struct tocsin_delivery *delivery, const struct tocsin_template *template)
{
	(void)delivery;
	return rendering_text(rendered_set, rendered, template);
}

static void add_request(struct buffer *out, const struct channel_settings *channel,
			const struct tocsin_request *request)
{
	buffer_printf(out, "%s %s\n", request->method, request->url);
	for (size_t i = 0; i < request->headers.n; i++)
		buffer_printf(out, "%s: %s\n", request->headers.pair[i].name,
			      request->headers.pair[i].value);
	if (request->body)
		buffer_printf(out, "Content-Type: %s\n\n%s\n", request->content_type,
			      request->body);
	(void)channel;
}

static void add_delivery(struct buffer *out, const struct channel_settings *channel,
			 struct renderer_program *program, struct tocsin_delivery *delivery)
{
	static const struct tocsin_host host = {.size = sizeof(host), .text = text_of};
	struct render_job job = {.program = program, .delivery = delivery};
	struct tocsin_request request;
	struct refusal refusal = {0};
	struct assembly assembly;

	if (program)
		renderer_render(renderer, &job, 1);
	rendered_set = channel->templates->own;
	rendered = job.rendering;
	if (job.errors > 0)
		fail_msg("%s: %zu templates failed", channel->name, job.errors);
	assert_int_equal(webhook_assembly_init(&assembly, &host, channel->config), 0);
	if (webhook_request(&assembly, delivery, NOW_MS, &request, &refusal))
		add_request(out, channel, &request);
	else
		fail_msg("%s: %s", channel->name, refusal.why);
	webhook_assembly_done(&assembly);
	rendering_free(job.rendering);
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
		.starts_at_ms = NOW_MS,
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
	struct renderer_program *program = NULL;
	struct error err;

	if (channel->templates->own->program &&
	    renderer_add(renderer, channel->templates->own, channel->name, &program, &err) < 0)
		fail_msg("%s: %s", channel->name, err.text);
	buffer_puts(out, "# firing\n");
	add_delivery(out, channel, program, &delivery);
	alert.status = TOCSIN_RESOLVED;
	alert.ends_at_ms = NOW_MS + 60000;
	buffer_puts(out, "\n# resolved\n");
	if (channel->common.send_resolved)
		add_delivery(out, channel, program, &delivery);
	if (program)
		renderer_remove(program);
}

static char *read_golden(const char *name)
{
	char path[640], *text = NULL;
	size_t length = 0, n;
	char piece[4096];
	FILE *in, *out;

	snprintf(path, sizeof(path), "%s/%s.txt", golden_directory, name);
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

static void every_request_is_what_was_agreed(void **state)
{
	const char *mode = getenv("TOCSIN_GOLDEN");
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < settings->n_channels; i++) {
		const struct channel_settings *channel = &settings->channel[i];
		struct buffer made = {0};
		char *golden = read_golden(channel->name), name[80];

		add_both(&made, channel);
		snprintf(name, sizeof(name), "%s.txt", channel->name);
		if (mode && strcmp(mode, "write") == 0) {
			write_file(golden_directory, name, buffer_text(&made));
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
	for (size_t i = 0; i < settings->n_channels; i++) {
		struct buffer made = {0};
		const char *at;

		add_both(&made, &settings->channel[i]);
		at = buffer_text(&made);
		while ((at = strstr(at, "Content-Type: application/json\n\n"))) {
			char *end;
			json_t *body;

			at += strlen("Content-Type: application/json\n\n");
			end = strchr(at, '\n');
			body = json_loadb(at, (size_t)(end - at), 0, NULL);
			if (!body)
				fail_msg("%s: not JSON: %.*s", settings->channel[i].name,
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
				verdict_retry_after_ms(answered->header[i].value, NOW_MS);
	verdict_from_reply(&reply, &verdict);
	webhook_judge_at(&reply, &verdict, answered->config, NOW_MS);
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

	(void)state;
	assert_int_equal(yaml_read_file(replies_path, &problems, &root), 0);
	for (size_t i = 0; i < settings->n_channels; i++) {
		const struct channel_settings *channel = &settings->channel[i];
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
	for (size_t i = 0; i < settings->n_channels; i++) {
		const struct channel_settings *channel = &settings->channel[i];
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

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
