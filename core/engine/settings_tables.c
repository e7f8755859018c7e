/* SPDX-License-Identifier: Apache-2.0 */
/* engine/settings_tables: every option of the core itself, a setting a line. */
#include "delivery/digest.h"
#include "engine/settings_parts.h"
#include "policy/route_config.h"

#ifndef RUNSTATEDIR
#define RUNSTATEDIR "/run"
#endif

#ifndef LOCALSTATEDIR
#define LOCALSTATEDIR "/var"
#endif

#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define TABLE_ENTRIES(options) (options), sizeof(options) / sizeof((options)[0])
#define TABLE(options) \
	{ \
		TABLE_ENTRIES(options) \
	}

static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const formats[] = {"text", "json", NULL};
/* in the order of enum tocsin_severity */
static const char *const severities[] = {"debug", "info",     "notice",    "warning",
					 "error", "critical", "emergency", NULL};
static const char *const settle_choices[] = {"delivered", "accepted", NULL};

static const struct tocsin_option store_options[] = {
	TOCSIN_OPTION(STRING, struct store_keys, type, .required = true, .example = "sqlite",
		      .help = "The store plugin. Its own keys stand beside this one."),
};

static const struct tocsin_option api_options[] = {
	TOCSIN_OPTION(
		STRING, struct api_keys, mode, .preset = "0660", .example = "\"0660\"",
		.help = "Permissions of the socket, in octal. Whoever may write to it can send "
			"alerts and administer the daemon."),
	TOCSIN_OPTION(
		STRING, struct api_keys, socket, .preset = RUNSTATEDIR "/tocsin/tocsin.sock",
		.help = "Path of the unix socket on which the daemon answers. Empty: none; the "
			"command tocsin then cannot reach it."),
	TOCSIN_OPTION(
		STRING, struct api_keys, spool, .preset = LOCALSTATEDIR "/lib/tocsin/spool",
		.help = "Directory where pings and reports of jobs are put while the daemon cannot "
			"be reached, and handed in from. It is made when its parent is there; "
			"whoever may use the socket may use it. Empty: none."),
};

static const struct tocsin_option log_options[] = {
	TOCSIN_OPTION_AS("format", CHOICE, struct settings, log.format, .preset = "text",
			 .choices = formats,
			 .help = "Lines for people, or one JSON object a line."),
	TOCSIN_OPTION_AS("level", CHOICE, struct settings, log.level, .preset = "info",
			 .choices = levels, .help = "The least important lines that are written."),
};

static const struct tocsin_option dead_alerts_options[] = {
	TOCSIN_OPTION_AS("enabled", BOOL, struct settings, dead_alerts.enabled, .preset = "true",
			 .help = "Whether a delivery that is given up raises an alert."),
	TOCSIN_OPTION_AS("every", DURATION, struct settings, dead_alerts.every, .preset = "5m",
			 .min = 0, .max = 30 * DAY,
			 .help = "At most one alert for each channel in this time; the next one "
				 "says how many deliveries it is about."),
	TOCSIN_OPTION_AS("severity", CHOICE, struct settings, dead_alerts.severity,
			 .preset = "error", .choices = severities,
			 .help = "The severity of these alerts, by which routes choose."),
};

static const struct tocsin_option history_options[] = {
	TOCSIN_OPTION_AS("keep", DURATION, struct settings, history.keep, .preset = "30d", .min = 0,
			 .max = 36500 * DAY,
			 .help = "How long alerts stay after their last delivery was settled."),
	TOCSIN_OPTION_AS(
		"keep_dead", DURATION, struct settings, history.keep_dead, .preset = "90d",
		.min = 0, .max = 36500 * DAY,
		.help = "How long alerts with a delivery that was given up stay; until then "
			"they can be replayed."),
};

static const struct tocsin_option retry_options[] = {
	TOCSIN_OPTION(
		INT, struct retry_settings, attempts, .preset = "0", .min = 0, .max = 1000000,
		.help = "After so many attempts a delivery that the peer could not take now "
			"(retry) is given up; 1 leaves trying again to a source that does so "
			"itself, such as a queue. A channel that is not available, or that asks "
			"to wait, is tried on. 0: no limit."),
	TOCSIN_OPTION(DURATION, struct retry_settings, first, .preset = "1s", .min = 1, .max = DAY,
		      .help = "Pause before the second attempt; it doubles each time."),
	TOCSIN_OPTION(
		DURATION, struct retry_settings, give_up_after, .preset = "3d", .min = 0,
		.max = 3650 * DAY,
		.help = "When the next attempt would come later than this after the delivery was "
			"made (or replayed), it is given up: it is dead, kept, and can be "
			"replayed. A peer that asks for a longer wait than is left ends it at "
			"once."),
	TOCSIN_OPTION(DURATION, struct retry_settings, max, .preset = "15m", .min = 1,
		      .max = 30 * DAY, .help = "The longest pause between two attempts."),
};

