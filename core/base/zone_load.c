/* SPDX-License-Identifier: Apache-2.0 */
/* Zones by their names, and that of the system. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/text.h"
#include "base/zone_parts.h"

#define ZONEINFO "/usr/share/zoneinfo"
#define LOCALTIME "/etc/localtime"
#define LONGEST_NAME 100
#define LARGEST_FILE (256 * 1024)
#define DEEPEST 3 /* America/Argentina/Ushuaia */

static const struct zone utc = {
	.pub = {.name = "UTC"},
	.has_rule = true,
	.rule = {.standard = {.abbreviation = "UTC"}},
	.lasting = true,
};

const struct tocsin_zone *zone_utc(void)
{
	return &utc.pub;
}

static const char *zoneinfo(void)
{
	const char *directory = getenv("TZDIR");

	return directory && directory[0] == '/' ? directory : ZONEINFO;
}

/* --- what a wrong name was meant to be --- */

struct names {
	char **name;
	size_t n;
};

static void add_name(struct names *names, const char *name)
{
	char **more = realloc(names->name, (names->n + 1) * sizeof(*more));
	char *copy = strdup(name);

	if (more)
		names->name = more;
	if (more && copy)
		names->name[names->n++] = copy;
	else
		free(copy);
}

/* All zones below a directory; every one, and no other file there, begins with a capital. */
static void collect(struct names *names, const char *prefix, int depth)
{
	struct buffer path = {0};
	struct dirent *entry;
	DIR *directory;

	buffer_printf(&path, "%s/%s", zoneinfo(), prefix);
	directory = depth <= DEEPEST ? opendir(buffer_text(&path)) : NULL;
	while (directory && (entry = readdir(directory)) != NULL) {
		if (!isupper((unsigned char)entry->d_name[0]) || strchr(entry->d_name, '.'))
			continue;
		buffer_clear(&path);
		buffer_printf(&path, "%s%s", prefix, entry->d_name);
		if (entry->d_type != DT_DIR)
			add_name(names, buffer_text(&path));
		buffer_putc(&path, '/');
		if (entry->d_type == DT_DIR)
			collect(names, buffer_text(&path), depth + 1);
	}
	if (directory)
		closedir(directory);
	buffer_done(&path);
}

/* "Berlin" means Europe/Berlin, too. */
static const char *meant(const struct names *names, const char *wrong)
{
	const char *closest = text_closest(wrong, (const char *const *)names->name, names->n);

	for (size_t i = 0; i < names->n; i++) {
		const char *city = strrchr(names->name[i], '/');

		if (city && strcasecmp(city + 1, wrong) == 0)
			return names->name[i];
	}
	return closest;
}

static int refuse_unknown(const char *name, struct error *err)
{
	struct names names = {0};
	const char *closest;

	collect(&names, "", 1);
	closest = meant(&names, name);
	if (closest)
		error_set(err, -EINVAL, "there is no time zone '%s'; did you mean '%s'?", name,
			  closest);
	else if (names.n > 0)
		error_set(err, -EINVAL,
			  "there is no time zone '%s'; write one such as Europe/Berlin, UTC or "
			  "local ('timedatectl list-timezones' names them all)",
			  name);
	else
		error_set(err, -EINVAL,
			  "the time zone '%s' cannot be read: there are no zones in %s; install "
			  "the package tzdata, or write UTC",
			  name, zoneinfo());
	while (names.n > 0)
		free(names.name[--names.n]);
	free(names.name);
	return -EINVAL;
}

/* --- reading --- */

static int read_content(int fd, char **data, size_t *size)
{
	struct stat status;
	ssize_t length;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -ENOENT;
	if (status.st_size > LARGEST_FILE)
		return -EFBIG;
	*data = malloc((size_t)status.st_size + 1);
	if (!*data)
		return -ENOMEM;
	length = file_read(fd, *data, (size_t)status.st_size);
	*size = length > 0 ? (size_t)length : 0;
	return length < 0 ? (int)length : 0;
}

/* -ENOENT leaves it to the caller to say so. */
static int load_file(const char *path, const char *name, const struct tocsin_zone **zone,
		     struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int result = fd < 0 ? -errno : 0;
	struct error why;
	size_t size = 0;
	char *data = NULL;

	if (fd >= 0) {
		result = read_content(fd, &data, &size);
		close(fd);
	}
	if (result == 0) {
		result = zone_from_file(name, data, size, zone, &why);
		if (result < 0)
			error_set(err, result, "the time zone '%s' cannot be used: %s", name,
				  why.text);
	} else if (result == -ENOENT || result == -ENOTDIR) {
		result = -ENOENT;
	} else if (result == -ENOMEM) {
		error_set(err, result, "memory is short");
	} else {
		result = error_set(err, -EINVAL, "the time zone '%s' cannot be read from %s: %s",
				   name, path, strerror(-result));
	}
	free(data);
	return result;
}

/* Nothing that leads out of the directory of zones. */
static bool is_name(const char *name)
{
	if (strlen(name) > LONGEST_NAME || !isalpha((unsigned char)name[0]))
		return false;
	for (const char *c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_+-/", *c))
			return false;
	return true;
}

static int load_named(const char *name, const struct tocsin_zone **zone, struct error *err)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", zoneinfo(), name) >= sizeof(path))
		return -ENOENT;
	return load_file(path, name, zone, err);
}

int zone_load(const char *name, const struct tocsin_zone **zone, struct error *err)
{
	int result;

	if (strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0)
		return *zone = zone_utc(), 0;
	if (strcmp(name, "local") == 0)
		return *zone = zone_system(), 0;
	if (!is_name(name))
		return error_set(err, -EINVAL,
				 "'%.*s' is not the name of a time zone; write one such as "
				 "Europe/Berlin, UTC or local",
				 (int)text_prefix(name, strlen(name), 60), name);
	result = load_named(name, zone, err);
	return result == -ENOENT ? refuse_unknown(name, err) : result;
}

/* --- the zone of the system --- */

/* The name behind the link /etc/localtime. */
static const char *name_of_localtime(char target[PATH_MAX])
{
	ssize_t length = readlink(LOCALTIME, target, PATH_MAX - 1);
	const char *name;

	if (length < 0)
		return "local";
	target[length] = '\0';
	name = strstr(target, "/zoneinfo/");
	return name ? name + strlen("/zoneinfo/") : "local";
}

/* As the C library reads it. */
static int load_from_environment(const char *tz, const struct tocsin_zone **zone)
{
	int result = -ENOENT;

	if (tz[0] == ':')
		tz++;
	if (tz[0] == '/')
		return load_file(tz, tz, zone, NULL);
	if (is_name(tz))
		result = load_named(tz, zone, NULL);
	return result < 0 ? zone_from_rule(tz, zone, NULL) : 0;
}

/* Written once, before anybody reads it. */
static const struct tocsin_zone *system_zone;

static void load_system_zone(void)
{
	const struct tocsin_zone *zone = NULL;
	const char *tz = getenv("TZ");
	char target[PATH_MAX];

	if (tz)
		load_from_environment(tz, &zone);
	else
		load_file(LOCALTIME, name_of_localtime(target), &zone, NULL);
	if (zone)
		((struct zone *)zone)->lasting = true;
	system_zone = zone ? zone : zone_utc();
}

const struct tocsin_zone *zone_system(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load_system_zone);
	return system_zone;
}
