/* SPDX-License-Identifier: Apache-2.0 */
#include "store/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"

#define TOLD_FROM_MS (60 * 1000) /* a difference between the clocks that people should know of */

/* The store's time when it was kept, the boot clock then, and of which boot. */
struct kept {
	int64_t own_ms, boot_ms;
	char boot[STORE_CLOCK_BOOT];
};

/* "OWN BOOT_MS BOOT-ID", as store_clock_keep writes it. */
static bool read_kept(const char *text, struct kept *kept)
{
	char *end;

	if (!text)
		return false;
	errno = 0;
	kept->own_ms = strtoll(text, &end, 10);
	kept->boot_ms = strtoll(end, &end, 10);
	if (errno || *end != ' ' || strlen(end + 1) >= sizeof(kept->boot) || !end[1])
		return false;
	memcpy(kept->boot, end + 1, strlen(end + 1) + 1);
	return kept->own_ms > 0 && kept->boot_ms >= 0;
}

/* Nobody counted the time since: the wall clock says, unless that cannot be. */
static int64_t after_reboot(int64_t last_ms, int64_t wall_ms)
{
	bool possible = wall_ms > last_ms && wall_ms - last_ms <= STORE_CLOCK_LEAP_MS;

	return possible ? wall_ms : last_ms;
}

void store_clock_start(struct store_clock *clock, const char *text, const char *boot,
		       int64_t boot_ms, int64_t wall_ms)
{
	struct kept kept;
	int64_t now = wall_ms;

	if (read_kept(text, &kept)) {
		if (strcmp(kept.boot, boot) == 0 && boot_ms >= kept.boot_ms)
			now = kept.own_ms + (boot_ms - kept.boot_ms);
		else
			now = after_reboot(kept.own_ms, wall_ms);
	}
	*clock = (struct store_clock){.ahead_ms = now - boot_ms};
	snprintf(clock->boot, sizeof(clock->boot), "%s", boot);
}

int64_t store_clock_ms(const struct store_clock *clock, int64_t boot_ms)
{
	return boot_ms + clock->ahead_ms;
}

void store_clock_write(const struct store_clock *clock, int64_t boot_ms,
		       char text[STORE_CLOCK_TEXT])
{
	snprintf(text, STORE_CLOCK_TEXT, "%lld %lld %s", (long long)store_clock_ms(clock, boot_ms),
		 (long long)boot_ms, *clock->boot ? clock->boot : "?");
}

/* Which boot of the machine this is; "" when it cannot be told. */
static void read_boot(char boot[STORE_CLOCK_BOOT])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	boot[0] = '\0';
	if (!file)
		return;
	if (fgets(boot, STORE_CLOCK_BOOT, file))
		boot[strcspn(boot, "\n")] = '\0';
	fclose(file);
}

static void report_difference(int64_t ahead_ms, struct log *log)
{
	char difference[UNITS_TEXT];

	if (ahead_ms > -TOLD_FROM_MS && ahead_ms < TOLD_FROM_MS)
		return;
	units_format_elapsed(ahead_ms < 0 ? -ahead_ms : ahead_ms, difference);
	log_write(log, TOCSIN_LOG_INFO, "store",
		  "the system's clock was set %s by %s; waits and ages go on as if it had not been",
		  ahead_ms < 0 ? "back" : "forward", difference);
}

int store_clock_load(struct store_clock *clock, const struct transaction *transaction,
		     struct log *log)
{
	const struct tocsin_store_ops *ops = transaction->ops;
	char boot[STORE_CLOCK_BOOT], *kept = NULL;
	int64_t now = clock_boot_ms(), wall = clock_wall_ms();
	int result = ops->begin(transaction->state, wall);

	if (result < 0)
		return result;
	result = ops->load(transaction->state, STORE_CORE, "clock", &kept);
	ops->rollback(transaction->state); /* nothing was written */
	if (result < 0 && result != -ENOENT)
		return result;
	read_boot(boot);
	store_clock_start(clock, kept, boot, now, wall);
	free(kept);
	report_difference(wall - store_clock_ms(clock, now), log);
	return 0;
}

int store_clock_keep(struct store_clock *clock, const struct transaction *transaction)
{
	int64_t now = clock_boot_ms();
	char text[STORE_CLOCK_TEXT];

	if (now < clock->keep_at_ms)
		return 0;
	clock->keep_at_ms = now + STORE_CLOCK_KEEP_MS;
	store_clock_write(clock, now, text);
	return transaction->ops->save(transaction->state, STORE_CORE, "clock", text);
}

void store_clock_rolled_back(struct store_clock *clock)
{
	clock->keep_at_ms = 0;
}
