/* SPDX-License-Identifier: Apache-2.0 */
/* The core while memory runs out: each phase does its work, or says that it could not, and never a
 * part of it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "alert/alert.h"
#include "base/id.h"
#include "base/json.h"
#include "delivery/transfer.h"
#include "engine/decide.h"
#include "engine/settings.h"
#include "scarce.h"
#include "serve/api_json.h"

/* --- configuration --- */

struct chat_config {
	const char *url;
	struct tocsin_strings tags;
};
static const struct tocsin_option chat_options[] = {
	TOCSIN_OPTION(SECRET_URL, struct chat_config, url, .required = true, .help = "Hook."),
	TOCSIN_OPTION(STRINGS, struct chat_config, tags, .preset = "[a, b]", .help = "Tags."),
};

/* A plugin's author may rely on what is required being there. */
static const char *check_chat(const void *config, char *why, size_t why_size)
{
	const struct chat_config *chat = config;

	(void)why;
	(void)why_size;
	if (!chat->url || chat->tags.n != 2)
		scarce_fail("the plugin was asked about half a configuration");
	return NULL;
}

#define FAKE(what, called, ...) \
	{ \
		.kind = (what), .name = (called), .option_size = sizeof(struct tocsin_option), \
		.options = chat_options, .option_count = TOCSIN_COUNT(chat_options), \
		.config_size = sizeof(struct chat_config), __VA_ARGS__ \
	}
static const struct plugin fakes[] = {
	{.it = FAKE(TOCSIN_CHANNEL, "chat", ), .channel = {.check = check_chat}},
	{.it = FAKE(TOCSIN_SOURCE, "table", ), .source = {.check = check_chat}},
	{.it = FAKE(TOCSIN_STORE, "db", )},
};
static const struct plugin *const found[] = {&fakes[0], &fakes[1], &fakes[2]};

/* In place of the loader: found[] is all there is. */
const struct plugin *const *loader_all(const struct loader *loader, size_t *n)
{
	(void)loader;
	*n = TOCSIN_COUNT(found);
	return found;
}

const struct plugin *loader_find(const struct loader *loader, enum tocsin_kind kind,
				 const char *name)
{
	(void)loader;
	for (size_t i = 0; i < TOCSIN_COUNT(found); i++)
		if (fakes[i].it.kind == kind && strcmp(fakes[i].it.name, name) == 0)
			return found[i];
	return NULL;
}

const char *loader_services(const struct loader *loader)
{
	(void)loader;
	return NULL;
}

const char *loader_kind_name(enum tocsin_kind kind)
{
	return kind == TOCSIN_CHANNEL ? "channel" : kind == TOCSIN_SOURCE ? "source" : "store";
}

static const char conf[] =
	"store: {type: db, url: 'https://db.example.com/'}\n"
	"severities: {aliases: {blocker: critical}}\n"
	"channels:\n"
	"  chat: {type: chat, url: '${env:TEST_MEMORY_URL}', rate: 5/s}\n"
	"  mail: {type: chat, url: 'https://mail.example.com/', tags: [c, d]}\n"
	"  shop: {type: shop, key: abcdef, tag: [a, b]}\n"
	"services:\n"
	"  shop: {plugin: chat, summary: sells, options: {\n"
	"    key: {type: secret, required: true, help: Key., example: x},\n"
	"    n: {type: int, preset: 5, help: Number.}, tag: {type: strings, help: Tags.}},\n"
	"    channel: {url: 'https://shop.example.com/${option:key}/${option:n}',\n"
	"      tags: '${option:tag}', rate: 1/s}}\n"
	"sources:\n"
	"  rows: {type: table, url: 'https://rows.example.com/', labels: {team: web}}\n"
	"routes:\n"
	"  - {name: sites, severity: [warning+, blocker], match: ['site=~\"www.*\"', 'x!=\"y\"'],\n"
	"     channels: [chat], continue: true, routes: [{channels: [mail, chat]}]}\n"
	"  - {match: {team: db}, channels: [mail]}\n"
	"default: {channels: [mail]}\n";

struct configuration {
	char directory[64], path[96];
	char digest[128]; /* of all sections, when there was memory */
};

static void make_configuration(struct configuration *configuration)
{
	FILE *file;

	*configuration = (struct configuration){.directory = "/tmp/tocsin-memory-XXXXXX"};
	setenv("TEST_MEMORY_URL", "https://chat.example.com/secret", 1);
	assert_non_null(mkdtemp(configuration->directory));
	snprintf(configuration->path, sizeof(configuration->path), "%s/a.yaml",
		 configuration->directory);
	file = fopen(configuration->path, "w");
	assert_non_null(file);
	fputs(conf, file);
	assert_int_equal(fclose(file), 0);
}

static void remove_configuration(const struct configuration *configuration)
{
	unlink(configuration->path);
	rmdir(configuration->directory);
}

