/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MOST 255

/* One step: a name, or the number of an item. */
struct step {
	const char *name; /* NULL: an item */
	size_t length;
	size_t index;
};

/* "[12]" or "[\"name\"]" at *at, which moves behind it. */
static bool read_bracket(const char **at, struct step *step)
{
	const char *inside = *at + 1, *end;
	char *stop;

	if (*inside == '"') {
		end = strchr(inside + 1, '"');
		if (!end || end[1] != ']')
			return false;
		*step = (struct step){.name = inside + 1, .length = (size_t)(end - inside - 1)};
		*at = end + 2;
		return true;
	}
	step->length = strspn(inside, "0123456789");
	if (step->length == 0 || step->length > 9 || inside[step->length] != ']')
		return false;
	*step = (struct step){.index = strtoul(inside, &stop, 10)};
	*at = stop + 1;
	return true;
}

/* The next step of the path; *first says that none was read before. */
static bool read_step(const char **at, bool first, struct step *step)
{
	if (**at == '[')
		return read_bracket(at, step);
	if (!first) {
		if (**at != '.')
			return false;
		*at += 1;
	}
	*step = (struct step){.name = *at, .length = strcspn(*at, ".[]\"")};
	*at += step->length;
	return step->length > 0;
}

bool webhook_path_is_valid(const char *path)
{
	struct step step;
	bool first = true;

	do {
		if (!read_step(&path, first, &step))
			return false;
		first = false;
	} while (*path);
	return true;
}

static json_t *member(const json_t *object, const struct step *step)
{
	char name[NAME_MOST + 1];

	if (step->length > NAME_MOST)
		return NULL;
	memcpy(name, step->name, step->length);
	name[step->length] = '\0';
	return json_object_get(object, name);
}

json_t *webhook_path_find(json_t *root, const char *path)
{
	struct step step;
	bool first = true;

	while (root && *path) {
		if (!read_step(&path, first, &step))
			return NULL;
		first = false;
		root = step.name ? member(root, &step) : json_array_get(root, step.index);
	}
	return root;
}
