/* SPDX-License-Identifier: Apache-2.0 */
/* What the exec channel gives to a program, and what its end means. */
#include "exec_setting.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "../../plugins/common/document.h"
#include "hostile.h"
#include "scarce.h"

static void the_status_says_what_happened(void **unused)
{
	static const struct {
		const char *script;
		enum tocsin_outcome outcome;
	} cases[] = {
		{"exit 0", TOCSIN_DELIVERED},    {"exit 75", TOCSIN_RETRY},
		{"exit 69", TOCSIN_UNAVAILABLE}, {"exit 1", TOCSIN_REJECTED},
		{"exit 255", TOCSIN_REJECTED},   {"kill -SEGV $$", TOCSIN_RETRY},
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++)
		assert_int_equal(run_script(cases[i].script)->outcome, cases[i].outcome);
	assert_why(run_script("echo out; echo 'no such customer' >&2; exit 3"), "status 3");
	assert_why(run_script("echo out; echo 'no such customer' >&2; exit 3"),
		   ": no such customer");
	assert_why(run_script("kill -KILL $$"), "signal 9");
}

static void statuses_can_be_mapped(void **unused)
{
	const char *const fine[] = {"3", "4"};
	struct setting setting;
	struct fake_alert fake;

	(void)unused;
	setting_init(&setting, "exit 4");
	fake_alert_init(&fake, "x");
	setting.config.status.delivered = (struct tocsin_strings){fine, 2};
	setting.config.status.otherwise = EXEC_UNAVAILABLE;
	setting.config.status.killed = EXEC_REJECTED;
	assert_int_equal(run_with(&setting, &fake)->outcome, TOCSIN_DELIVERED);
	setting.command[2] = "exit 0";
	assert_int_equal(run_with(&setting, &fake)->outcome, TOCSIN_UNAVAILABLE);
	setting.command[2] = "kill -ABRT $$";
	assert_int_equal(run_with(&setting, &fake)->outcome, TOCSIN_REJECTED);
}

static void the_input_is_the_document(void **unused)
{
	json_t *object;
	char text[8192];

	(void)unused;
	assert_int_equal(run_script("cat; cat <&0 >/dev/null")->outcome, TOCSIN_DELIVERED);
	snprintf(text, sizeof(text), "%s", fake_self()->output);
	object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "title")), "disk is full");
	assert_string_equal(json_string_value(json_object_get(object, "status")), "firing");
	assert_string_equal(json_string_value(json_object_get(object, "starts_at")),
			    "2025-11-18T14:30:45.123Z");
	assert_true(json_is_null(json_object_get(object, "ends_at")));
	assert_true(json_is_null(json_object_get(object, "message")));
	assert_int_equal(json_integer_value(json_object_get(object, "attempt")), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(object, "labels"), "site")),
		"www.example.com");
	assert_int_equal(json_array_size(json_object_get(object, "alerts")), 1);
	json_decref(object);
}

static void a_digest_lists_its_alerts(void **unused)
{
	struct fake_alert sum, one, two;
	const struct tocsin_alert *folded[] = {&one.alert, &two.alert};
	struct setting setting;
	json_t *object;

	(void)unused;
	setting_init(&setting, "cat; echo >&2");
	fake_alert_init(&sum, "2 alerts");
	fake_alert_init(&one, "first");
	fake_alert_init(&two, "second");
	sum.delivery.folded = folded;
	sum.delivery.n_folded = 2;
	assert_int_equal(run_with(&setting, &sum)->outcome, TOCSIN_DELIVERED);
	object = json_loads(fake_self()->output, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(object, "alerts")), 2);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(object, "alerts"), 1), "title")),
			    "second");
	json_decref(object);
}