static const struct tocsin_option at_once_options[] = {
	TOCSIN_OPTION(
		STRING, struct at_once_settings, label, .example = "user",
		.help = "The label by which deliveries are limited. Alerts without it are not."),
	TOCSIN_OPTION(INT, struct at_once_settings, most, .preset = "1", .min = 1, .max = 1000,
		      .help = "The most deliveries under way for one value of the label."),
};

static const struct tocsin_option digest_options[] = {
	TOCSIN_OPTION(DURATION, struct digest_settings, every, .preset = "0", .min = 0, .max = DAY,
		      .help = "Each alert waits so long for others, which then go out with it in "
			      "one message; earlier when `most` of them wait. 0: none waits."),
	TOCSIN_OPTION(INT, struct digest_settings, most, .preset = "100", .min = 2,
		      .max = DIGEST_MOST, .help = "The most alerts in one message."),
	TOCSIN_OPTION(
		INT, struct digest_settings, over, .preset = "0", .min = 0, .max = DIGEST_MOST - 1,
		.help = "When more alerts than this wait for a recipient, they are folded into "
			"one message. 0: however many wait, each goes out alone, unless "
			"`every` is given."),
};

/* `to` comes last: only channels with recipients have it. */
static const struct tocsin_option channel_options[] = {
	TOCSIN_OPTION(
		STRING, struct channel_common, type, .required = true, .example = "smtp",
		.help = "The channel plugin, or the service. Its own keys stand beside the ones "
			"listed here."),
	TOCSIN_OPTION_SECTION(
		struct channel_common, at_once_per, at_once_options,
		.help = "Limits how many deliveries are under way at once for each value of a "
			"label; others are delivered meanwhile. When a reload changes the channel, "
			"what the one before still has under way is not counted."),
	TOCSIN_OPTION(
		INT, struct channel_common, burst, .preset = "0", .min = 0, .max = 1000000,
		.help = "How many deliveries may go out at once before `rate` holds them back. "
			"0: what `rate` lets through in a second, at least one."),
	TOCSIN_OPTION(INT, struct channel_common, concurrency, .preset = "4", .min = 1, .max = 1000,
		      .help = "Deliveries under way at once, in channels that do not block. The "
			      "plugin may have another default."),
	{.size = sizeof(struct tocsin_option),
	 .type = TOCSIN_SECTION,
	 .name = "digest",
	 .offset = offsetof(struct channel_common, fold),
	 .options = digest_options,
	 .option_count = sizeof(digest_options) / sizeof(digest_options[0]),
	 .help = "Folds many alerts for one recipient into one message."},
	TOCSIN_OPTION(
		BOOL, struct channel_common, enabled, .preset = "true",
		.help = "Whether the channel notifies. What routes send to a channel that does "
			"not is recorded as suppressed."),
	TOCSIN_OPTION(
		STRING, struct channel_common, fallback, .example = "chat",
		.help = "The channel that gets what this one cannot deliver: each alert whose "
			"delivery is given up, and all that wait when this channel is not "
			"available for `fallback_after`."),
	TOCSIN_OPTION(
		DURATION, struct channel_common, fallback_after, .preset = "5m", .min = 0,
		.max = 30 * DAY,
		.help = "How long the channel must be unavailable (its breaker is not closed) "
			"before what waits and what comes in goes to the `fallback`."),
	TOCSIN_OPTION(RATE, struct channel_common, rate, .preset = "unlimited",
		      .help = "The most deliveries in a time. The plugin may have another default.",
		      .example = "30/m"),
	TOCSIN_OPTION_SECTION(struct channel_common, retry, retry_options,
			      .help = "When failed attempts are repeated."),
	TOCSIN_OPTION(BOOL, struct channel_common, send_resolved, .preset = "true",
		      .help = "Whether alerts that are over are notified, too."),
	TOCSIN_OPTION(STRUCTURE, struct channel_common, templates,
		      .example = "{title: \"[{{ .severity }}] {{ .title }}\"}",
		      .help = "Other words for what the channel sends: the name of a set of the "
			      "section templates, or a map of texts such as title and message. See "
			      "tocsin-templates(7)."),
	TOCSIN_OPTION(DURATION, struct channel_common, timeout, .preset = "30s", .min = 1,
		      .max = HOUR, .help = "The longest time of one attempt."),
	TOCSIN_OPTION(INT, struct channel_common, workers, .preset = "1", .min = 1, .max = 64,
		      .help = "Threads, each with an instance of its own, in channels that block "
			      "(one connection each). When a reload changes the channel, those "
			      "of the one before end what they have under way beside them."),
	TOCSIN_OPTION(STRINGS, struct channel_common, to, .example = "[ops@example.com]",
		      .help = "Recipients of alerts that name none; only in channels that have "
			      "recipients."),
};

