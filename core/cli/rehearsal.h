/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/rehearsal: what a channel would send for an alert, without sending it: its
 * plugin works in this process with a host that keeps requests instead of making them.
 */
#ifndef CLI_REHEARSAL_H
#define CLI_REHEARSAL_H

#include "alert/alert.h"
#include "cli/offline.h"
#include "engine/decide.h"
#include "template/renderer.h"

/* The alert that the command line means: a stored one (--alert), one from a file or standard input
 * (--file), one made of --label and its like, else one as 'tocsin test' sends. STATUS_DONE and
 * *alert, or the exit status after telling why. channel is a label of a test, may be NULL. */
int rehearsal_alert(struct cli *cli, const struct offline *offline, const char *channel,
		    struct alert **alert);

/* One delivery that is not made. */
struct rehearsal {
	struct tocsin_delivery pub;     /* first, so that it can be cast back */
	struct cli *cli;
	const struct offline *offline;
	const struct channel_settings *channel;
	const struct template_set *set; /* NULL: the channel has no templates */
	struct rendering *rendering;
	size_t errors;                  /* templates that failed */
	char key[33];
	json_t *requests;               /* [{"method","url","headers":{},"body"}], secrets masked */
	char *preview;                  /* of channels that do not post; masked */
	enum tocsin_outcome outcome;    /* when the plugin decided by itself; else 0 */
	char why[256];
};

/* Renders the templates of the channel for this decision; renderer is made by the first. STATUS_DONE,
 * or STATUS_NO after telling why. Everything is borrowed until rehearsal_done. */
int rehearsal_begin(struct rehearsal *rehearsal, struct cli *cli, const struct offline *offline,
		    struct renderer **renderer, const struct decision *decision,
		    const struct alert *alert);
void rehearsal_done(struct rehearsal *rehearsal);

/* Has the plugin make its requests or its preview. STATUS_DONE, or STATUS_NO after telling why. */
int rehearsal_run(struct rehearsal *rehearsal);

/* cmd_test_dry.c: tocsin test CHANNEL --dry-run. The exit status. */
int test_dry_run(struct cli *cli, const char *channel);

#endif
