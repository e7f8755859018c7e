/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever answers a webhook, by any rules; and any structure as a body that has limits: what goes
 * out keeps them and is still JSON.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../../plugins/channels/webhook/body.h"
#include "../../plugins/channels/webhook/cut.h"
#include "../../plugins/channels/webhook/path.h"
#include "../../plugins/channels/webhook/reply.h"

#define NOW_MS INT64_C(1700000000000)
#define LONGEST_MS INT64_C(31536000000)

static char *word(struct fuzz_input *input)
{
	char *text = fuzz_text(input);

	return text ? text : calloc(1, 1);
}

/* Path, value and header of a rule, and the answer that it meets. */
static void check_answer(struct fuzz_input *input)
{
	static const char *const statuses[] = {"2xx", "400-499"};
	char *path = word(input), *is = word(input), *header = word(input);
	char *body = fuzz_rest(input);
	const struct tocsin_pair pair = {"x-reset", header};
	const struct tocsin_map headers = {&pair, 1};
	const char *const values[] = {is};
	const struct webhook_rule rules[] = {
		{.when = {.status = {&statuses[1], 1}, .json = path, .is = is},
		 .outcome = 4,
		 .retry_after = path,
		 .retry_after_ms = "n"},
		{.when = {.json = "a", .contains = is},
		 .outcome = 3,
		 .retry_after_header = "X-Reset"},
		{.when = {.contains = is}, .outcome = 1, .wait = 7, .why = is},
	};
	const struct webhook_config config = {
		.success = {.status = {statuses, 1}, .json = path, .in = {values, 1}},
		.replies = {rules, 3},
		.reason = {values, 1},
	};

	for (int status = 200; status <= 500; status += 100) {
		struct tocsin_reply reply = {.size = sizeof(reply),
					     .status = status,
					     .body = body,
					     .body_length = strlen(body),
					     .headers = &headers};
		struct tocsin_verdict verdict = {.outcome = TOCSIN_REJECTED, .why = "status"};

		if (!webhook_path_is_valid(path))
			break;
		webhook_judge_at(&reply, &verdict, &config, NOW_MS);
		assert(verdict.outcome >= TOCSIN_DELIVERED && verdict.outcome <= TOCSIN_THROTTLED);
		assert(verdict.retry_after_ms >= 0 && verdict.retry_after_ms <= LONGEST_MS);
		assert(memchr(verdict.why, 0, sizeof(verdict.why)) && *verdict.why);
		assert(!strpbrk(verdict.why, "\r\n\t\x1b"));
	}
	free(path);
	free(is);
	free(header);
	free(body);
}

static void check_cut(const char *text)
{
	for (int unit = UNIT_CHARACTERS; unit <= UNIT_UTF16; unit++) {
		for (size_t most = 3; most < 40; most += 6) {
			size_t kept = webhook_cut(text, most, (enum webhook_unit)unit);

			assert(kept <= strlen(text));
			/* never inside a character */
			assert(!fuzz_is_utf8(text, strlen(text)) || fuzz_is_utf8(text, kept));
		}
	}
}

static void check_body(struct fuzz_input *input)
{
	const struct tocsin_pair field = {"a.b", "5"};
	const struct webhook_limits limits = {.fields = {&field, 1}, .request = 100};
	const struct additions more = {{{"sign", "x"}}, 1};
	char *text = fuzz_rest(input);
	json_t *root = json_loads(text, 0, NULL), *again;
	struct parts parts = {BODY_JSON, text};
	struct refusal refusal = {0};
	struct writer out = {0};

	check_cut(text);
	if (root) {
		webhook_body(&limits, &parts, json_is_object(root) ? &more : NULL, &out, &refusal);
		if (!refusal.outcome) {
			assert(out.length <= 100);
			again = json_loadb(out.data, out.length, 0, NULL);
			assert(again && json_typeof(again) == json_typeof(root));
			json_decref(again);
		}
		parts.kind = BODY_FORM;
		refusal = (struct refusal){0};
		webhook_body(&limits, &parts, NULL, &out, &refusal);
		assert(refusal.outcome || out.length <= 100);
		assert(refusal.outcome || !memchr(writer_text(&out), ' ', out.length));
	}
	json_decref(root);
	writer_done(&out);
	free(text);
}

/* "?" path NUL value NUL header NUL and an answer; or a structure. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};

	if (size > 0 && data[0] == '?') {
		input = (struct fuzz_input){data + 1, size - 1};
		check_answer(&input);
	} else {
		check_body(&input);
	}
	return 0;
}
