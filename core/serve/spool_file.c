/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "serve/api_json.h"
#include "serve/router.h"

/* What may be said after the fact; orders have to be given to a daemon that is there. */
static const struct endpoint endpoints[] = {
	{"POST", "/api/v1/heartbeats/*/ping", NULL, NULL, false, TOCSIN_HEARTBEATS},
	{"POST", "/api/v1/heartbeats/*/report", NULL, NULL, false, TOCSIN_HEARTBEATS},
	{"POST", "/api/v1/jobs/*/ping", NULL, NULL, false, TOCSIN_JOBS},
	{"POST", "/api/v1/jobs/*/report", NULL, NULL, false, TOCSIN_JOBS},
	{"POST", "/api/v1/checks/*/ping", NULL, NULL, false, TOCSIN_CHECKS},
	{"POST", "/api/v1/checks/*/report", NULL, NULL, false, TOCSIN_CHECKS},
};

static int refuse_path(const char *path, struct error *err)
{
	return error_set(err, -EINVAL, "'%.200s' is no path of a ping or a report", path);
}

/* "?source=NAME" at the end of the path, which it is cut off from. */
static int take_source(char *path, struct spool_file *file, struct error *err)
{
	static const char parameter[] = "source=";
	char *query = strchr(path, '?');

	if (!query)
		return 0;
	*query++ = '\0';
	if (strncmp(query, parameter, sizeof(parameter) - 1) != 0 || strchr(query, '&'))
		return error_set(err, -EINVAL, "'%.200s' is no parameter, only source=NAME", query);
	query += sizeof(parameter) - 1;
	(void)router_unescape(query, false);
	file->source = strdup(query);
	return file->source ? 0 : -ENOMEM;
}

static int take_path(const char *text, struct spool_file *file, struct error *err)
{
	struct router_match match;
	char *path = strdup(text);
	int result;

	if (!path)
		return -ENOMEM;
	result = take_source(path, file, err);
	router_find(endpoints, TOCSIN_COUNT(endpoints), "POST", path, &match);
	free(path);
	if (result < 0)
		return result;
	if (!match.endpoint || !text_is_plain(match.segment[0]))
		return refuse_path(text, err);
	file->kind = match.endpoint->items;
	file->item = strdup(match.segment[0]);
	file->verb = strdup(strrchr(match.endpoint->path, '/') + 1);
	return file->item && file->verb ? 0 : -ENOMEM;
}

static int take_body(json_t *body, struct spool_file *file, struct error *err)
{
	if (body && !json_is_object(body))
		return error_set(err, -EINVAL, "its body is no JSON object");
	file->body = body ? json_write(body, JSON_COMPACT) : strdup("{}");
	return file->body ? 0 : -ENOMEM;
}

int spool_file_parse(const char *text, size_t length, struct spool_file *file, struct error *err)
{
	const char *path;
	json_t *root;
	int result = api_json_read(text, length, &root, err);

	*file = (struct spool_file){0};
	if (result < 0)
		return result;
	path = json_string_value(json_object_get(root, "path"));
	if (!path)
		result = error_set(err, -EINVAL, "it has no path");
	else
		result = take_path(path, file, err);
	if (result == 0)
		result = take_body(json_object_get(root, "body"), file, err);
	json_decref(root);
	if (result < 0)
		spool_file_done(file);
	return result;
}

void spool_file_done(struct spool_file *file)
{
	free(file->item);
	free(file->verb);
	free(file->body);
	free(file->source);
	*file = (struct spool_file){0};
}

/* A symbolic link, a pipe or a device could be anything; neither is one followed nor does one wait. */
static int open_regular(int directory, const char *name, struct error *err)
{
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;
	int result = 0;

	if (fd < 0 && (errno == ELOOP || errno == ENXIO || errno == ENODEV))
		return error_set(err, -EINVAL, "it is no regular file");
	if (fd < 0 && errno == EACCES)
		return error_set(err, -EINVAL,
				 "it may not be read; give it the group of the "
				 "directory, and that the right to read it");
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		result = -errno;
	else if (!S_ISREG(status.st_mode))
		result = error_set(err, -EINVAL, "it is no regular file");
	else if (status.st_nlink > 1)
		result = error_set(err, -EINVAL, "it has another name elsewhere");
	else if (status.st_size > SPOOL_FILE)
		result = error_set(err, -EINVAL, "it is larger than %d KiB", SPOOL_FILE / 1024);
	if (result == 0)
		return fd;
	close(fd);
	return result;
}

int spool_file_read(int directory, const char *name, struct spool_file *file, struct error *err)
{
	int fd = open_regular(directory, name, err);
	ssize_t length;
	char *text;
	int result;

	*file = (struct spool_file){0};
	if (fd < 0)
		return fd;
	text = malloc(SPOOL_FILE);
	length = text ? file_read(fd, text, SPOOL_FILE) : -ENOMEM;
	close(fd);
	result = length < 0 ? (int)length : spool_file_parse(text, (size_t)length, file, err);
	free(text);
	return result;
}
