/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert/pattern: regular expressions whose cost is bounded whatever the text.
 *
 * The C library's regexec keeps every state it ever met (hostile texts make it
 * grow without end) and takes seconds and gigabytes for (a{1,100}){1,100};
 * backtracking engines are worse. Here an expression becomes a short program
 * that is run over all alternatives at once: each step is visited at most once
 * per character, so a match costs at most steps * (characters + 1) visits, and
 * nothing is allocated.
 *
 * POSIX extended syntax over UTF-8 characters, always anchored at both ends:
 * . [] [^] [[:alpha:]] () | * + ? {m,n} ^ $, and of the Perl dialect \d \w \s
 * \D \W \S \n \t \r (?:...) and (?i) in front (ASCII letters). Back-references,
 * look-around and word boundaries are refused.
 */
#ifndef ALERT_PATTERN_H
#define ALERT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define PATTERN_TEXT 1024   /* bytes of an expression */
#define PATTERN_STEPS 1024  /* steps of its program, after repetitions are written out */
#define PATTERN_REPEAT 1000 /* the highest m or n of {m,n} */
#define PATTERN_DEPTH 64    /* nested groups */

struct pattern; /* opaque, immutable: any number of threads may match with it */

/* 0; -EINVAL with the sentence, which says where in the text; -ENOMEM. */
int pattern_new(const char *text, struct pattern **pattern, struct error *err);
void pattern_free(struct pattern *pattern);

/* Does the whole text match? *visits (may be NULL) is set to the work that it took. */
bool pattern_matches(const struct pattern *pattern, const char *text, size_t *visits);

#endif
