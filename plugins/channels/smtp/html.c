/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text/html part. Mail readers drop scripts and styles from elsewhere, many also the styles in
 * the head, and some know no layout but tables: so styles stand in the elements, nothing is fetched,
 * and the head has only what may be lost, the colours of a dark screen. Each colour of a text comes
 * with that of its ground, because some readers turn both round.
 */
#include <stdio.h>
#include <stdlib.h>

#include "content.h"

#define TABLE "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\""
#define INK "#1f2328"
#define FAINT "#59616a"
#define LINE "#dfe3e8"
#define BLUE "#1a56b0"

static const char head_before_title[] =
	"<!DOCTYPE html>\r\n<html><head><meta charset=\"utf-8\">\r\n"
	"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\r\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\r\n<title>";
static const char head_after_title[] =
	"</title>\r\n<style>@media (prefers-color-scheme:dark){\r\n"
	".b{background-color:#14161a!important}.c{background-color:#22262b!important}\r\n"
	".t{color:#eceff1!important}.m{color:#aab2ba!important}\r\n"
	".r{border-color:#3c4249!important}.l{color:#8ab4f8!important}}</style></head>\r\n"
	"<body class=\"b\" style=\"margin:0;padding:0;background-color:#eef0f3\">\r\n" TABLE
	" class=\"b\" width=\"100%\" style=\"background-color:#eef0f3\"><tr>"
	"<td align=\"center\" style=\"padding:16px 8px\">\r\n" TABLE
	" class=\"c t\" width=\"100%\" style=\"max-width:600px;background-color:#ffffff;color:" INK
	";font-family:'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:15px;"
	"line-height:22px;text-align:left;word-break:break-word;border-top:6px solid #";
static const char card[] = "\"><tr><td style=\"padding:20px 24px\">\r\n";
static const char tail[] = "</td></tr></table>\r\n</td></tr></table></body></html>\r\n";

/* Black or white, whichever can be read on the colour (six hex digits). */
static const char *ink_on(const char *color)
{
	unsigned long rgb = strtoul(color, NULL, 16);
	unsigned long light = 299 * (rgb >> 16) + 587 * (rgb >> 8 & 255) + 114 * (rgb & 255);

	return light > 120000 ? INK : "#ffffff";
}

static void put_badge(struct sheet *out, const struct tocsin_alert *alert)
{
	static const char badge[] = "<span style=\"display:inline-block;padding:1px 10px;"
				    "border-radius:4px;font-size:12px;font-weight:bold;"
				    "background-color:#";
	const char *color = notice_color(alert);

	sheet_texts(out, badge, color, ";color:", ink_on(color), "\">", notice_emoji(alert),
		    "&nbsp;", notice_heading(alert), "</span>\r\n");
}

static void put_title(struct sheet *out, const char *title)
{
	sheet_text(out, "<h1 style=\"margin:10px 0 8px;font-size:20px;line-height:26px\">");
	sheet_html(out, title, " ");
	sheet_text(out, "</h1>\r\n");
}

static void put_paragraph(struct sheet *out, const char *before, const char *text,
			  const char *after)
{
	if (!text)
		return;
	sheet_texts(out, "<p style=\"margin:0 0 16px;white-space:pre-wrap\">", before);
	sheet_html(out, text, "<br>");
	sheet_texts(out, after, "</p>\r\n");
}

static void put_anchor(struct sheet *out, const char *url, const char *attributes,
		       const char *title)
{
	sheet_text(out, "<a href=\"");
	sheet_html(out, url, "");
	sheet_texts(out, "\" ", attributes, ">");
	sheet_html(out, title, " ");
	sheet_text(out, "</a>");
}

/* The first one filled, in a cell, which Outlook can paint; the others in a row that wraps. */
static void put_buttons(struct sheet *out, const struct smtp_content *content)
{
	size_t i = 0;

	if (content->has_link) {
		sheet_text(out, TABLE " style=\"margin:0 0 12px\"><tr><td bgcolor=\"" BLUE
				      "\" style=\"border-radius:5px\">");
		put_anchor(out, content->link[i++].url,
			   "style=\"display:inline-block;padding:9px 20px;border-radius:5px;"
			   "background-color:" BLUE
			   ";color:#ffffff;font-weight:bold;text-decoration:none\"",
			   content->link[0].title);
		sheet_text(out, "</td></tr></table>\r\n");
	}
	if (i == content->n_links)
		return;
	sheet_text(out, "<p style=\"margin:0 0 8px\">");
	for (; i < content->n_links; i++) {
		put_anchor(out, content->link[i].url,
			   "class=\"l r\" style=\"display:inline-block;margin:0 6px 8px 0;"
			   "padding:4px 14px;border:1px solid " LINE
			   ";border-radius:5px;color:" BLUE ";text-decoration:none\"",
			   content->link[i].title);
		sheet_text(out, "\r\n");
	}
	sheet_text(out, "</p>\r\n");
}

