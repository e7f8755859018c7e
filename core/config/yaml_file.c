/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "config/yaml.h"

static int read_open_file(int fd, const char *path, struct problems *problems, struct node **root)
{
	struct place place = {.file = path};
	struct stat status;
	char *text;
	ssize_t length;
	int result;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		problems_add(problems, &place, "this is %s; put a YAML file there, or remove it",
			     S_ISDIR(status.st_mode) ? "a directory" : "not a regular file");
		return S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
	}
	/* One byte more than allowed tells yaml_read that there was more. */
	text = malloc(YAML_SIZE + 4);
	length = text == NULL ? -ENOMEM : file_read(fd, text, YAML_SIZE + 4);
	if (length < 0) {
		result = (int)length;
		problems_add(problems, &place, "this file cannot be read: %s", strerror(-result));
	} else {
		result = yaml_read(path, text, (size_t)length, problems, root);
		explicit_bzero(text, (size_t)length);
	}
	free(text);
	return result;
}

int yaml_read_file(const char *path, struct problems *problems, struct node **root)
{
	struct place place = {.file = path};
	int fd, result;

	*root = NULL;
	/* Without O_NONBLOCK a FIFO in the directory would hold up the start for ever. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		result = -errno;
		problems_add(problems, &place, "this file cannot be opened: %s; %s",
			     strerror(-result),
			     result == -EACCES ? "make it readable for the user that runs tocsin"
					       : "check the name");
		return result;
	}
	result = read_open_file(fd, path, problems, root);
	close(fd);
	return result;
}
