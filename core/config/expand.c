/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/text.h"
#include "config/options.h"

#define SECRET_SIZE (64 * 1024)

struct expansion {
	const struct options_context *context;
	struct buffer out;
	char *why;
	size_t why_size;
};

/* The sentence, and -EINVAL. */
static int refuse(struct expansion *expansion, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static int refuse(struct expansion *expansion, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(expansion->why, expansion->why_size, format, args);
	va_end(args);
	return -EINVAL;
}

/* Puts the value where the reference stood. An empty secret is never what somebody meant. */
static int put(struct expansion *expansion, const char *value, const char *origin, const char *name)
{
	const struct options_context *context = expansion->context;

	if (value[0] == '\0')
		return refuse(expansion, "the %s '%s' is empty; put the value into it", origin,
			      name);
	if (!text_is_valid(value, strlen(value)))
		return refuse(expansion, "the %s '%s' is not UTF-8 text; write it as UTF-8", origin,
			      name);
	if (context->secret != NULL)
		context->secret(value, context->secret_data);
	buffer_puts(&expansion->out, value);
	return 0;
}

static bool is_variable(const char *name)
{
	if (isdigit((unsigned char)name[0]) || name[0] == '\0')
		return false;
	for (; *name != '\0'; name++) {
		if (!isalnum((unsigned char)*name) && *name != '_')
			return false;
	}
	return true;
}

static int put_env(struct expansion *expansion, const char *name)
{
	const char *value;

	if (!is_variable(name))
		return refuse(expansion, "${env:...} needs the name of an environment variable, "
					 "such as ${env:SMTP_PASSWORD}");
	value = getenv(name);
	if (value == NULL)
		return refuse(expansion,
			      "the environment variable '%s' is not set; set it, or use "
			      "${file:/path/of/a/file}",
			      name);
	return put(expansion, value, "environment variable", name);
}

/* The text of an open file into data[SECRET_SIZE + 1], without its last newlines. */
static int read_secret(struct expansion *expansion, int fd, const char *path, char *data)
{
	ssize_t length = file_read(fd, data, SECRET_SIZE + 1);

	if (length < 0)
		return refuse(expansion, "the file '%s' cannot be read: %s", path,
			      strerror((int)-length));
	if (length > SECRET_SIZE)
		return refuse(expansion,
			      "the file '%s' is larger than %d KiB; it should hold "
			      "nothing but the value",
			      path, SECRET_SIZE / 1024);
	if (memchr(data, '\0', (size_t)length) != NULL)
		return refuse(expansion,
			      "the file '%s' contains a NUL character; it should hold "
			      "nothing but the value",
			      path);
	while (length > 0 && (data[length - 1] == '\n' || data[length - 1] == '\r'))
		length--;
	data[length] = '\0';
	return 0;
}

static int put_open_file(struct expansion *expansion, int fd, const char *path)
{
	/* One byte tells that there was more, one is for the NUL. */
	char *data = malloc(SECRET_SIZE + 2);
	int result;

	if (data == NULL) {
		refuse(expansion, "memory is short");
		return -ENOMEM;
	}
	result = read_secret(expansion, fd, path, data);
	if (result == 0)
		result = put(expansion, data, "file", path);
	explicit_bzero(data, SECRET_SIZE + 2);
	free(data);
	return result;
}

/* Judged by the open file: a name can be changed in between. */
static int check_file(struct expansion *expansion, int fd, const char *path, bool credential)
{
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return refuse(expansion, "'%s' is not a regular file; put the value into one",
			      path);
	/* systemd guards its directory of credentials; with its ACLs the mode looks open. */
	if (credential)
		return 0;
	if ((status.st_mode & (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)) != 0)
		return refuse(expansion,
			      "others than its owner can read or write the file '%s' "
			      "(mode %04o); run chmod 600 on it",
			      path, (unsigned int)status.st_mode & 07777);
	if (status.st_uid != 0 && status.st_uid != geteuid())
		return refuse(expansion,
			      "the file '%s' belongs to another user; run chown on it, "
			      "to root or the user that runs tocsin",
			      path);
	return 0;
}

static int put_path(struct expansion *expansion, const char *path, bool credential)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int result;

	if (fd < 0)
		return refuse(expansion, "the file '%s' cannot be opened: %s", path,
			      strerror(errno));
	result = check_file(expansion, fd, path, credential);
	if (result == 0)
		result = put_open_file(expansion, fd, path);
	close(fd);
	return result;
}

