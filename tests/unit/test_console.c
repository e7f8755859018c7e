/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "fake_host.h"
#include "scarce.h"

/* The layout of the plugin's own configuration. */
struct config {
	int64_t stream, format, color;
	const struct tocsin_template *title, *message, *record;
};
enum { LINE, BLOCK, JSON };
enum { AUTO, ALWAYS, NEVER };

static char written[8192];

/* Delivers with standard output redirected to a file and keeps what was written. */
static const struct fake_done *deliver(const struct config *config, struct fake_alert *fake)
{
	char path[] = "/tmp/tocsin-console-XXXXXX";
	int fd = mkstemp(path), before = dup(STDOUT_FILENO);
	const struct fake_done *done;
	void *state;
	ssize_t n;

	assert_true(fd >= 0 && before >= 0);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	state = fake_open(config);
	done = fake_deliver(state, fake);
	tocsin_plugin.channel->close(state);
	dup2(before, STDOUT_FILENO);
	close(before);
	n = pread(fd, written, sizeof(written) - 1, 0);
	assert_true(n >= 0);
	written[n] = '\0';
	close(fd);
	unlink(path);
	return done;
}

static void a_line_says_when_how_bad_what_and_where(void **unused)
{
	struct config config = {.stream = 0, .format = LINE, .color = AUTO};
	struct fake_alert fake;

	(void)unused;
	fake_alert_init(&fake, "SLA Compliance");
	fake_annotate(&fake, "description", "65.2 % in time");
	assert_int_equal(deliver(&config, &fake)->outcome, TOCSIN_DELIVERED);
	assert_string_equal(written, "2025-11-18 14:30:45 CRITICAL  SLA Compliance: 65.2 % in time "
				     "[site=www.example.com]\n");
	fake.alert.status = TOCSIN_RESOLVED;
	fake.alert.ends_at_ms = fake.alert.starts_at_ms + 1000;
	deliver(&config, &fake);
	assert_memory_equal(written, "2025-11-18 14:30:46 RESOLVED  SLA", 33);
}

static void no_text_reaches_the_terminal_as_a_command(void **unused)
{
	static const char *const attacks[] = {
		"a\nb",
		"a\r\nb",
		"\x1b[2J",
		"\xc2\x9b"
		"31m",
		"\xe2\x80\xae"
		"exe",
		"\xe2\x80\xa8line",
		"\x7f",
		"\xff\xfe\x1b",
		"tab\there",
	};
	struct fake_alert fake;

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(attacks); i++) {
		for (int64_t format = LINE; format <= JSON; format++) {
			struct config config = {.stream = 0, .format = format, .color = NEVER};

			fake_alert_init(&fake, attacks[i]);
			fake_label(&fake, "x", attacks[i]);
			deliver(&config, &fake);
			assert_null(strpbrk(written, "\x1b\r\x7f"));
			assert_null(strstr(written, "\xc2\x9b"));
			assert_null(strstr(written, "\xe2\x80\xae"));
			assert_null(strstr(written, "\xff"));
			if (format != BLOCK)
				assert_ptr_equal(strchr(written, '\n') + 1,
						 written + strlen(written));
		}
	}
}

static void colour_surrounds_only_the_heading(void **unused)
{
	struct config config = {.stream = 0, .format = LINE, .color = ALWAYS};
	struct fake_alert fake;

	(void)unused;
	fake_alert_init(&fake, "x");
	deliver(&config, &fake);
	assert_non_null(strstr(written, "\x1b[1;31mCRITICAL \x1b[0m x"));
	config.format = JSON;
	deliver(&config, &fake);
	assert_null(strchr(written, '\x1b'));
}

static void json_is_one_object_a_line(void **unused)
{
	struct config config = {.stream = 0, .format = JSON, .color = AUTO};
	struct fake_alert fake;
	json_t *object;

	(void)unused;
	fake_alert_init(&fake, "a\nb \xff c");
	fake_annotate(&fake, "metric_value", "65.2");
	deliver(&config, &fake);
	object = json_loads(written, 0, NULL);
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "message")),
			    "a\nb \xef\xbf\xbd c");
	assert_string_equal(json_string_value(json_object_get(object, "key")),
			    "fedcba9876543210fedcba9876543210");
	assert_non_null(strstr(written, "\"metric_value\":65.2,"));
	json_decref(object);
}

static void what_cannot_be_written_is_tried_again(void **unused)
{
	struct config config = {.stream = 1, .format = LINE, .color = AUTO};
	int before = dup(STDERR_FILENO), full = open("/dev/full", O_WRONLY);
	const struct fake_done *done;
	struct fake_alert fake;
	void *state;

	(void)unused;
	fake_alert_init(&fake, "x");
	dup2(full, STDERR_FILENO);
	state = fake_open(&config);
	done = fake_deliver(state, &fake);
	tocsin_plugin.channel->close(state);
	dup2(before, STDERR_FILENO);
	close(before);
	close(full);
	assert_int_equal(done->outcome, TOCSIN_UNAVAILABLE);
	assert_string_equal(done->why, "cannot write to standard error: No space left on device");
}

struct sweep {
	struct config config;
	struct fake_alert fake;
	char wanted[4096];
	int sink; /* stands in for standard error */
};

/* What reaches the terminal is the whole alert, or nothing. */
static int show_one(void *data)
{
	struct sweep *sweep = data;
	const struct fake_done *done;
	char found[4096] = "";
	void *state = NULL;
	int result;

	fake_reset();
	if (ftruncate(sweep->sink, 0) < 0 || lseek(sweep->sink, 0, SEEK_SET) < 0)
		return -EIO;
	result = tocsin_plugin.channel->open(fake_self(), &fake_host, &sweep->config, &state);
	if (result < 0)
		return result;
	done = fake_deliver(state, &sweep->fake);
	tocsin_plugin.channel->close(state);
	if (pread(sweep->sink, found, sizeof(found) - 1, 0) < 0)
		return -EIO;
	if (!*sweep->wanted)
		strcpy(sweep->wanted, found);
	if (strcmp(found, done->outcome == TOCSIN_DELIVERED ? sweep->wanted : "") != 0)
		scarce_fail("half an alert");
	return done->outcome == TOCSIN_DELIVERED ? 0 : -ENOMEM;
}

static void an_alert_is_whole_or_is_tried_again_when_memory_is_short(void **unused)
{
	int before = dup(STDERR_FILENO);
	int64_t failed = 0;

	(void)unused;
	for (int format = LINE; format <= JSON; format++) {
		struct sweep sweep = {.config = {1, format, ALWAYS},
				      .sink = memfd_create("terminal", MFD_CLOEXEC)};

		assert_true(sweep.sink >= 0);
		fake_alert_init(&sweep.fake, "disk is full");
		dup2(sweep.sink, STDERR_FILENO);
		failed += scarce_sweep("console", show_one, &sweep);
		dup2(before, STDERR_FILENO);
		close(sweep.sink);
	}
	close(before);
	assert_true(failed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_when_how_bad_what_and_where),
		cmocka_unit_test(no_text_reaches_the_terminal_as_a_command),
		cmocka_unit_test(colour_surrounds_only_the_heading),
		cmocka_unit_test(json_is_one_object_a_line),
		cmocka_unit_test(what_cannot_be_written_is_tried_again),
		cmocka_unit_test(an_alert_is_whole_or_is_tried_again_when_memory_is_short),
	};

	return cmocka_run_group_tests(tests, fake_in_utc, NULL);
}
