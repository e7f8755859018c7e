/* SPDX-License-Identifier: Apache-2.0 */
#include "threshold_made.h"

#include <stdio.h>
#include <string.h>

enum { NUMERIC = 1700, TEXT = 25, BOOL = 16, TIMESTAMP = 1114 };

struct check_config made_preset(void)
{
	return (struct check_config){.name = "SLA Compliance",
				     .query = "SELECT 1",
				     .enabled = true,
				     .warning = "< 85",
				     .critical = "< 70",
				     .clears = 1,
				     .vanish_after = 2,
				     .flap_window = 1800000,
				     .max_rows = 1000,
				     .decimals = 2,
				     .unit = "%",
				     .warning_severity = TOCSIN_WARNING,
				     .critical_severity = TOCSIN_CRITICAL,
				     .unknown_severity = TOCSIN_WARNING};
}

PGresult *made_rows(const char *text)
{
	PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc column[10] = {{0}};
	char copy[4000], *part, *rest = copy;
	char names[10][80], *values[10];
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((part = strsep(&rest, ";"))) {
		char type;

		assert_int_equal(sscanf(part, "%79[^:]:%c:", names[n], &type), 2);
		column[n].name = names[n];
		column[n].typid = type == 'n'   ? NUMERIC
				  : type == 'b' ? BOOL
				  : type == 'd' ? TIMESTAMP
						: TEXT;
		values[n++] = strchr(strchr(part, ':') + 1, ':') + 1;
	}
	assert_true(PQsetResultAttrs(rows, n, column));
	for (int i = 0; i < n; i++) {
		char *value, *left = *values[i] ? values[i] : NULL;

		for (int row = 0; (value = strsep(&left, ",")); row++)
			assert_true(PQsetvalue(rows, row, i, strcmp(value, "-") ? value : NULL,
					       strcmp(value, "-") ? (int)strlen(value) : -1));
	}
	return rows;
}

void made_begin(struct made *made)
{
	*made = (struct made){.config = made_preset()};
	made->check.config = &made->config;
	made->check.due_ms = INT64_MAX;
	options_limits(&made->config, false, &made->check.limits);
}

void made_settle(struct made *made)
{
	batch_done(&made->batch);
	if (made->findings.n == 0)
		return;
	check_commit(&made->check, &made->findings, made->wall_ms);
	findings_done(&made->findings);
}

void made_run(struct made *made, int64_t second, const char *rows, const char *error)
{
	struct steady now = {.now_ms = 1000000 + second * 1000,
			     .wall_ms = INT64_C(1763472645000) + second * 1000};
	struct findings *findings = &made->findings;

	made_settle(made);
	made->wall_ms = now.wall_ms;
	if (error)
		assert_int_equal(findings_fail(error, findings), 0);
	else
		assert_int_equal(findings_read(&made->config, made_rows(rows), false, findings), 0);
	assert_int_equal(check_step(&made->check, findings, &now, &made->batch, &made->changed), 0);
}

void made_done(struct made *made)
{
	made_settle(made);
	check_done(&made->check);
}
