/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec.h"

int exec_status_of(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	long status;

	if (digits == 0 || digits > 3 || text[digits])
		return -1;
	status = strtol(text, NULL, 10);
	return status < EXEC_CODES ? (int)status : -1;
}

/* A status that is none, or that has two meanings. */
static const char *check_statuses(const struct exec_statuses *status, char *why, size_t size)
{
	const struct tocsin_strings *const lists[] = {&status->delivered, &status->retry,
						      &status->unavailable, &status->rejected};
	bool seen[EXEC_CODES] = {false};

	for (size_t list = 0; list < TOCSIN_COUNT(lists); list++) {
		for (size_t i = 0; i < lists[list]->n; i++) {
			const char *text = lists[list]->item[i];
			int number = exec_status_of(text);

			if (number < 0)
				snprintf(why, size,
					 "status: '%s' is not an exit status; write a number from "
					 "0 to 255",
					 text);
			else if (seen[number])
				snprintf(why, size,
					 "status: %d stands twice; give each status one meaning",
					 number);
			if (number < 0 || seen[number])
				return why;
			seen[number] = true;
		}
	}
	return NULL;
}

static bool is_name(const char *name)
{
	if (!*name || (*name >= '0' && *name <= '9'))
		return false;
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_")] == '\0';
}

static const char *check_environment(const struct tocsin_map *map, char *why, size_t size)
{
	for (size_t i = 0; i < map->n; i++) {
		const char *name = map->pair[i].name;

		if (!is_name(name))
			snprintf(why, size,
				 "environment: '%s' is not a name; use letters, digits and '_'",
				 name);
		else if (strncmp(name, "TOCSIN_", 7) == 0)
			snprintf(why, size,
				 "environment: %s is set by tocsin; choose a name that does not "
				 "begin with TOCSIN_",
				 name);
		else
			continue;
		return why;
	}
	return NULL;
}

const char *exec_check(const void *config_data, char *why, size_t why_size)
{
	const struct exec_config *config = config_data;
	const char *wrong;

	if (config->command.n == 0 || config->command.item[0][0] != '/')
		return "'command' must begin with the absolute path of a program; there is no "
		       "shell and no PATH to find it. Write a list such as "
		       "[/usr/local/bin/page, --urgent]";
	if (config->directory[0] != '/')
		return "'directory' must be an absolute path";
	wrong = check_statuses(&config->status, why, why_size);
	return wrong ? wrong : check_environment(&config->environment, why, why_size);
}
