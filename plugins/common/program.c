/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfork and not fork: the daemon may be large, and fork would copy its page tables for every run.
 * And not posix_spawn, which can set neither limits nor a user. So until the program runs, the child
 * shares the memory of the daemon and may do nothing but system calls; those that the C library
 * wraps in a protocol between threads (setuid and its kin) are called directly.
 *
 * The child says over a pipe what it could not do. Exec closes the pipe; then the end of it means
 * that all went well.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

#define REPORT 3          /* the child's end of the pipe */
#define OPEN_FILES 1024   /* what programs that use select() can bear */
#define NAMES_MAX 16384   /* what the user database says about one user */
#define DESCRIPTORS 65536 /* closed one by one where the kernel has no close_range */

enum step { STREAMS, LIMITS, USER, DIRECTORY, PROGRAM };

static const char *const steps[] = {
	[STREAMS] = "cannot give the command its standard streams",
	[LIMITS] = "cannot set the limits of the command",
	[USER] = "cannot become the user of the command",
	[DIRECTORY] = "cannot enter the directory of the command",
	[PROGRAM] = "cannot start the command",
};

struct report {
	int error;
	enum step step;
};

static _Noreturn void give_up(enum step step)
{
	struct report report = {errno, step};
	ssize_t written = write(REPORT, &report, sizeof(report));

	_exit(written == sizeof(report) ? 126 : 125);
}

static void arrange_descriptors(const struct program_launch *launch, int report)
{
	if (dup2(launch->input, STDIN_FILENO) < 0 || dup2(launch->output, STDOUT_FILENO) < 0 ||
	    dup2(launch->output, STDERR_FILENO) < 0)
		_exit(125);
	if (report == REPORT ? fcntl(report, F_SETFD, FD_CLOEXEC) < 0
			     : dup3(report, REPORT, O_CLOEXEC) < 0)
		_exit(125);
	if (syscall(SYS_close_range, REPORT + 1, ~0U, 0) != 0) {
		for (int fd = REPORT + 1; fd < DESCRIPTORS; fd++)
			(void)close(fd);
	}
}

static bool limit(__rlimit_resource_t what, int64_t most)
{
	struct rlimit limit = {(rlim_t)most, (rlim_t)most};

	return most == 0 || setrlimit(what, &limit) == 0;
}

static void set_limits(const struct program_limits *limits)
{
	static const struct rlimit no_core = {0, 0};
	struct rlimit files;

	/* What it was told has no business in the core file of a program. */
	if (setrlimit(RLIMIT_CORE, &no_core) != 0)
		give_up(LIMITS);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > OPEN_FILES) {
		files.rlim_cur = OPEN_FILES;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	if (!limit(RLIMIT_AS, limits->memory) || !limit(RLIMIT_CPU, (limits->cpu + 999) / 1000) ||
	    !limit(RLIMIT_NOFILE, limits->files) || !limit(RLIMIT_NPROC, limits->processes))
		give_up(LIMITS);
}

static void become(const struct program_launch *launch)
{
	const struct program_user *user = launch->user;

	if (user && (syscall(SYS_setgroups, (size_t)user->n_groups, user->groups) != 0 ||
		     syscall(SYS_setresgid, user->gid, user->gid, user->gid) != 0 ||
		     syscall(SYS_setresuid, user->uid, user->uid, user->uid) != 0))
		give_up(USER);
	/* No more rights than these, whatever it executes. */
	if (!launch->may_gain_rights && prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		give_up(USER);
	/* And no life without the thread that started it, for the next daemon runs it again. */
	if (prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L) != 0)
		give_up(USER);
}

/* What is ignored stays ignored across exec, and what is blocked stays blocked. The kernel is asked
 * itself, because the C library refuses to touch two signals that it calls its own. */
static void reset_signals(void)
{
	static const unsigned long plain[8]; /* as the kernel has struct sigaction: SIG_DFL */
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void)syscall(SYS_rt_sigaction, number, plain, NULL, (size_t)(NSIG - 1) / 8);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void child(const struct program_launch *launch, int report)
{
	(void)setsid();
	arrange_descriptors(launch, report);
	set_limits(launch->limits);
	become(launch);
	(void)umask(launch->mask);
	if (chdir(launch->directory) != 0)
		give_up(DIRECTORY);
	reset_signals();
	(void)execve(launch->arguments[0], launch->arguments, launch->environment);
	give_up(PROGRAM);
}

static pid_t start(const struct program_launch *launch, int report)
{
	sigset_t all, before;
	pid_t process;

	/* A handler of the daemon must not run in the child, which has the daemon's memory. */
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	process = vfork();
	if (process == 0)
		child(launch, report);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return process < 0 ? -errno : process;
}

pid_t program_start(const struct program_launch *launch, const char **what)
{
	struct report report = {0, PROGRAM};
	int pipe[2];
	pid_t process;
	ssize_t n;

	*what = steps[PROGRAM];
	if (pipe2(pipe, O_CLOEXEC) != 0)
		return -errno;
	process = start(launch, pipe[1]);
	close(pipe[1]);
	do
		n = process > 0 ? read(pipe[0], &report, sizeof(report)) : 0;
	while (n < 0 && errno == EINTR);
	close(pipe[0]);
	if (process > 0 && n == sizeof(report)) {
		(void)waitpid(process, NULL, 0);
		*what = steps[report.step];
		return -report.error;
	}
	return process;
}

int program_user_find(struct program_user *user, const char *name, char *why, size_t why_size)
{
	struct passwd entry, *found = NULL;
	char names[NAMES_MAX];
	int rc;

	if (geteuid() != 0) {
		snprintf(why, why_size,
			 "only root may run a command as user '%s'; leave 'user' out, or run the "
			 "daemon as root",
			 name);
		return -EPERM;
	}
	rc = getpwnam_r(name, &entry, names, sizeof(names), &found);
	if (rc != 0 || !found) {
		snprintf(why, why_size, "there is no user '%s'", name);
		return rc ? -rc : -ENOENT;
	}
	*user = (struct program_user){entry.pw_uid, entry.pw_gid, {0}, PROGRAM_GROUPS, ""};
	snprintf(user->home, sizeof(user->home), "%s", entry.pw_dir);
	if (getgrouplist(name, entry.pw_gid, user->groups, &user->n_groups) < 0) {
		snprintf(why, why_size, "user '%s' is in more than %d groups", name,
			 PROGRAM_GROUPS);
		return -E2BIG;
	}
	return 0;
}

char **program_strings(const char *text, size_t length)
{
	size_t n = 0, at = 0;
	char **entry, *copy; /* the pointers first, then the texts that they point to */

	for (size_t i = 0; i < length; i++)
		n += text[i] == '\0';
	entry = malloc((n + 1) * sizeof(*entry) + length);
	if (!entry)
		return NULL;
	copy = (char *)(entry + n + 1);
	memcpy(copy, text, length);
	for (size_t i = 0; i < n; i++) {
		entry[i] = copy + at;
		at += strlen(copy + at) + 1;
	}
	entry[n] = NULL;
	return entry;
}
