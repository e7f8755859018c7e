/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts that an attacker would put into an alert, for the tests of channels: mentions, links and
 * markup of every chat, header and line injection, HTML, JSON, templates, shells, paths, terminal
 * sequences, controls, text that runs backwards, invalid UTF-8, and all of these at the places
 * where texts are cut.
 *
 * A test puts each of them into every slot of an alert (hostile_fill), lets the channel make what
 * it would send, and judges that with a parser: nothing but text may have come from the data.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stddef.h>
#include <stdint.h>

#include "fake_host.h"

#define HOSTILE_TEXTS 5000

/* What follows depends on this number; TOCSIN_SEED in the environment gives another one. Printed. */
uint64_t hostile_seed(void);

/* Text number i (0 ... HOSTILE_TEXTS - 1), always the same for a seed; never empty, at most 64 KiB.
 * The first ones are the known attacks one by one, then come mixtures. For the caller to free(). */
char *hostile_text(uint64_t seed, size_t i);

/* An alert with the text in every slot that data can reach: names and values of labels and
 * annotations, the words, the link, the further links, and the source. Borrows the text. */
void hostile_fill(struct fake_alert *fake, const char *text);
/* The same, and it says how it is shown. */
void hostile_fill_shown(struct fake_alert *fake, const char *text);

#endif
