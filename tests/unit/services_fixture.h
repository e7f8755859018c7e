/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A channel of every service that is shipped, and what it would send: settings are read as the
 * daemon reads them, templates are evaluated by the real process.
 */
#ifndef SERVICES_FIXTURE_H
#define SERVICES_FIXTURE_H

#include <tocsin/plugin.h>

#include "../../plugins/channels/webhook/request.h"
#include "engine/settings.h"
#include "template/renderer.h"

#define SERVICES_NOW_MS INT64_C(1763476245123) /* 2025-11-18T14:30:45.123Z */

/* For cmocka_run_group_tests. */
int services_set_up(void **state);
int services_tear_down(void **state);

/* After services_set_up: one channel per service, of its name. */
const struct settings *services_settings(void);
/* A file of tests/services. */
void services_path(char path[640], const char *name);

/* A channel at work. */
struct service_trial {
	const struct channel_settings *channel;
	struct renderer_program *program;
	struct rendering *rendering;
	struct assembly assembly;
};
void service_trial_begin(struct service_trial *trial, const struct channel_settings *channel);
void service_trial_end(struct service_trial *trial);
/* The request for this delivery, valid until the next one. A template that fails, or a refusal,
 * fails the test. */
void service_trial_request(struct service_trial *trial, struct tocsin_delivery *delivery,
			   struct tocsin_request *request);

#endif
