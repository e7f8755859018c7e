/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as data. A plugin describes each key of its configuration once, in a
 * table; the core parses, checks and documents from it. The plugin receives a
 * filled struct and never parses anything.
 *
 *	struct config {
 *		const char *host;
 *		int64_t port;
 *	};
 *	static const struct tocsin_option options[] = {
 *		TOCSIN_OPTION(STRING, struct config, host, .required = true,
 *			      .help = "Name or address of the server."),
 *		TOCSIN_OPTION(INT, struct config, port, .preset = "25", .min = 1, .max = 65535,
 *			      .help = "TCP port."),
 *	};
 *
 * Strings, lists and maps in the struct belong to the core and live as long as
 * the instance.
 */
#ifndef TOCSIN_OPTION_H
#define TOCSIN_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/alert.h>

enum tocsin_option_type {       /* C type of the field; form in YAML */
	TOCSIN_STRING = 1,      /* const char *; text, NULL when absent */
	TOCSIN_SECRET,          /* const char *; masked everywhere, ${env:} ${file:} ${cred:} */
	TOCSIN_URL,             /* const char *; http:// or https:// */
	TOCSIN_SECRET_URL,      /* const char *; a URL that is itself a secret */
	TOCSIN_INT,             /* int64_t; bounded by min and max when max > min */
	TOCSIN_BOOL,            /* bool; true or false */
	TOCSIN_DURATION,        /* int64_t, milliseconds; 300ms 5s 10m 2h 1d 1w, 1h30m */
	TOCSIN_SIZE,            /* int64_t, bytes; 512 64KiB 10MB */
	TOCSIN_RATE,            /* struct tocsin_rate; 5/s 30/m 1000/h, "unlimited" */
	TOCSIN_CHOICE,          /* int64_t, index into choices */
	TOCSIN_STRINGS,         /* struct tocsin_strings; one text or a list */
	TOCSIN_MAP,             /* struct tocsin_map; name: value, in the order written */
	TOCSIN_QUERY,           /* const char *; one SQL statement or condition, trusted text */
	TOCSIN_PATH,            /* const char *; absolute path of a file or directory */
	TOCSIN_SECTION,         /* a nested struct, described by options and option_count */
	TOCSIN_TEMPLATE,        /* const struct tocsin_template *; a text that may hold {{ jq }};
				   host->text gives what it says for a delivery */
	TOCSIN_STRUCTURE,       /* const struct tocsin_template *; any YAML value whose texts may
				   hold {{ jq }}; host->text gives it as JSON */
	TOCSIN_SECTIONS,        /* struct tocsin_sections; a list of sections, each one struct
				   described by options and option_count */
	TOCSIN_SCHEDULE,        /* const struct tocsin_schedule *; when something is to happen: a cron
				   expression, "every 5m", a calendar expression; NULL when absent */
	TOCSIN_ZONE,            /* const struct tocsin_zone *; Europe/Berlin, UTC, local */
};

/*
 * What happens to each value that a template puts into its text. Whatever stands in the template
 * itself is its author's and stays as it is; {{ ... | unsafe }} takes a value as it is, too.
 */
enum tocsin_escape {
	TOCSIN_ESCAPE_NONE,     /* nothing: the channel treats the whole as text and escapes it */
	TOCSIN_ESCAPE_LINE,     /* controls and line breaks become spaces */
	TOCSIN_ESCAPE_HTML,     /* & < > " ' as entities */
	TOCSIN_ESCAPE_URI,      /* percent-encoded but for letters, digits and - . _ ~ */
	TOCSIN_ESCAPE_MRKDWN,   /* of Slack: & < > as entities */
	TOCSIN_ESCAPE_MARKDOWN, /* a backslash before what Markdown gives a meaning; < > & @ too */
};

struct tocsin_template;

/* What a plugin sees of a time zone and of a schedule; host->next and host->local know the rest. */
struct tocsin_zone {
	const char *name;               /* Europe/Berlin */
};

struct tocsin_schedule {
	const char *text;               /* as it was written */
	const struct tocsin_zone *zone; /* its own, which goes before any other; NULL: it names none */
};

