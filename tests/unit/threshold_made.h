/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and results made up for tests of the threshold source; no server is needed. */
#ifndef THRESHOLD_MADE_H
#define THRESHOLD_MADE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../plugins/sources/threshold/threshold.h"

/* SLA Compliance: warning below 85 %, critical below 70 %. */
struct check_config made_preset(void);
/* "name:type:value,value;..." with type n number, t text, b bool, d date; "-" is NULL. */
PGresult *made_rows(const char *text);

struct made {
	struct check_config config;
	struct check check;
	struct batch batch; /* points into the check as it was before the step holds */
	bool changed;
	struct findings findings; /* of a step that does not hold yet */
	int64_t wall_ms;
};

void made_begin(struct made *made);
void made_done(struct made *made);
/* One run at that second; error: what the query failed with. Its step holds with the next one. */
void made_run(struct made *made, int64_t second, const char *rows, const char *error);
/* What was run last holds; its alerts are gone. */
void made_settle(struct made *made);

#endif
