/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict reader of mails, written apart from what makes them: the judge of what the smtp channel
 * sends. It asserts that a message is one to the letter of RFC 5322, 2045, 2046 and 2047, and that
 * its HTML has no element, attribute or style but ours.
 */
#ifndef MAIL_JUDGE_H
#define MAIL_JUDGE_H

#include <stddef.h>

struct judged_mail {
	char names[2048];       /* of the headers, one a line */
	char subject[4096];     /* unfolded and decoded */
	char *text, *html;      /* of the parts, decoded; html NULL: there is none */
	size_t tags[32];        /* how often each element begins, by its place in the judge's list */
	size_t buttons;         /* links */
};

void judge_mail(struct judged_mail *mail, const char *message);
void judged_mail_done(struct judged_mail *mail);
/* Asserts that the HTML is built as that of another mail was: but for <br> and links the same
 * elements. */
void judge_same_shape(const struct judged_mail *mail, const struct judged_mail *other);

#endif
