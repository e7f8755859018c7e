/* SPDX-License-Identifier: Apache-2.0 */
/* What a mail says, before it becomes text or HTML. Borrowed from the alert and the words. */
#ifndef SMTP_CONTENT_H
#define SMTP_CONTENT_H

#include "../../common/notice.h"
#include "smtp.h"

struct smtp_content {
	const struct tocsin_alert *alert;
	const struct tocsin_alert *const *folded; /* of a digest */
	size_t n_folded;
	const char *title;
	const char *message;      /* NULL: none, and so for the next three */
	const char *metric;
	const char *instructions;
	const char *recipient;    /* the name of a person: this is a letter to them, without the
				     details that concern those who run the service */
	struct notice_link link[NOTICE_LINKS]; /* the first is that of the alert, if it has one */
	size_t n_links;
	bool has_link;            /* the alert's own is there */
	char time[NOTICE_TIME_SIZE];
};

/* content.c */

void smtp_content_init(struct smtp_content *content, const struct tocsin_delivery *delivery,
		       const struct smtp_words *words);
/* What it is about in one line: its headline, or as everywhere. */
const char *smtp_title(const struct tocsin_alert *alert);
/* The link of the alert itself, without the title that it may be given; false: it has none. */
bool smtp_own_link(const struct tocsin_alert *alert, struct notice_link *link);
/* The message of one of the alerts of a digest: of a long one the beginning, in out. NULL: none. */
#define SMTP_BRIEF_SIZE 1024
const char *smtp_brief(const struct tocsin_alert *alert, char out[SMTP_BRIEF_SIZE]);
/* An annotation, else a label; NULL when there is none or it is empty. */
const char *smtp_value(const struct tocsin_alert *alert, const char *name);
/* Whether a label or annotation is to be listed: it is not said elsewhere in the mail. */
bool smtp_is_detail(const struct smtp_content *content, const struct tocsin_pair *pair);

/* text.c, html.c */

void smtp_put_text(struct sheet *out, const struct smtp_content *content);
void smtp_put_html(struct sheet *out, const struct smtp_content *content);

#endif