static void the_environment_is_exactly_this(void **unused)
{
	struct setting setting;
	struct fake_alert fake;
	struct tocsin_pair pair = {"TZ", "UTC"};

	(void)unused;
	setenv("TOCSIN_TEST_SECRET", "leaked", 1);
	setting_init(&setting, NULL);
	setting.command[0] = "/usr/bin/env";
	setting.config.command.n = 1;
	setting.config.environment = (struct tocsin_map){&pair, 1};
	fake_alert_init(&fake, "disk\nfull \x1b[31m; $(id) \xff");
	fake_annotate(&fake, "message", "two\nlines");
	assert_int_equal(run_with(&setting, &fake)->outcome, TOCSIN_DELIVERED);
	assert_output("TOCSIN_ID=0123456789abcdef0123456789abcdef\n"
		      "TOCSIN_FINGERPRINT=0123456789abcdef\nTOCSIN_SOURCE=site-alerts\n"
		      "TOCSIN_STATUS=firing\nTOCSIN_SEVERITY=critical\n"
		      "TOCSIN_TITLE=disk full  [31m; $(id) \xef\xbf\xbd\n"
		      "TOCSIN_MESSAGE=two lines\nTOCSIN_LINK=\n"
		      "TOCSIN_KEY=fedcba9876543210fedcba9876543210\nTOCSIN_CHANNEL=test\n"
		      "TOCSIN_ROUTE=default\nTOCSIN_RECIPIENT=\nTOCSIN_ATTEMPT=1\nTOCSIN_ALERTS=1\n"
		      "TZ=UTC\n"
		      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
		      "LANG=C.UTF-8\n");
	unsetenv("TOCSIN_TEST_SECRET");
}

static void templates_replace_the_words(void **unused)
{
	struct setting setting;
	struct fake_alert fake;
	void *state;

	(void)unused;
	fake_reset();
	setting_init(&setting,
		     "echo \"$TOCSIN_TITLE|$TOCSIN_MESSAGE\"; cat | grep -c '\"title\":\"T\"'");
	setting.config.title = fake_text("T");
	setting.config.message = fake_text("M");
	fake_alert_init(&fake, "x");
	state = fake_open(&setting.config);
	assert_int_equal(fake_deliver(state, &fake)->outcome, TOCSIN_DELIVERED);
	tocsin_plugin.channel->close(state);
	assert_output("T|M\n1\n");
}

static void mistakes_in_the_configuration_are_named(void **unused)
{
	const char *const bad[] = {"256"}, *const twice[] = {"75"};
	struct tocsin_pair pair = {"TOCSIN_ID", "x"};
	struct setting setting;
	char why[256];

	(void)unused;
	setting_init(&setting, "exit 0");
	assert_null(tocsin_plugin.channel->check(&setting.config, why, sizeof(why)));
	setting.command[0] = "sh";
	assert_non_null(strstr(tocsin_plugin.channel->check(&setting.config, why, sizeof(why)),
			       "absolute path"));
	setting_init(&setting, "exit 0");
	setting.config.status.delivered = (struct tocsin_strings){bad, 1};
	assert_non_null(strstr(tocsin_plugin.channel->check(&setting.config, why, sizeof(why)),
			       "'256' is not an exit status"));
	setting.config.status.delivered = (struct tocsin_strings){twice, 1};
	assert_non_null(strstr(tocsin_plugin.channel->check(&setting.config, why, sizeof(why)),
			       "75 stands twice"));
	setting_init(&setting, "exit 0");
	setting.config.environment = (struct tocsin_map){&pair, 1};
	assert_non_null(strstr(tocsin_plugin.channel->check(&setting.config, why, sizeof(why)),
			       "TOCSIN_ID is set by tocsin"));
	pair.name = "A=B";
	assert_non_null(strstr(tocsin_plugin.channel->check(&setting.config, why, sizeof(why)),
			       "not a name"));
}

static void the_preview_shows_what_it_would_get(void **unused)
{
	struct tocsin_pair pair = {"PASSWORD", "hunter2"};
	struct setting setting;
	struct fake_alert fake;
	char *text;

	(void)unused;
	fake_reset();
	setting_init(&setting, "touch /tmp/tocsin-test-preview");
	setting.config.environment = (struct tocsin_map){&pair, 1};
	fake_alert_init(&fake, "disk is full");
	text = tocsin_plugin.channel->preview(&fake_host, &setting.config, &fake.delivery);
	assert_non_null(strstr(text, "'/bin/sh' '-c'"));
	assert_non_null(strstr(text, "TOCSIN_TITLE=disk is full\n"));
	assert_non_null(strstr(text, "PASSWORD=***\n"));
	assert_null(strstr(text, "hunter2"));
	assert_non_null(strstr(text, "\"title\":\"disk is full\""));
	assert_int_equal(access("/tmp/tocsin-test-preview", F_OK), -1);
	free(text);
}

/* Without controls. */
static bool is_plain(const char *text, size_t length)
{
	bool plain = true;

	for (size_t i = 0; i < length; i++)
		plain &= (unsigned char)text[i] >= ' ' && text[i] != 0x7f;
	return plain;
}