/* What tells one configuration from another. */
static void digest_of(const struct settings *settings, char digest[128])
{
	snprintf(digest, 128, "%s %s %s %zu %s", settings->channel[0].digest,
		 settings->source[0].digest, settings->store.digest,
		 settings->routes.root->n_children, settings->routes.root->child[0]->name);
}

static int load_settings(void *data)
{
	struct configuration *configuration = data;
	struct problems problems = {0};
	struct settings *settings = NULL;
	struct log *log = NULL;
	char digest[128] = "";
	int result = log_new(&log, -1, LOG_TEXT, TOCSIN_LOG_DEBUG);

	if (result == 0)
		result = settings_load(configuration->directory, NULL, log, &problems, &settings);
	if (result == 0) {
		digest_of(settings, digest);
		if (!*configuration->digest)
			strcpy(configuration->digest, digest);
		if (strcmp(digest, configuration->digest) != 0)
			scarce_fail("half a configuration");
		settings_free(settings);
	} else if (log && problems.n == 0) {
		scarce_fail("no reason why it was not loaded");
	}
	problems_done(&problems);
	log_free(log);
	return result;
}

static void a_configuration_is_whole_or_refused_with_a_reason(void **state)
{
	struct configuration configuration;

	(void)state;
	make_configuration(&configuration);
	assert_int_equal(load_settings(&configuration), 0);
	assert_true(scarce_sweep("settings", load_settings, &configuration) > 0);
	remove_configuration(&configuration);
}

/* --- routes --- */

struct deciding {
	const struct settings *settings;
	struct alert *alert;
};

static int decide_one(void *data)
{
	const struct deciding *deciding = data;
	struct decisions decisions;
	struct arena *arena = arena_new();
	int result = -ENOMEM;

	if (arena)
		result = decide(deciding->settings, &deciding->alert->pub, NULL, arena, &decisions);
	if (result == 0 && (decisions.n != 2 || strcmp(decisions.item[0].channel, "mail") != 0))
		scarce_fail("another decision");
	arena_free(arena);
	return result;
}

static const char posted[] =
	"{\"labels\": {\"alertname\": \"disk full\", \"site\": \"www.example.com\"},"
	"\"severity\": \"critical\", \"annotations\": {\"summary\": \"x\\ny\"},"
	"\"recipients\": [\"ops@example.com\"], \"link\": \"https://example.com/\"}";

static struct alert *make_alert(void)
{
	json_error_t mistake;
	struct error err;
	struct alert *alert;
	json_t *object;

	assert_int_equal(json_read(posted, strlen(posted), 0, &object, &mistake), 0);
	assert_int_equal(alert_from_client(object, "api", 1000, NULL, &alert, &err), 0);
	json_decref(object);
	return alert;
}

static void every_channel_of_an_alert_is_decided_or_none(void **state)
{
	struct problems problems = {0};
	struct configuration configuration;
	struct settings *settings;
	struct deciding deciding = {.alert = make_alert()};

	(void)state;
	make_configuration(&configuration);
	assert_int_equal(settings_load(configuration.directory, NULL, NULL, &problems, &settings),
			 0);
	deciding.settings = settings;
	assert_true(scarce_sweep("decisions", decide_one, &deciding) > 0);
	settings_free(settings);
	alert_free(deciding.alert);
	remove_configuration(&configuration);
}

/* --- alerts --- */

static int read_posted(void *data)
{
	json_t *root;
	struct alert *alert;
	struct error err;
	int result = api_json_read(posted, strlen(posted), &root, &err);

	(void)data;
	if (result == 0) {
		result = alert_from_client(root, "api", 1000, NULL, &alert, &err);
		json_decref(root);
	}
	if (result == -EINVAL)
		scarce_fail("a good alert is called a mistake");
	if (result == 0) {
		if (strcmp(alert->pub.labels.pair[1].value, "www.example.com") != 0)
			scarce_fail("another alert");
		alert_free(alert);
	}
	return result;
}

static void a_posted_alert_is_never_called_a_mistake(void **state)
{
	(void)state;
	assert_true(scarce_sweep("posted alert", read_posted, NULL) > 0);
}

/* Into the store and out of it again. */
static int keep_alert(void *data)
{
	const struct alert *alert = data;
	char *stored = alert_to_json(&alert->pub), *again = NULL;
	struct alert *read = NULL;
	struct error err;
	int result = stored ? alert_from_json(stored, &read, &err) : -ENOMEM;

	if (result == -EINVAL)
		scarce_fail("a good alert is called damaged: its delivery would be given up");
	if (result == 0)
		again = alert_to_json(&read->pub);
	if (again && strcmp(stored, again) != 0)
		scarce_fail("half an alert");
	alert_free(read);
	free(stored);
	free(again);
	return again ? 0 : -ENOMEM;
}

static void a_stored_alert_is_never_called_damaged(void **state)
{
	struct alert *alert = make_alert();

	(void)state;
	assert_true(scarce_sweep("stored alert", keep_alert, alert) > 0);
	alert_free(alert);
}

