/* SPDX-License-Identifier: Apache-2.0 */
/* The exec channel as its tests configure it: each script one run. */
#ifndef EXEC_SETTING_H
#define EXEC_SETTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/channels/exec/exec.h"
#include "fake_host.h"

static const char *const zero[] = {"0"}, *const tempfail[] = {"75"}, *const unavailable[] = {"69"};

/* As the presets have it; the command is a script for /bin/sh. */
struct setting {
	const char *command[4];
	struct exec_config config;
};

static inline void setting_init(struct setting *setting, const char *script)
{
	*setting = (struct setting){
		.command = {"/bin/sh", "-c", script},
		.config =
			{
				.directory = "/",
				.status = {.delivered = {zero, 1},
					   .retry = {tempfail, 1},
					   .unavailable = {unavailable, 1},
					   .otherwise = EXEC_REJECTED,
					   .killed = EXEC_RETRY},
				.time_limit = 30000,
				.kill_after = 5000,
			},
	};
	setting->config.command = (struct tocsin_strings){setting->command, 3};
}

/* One run of a script; what became of it. */
static inline const struct fake_done *run_with(struct setting *setting, struct fake_alert *fake)
{
	const struct fake_done *done;
	void *state;

	fake_reset();
	state = fake_open(&setting->config);
	done = fake_deliver(state, fake);
	tocsin_plugin.channel->close(state);
	return done;
}

static inline const struct fake_done *run_script(const char *script)
{
	static struct setting setting;
	static struct fake_alert fake;

	setting_init(&setting, script);
	fake_alert_init(&fake, "disk is full");
	return run_with(&setting, &fake);
}

static inline void assert_output(const char *wanted)
{
	assert_string_equal(fake_self()->output, wanted);
}

static inline void assert_why(const struct fake_done *done, const char *word)
{
	if (!strstr(done->why, word))
		fail_msg("'%s' not in: %s", word, done->why);
}

#endif
