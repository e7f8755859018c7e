/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"

#include <string.h>

#include "../../common/text.h"

/* Names that mean something to a mail: what they hold is said in its place. */
static const char *const places[] = {
	"button", "instructions", "link", "link_title", "recipient_name", "subject",
};

const char *smtp_value(const struct tocsin_alert *alert, const char *name)
{
	const char *value = notice_value(&alert->annotations, name);

	return value ? value : notice_value(&alert->labels, name);
}

bool smtp_own_link(const struct tocsin_alert *alert, struct notice_link *link)
{
	const struct tocsin_alert bare = {.link = alert->link};
	struct notice_link links[NOTICE_LINKS];
	bool found = notice_links(&bare, links) > 0;

	if (found)
		*link = links[0];
	return found;
}

const char *smtp_brief(const struct tocsin_alert *alert, char out[SMTP_BRIEF_SIZE])
{
	static const char more[] = " …";
	const char *message = notice_message(alert);
	size_t length;

	if (!message || strlen(message) < SMTP_BRIEF_SIZE)
		return message;
	length = text_prefix(message, SMTP_BRIEF_SIZE - sizeof(more));
	memcpy(out, message, length);
	memcpy(out + length, more, sizeof(more));
	return out;
}

const char *smtp_title(const struct tocsin_alert *alert)
{
	const char *headline = notice_headline(alert);

	return headline ? headline : notice_title(alert);
}

/* A row of a table may have its link as an annotation, too, and what the button says. */
static void find_links(struct smtp_content *content)
{
	struct tocsin_alert alert = *content->alert;
	const char *title = smtp_value(&alert, "link_title");

	if (!alert.link)
		alert.link = smtp_value(&alert, "link");
	content->n_links = notice_links(&alert, content->link);
	content->has_link = content->n_links > 0 && strcmp(content->link[0].title, "Open") == 0;
	if (!title)
		title = smtp_value(&alert, "button");
	if (title && content->has_link)
		content->link[0].title = title;
}

void smtp_content_init(struct smtp_content *content, const struct tocsin_delivery *delivery,
		       const struct smtp_words *words)
{
	const struct tocsin_alert *alert = delivery->alert;

	*content = (struct smtp_content){
		.alert = alert,
		.folded = delivery->folded,
		.n_folded = delivery->folded ? delivery->n_folded : 0,
		.title = words->title ? words->title : smtp_title(alert),
		.metric = notice_metric(alert),
		.instructions = smtp_value(alert, "instructions"),
		.recipient = smtp_value(alert, "recipient_name"),
	};
	/* that of a digest lists its alerts, which the mail does at greater length */
	content->message = words->message;
	if (!content->message && content->n_folded == 0)
		content->message = notice_message(alert);
	find_links(content);
	notice_local_time(notice_time_ms(alert), content->time);
}

bool smtp_is_detail(const struct smtp_content *content, const struct tocsin_pair *pair)
{
	for (size_t i = 0; i < TOCSIN_COUNT(places); i++) {
		if (strcmp(places[i], pair->name) == 0)
			return false;
	}
	return notice_is_detail(content->alert, pair) && !notice_is_link(content->alert, pair);
}