/* Only to be described: which texts there are is up to the plugins. */
static const struct tocsin_option template_options[] = {
	{
		.size = sizeof(struct tocsin_option),
		.type = TOCSIN_TEMPLATE,
		.name = "message",
		.help = "What there is to say about it.",
		.example = "\"{{ .message // .title }}\"",
	},
	{
		.size = sizeof(struct tocsin_option),
		.type = TOCSIN_TEMPLATE,
		.name = "title",
		.help = "What it is about, in one line. Channels may have further texts; 'tocsin "
			"plugins show' names them.",
		.example = "\"[{{ .severity | ascii_upcase }}] {{ .title }}\"",
	},
};

static const struct tocsin_option source_options[] = {
	TOCSIN_OPTION(STRING, struct source_common, type, .required = true, .example = "postgres",
		      .help = "The source plugin. Its own keys stand beside the ones listed here."),
	TOCSIN_OPTION(BOOL, struct source_common, enabled, .preset = "true",
		      .help = "Whether the source runs."),
	TOCSIN_OPTION(MAP, struct source_common, labels, .example = "{team: web}",
		      .help = "Labels added to each alert of this source that lacks them."),
	TOCSIN_OPTION(CHOICE, struct source_common, settle_on, .preset = "delivered",
		      .choices = settle_choices,
		      .help = "When the source is told that an alert is done: when all deliveries "
			      "are settled, or as soon as it is accepted durably."),
	TOCSIN_OPTION(
		INT, struct source_common, window, .preset = "1000", .min = 1, .max = 1000000,
		.help = "Deliveries of this source that may wait for their first attempt in one "
			"channel; with more the source pauses."),
};

static const struct tocsin_option severities_options[] = {
	{
		.size = sizeof(struct tocsin_option),
		.type = TOCSIN_MAP,
		.name = "aliases",
		.help = "Further names of severities, each with the severity it stands for; case "
			"does not matter.",
		.example = "{blocker: critical}",
	},
};

const struct table table_store = TABLE(store_options);
const struct table table_api = TABLE(api_options);
const struct table table_log = TABLE(log_options);
const struct table table_dead_alerts = TABLE(dead_alerts_options);
const struct table table_history = TABLE(history_options);
const struct table table_channel = TABLE(channel_options);
const struct table table_source = TABLE(source_options);

const struct settings_section *settings_sections(size_t *n)
{
	static const struct settings_section sections[] = {
		{"api", "The unix socket on which the daemon answers; once.",
		 TABLE_ENTRIES(api_options)},
		{"channels", "Who notifies: a map of names to channels. Merged over all files.",
		 TABLE_ENTRIES(channel_options)},
		{"dead_alerts", "What is told of deliveries that were given up; once.",
		 TABLE_ENTRIES(dead_alerts_options)},
		{"default",
		 "The route of alerts that no other takes; once. Required when there are "
		 "channels.",
		 route_default_options, ROUTE_DEFAULT_OPTIONS},
		{"history", "How long settled alerts are kept; once.",
		 TABLE_ENTRIES(history_options)},
		{"log", "What the daemon writes to its log; once.", TABLE_ENTRIES(log_options)},
		{"routes",
		 "Which alerts go to which channels: a list, tried in order, joined over all "
		 "files in their order. The first that matches takes the alert.",
		 route_options, ROUTE_OPTIONS},
		{"services",
		 "Channels that are described by data: a map of names to services. Merged over "
		 "all files.",
		 NULL, 0},
		{"severities", "Further names of severities. Merged over all files.",
		 TABLE_ENTRIES(severities_options)},
		{"sources",
		 "Where alerts come from: a map of names to sources. Merged over all files. The names "
		 "api, test and tocsin are taken: alerts of the API, of tests and of tocsin itself "
		 "have them.",
		 TABLE_ENTRIES(source_options)},
		{"store", "Where alerts and deliveries are kept; required, once.",
		 TABLE_ENTRIES(store_options)},
		{"templates",
		 "Texts for channels and routes to use by name: a map of names to texts. Merged "
		 "over all files.",
		 TABLE_ENTRIES(template_options)},
	};

	*n = sizeof(sections) / sizeof(sections[0]);
	return sections;
}
