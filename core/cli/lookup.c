/* SPDX-License-Identifier: Apache-2.0 */
/* Which command is meant, and what may have been meant instead. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/arguments.h"

/* "dead list, dead show, ..." for a first word that needs a second. */
static void list_seconds(struct buffer *out, const struct command *const table[], size_t n,
			 const char *first)
{
	size_t length = strlen(first);

	for (size_t i = 0; i < n; i++) {
		const char *name = table[i]->name;

		if (strncmp(name, first, length) != 0 || name[length] != ' ')
			continue;
		buffer_printf(out, "%s%s", out->length ? ", " : "", name);
	}
}

static const struct command *find_exact(const struct command *const table[], size_t n,
					const char *first, const char *second)
{
	for (size_t i = 0; i < n; i++) {
		const char *name = table[i]->name;
		size_t length = strcspn(name, " ");

		if (strlen(first) != length || memcmp(name, first, length) != 0)
			continue;
		if (name[length] == '\0' || (second && strcmp(name + length + 1, second) == 0))
			return table[i];
	}
	return NULL;
}

static void refuse_second(const struct command *const table[], size_t n, const char *first,
			  const char *second, struct error *err)
{
	struct buffer known = {0};

	list_seconds(&known, table, n, first);
	if (second && second[0] != '-')
		error_set(err, -EINVAL, "'%.40s %.40s' is no command; there is %s", first, second,
			  buffer_text(&known));
	else
		error_set(err, -EINVAL, "'%.40s' needs to know what: %s", first,
			  buffer_text(&known));
	buffer_done(&known);
}

static void refuse_first(const struct command *const table[], size_t n, const char *word,
			 struct error *err)
{
	const char **names = calloc(n, sizeof(*names));
	const char *meant;

	for (size_t i = 0; names && i < n; i++)
		names[i] = table[i]->name;
	meant = names ? text_closest(word, names, n) : NULL;
	if (word[0] == '-')
		error_set(
			err, -EINVAL,
			"the command comes first, then options such as %.40s; see 'tocsin --help'",
			word);
	else if (meant)
		error_set(err, -EINVAL, "there is no command '%.40s'; did you mean '%s'?", word,
			  meant);
	else
		error_set(err, -EINVAL, "there is no command '%.40s'; see 'tocsin --help'", word);
	free(names);
}

const struct command *arguments_command(const struct command *const table[], size_t n, int argc,
					char *const argv[], int *used, struct error *err)
{
	const char *second = argc > 1 ? argv[1] : NULL;
	const struct command *command = find_exact(table, n, argv[0], second);
	struct buffer seconds = {0};

	if (command) {
		*used = strchr(command->name, ' ') ? 2 : 1;
		return command;
	}
	list_seconds(&seconds, table, n, argv[0]);
	if (seconds.length > 0)
		refuse_second(table, n, argv[0], second, err);
	else
		refuse_first(table, n, argv[0], err);
	buffer_done(&seconds);
	return NULL;
}
