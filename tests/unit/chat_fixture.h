/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of all chats do: texts of any length, texts of an attacker, and messages while
 * memory is short. Link it with the plugin's own sources, and with hostile, scarce and the fake host.
 */
#ifndef CHAT_FIXTURE_H
#define CHAT_FIXTURE_H

#include <stddef.h>

#include "fake_host.h"

/* Of n letters, each of which may need an escape, more bytes or two units. For the caller to free(). */
char *chat_letters(size_t n, const char *letter);

/* Hands in alerts with each hostile text in each slot; post judges what was made of them. */
void chat_each_hostile(void (*post)(struct fake_alert *fake));

/* A message, and all that it depends on. */
struct chat_message {
	struct fake_alert fake;
	const void *config;
	const struct tocsin_reply *reply; /* NULL: 200 ok */
	const char *note;                 /* that the channel recalls; NULL: none */
	char wanted[sizeof(((struct tocsin_self *)0)->body)]; /* its body, once it has been swept */
};

/* Makes it with memory, and then with each allocation failing: the whole message goes out, or none
 * and the core is to try again. */
void chat_sweep(struct chat_message *message, const char *name);

#endif
