/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/arguments: commands as data, and the command line read against them.
 * Pure: nothing is printed here.
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

struct cli;

struct option_row {
	const char *name;  /* long, without the dashes */
	char letter;       /* 0: none */
	const char *value; /* what stands for its value in help; NULL: it takes none */
	const char *help;
};

struct command {
	const char *name;        /* one or two words: "send", "dead list" */
	const char *operands;    /* as in help: "CHANNEL", "[ID]..."; "" for none */
	size_t least, most;      /* how many operands */
	const char *summary;     /* one line without a full stop */
	const char *description; /* sentences */
	const char *examples;    /* lines of two spaces, a command, and a remark */
	const char *no;          /* what exit status 1 means here; NULL: it does not occur */
	const char *status;      /* lines about the exit status in place of the usual ones, or NULL */
	size_t words;            /* after so many operands no word is an option; 0: any may be one */
	const struct option_row *option;
	size_t n_options;
	int (*run)(struct cli *cli);
};

/* Options of every command that talks to the daemon, and of every one that does not. */
/* clang-format off: an option a line */
#define OPTION_JSON \
	{ \
		"json", 0, NULL, "Print JSON instead of text." \
	}
#define OPTION_HELP \
	{ \
		"help", 'h', NULL, "Print this help." \
	}
#define OPTION_CONFIG \
	{ \
		"config", 'c', "DIR", "The configuration directory." \
	}
#define OPTION_SOCKET \
	{ \
		"socket", 's', "PATH", \
			"The daemon's socket; the default is api.socket of the configuration." \
	}
#define OPTION_PLUGINS \
	{ \
		"plugins", 'P', "DIR", "Where to look for plugins; may be repeated." \
	}
#define OPTION_SERVICES \
	{ \
		"services", 0, "DIR", "Where to look for services." \
	}
#define OPTION_SPOOL \
	{ \
		"spool", 0, "DIR", \
			"Where to keep what the daemon cannot be told; the default is api.spool of " \
			"the configuration." \
	}
#define OPTION_SOURCE \
	{ \
		"source", 0, "NAME", "Of this source, when several have the name." \
	}
/* clang-format on */
#define OPTIONS_ONLINE OPTION_SOCKET, OPTION_CONFIG, OPTION_JSON, OPTION_HELP
#define OPTIONS_OFFLINE \
	OPTION_CONFIG, OPTION_PLUGINS, OPTION_SERVICES, OPTION_JSON, OPTION_HELP
#define OPTIONS(table) .option = (table), .n_options = sizeof(table) / sizeof((table)[0])

/* What a command line said; texts are borrowed from argv. */
struct arguments {
	struct given {
		const char *name;
		const char *value; /* "" when the option takes none */
	} * given;
	size_t n_given;
	const char **operand;
	size_t n_operands;
};

/* Finds the command that argv[0] (and argv[1]) name. *used is how many words it took. NULL with the
 * sentence, a suggestion included. */
const struct command *arguments_command(const struct command *const table[], size_t n, int argc,
					char *const argv[], int *used, struct error *err);
/* Reads the words after the command. 0, or -EINVAL with the sentence, -ENOMEM. With --help the
 * operands are not counted. */
int arguments_parse(const struct command *command, int argc, char *const argv[],
		    struct arguments *arguments, struct error *err);
void arguments_done(struct arguments *arguments);

/* The last value given, or NULL. */
const char *arguments_get(const struct arguments *arguments, const char *name);
/* One value after the other: *index starts at 0. NULL at the end. */
const char *arguments_next(const struct arguments *arguments, const char *name, size_t *index);

/* What is typed before the name: "tocsin ", or "" for the daemon, which has a table of the same kind
 * but is a program of its own. */
const char *arguments_program(const struct command *command);

/* Help from the same tables. */
void arguments_help(struct buffer *out, const struct command *command);
/* Of the commands whose first word is group, or of all when it is NULL. Returns how many. */
size_t arguments_overview(struct buffer *out, const struct command *const table[], size_t n,
			  const char *group);

#endif
