/* SPDX-License-Identifier: Apache-2.0 */
/* A matcher and an alert: no expression takes for ever or reads past its end, and a matcher reads
 * back what it writes. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "alert/matcher.h"

static void reads_back(const struct matcher *matcher, const struct tocsin_alert *alert)
{
	const char *text = matcher_text(matcher);
	struct matcher *again = NULL;
	struct error err;

	assert(matcher_parse(text, &again, &err) == 0);
	assert(strcmp(matcher_text(again), text) == 0);
	assert(matcher_matches(again, alert) == matcher_matches(matcher, alert));
	matcher_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *text = fuzz_text(&input);
	struct fuzz_alert fuzz;
	struct matcher *matcher = NULL;
	struct error err;

	if (!text)
		return 0;
	fuzz_alert_read(&fuzz, &input);
	/* The core lets no other value through. */
	fuzz.alert.severity %= TOCSIN_EMERGENCY + 1;
	fuzz.alert.status %= TOCSIN_EVENT + 1;
	if (matcher_parse(text, &matcher, &err) == 0) {
		assert(matcher_subject(matcher, &fuzz.alert));
		reads_back(matcher, &fuzz.alert);
		matcher_free(matcher);
	} else {
		assert(*err.text);
	}
	fuzz_alert_done(&fuzz);
	free(text);
	return 0;
}
