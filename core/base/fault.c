/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled only with --enable-fault-points. */
#include "base/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* The bounds of the section, from the linker; weak: a program may have no point. */
extern const char *const __start_fault_points[] __attribute__((weak, visibility("hidden")));
extern const char *const __stop_fault_points[] __attribute__((weak, visibility("hidden")));

/* Where to die, for this process as a whole; set once, before there are threads. */
static const char *armed;
static atomic_ulong passings_left;
/* Where to pause: at so many of a hundred passings, for up to so long; set once, too. */
static unsigned int pause_percent, pause_most_ms;

static const char *find(const char *name, size_t length)
{
	/* cppcheck-suppress comparePointers ; both ends are of one section */
	for (const char *const *point = __start_fault_points; point < __stop_fault_points; point++)
		if (strncmp(*point, name, length) == 0 && (*point)[length] == '\0')
			return *point;
	return NULL;
}

/* A number up to `most`, and the character behind it. */
static bool take_number(const char **at, unsigned long most, char behind, unsigned int *number)
{
	char *end;
	unsigned long value = strtoul(*at, &end, 10);

	if (end == *at || value > most || *end != behind)
		return false;
	*number = (unsigned int)value;
	*at = end + 1;
	return true;
}

static int read_pauses(struct error *err)
{
	const char *wish = getenv("TOCSIN_PAUSES"), *at = wish;

	if (!wish)
		return 0;
	if (take_number(&at, 100, ':', &pause_percent) &&
	    take_number(&at, 60000, '\0', &pause_most_ms))
		return 0;
	return error_set(err, -EINVAL,
			 "TOCSIN_PAUSES=%s: it is PERCENT:MS, how many of a hundred passings pause "
			 "and for how many milliseconds at most, such as 10:40",
			 wish);
}

static int read_fault(struct error *err)
{
	const char *wish = getenv("TOCSIN_FAULT");
	size_t length = wish ? strcspn(wish, ":") : 0;
	unsigned long n = 1;
	char *end;

	if (!wish)
		return 0;
	if (wish[length] == ':') {
		n = strtoul(wish + length + 1, &end, 10);
		if (n == 0 || *end)
			return error_set(err, -EINVAL,
					 "TOCSIN_FAULT=%s: after the colon stands a "
					 "number from 1 up",
					 wish);
	}
	armed = find(wish, length);
	if (!armed)
		return error_set(err, -EINVAL,
				 "TOCSIN_FAULT=%s: there is no such fault point; see "
				 "tocsind --fault-points",
				 wish);
	atomic_store(&passings_left, n);
	return 0;
}

int fault_arm(struct error *err)
{
	int result = read_pauses(err);

	return result < 0 ? result : read_fault(err);
}

/* A scheduler is free to do the same at any time. */
static void pause_at_random(void)
{
	int before = errno;
	unsigned int dice[2];
	long us;

	if (getrandom(dice, sizeof(dice), GRND_NONBLOCK) == (ssize_t)sizeof(dice) &&
	    dice[0] % 100 < pause_percent) {
		us = (long)(dice[1] % (pause_most_ms * 1000U + 1U));
		nanosleep(
			&(struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000},
			NULL);
	}
	errno = before;
}

void fault_pass(const char *name)
{
	if (pause_percent)
		pause_at_random();
	if (armed && strcmp(name, armed) == 0 && atomic_fetch_sub(&passings_left, 1) == 1)
		kill(getpid(), SIGKILL);
}

void fault_print(void)
{
	/* cppcheck-suppress comparePointers ; both ends are of one section */
	for (const char *const *point = __start_fault_points; point < __stop_fault_points; point++)
		puts(*point);
}
