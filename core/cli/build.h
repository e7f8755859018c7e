/* SPDX-License-Identifier: Apache-2.0 */
/* cli/build: an alert from the options of a command line. Pure. */
#ifndef CLI_BUILD_H
#define CLI_BUILD_H

#include <jansson.h>

#include "base/error.h"
#include "cli/arguments.h"

/* clang-format off: an option a line */
#define OPTION_LABEL \
	{ \
		"label", 'l', "NAME=VALUE", "A label; may be repeated." \
	}
#define OPTION_ANNOTATION \
	{ \
		"annotation", 'a', "NAME=VALUE", \
			"An annotation, text for people; may be repeated." \
	}
#define OPTION_SEVERITY \
	{ \
		"severity", 'S', "NAME", \
			"debug, info, notice, warning, error, critical, emergency, or an alias." \
	}
#define OPTION_STATUS \
	{ \
		"status", 0, "WORD", "firing (the default), resolved or event." \
	}
#define OPTION_SUMMARY \
	{ \
		"summary", 'm', "TEXT", "What happened, in one line." \
	}
#define OPTION_RECIPIENT \
	{ \
		"recipient", 'r', "ADDRESS", \
			"Notify this address instead of the channel's own; may be repeated." \
	}
#define OPTION_LINK \
	{ \
		"link", 0, "URL", "Where to look." \
	}
/* clang-format on */

/* --label, --annotation, --summary, --severity, --status, --recipient, --link as the JSON of the
 * API. NULL with the sentence. */
json_t *build_alert(const struct arguments *arguments, struct error *err);

#endif
