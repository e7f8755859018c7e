/* SPDX-License-Identifier: Apache-2.0 */
/* cli/offline: plugins and configuration for commands that need no daemon. */
#ifndef CLI_OFFLINE_H
#define CLI_OFFLINE_H

#include "cli/cli.h"
#include "config/problems.h"
#include "config/service.h"
#include "engine/settings.h"
#include "plugin/loader.h"

struct offline {
	struct loader *loader;
	struct settings *settings; /* NULL until loaded, or not valid */
	struct problems problems;  /* of the configuration */
	struct log *log;           /* standard error, warnings and errors; knows the secrets */
	struct services services;  /* of offline_services */
	struct arena *arena;       /* what they are made of */
};

/* Loads the plugins of --plugins (else of the installation); those refused are told on standard
 * error. STATUS_DONE, or the exit status after telling why. */
int offline_plugins(struct cli *cli, struct offline *offline);
/* As offline_plugins, and reads the configuration directory. STATUS_DONE also when it is not valid:
 * then settings is NULL and problems says why. */
int offline_settings(struct cli *cli, const char *directory, struct offline *offline);
/* As offline_settings; what is wrong is printed, and the result STATUS_NO. */
int offline_valid(struct cli *cli, struct offline *offline);
/* Reads the services of --services (else of the installation); what is wrong with them is told on
 * standard error, and the rest is there. STATUS_DONE, or the exit status when memory is short. */
int offline_services(struct cli *cli, struct offline *offline);
void offline_done(struct offline *offline);

/* Every problem, one a line. */
void offline_print_problems(struct buffer *out, const struct problems *problems);

#endif