static void put_row(struct sheet *out, const char *name, const char *value)
{
	sheet_text(out, "<tr valign=\"top\"><td class=\"m r\" width=\"30%\" style=\""
			"border-top:1px solid " LINE ";color:" FAINT "\">");
	sheet_html(out, name, " ");
	sheet_text(out, "</td><td class=\"r\" style=\"border-top:1px solid " LINE "\">");
	sheet_html(out, value, "<br>");
	sheet_text(out, "</td></tr>\r\n");
}

/* Of fixed widths: long words break rather than make the mail wider than a telephone. */
static const char rows[] = "<table class=\"t\" width=\"100%\" cellpadding=\"6\" cellspacing=\"0\""
			   " border=\"0\" style=\"table-layout:fixed;font-size:14px;"
			   "line-height:20px;color:" INK "\">\r\n";

static void put_details(struct sheet *out, const struct smtp_content *content)
{
	const struct tocsin_map *maps[] = {&content->alert->labels, &content->alert->annotations};
	struct notice_field own[NOTICE_FIELDS];
	size_t n = notice_fields(content->alert, own);

	sheet_text(out, rows);
	put_row(out, "Time", content->time);
	put_row(out, "Severity", notice_severity(content->alert->severity));
	if (content->metric)
		put_row(out, "Metric value", content->metric);
	for (size_t i = 0; i < n; i++)
		put_row(out, own[i].title, own[i].value);
	for (size_t map = 0; n == 0 && map < TOCSIN_COUNT(maps); map++) {
		for (size_t i = 0; i < maps[map]->n; i++) {
			const struct tocsin_pair *pair = &maps[map]->pair[i];

			if (smtp_is_detail(content, pair))
				put_row(out, pair->name, pair->value);
		}
	}
	sheet_text(out, "</table>\r\n");
}

/* One of the alerts of a digest. */
static void put_item(struct sheet *out, const struct tocsin_alert *alert)
{
	char time[NOTICE_TIME_SIZE], brief[SMTP_BRIEF_SIZE];
	const char *message = smtp_brief(alert, brief);
	struct notice_link link;

	sheet_text(out,
		   "<tr><td class=\"r\" style=\"padding:12px 0;border-top:1px solid " LINE "\">");
	put_badge(out, alert);
	sheet_texts(out, "<span class=\"m\" style=\"color:" FAINT "\">&nbsp;",
		    notice_local_time(notice_time_ms(alert), time), "</span><br>\r\n<b>");
	if (smtp_own_link(alert, &link))
		put_anchor(out, link.url, "class=\"l\" style=\"color:" BLUE "\"",
			   notice_title(alert));
	else
		sheet_html(out, notice_title(alert), " ");
	sheet_text(out, "</b>");
	if (message) {
		sheet_text(out, "<br>\r\n");
		sheet_html(out, message, "<br>");
	}
	sheet_text(out, "</td></tr>\r\n");
}

static void put_items(struct sheet *out, const struct smtp_content *content)
{
	sheet_text(out, rows);
	for (size_t i = 0; i < content->n_folded; i++)
		put_item(out, content->folded[i]);
	sheet_text(out, "</table>\r\n");
}

/* To a person: what to do, and where; the address also as text, for readers that show no links. */
static void put_letter(struct sheet *out, const struct smtp_content *content)
{
	put_title(out, content->title);
	put_paragraph(out, "Hello ", content->recipient, ",");
	put_paragraph(out, "", content->message, "");
	put_paragraph(out, "", content->instructions, "");
	put_buttons(out, content);
	if (content->has_link) {
		sheet_text(out, "<p class=\"m\" style=\"margin:8px 0 0;font-size:13px;"
				"line-height:18px;word-break:break-all;color:" FAINT
				"\">Or open this address:<br>\r\n");
		put_anchor(out, content->link[0].url, "class=\"l\" style=\"color:" BLUE "\"",
			   content->link[0].url);
		sheet_text(out, "</p>\r\n");
	}
}

void smtp_put_html(struct sheet *out, const struct smtp_content *content)
{
	sheet_text(out, head_before_title);
	sheet_html(out, content->title, " ");
	sheet_texts(out, head_after_title, notice_color(content->alert), card);
	if (content->recipient && content->n_folded == 0) {
		put_letter(out, content);
	} else {
		put_badge(out, content->alert);
		put_title(out, content->title);
		put_paragraph(out, "", content->message, "");
		put_paragraph(out, "", content->instructions, "");
		put_buttons(out, content);
		if (content->n_folded > 0)
			put_items(out, content);
		else
			put_details(out, content);
	}
	sheet_text(out, tail);
}
