/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon that was killed takes its programs with it, but not what these had started. Before such a
 * job may run again, what is left of it is killed: all that has the id of the lost run in its
 * environment.
 */
#include "cron.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENVIRONMENT 65536

static bool has_line(const char *text, size_t length, const char *line)
{
	for (size_t at = 0; at < length; at += strnlen(text + at, length - at) + 1)
		if (strncmp(text + at, line, length - at) == 0 &&
		    strlen(line) == strnlen(text + at, length - at))
			return true;
	return false;
}

static bool is_of(const char *process, const char *line)
{
	static const size_t most = ENVIRONMENT;
	char path[64], *text = malloc(most + 1);
	ssize_t n = 0, got;
	bool found;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/environ", process);
	fd = text ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	while (fd >= 0 && (size_t)n < most && (got = read(fd, text + n, most - (size_t)n)) > 0)
		n += got;
	found = fd >= 0 && n > 0 && has_line(text, (size_t)n, line);
	if (fd >= 0)
		close(fd);
	free(text);
	return found;
}

static int kill_all(const char *line)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int n = 0;

	while (proc && (entry = readdir(proc))) {
		pid_t process = (pid_t)strtol(entry->d_name, NULL, 10);

		if (isdigit((unsigned char)entry->d_name[0]) && process > 1 &&
		    process != getpid() && is_of(entry->d_name, line))
			n += kill(process, SIGKILL) == 0;
	}
	if (proc)
		closedir(proc);
	return n;
}

int leftover_kill(const char *id)
{
	char line[CRON_ID + 16];
	int n, all = 0;

	snprintf(line, sizeof(line), "TOCSIN_RUN=%s", id);
	/* again, for what was started meanwhile; a zombie has no environment */
	for (int i = 0; i < 10 && (n = kill_all(line)) > 0; i++)
		all += n;
	return all;
}