/* At most `count` in any `per_ms`; count 0 is unlimited. */
struct tocsin_rate {
	int64_t count;
	int64_t per_ms;
};

/* Structs one after the other; nothing of them is NULL when n is not 0. */
struct tocsin_sections {
	const void *item;
	size_t n;
};

struct tocsin_option {
	size_t size;                  /* set by the macro */
	enum tocsin_option_type type;
	const char *name;             /* the key in YAML */
	size_t offset;                /* of the field in the plugin's struct */
	const char *help;             /* one or more sentences; shown in the manual page */
	const char *preset;           /* the default, written as in YAML; NULL: zero */
	bool required;
	int64_t min, max;             /* INT, DURATION, SIZE: bounds when max > min */
	const char *const *choices;   /* CHOICE: NULL-terminated */
	const struct tocsin_option *options; /* SECTION, SECTIONS: the nested table, offsets from the
						start of the nested struct */
	size_t option_count;
	const char *example;          /* a value for the documentation; NULL: the preset */
	enum tocsin_escape escape;    /* TEMPLATE */
	bool text;                    /* TEMPLATE: what people read; `templates:` of a channel or a
					 route may give another one by the option's name */
	size_t item_size;             /* SECTIONS: of the nested struct */
};

/* Zero if the field has the C type that the kind needs, else a compile error. */
#define TOCSIN_TYPE_STRING const char *
#define TOCSIN_TYPE_SECRET const char *
#define TOCSIN_TYPE_URL const char *
#define TOCSIN_TYPE_SECRET_URL const char *
#define TOCSIN_TYPE_INT int64_t
#define TOCSIN_TYPE_BOOL bool
#define TOCSIN_TYPE_DURATION int64_t
#define TOCSIN_TYPE_SIZE int64_t
#define TOCSIN_TYPE_RATE struct tocsin_rate
#define TOCSIN_TYPE_CHOICE int64_t
#define TOCSIN_TYPE_STRINGS struct tocsin_strings
#define TOCSIN_TYPE_MAP struct tocsin_map
#define TOCSIN_TYPE_QUERY const char *
#define TOCSIN_TYPE_PATH const char *
#define TOCSIN_TYPE_TEMPLATE const struct tocsin_template *
#define TOCSIN_TYPE_STRUCTURE const struct tocsin_template *
#define TOCSIN_TYPE_SECTIONS struct tocsin_sections
#define TOCSIN_TYPE_SCHEDULE const struct tocsin_schedule *
#define TOCSIN_TYPE_ZONE const struct tocsin_zone *
#define TOCSIN_FIELD(kind, structure, field) \
	(offsetof(structure, field) + \
	 _Generic(((structure *)0)->field, TOCSIN_TYPE_##kind: (size_t)0))

/* An option whose key is the name of the field. */
#define TOCSIN_OPTION(kind, structure, field, ...) \
	TOCSIN_OPTION_AS(#field, kind, structure, field, __VA_ARGS__)

/* An option whose key differs from the field (a C keyword, for instance). */
#define TOCSIN_OPTION_AS(key, kind, structure, field, ...) \
	{ .size = sizeof(struct tocsin_option), .type = TOCSIN_##kind, .name = key, \
	  .offset = TOCSIN_FIELD(kind, structure, field), __VA_ARGS__ }

/* A nested section, described by its own array of options. */
#define TOCSIN_OPTION_SECTION(structure, field, table, ...) \
	{ .size = sizeof(struct tocsin_option), .type = TOCSIN_SECTION, .name = #field, \
	  .offset = offsetof(structure, field), .options = (table), \
	  .option_count = sizeof(table) / sizeof((table)[0]), __VA_ARGS__ }

/* A list of sections, each filled into one `item`. */
#define TOCSIN_OPTION_SECTIONS(structure, field, table, item, ...) \
	{ .size = sizeof(struct tocsin_option), .type = TOCSIN_SECTIONS, .name = #field, \
	  .offset = TOCSIN_FIELD(SECTIONS, structure, field), .options = (table), \
	  .option_count = sizeof(table) / sizeof((table)[0]), .item_size = sizeof(item), \
	  __VA_ARGS__ }

#endif