static bool is_credential(const char *path)
{
	const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
	size_t length = directory == NULL ? 0 : strlen(directory);

	return length > 0 && strncmp(path, directory, length) == 0 && path[length] == '/' &&
	       strstr(path + length, "/..") == NULL;
}

static int put_file(struct expansion *expansion, const char *path)
{
	if (path[0] != '/')
		return refuse(expansion, "${file:...} needs an absolute path, such as "
					 "${file:/etc/tocsin/smtp.password}");
	return put_path(expansion, path, is_credential(path));
}

static int put_credential(struct expansion *expansion, const char *name)
{
	const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
	struct buffer path = {0};
	int result;

	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
		return refuse(expansion, "${cred:...} needs the name of a systemd credential, such "
					 "as ${cred:smtp-password}");
	if (directory == NULL || directory[0] != '/')
		return refuse(expansion,
			      "there are no systemd credentials here for '%s'; add "
			      "LoadCredential= to the unit, or use ${file:/path/of/a/file}",
			      name);
	buffer_printf(&path, "%s/%s", directory, name);
	result = path.failed ? refuse(expansion, "memory is short")
			     : put_path(expansion, path.data, true);
	buffer_done(&path);
	return result;
}

/* The option of a service was checked where it was given; it may be empty, and need not be secret. */
static int put_option(struct expansion *expansion, const char *name, bool *secret)
{
	const struct options_context *context = expansion->context;
	const char *text = NULL;
	enum options_reference known = context->option(name, context->option_data, &text);

	if (known == OPTIONS_UNKNOWN)
		return refuse(expansion, "there is no option '%.60s'", name);
	*secret |= known == OPTIONS_SECRET;
	buffer_puts(&expansion->out, text);
	return 0;
}

static const struct reference {
	const char *begin;
	int (*put)(struct expansion *expansion, const char *name);
} references[] = {
	{"${env:", put_env},
	{"${file:", put_file},
	{"${cred:", put_credential},
};

/* The text between the colon and the brace goes to put, of whatever kind. */
static int put_named(struct expansion *expansion, const struct reference *reference,
		     const char *name, const char *end, bool *secret)
{
	char *copy = strndup(name, (size_t)(end - name));
	int result;

	if (copy == NULL) {
		refuse(expansion, "memory is short");
		return -ENOMEM;
	}
	if (reference != NULL) {
		*secret = true;
		result = reference->put(expansion, copy);
	} else {
		result = put_option(expansion, copy, secret);
	}
	free(copy);
	return result;
}

/* Replaces the reference at *at and moves behind it. */
static int replace(struct expansion *expansion, const char **at, bool *secret)
{
	static const char option[] = "${option:";
	const char *end = strchr(*at, '}'), *name;

	if (end == NULL)
		return refuse(expansion, "a '${' has no closing '}'; add it, or write $${ for the "
					 "two characters themselves");
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
		name = *at + strlen(references[i].begin);
		if (strncmp(*at, references[i].begin, strlen(references[i].begin)) == 0) {
			*at = end + 1;
			return put_named(expansion, &references[i], name, end, secret);
		}
	}
	if (expansion->context->option != NULL && strncmp(*at, option, strlen(option)) == 0) {
		name = *at + strlen(option);
		*at = end + 1;
		return put_named(expansion, NULL, name, end, secret);
	}
	/* Not quoted: this may be the middle of a password. */
	return refuse(expansion, "after '${' comes env:NAME, file:PATH or cred:NAME; write $${ for "
				 "the two characters themselves");
}

static int expand(struct expansion *expansion, const char *text, bool *found)
{
	int result = 0;

	while (result == 0 && *text != '\0') {
		if (strncmp(text, "$${", 3) == 0) {
			buffer_puts(&expansion->out, "${");
			text += 3;
		} else if (strncmp(text, "${", 2) == 0) {
			result = replace(expansion, &text, found);
		} else {
			buffer_putc(&expansion->out, *text++);
		}
	}
	return result;
}

int options_expand(const struct options_context *context, const char *text, char **value,
		   bool *found, char *why, size_t why_size)
{
	struct expansion expansion = {.context = context, .why = why, .why_size = why_size};
	int result;

	*found = false;
	*value = NULL;
	result = expand(&expansion, text, found);
	if (result == 0 && !expansion.out.failed)
		*value = arena_strdup(context->arena, buffer_text(&expansion.out));
	if (result == 0 && *value == NULL) {
		refuse(&expansion, "memory is short");
		result = -ENOMEM;
	}
	if (expansion.out.data != NULL)
		explicit_bzero(expansion.out.data, expansion.out.capacity);
	buffer_done(&expansion.out);
	return result;
}
