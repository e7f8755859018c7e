/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program for what it prints. */
#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 5 /* how often to look whether a program has ended that printed all it had to say */

extern char **environ;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Where programs are, where they keep their things and how they reach the net; the other variables
 * may be secrets of this configuration. */
static void choose_environment(char *chosen[], size_t room)
{
	static const char *const names[] = {
		"HOME",       "LANG",        "LOGNAME",  "PATH",       "TZ",          "USER",
		"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
	};
	size_t n = 0;

	for (char **variable = environ; *variable; variable++) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && n + 1 < room; i++) {
			size_t length = strlen(names[i]);

			if (strncmp(*variable, names[i], length) == 0 && (*variable)[length] == '=')
				chosen[n++] = *variable;
		}
	}
	chosen[n] = NULL;
}

/* Nothing is inherited: descriptors, masked or ignored signals. It has a group of its own, which
 * ends with it. */
static int set_up(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, int output)
{
	sigset_t none, all;
	int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, output, 1);
	/* What it complains of may show the token. */
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions, 3);
#endif
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						     POSIX_SPAWN_SETPGROUP);
	return rc;
}

static int start(const struct tocsin_strings *command, int output, pid_t *process)
{
	char **argv = calloc(command->n + 1, sizeof(*argv)), *environment[32];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int rc = argv ? posix_spawn_file_actions_init(&actions) : ENOMEM;

	if (rc != 0)
		goto out;
	rc = posix_spawnattr_init(&attributes);
	if (rc == 0) {
		for (size_t i = 0; i < command->n; i++)
			argv[i] = (char *)(uintptr_t)command->item[i];
		choose_environment(environment, sizeof(environment) / sizeof(environment[0]));
		rc = set_up(&actions, &attributes, output);
		if (rc == 0 && argv[0])
			rc = posix_spawn(process, argv[0], &actions, &attributes, argv,
					 environment);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
out:
	free(argv);
	return -rc;
}

/* Reads to the end of what it prints. 0, -ETIMEDOUT, or -E2BIG when that is more than there is
 * room for. */
static int read_all(int input, char *out, size_t size, size_t *length, int64_t deadline_ms)
{
	*length = 0;
	while (*length < size) {
		struct pollfd at = {.fd = input, .events = POLLIN};
		int64_t left = deadline_ms - now_ms();
		ssize_t n;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&at, 1, (int)left) <= 0)
			continue;
		n = read(input, out + *length, size - *length);
		if (n == 0)
			return 0;
		if (n > 0)
			*length += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return -E2BIG;
}

/* Waits for its end, which is made when the time is over or something went wrong before. */
static int finish(pid_t process, int rc, int64_t deadline_ms, int *status)
{
	static const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};
	siginfo_t info = {0};

	while (rc == 0 && waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != process) {
		nanosleep(&look, NULL);
		if (now_ms() >= deadline_ms)
			rc = -ETIMEDOUT;
	}
	/* What it left behind ends with it; its number is still its own, it was not reaped. */
	(void)kill(-process, SIGKILL);
	while (waitpid(process, status, 0) < 0) {
		if (errno != EINTR)
			return rc == 0 ? -errno : rc;
	}
	return rc;
}

int smtp_command_output(const struct tocsin_strings *command, int64_t timeout_ms, char *out,
			size_t size, size_t *length, int *status)
{
	int64_t deadline_ms = now_ms() + timeout_ms;
	int ends[2], rc;
	pid_t process = 0;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	rc = start(command, ends[1], &process);
	close(ends[1]);
	if (rc == 0) {
		rc = read_all(ends[0], out, size, length, deadline_ms);
		rc = finish(process, rc, deadline_ms, status);
	} else {
		*status = -1;
	}
	close(ends[0]);
	return rc;
}