/* The same names in the same order for every alert, and one line each. */
static void judge_environment(char *const entry[])
{
	static const char *const names[] = {
		"TOCSIN_ID",       "TOCSIN_FINGERPRINT", "TOCSIN_SOURCE",  "TOCSIN_STATUS",
		"TOCSIN_SEVERITY", "TOCSIN_TITLE",       "TOCSIN_MESSAGE", "TOCSIN_LINK",
		"TOCSIN_KEY",      "TOCSIN_CHANNEL",     "TOCSIN_ROUTE",   "TOCSIN_RECIPIENT",
		"TOCSIN_ATTEMPT",  "TOCSIN_ALERTS",      "PATH",           "LANG",
	};
	size_t n = 0;

	for (; entry[n]; n++) {
		size_t length = strcspn(entry[n], "=");

		assert_true(n < TOCSIN_COUNT(names));
		assert_int_equal(length, strlen(names[n]));
		assert_memory_equal(entry[n], names[n], length);
		assert_true(is_plain(entry[n], strlen(entry[n])));
		assert_true(strlen(entry[n]) < 10000);
	}
	assert_int_equal(n, TOCSIN_COUNT(names));
}

static void judge_document(const char *text, size_t length, const struct fake_alert *fake)
{
	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(object);
	assert_int_equal(json_object_size(object), 30);
	assert_ptr_equal(memchr(text, '\n', length), text + length - 1);
	assert_true(is_plain(text, length - 1));
	(void)fake;
	json_decref(object);
}

static void hostile_texts_stay_data(void **unused)
{
	struct setting setting;
	uint64_t seed = hostile_seed();

	(void)unused;
	setting_init(&setting, "cat");
	for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
		char *text = hostile_text(seed, i);
		struct draft draft;
		struct fake_alert fake;
		char **environment, *document;
		size_t length;

		if (strlen(text) > 8192 && i % 16 != 0) {
			free(text); /* some of the long ones will do: they stand in 30 places */
			continue;
		}
		hostile_fill(&fake, text);
		environment = exec_environment(&setting.config, &fake.delivery, NULL, text);
		judge_environment(environment);
		assert_true(draft_begin(&draft));
		document_put(&draft, &fake.delivery, text, NULL);
		document = draft_end(&draft, &length);
		judge_document(document, length, &fake);
		/* and some for real: what came in is what would have been made */
		if (i % 250 == 0) {
			assert_int_equal(run_with(&setting, &fake)->outcome, TOCSIN_DELIVERED);
			assert_memory_equal(fake_self()->output, "{\"id\":\"", 7);
		}
		free(document);
		free(environment);
		free(text);
	}
}

struct sweep {
	struct setting setting;
	struct fake_alert fake;
	char *wanted;
};

/* The program gets the whole document and environment, or does not run. */
static int run_one(void *data)
{
	struct sweep *sweep = data;
	const struct fake_done *done;
	void *state = NULL;
	int rc;

	fake_reset();
	rc = tocsin_plugin.channel->open(fake_self(), &fake_host, &sweep->setting.config, &state);
	if (rc != 0)
		return rc;
	done = fake_deliver(state, &sweep->fake);
	tocsin_plugin.channel->close(state);
	if (done->outcome != TOCSIN_DELIVERED)
		return *fake_self()->output ? (scarce_fail("it ran in vain"), 0) : -ENOMEM;
	if (!sweep->wanted)
		sweep->wanted = strdup(fake_self()->output);
	if (sweep->wanted && strcmp(sweep->wanted, fake_self()->output) != 0)
		scarce_fail("a part of it");
	return 0;
}

static void all_or_nothing_when_memory_is_short(void **unused)
{
	struct sweep sweep = {.wanted = NULL};

	(void)unused;
	setting_init(&sweep.setting, "cat; /usr/bin/env");
	fake_alert_init(&sweep.fake, "disk is full \xff");
	fake_annotate(&sweep.fake, "metric_value", "97.5");
	assert_true(scarce_sweep("exec", run_one, &sweep) > 0);
	free(sweep.wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_status_says_what_happened),
		cmocka_unit_test(statuses_can_be_mapped),
		cmocka_unit_test(the_input_is_the_document),
		cmocka_unit_test(a_digest_lists_its_alerts),
		cmocka_unit_test(the_environment_is_exactly_this),
		cmocka_unit_test(templates_replace_the_words),
		cmocka_unit_test(mistakes_in_the_configuration_are_named),
		cmocka_unit_test(the_preview_shows_what_it_would_get),
		cmocka_unit_test(hostile_texts_stay_data),
		cmocka_unit_test(all_or_nothing_when_memory_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