static int derive(void *data)
{
	static const char *const parts[] = {"rows", "17", "mail", "ops@example.com", "0"};
	char id[ID_TEXT];
	int result = id_derive(parts, 5, id);

	if (result == 0 && strcmp(id, data) != 0)
		scarce_fail("another key");
	return result;
}

static void a_key_is_the_right_one_or_none(void **state)
{
	static const char *const parts[] = {"rows", "17", "mail", "ops@example.com", "0"};
	char id[ID_TEXT];

	(void)state;
	assert_int_equal(id_derive(parts, 5, id), 0);
	assert_true(scarce_sweep("key", derive, id) > 0);
}

/* --- the API --- */

struct answer {
	char *body; /* of the alert */
	char *wanted;
};

/* A delivery with its alert and history, as GET shows it. */
static char *show(const char *body)
{
	const struct tocsin_stored_delivery delivery = {.id = 7,
							.alert_id =
								"0123456789abcdef0123456789abcdef",
							.source = "api \xff",
							.channel = "mail",
							.recipient = "ops@example.com",
							.route = "sites",
							.key = "k",
							.created_ms = 1000,
							.due_ms = 2000,
							.reason = "",
							.body = body};
	const struct tocsin_stored_alert alert = {.number = 3, .received_ms = 1000, .body = body};
	const struct tocsin_attempt attempt = {.number = 1, .started_ms = 1, .detail = "no \xff"};
	json_t *row = api_json_delivery(&delivery), *stored = api_json_alert(&alert), *all;
	char *text = NULL;

	if (row && stored && api_json_delivery_done(row, true) == 0) {
		all = json_pack("{sO so so}", "row", row, "alert", api_json_alert_done(stored),
				"attempt", api_json_attempt(&attempt));
		text = json_write(all, JSON_COMPACT);
		json_decref(all);
	}
	json_decref(row);
	json_decref(stored);
	return text;
}

static int show_one(void *data)
{
	const struct answer *answer = data;
	char *text = show(answer->body);

	if (!text)
		return -ENOMEM;
	if (strcmp(text, answer->wanted) != 0)
		scarce_fail("half an answer");
	free(text);
	return 0;
}

static void an_answer_is_whole_or_none(void **state)
{
	struct alert *alert = make_alert();
	struct answer answer = {.body = alert_to_json(&alert->pub)};

	(void)state;
	answer.wanted = show(answer.body);
	assert_non_null(answer.wanted);
	assert_true(scarce_sweep("answer", show_one, &answer) > 0);
	free(answer.wanted);
	free(answer.body);
	alert_free(alert);
}

/* --- HTTP --- */

static int prepare(void *data)
{
	static const struct tocsin_pair pair[] = {{"X-Key", "fedcba98"}, {"X-Empty", ""}};
	static const char
		body[70000]; /* so large that a server might be asked whether it wants it */
	const struct tocsin_request request = {.size = sizeof(request),
					       .method = "PUT",
					       .url = "https://example.com/hook",
					       .headers = {pair, 2},
					       .body = body,
					       .body_length = sizeof(body)};
	struct transfer *transfer = transfer_new();
	struct error err;
	int result = transfer ? transfer_prepare(transfer, &request, 1000, &err) : -ENOMEM;
	size_t headers = 0;

	(void)data;
	for (struct curl_slist *at = transfer ? transfer->headers : NULL; at; at = at->next)
		headers += *at->data != '\0';
	if (result == -EINVAL)
		scarce_fail("a good request is refused for good");
	if (result == 0 && (headers != 5 || transfer->sent.length != sizeof(body)))
		scarce_fail("half a request");
	transfer_free(transfer);
	return result;
}

static void a_request_is_whole_or_not_sent(void **state)
{
	(void)state;
	assert_true(scarce_sweep("request", prepare, NULL) > 0);
}

/* --- the harness itself --- */

/* What every plugin's author forgets once. */
static int careless(void *data)
{
	char *copy = strdup(data);

	*(volatile char *)copy = 'x'; /* or the compiler leaves it all out */
	free(copy);
	return 0;
}

static void carelessness_is_seen(void **state)
{
	pid_t child = fork();
	int status = 0;

	(void)state;
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDERR_FILENO);
		signal(SIGSEGV, SIG_DFL); /* cmocka would go on with the next test */
		scarce_arm(SCARCE_ONCE, 1);
		_exit(careless((char[]){"text"}) == 0 && scarce_disarm() == 0 ? 77 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip(); /* nothing fails under this sanitizer */
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carelessness_is_seen),
		cmocka_unit_test(a_configuration_is_whole_or_refused_with_a_reason),
		cmocka_unit_test(every_channel_of_an_alert_is_decided_or_none),
		cmocka_unit_test(a_posted_alert_is_never_called_a_mistake),
		cmocka_unit_test(a_stored_alert_is_never_called_damaged),
		cmocka_unit_test(a_key_is_the_right_one_or_none),
		cmocka_unit_test(an_answer_is_whole_or_none),
		cmocka_unit_test(a_request_is_whole_or_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
