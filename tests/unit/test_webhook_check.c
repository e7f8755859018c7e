/* SPDX-License-Identifier: Apache-2.0 */
/* What the webhook channel refuses in its configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/webhook/webhook.h"

static struct webhook_config config;

static void set_up(void)
{
	static const char *const statuses[] = {"2xx"};

	config = (struct webhook_config){
		/* only whether it is there matters here */
		.url = (const struct tocsin_template *)(const void *)&config,
		.success.status = {statuses, 1},
		.hmac = {.key = "{secret}", .message = "{body}"},
	};
}

static void assert_complaint(const char *part)
{
	char why[512] = "";
	const char *sentence = webhook_check(&config, why, sizeof(why));

	if (!part) {
		if (sentence)
			fail_msg("refused: %s", sentence);
		return;
	}
	if (!sentence || !strstr(sentence, part))
		fail_msg("'%s' does not say '%s'", sentence ? sentence : "nothing", part);
}

#define COMPLAINS(part, ...) \
	do { \
		set_up(); \
		__VA_ARGS__; \
		assert_complaint(part); \
	} while (0)

static void what_does_not_go_together_is_told(void **state)
{
	static const char *const teapot[] = {"4 18"};
	const struct tocsin_pair no_number = {"a", "many"}, no_path = {"a..b", "5"};
	struct webhook_rule rule = {.outcome = 0};

	(void)state;
	COMPLAINS(NULL, (void)0);
	COMPLAINS("more than one body", config.body = config.text = config.url);
	COMPLAINS("resolved has more than one",
		  config.resolved.body = config.resolved.form = config.url);
	COMPLAINS("GET has no body", (config.method = METHOD_GET, config.body = config.url));
	COMPLAINS("2 ways to log in", (config.auth.bearer = "x", config.auth.username = "y"));
	COMPLAINS("password needs", config.auth.password = "x");
	COMPLAINS("token needs", config.auth.token = "x");
	COMPLAINS("auth.query needs auth.token", config.auth.query = "x");
	COMPLAINS("name of a header", (config.auth.header = "X Y", config.auth.token = "x"));
	COMPLAINS("colon", config.auth.username = "a:b");
	COMPLAINS("previous needs", config.signature.previous = "x");
	COMPLAINS("24 to 64 bytes", config.signature.secret = "short");
	COMPLAINS("where the signature goes", config.hmac.secret = "x");
	COMPLAINS("need a body that is JSON",
		  (config.hmac.secret = "x", config.hmac.field = "s", config.text = config.url));
	COMPLAINS("no other '{'", (config.hmac.secret = "x", config.hmac.header = "X-A",
				   config.hmac.message = "{what}"));
	COMPLAINS("idempotency_header must be", config.idempotency_header = "a b");
	COMPLAINS("success.status '4 18'", config.success.status.item = teapot);
	COMPLAINS("success.json 'a.'", config.success.json = "a.");
	COMPLAINS("success.is needs", config.success.is = "0");
	config.replies = (struct tocsin_sections){&rule, 1};
	COMPLAINS("replies[0] holds for every answer",
		  config.replies = ((struct tocsin_sections){&rule, 1}));
	rule.when.contains = "x";
	rule.retry_after = "[";
	COMPLAINS("replies[0].retry_after '['",
		  config.replies = ((struct tocsin_sections){&rule, 1}));
	COMPLAINS("must be a number of at least 1",
		  config.limits.fields = ((struct tocsin_map){&no_number, 1}));
	COMPLAINS("limits.fields: 'a..b' is not a path",
		  config.limits.fields = ((struct tocsin_map){&no_path, 1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_go_together_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
