/* SPDX-License-Identifier: Apache-2.0 */
#include "config/directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), n = strlen(end);

	return length > n && strcmp(name + length - n, end) == 0;
}

static int is_wanted(const struct dirent *entry)
{
	const char *name = entry->d_name;

	return name[0] != '.' && (ends_with(name, ".yaml") || ends_with(name, ".yml"));
}

/* Not alphasort: the order must not depend on the locale. */
static int by_bytes(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

static char *join(const char *directory, const char *name)
{
	struct buffer path = {0};
	size_t length = strlen(directory);

	while (length > 1 && directory[length - 1] == '/')
		length--;
	buffer_add(&path, directory, length);
	if (length == 0 || directory[length - 1] != '/')
		buffer_putc(&path, '/');
	buffer_puts(&path, name);
	return buffer_take(&path);
}

static int refuse_directory(const char *directory, int code, struct problems *problems)
{
	struct place place = {.file = directory};

	if (code == ENOENT)
		problems_add(problems, &place,
			     "there is no such directory; create it, or name "
			     "the one that holds the configuration files");
	else if (code == ENOTDIR)
		problems_add(problems, &place,
			     "this is not a directory; name the one that holds "
			     "the configuration files");
	else
		problems_add(problems, &place, "this directory cannot be read: %s", strerror(code));
	return -code;
}

/* A file of sections, or nothing at all. */
static int check_root(const struct node *root, struct problems *problems)
{
	if (root->kind == NODE_MAP || root->kind == NODE_NULL)
		return 0;
	problems_add(problems, &root->place,
		     "this file is %s; write sections such as 'channels:' and indent what belongs "
		     "to them",
		     root->kind == NODE_LIST ? "a list" : "a single text");
	return -EINVAL;
}

/* Takes path. */
static int read_one(char *path, struct problems *problems, struct documents *documents)
{
	struct node *root = NULL;
	int result = path == NULL ? -ENOMEM : yaml_read_file(path, problems, &root);

	if (path == NULL)
		problems_add(problems, NULL, "memory is short");
	if (root != NULL && check_root(root, problems) == 0) {
		documents->root[documents->n] = root;
		documents->path[documents->n++] = path;
		return result;
	}
	if (root != NULL)
		result = -EINVAL;
	node_free(root);
	free(path);
	return result;
}

static int read_all(const char *directory, struct dirent *const *entries, size_t n,
		    struct problems *problems, struct documents *documents)
{
	int result = 0;

	if (n == 0)
		return 0;
	documents->root = calloc(n, sizeof(struct node *));
	documents->path = calloc(n, sizeof(char *));
	if (documents->root == NULL || documents->path == NULL) {
		problems_add(problems, NULL, "memory is short");
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		int code = read_one(join(directory, entries[i]->d_name), problems, documents);

		if (result == 0)
			result = code;
	}
	return result;
}

int documents_read(const char *directory, struct problems *problems, struct documents *documents)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, is_wanted, by_bytes);
	int result;

	*documents = (struct documents){0};
	if (n < 0)
		return refuse_directory(directory, errno, problems);
	result = read_all(directory, entries, (size_t)n, problems, documents);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return result;
}

void documents_done(struct documents *documents)
{
	for (size_t i = 0; i < documents->n; i++) {
		node_free(documents->root[i]);
		free(documents->path[i]);
	}
	free(documents->root);
	free(documents->path);
	*documents = (struct documents){0};
}
