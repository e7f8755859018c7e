/* SPDX-License-Identifier: Apache-2.0 */
/* When a check runs next: an interval counts on the boot clock, a schedule on the wall clock. */
#include "threshold.h"

/* Always the same for a name (FNV-1a), so that a restart does not move it. */
static int64_t offset_of(const struct check_config *config)
{
	uint32_t hash = 2166136261u;

	if (config->jitter <= 0)
		return 0;
	for (const char *c = config->name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return hash % (config->jitter + 1);
}

static int64_t from_schedule(const struct check *check, const struct tocsin_host *host,
			     int64_t after_ms)
{
	int64_t jitter = offset_of(check->config);
	int64_t next =
		host->next(check->config->schedule, check->config->timezone, after_ms - jitter);

	return next == INT64_MAX ? next : next + jitter;
}

void due_first(const struct check_config *config, const struct tocsin_host *host, struct check *c)
{
	int64_t now = steady_wall_ms();

	/* What was due while nobody was there is due now, once. A time to come is of a clock that was
	 * set back since. */
	if (c->until_ms <= 0 || c->until_ms > now)
		c->until_ms = now;
	c->due_ms = config->schedule ? from_schedule(c, host, c->until_ms) : steady_boot_ms();
}

void due_next(struct check *check, const struct config *config, const struct tocsin_host *host)
{
	int64_t every = check->config->every > 0 ? check->config->every : config->every;
	int64_t now = steady_boot_ms();

	check->until_ms = steady_wall_ms();
	if (check->config->schedule) {
		check->due_ms = from_schedule(check, host, steady_wall_ms());
		return;
	}
	if (!check->ran)
		check->due_ms += offset_of(check->config);
	/* Runs that were too late for their turn are left out, the rhythm stays. */
	check->due_ms += (now - check->due_ms) / every * every + every;
}

void due_again(struct check *check, const struct tocsin_host *host)
{
	if (check->config->schedule)
		check->due_ms = from_schedule(check, host, steady_wall_ms());
}

int64_t due_in_ms(const struct check *check, int64_t boot_ms, int64_t wall_ms)
{
	int64_t now = check->config->schedule ? wall_ms : boot_ms;

	if (check->paused || check->due_ms == INT64_MAX)
		return INT64_MAX;
	return check->due_ms > now ? check->due_ms - now : 0;
}

int64_t due_wall_ms(const struct check *check)
{
	if (check->paused || check->due_ms == INT64_MAX)
		return 0;
	if (check->config->schedule)
		return check->due_ms;
	return steady_wall_ms() + (check->due_ms - steady_boot_ms());
}
