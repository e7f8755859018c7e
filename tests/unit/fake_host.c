/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_host.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct tocsin_self self;

struct tocsin_self *fake_self(void)
{
	return &self;
}

void fake_reset(void)
{
	memset(&self, 0, sizeof(self));
}

int fake_in_utc(void **unused)
{
	static char zone[] = "TZ=UTC";

	(void)unused;
	putenv(zone);
	tzset();
	return 0;
}

static void fake_log(struct tocsin_self *who, enum tocsin_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void fake_log(struct tocsin_self *who, enum tocsin_level level, const char *format, ...)
{
	static const char *const names[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
	size_t used = strlen(who->log);
	va_list arguments;

	used += (size_t)snprintf(who->log + used, sizeof(who->log) - used, "%s ", names[level]);
	assert_true(used < sizeof(who->log));
	va_start(arguments, format);
	used += (size_t)vsnprintf(who->log + used, sizeof(who->log) - used, format, arguments);
	va_end(arguments);
	assert_true(used + 1 < sizeof(who->log));
	memcpy(who->log + used, "\n", 2);
}

static void fake_count(struct tocsin_self *who, const char *counter, int64_t add)
{
	(void)who;
	(void)counter;
	(void)add;
}

static void fake_done(struct tocsin_delivery *delivery, enum tocsin_outcome outcome,
		      int64_t retry_after_ms, const char *why)
{
	struct fake_done *done = &self.done[self.n++];

	assert_true(self.n <= FAKE_DONE_MAX);
	for (size_t i = 0; i + 1 < self.n; i++)
		assert_ptr_not_equal(self.done[i].delivery, delivery);
	*done = (struct fake_done){delivery, outcome, retry_after_ms, ""};
	snprintf(done->why, sizeof(done->why), "%s", why ? why : "");
}

static bool fake_begin(struct tocsin_delivery *delivery)
{
	assert_non_null(delivery);
	return true;
}

/* A few statuses are enough here: the core has tests of its own for the mapping. */
static void fake_verdict(const struct tocsin_reply *reply, struct tocsin_verdict *verdict)
{
	*verdict = (struct tocsin_verdict){.outcome = TOCSIN_REJECTED,
					   .retry_after_ms = reply->retry_after_ms};
	if (reply->status >= 200 && reply->status < 300)
		*verdict = (struct tocsin_verdict){.outcome = TOCSIN_DELIVERED};
	else if (reply->status == 0 || reply->status == 429 || reply->status >= 500)
		verdict->outcome = reply->status == 429 ? TOCSIN_THROTTLED : TOCSIN_UNAVAILABLE;
	snprintf(verdict->why, sizeof(verdict->why), "status %d", reply->status);
}

static void fake_post(struct tocsin_delivery *delivery, const struct tocsin_request *request)
{
	static const struct tocsin_reply ok = {
		.size = sizeof(ok),
		.status = 200,
		.body = "ok",
		.body_length = 2,
	};
	const struct tocsin_reply *reply = self.reply ? self.reply : &ok;
	struct tocsin_verdict verdict;

	assert_true(request->body_length < sizeof(self.body));
	if (request->body)
		memcpy(self.body, request->body, request->body_length);
	self.body[request->body_length] = '\0';
	snprintf(self.url, sizeof(self.url), "%s", request->url);
	self.request = *request;
	fake_verdict(reply, &verdict);
	if (request->judge)
		request->judge(reply, &verdict, request->judge_data);
	fake_done(delivery, verdict.outcome, verdict.retry_after_ms, verdict.why);
}

static int fake_http(struct tocsin_self *instance, const struct tocsin_request *request,
		     tocsin_reply_fn *reply_fn, void *data)
{
	static const struct tocsin_reply ok = {
		.size = sizeof(ok),
		.status = 200,
		.body = "ok",
		.body_length = 2,
	};

	assert_ptr_equal(instance, &self);
	assert_true(request->body_length < sizeof(self.body));
	if (request->body)
		memcpy(self.body, request->body, request->body_length);
	self.body[request->body_length] = '\0';
	snprintf(self.url, sizeof(self.url), "%s", request->url);
	self.request = *request;
	reply_fn(self.reply ? self.reply : &ok, data);
	return 0;
}

static const char *fake_host_text(struct tocsin_delivery *delivery,
				  const struct tocsin_template *template)
{
	assert_non_null(delivery);
	for (size_t i = 0; template && i < self.n_texts; i++) {
		if (self.text[i].template == template)
			return self.text[i].text;
	}
	return NULL;
}

const struct tocsin_template *fake_text(const char *text)
{
	size_t n = self.n_texts++;

	assert_true(n < sizeof(self.text) / sizeof(self.text[0]));
	self.text[n].text = text;
	/* nobody looks into it, only which one it is matters */
	self.text[n].template = (const struct tocsin_template *)(const void *)&self.text[n];
	return self.text[n].template;
}

static void fake_note(struct tocsin_delivery *delivery, const char *note)
{
	assert_non_null(delivery);
	snprintf(self.note, sizeof(self.note), "%s", note);
}

static int fake_recall(struct tocsin_delivery *delivery, char **note)
{
	assert_non_null(delivery);
	if (!*self.note)
		return -ENOENT;
	*note = strdup(self.note);
	return *note ? 0 : -ENOMEM;
}

static void fake_output(struct tocsin_delivery *delivery, const char *text, size_t length)
{
	assert_non_null(delivery);
	snprintf(self.output, sizeof(self.output), "%.*s", (int)length, text);
}

const struct tocsin_host fake_host = {
	.size = sizeof(fake_host),
	.log = fake_log,
	.count = fake_count,
	.begin = fake_begin,
	.done = fake_done,
	.post = fake_post,
	.http = fake_http,
	.text = fake_host_text,
	.note = fake_note,
	.recall = fake_recall,
	.verdict = fake_verdict,
	.output = fake_output,
};

void *fake_open(const void *config)
{
	void *state = NULL;

	assert_int_equal(tocsin_plugin.channel->open(&self, &fake_host, config, &state), 0);
	assert_non_null(state);
	return state;
}

void fake_alert_init(struct fake_alert *fake, const char *summary)
{
	memset(fake, 0, sizeof(*fake));
	fake->alert = (struct tocsin_alert){
		.size = sizeof(fake->alert),
		.id = "0123456789abcdef0123456789abcdef",
		.source = "site-alerts",
		.fingerprint = "0123456789abcdef",
		.severity = TOCSIN_CRITICAL,
		.starts_at_ms = INT64_C(1763476245123), /* 2025-11-18T14:30:45.123Z */
		.labels = {fake->labels, 0},
		.annotations = {fake->annotations, 0},
	};
	fake->delivery = (struct tocsin_delivery){
		.size = sizeof(fake->delivery),
		.id = 1,
		.key = "fedcba9876543210fedcba9876543210",
		.recipient = "",
		.channel = "test",
		.route = "default",
		.attempt = 1,
		.alert = &fake->alert,
	};
	fake_label(fake, "site", "www.example.com");
	if (summary)
		fake_annotate(fake, "summary", summary);
}

void fake_label(struct fake_alert *fake, const char *name, const char *value)
{
	assert_true(fake->alert.labels.n < 8);
	fake->labels[fake->alert.labels.n++] = (struct tocsin_pair){name, value};
}

void fake_annotate(struct fake_alert *fake, const char *name, const char *value)
{
	assert_true(fake->alert.annotations.n < 8);
	fake->annotations[fake->alert.annotations.n++] = (struct tocsin_pair){name, value};
}

const struct fake_done *fake_deliver(void *state, struct fake_alert *fake)
{
	struct tocsin_delivery *batch[] = {&fake->delivery};

	self.n = 0;
	tocsin_plugin.channel->deliver(state, batch, 1);
	assert_int_equal(self.n, 1);
	return &self.done[0];
}

char *fake_directory(char path[64])
{
	snprintf(path, 64, "/tmp/tocsin-test-XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void fake_remove(const char *path)
{
	assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

char *fake_read(const char *path)
{
	char *text = NULL;
	size_t length = 0, n;
	char piece[4096];
	FILE *in = fopen(path, "r"), *out = open_memstream(&text, &length);

	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(piece, 1, sizeof(piece), in)) > 0)
		fwrite(piece, 1, n, out);
	fclose(in);
	assert_int_equal(fclose(out), 0);
	return text;
}
