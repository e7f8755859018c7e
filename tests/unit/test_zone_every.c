/* SPDX-License-Identifier: Apache-2.0 */
/* Every zone of the system against what the C library (and zdump, a program of its own) makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/zone.h"

#define ZONEINFO "/usr/share/zoneinfo"
#define MOST 1000
#define FIRST_YEAR 1900
#define LAST_YEAR 2200
#define WEEK (7 * CIVIL_DAY)

static char *name[MOST];
static bool original[MOST]; /* not another name of one before */
static size_t names;

static int add(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	const char *relative = path + strlen(ZONEINFO) + (path[strlen(ZONEINFO)] == '/');

	(void)ftw;
	/* no lists, no zones with leap seconds, not the same once more */
	if (kind == FTW_F && S_ISREG(status->st_mode) && isupper((unsigned char)relative[0]) &&
	    !strchr(relative, '.') && names < MOST)
		name[names++] = strdup(relative);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void find_zones(void)
{
	char *real[MOST];

	nftw(ZONEINFO, add, 20, 0);
	qsort(name, names, sizeof(name[0]), compare);
	for (size_t i = 0; i < names; i++) {
		char path[300];

		snprintf(path, sizeof(path), ZONEINFO "/%s", name[i]);
		real[i] = realpath(path, NULL);
		original[i] = true;
		for (size_t j = 0; j < i && original[i]; j++)
			original[i] = strcmp(real[i], real[j]) != 0;
	}
	for (size_t i = 0; i < names; i++)
		free(real[i]);
}

static void compare_with_library(const struct tocsin_zone *zone, int64_t utc_s)
{
	struct zone_span span = zone_span(zone, utc_s);
	time_t moment = (time_t)utc_s;
	struct tm tm;

	assert_non_null(localtime_r(&moment, &tm));
	if (tm.tm_gmtoff != span.offset || (tm.tm_isdst > 0) != span.dst ||
	    strcmp(tm.tm_zone, span.abbreviation) != 0)
		fail_msg("%s at %lld: %ld %s, not %d %s", zone->name, (long long)utc_s,
			 tm.tm_gmtoff, tm.tm_zone, (int)span.offset, span.abbreviation);
	assert_true(span.from <= utc_s && utc_s < span.until);
}

/* At each change of ours, and every week: so that no change of theirs is missing here. */
static void every_moment_is_as_the_library_has_it(void **state)
{
	int64_t end = civil_days(LAST_YEAR, 1, 1) * CIVIL_DAY;

	(void)state;
	for (size_t i = 0; i < names; i++) {
		const struct tocsin_zone *zone = NULL;
		int64_t at = civil_days(FIRST_YEAR, 1, 1) * CIVIL_DAY;
		struct error err;

		if (!original[i])
			continue;
		if (zone_load(name[i], &zone, &err) != 0)
			fail_msg("%s", err.text);
		setenv("TZ", name[i], 1);
		tzset();
		while (at < end) {
			int64_t until = zone_span(zone, at).until;

			for (; at < until && at < end; at += WEEK)
				compare_with_library(zone, at);
			at = until;
			if (at < end)
				compare_with_library(zone, at - 1);
		}
		zone_free(zone);
	}
	unsetenv("TZ");
}

static void every_local_time_leads_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < names; i++) {
		const struct tocsin_zone *zone = NULL;
		struct error err;
		int64_t at = civil_days(1970, 1, 1) * CIVIL_DAY;

		if (!original[i])
			continue;
		assert_int_equal(zone_load(name[i], &zone, &err), 0);
		for (int64_t end = civil_days(2040, 1, 1) * CIVIL_DAY; at < end;) {
			struct zone_span span = zone_span(zone, at);

			for (int64_t t = span.from; t <= span.from + 7200; t += 1799) {
				struct civil local = civil_from_seconds(t + span.offset);
				struct zone_moments found = zone_from_local(zone, &local);

				if (t >= span.until || t < 0)
					continue;
				assert_in_range(found.n, 1, 2);
				assert_true(found.utc_s[0] == t || found.utc_s[1] == t);
			}
			at = span.until;
		}
		zone_free(zone);
	}
}

/* "Europe/Berlin  Sun Mar 30 01:00:00 2025 UT = Sun Mar 30 03:00:00 2025 CEST isdst=1 gmtoff=7200" */
static bool read_line(const char *line, char zone[100], int64_t *utc_s, char abbreviation[20],
		      int *dst, int *offset)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil civil;
	char month[4];
	int year;

	if (sscanf(line,
		   "%99s %*s %3s %d %d:%d:%d %d UT = %*s %*s %*d %*s %*d %19s isdst=%d "
		   "gmtoff=%d",
		   zone, month, &civil.day, &civil.hour, &civil.minute, &civil.second, &year,
		   abbreviation, dst, offset) != 10)
		return false;
	civil.year = year;
	civil.month = (int)(strstr(months, month) - months) / 3 + 1;
	*utc_s = civil_seconds(&civil);
	return true;
}

/* Its lines in pairs: the last second before a change and the first after it. */
static size_t compare_with_lines(FILE *lines)
{
	const struct tocsin_zone *zone = NULL;
	char line[300], wanted[100], abbreviation[20];
	int64_t utc_s;
	int dst, offset;
	size_t n = 0;

	while (fgets(line, sizeof(line), lines)) {
		struct error err;
		struct zone_span span;

		if (!read_line(line, wanted, &utc_s, abbreviation, &dst, &offset))
			continue;
		if (!zone || strcmp(zone->name, wanted) != 0) {
			zone_free(zone);
			assert_int_equal(zone_load(wanted, &zone, &err), 0);
		}
		span = zone_span(zone, utc_s);
		if (span.offset != offset || span.dst != (dst == 1) ||
		    strcmp(span.abbreviation, abbreviation) != 0)
			fail_msg("%s: %d %s", line, (int)span.offset, span.abbreviation);
		n++;
	}
	zone_free(zone);
	return n;
}

/* It looks at every half a day, so it gets a few years only, and each zone by one name. */
static void every_change_is_as_zdump_has_it(void **state)
{
	char path[] = "/tmp/tocsin-zones-XXXXXX", command[100];
	FILE *lines, *list;
	size_t n;

	(void)state;
	if (system("command -v zdump >/dev/null") != 0) {
		print_message("zdump is not there; install the package libc-bin\n");
		skip();
	}
	list = fdopen(mkstemp(path), "w");
	assert_non_null(list);
	for (size_t i = 0; i < names; i++)
		if (original[i])
			fprintf(list, "%s\n", name[i]);
	fclose(list);
	snprintf(command, sizeof(command), "xargs zdump -v -c 2005,2039 <%s", path);
	lines = popen(command, "r");
	assert_non_null(lines);
	n = compare_with_lines(lines);
	pclose(lines);
	unlink(path);
	assert_true(n > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_moment_is_as_the_library_has_it),
		cmocka_unit_test(every_local_time_leads_back),
		cmocka_unit_test(every_change_is_as_zdump_has_it),
	};

	find_zones();
	if (names < 100) {
		print_message("there are no zones in " ZONEINFO "; install the package tzdata\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
