/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"

#include <string.h>
#include <strings.h>

/* Names that mean something to a mail: what they hold is said in its place. */
static const char *const places[] = {
	"button",     "dashboard_url",  "generator_url", "instructions", "link",
	"link_title", "recipient_name", "runbook_url",   "subject",
};

const char *smtp_value(const struct tocsin_alert *alert, const char *name)
{
	const char *value = notice_value(&alert->annotations, name);

	return value ? value : notice_value(&alert->labels, name);
}

static void add_link(struct smtp_content *content, const char *title, const char *url)
{
	/* the rule for links is that of the alert's own */
	const struct tocsin_alert alert = {.link = url};

	if (notice_link(&alert))
		content->link[content->n_links++] = (struct smtp_link){title, url};
}

static void add_links(struct smtp_content *content, const struct tocsin_alert *alert)
{
	static const struct smtp_link further[] = {
		{"Runbook", "runbook_url"},
		{"Dashboard", "dashboard_url"},
		{"Source", "generator_url"},
	};
	const char *title = smtp_value(alert, "link_title");

	if (!title)
		title = smtp_value(alert, "button");
	add_link(content, title ? title : "Open",
		 alert->link ? alert->link : smtp_value(alert, "link"));
	content->has_link = content->n_links > 0;
	for (size_t i = 0; i < TOCSIN_COUNT(further); i++)
		add_link(content, further[i].title, smtp_value(alert, further[i].url));
}

void smtp_content_init(struct smtp_content *content, const struct tocsin_delivery *delivery,
		       const struct smtp_words *words)
{
	const struct tocsin_alert *alert = delivery->alert;

	*content = (struct smtp_content){
		.alert = alert,
		.folded = delivery->folded,
		.n_folded = delivery->folded ? delivery->n_folded : 0,
		.title = words->title ? words->title : notice_title(alert),
		.message = words->message ? words->message : notice_message(alert),
		.metric = notice_metric(alert),
		.instructions = smtp_value(alert, "instructions"),
		.recipient = smtp_value(alert, "recipient_name"),
	};
	add_links(content, alert);
	notice_local_time(notice_time_ms(alert), content->time);
}

bool smtp_is_detail(const struct smtp_content *content, const struct tocsin_pair *pair)
{
	for (size_t i = 0; i < TOCSIN_COUNT(places); i++) {
		if (strcmp(places[i], pair->name) == 0)
			return false;
	}
	return notice_is_detail(content->alert, pair);
}
