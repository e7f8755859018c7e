/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core of one page for tests of channel plugins: it keeps what a plugin logs, posts and
 * completes. Link it with the plugin's own sources.
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <tocsin/plugin.h>

#define FAKE_DONE_MAX 64

extern const struct tocsin_plugin tocsin_plugin;

struct fake_done {
	const struct tocsin_delivery *delivery;
	enum tocsin_outcome outcome;
	int64_t retry_after_ms;
	char why[512];
};

struct tocsin_self {
	struct fake_done done[FAKE_DONE_MAX];
	size_t n;
	char log[65536];  /* "LEVEL text\n" */
	char body[65536]; /* of the last request posted */
	char url[512];
	struct tocsin_request request;
	const struct tocsin_reply *reply; /* what post answers; NULL: 200 ok */
	char note[4096];  /* of the last delivery that had one, and what recall gives */
	char output[8192];
	struct {
		const struct tocsin_template *template;
		const char *text;
	} text[16];       /* what host->text says; see fake_text */
	size_t n_texts;
};

/* There is one fake at a time; done and post do not say which instance calls. */
struct tocsin_self *fake_self(void);
extern const struct tocsin_host fake_host;

/* Everything forgotten. */
void fake_reset(void);
/* The setup of a group of tests whose local time is UTC. */
int fake_in_utc(void **unused);
/* Opens the plugin under test; fails the test when that fails. */
void *fake_open(const void *config);

/* A template for a field of the plugin's options, and what it says for every delivery. */
const struct tocsin_template *fake_text(const char *text);

/* A delivery of an alert with one label, site=www.example.com. */
struct fake_alert {
	struct tocsin_pair labels[8], annotations[8];
	struct tocsin_alert alert;
	struct tocsin_delivery delivery;
};
void fake_alert_init(struct fake_alert *fake, const char *summary);
void fake_label(struct fake_alert *fake, const char *name, const char *value);
void fake_annotate(struct fake_alert *fake, const char *name, const char *value);
/* Hands the delivery to the plugin and returns what became of it. */
const struct fake_done *fake_deliver(void *state, struct fake_alert *fake);

/* A directory that is empty, below the temporary one; fake_remove removes what is in it. */
char *fake_directory(char path[64]);
void fake_remove(const char *path);
/* The whole of a file, for the caller to free(). */
char *fake_read(const char *path);

#endif
