/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What programs are told by. The stop signals are left alone: from a terminal they reach all of the
 * process group, and then both stop and both go on. */
static const int passed[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,  SIGUSR1, SIGUSR2,
			     SIGALRM, SIGCONT, SIGPWR,  SIGWINCH, SIGURG,  SIGIO};

void launch_prepare(struct launch *launch)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, usual = {.sa_handler = SIG_DFL};

	sigemptyset(&launch->awaited);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		sigaddset(&launch->awaited, passed[i]);
	sigaddset(&launch->awaited, SIGCHLD);
	sigprocmask(SIG_BLOCK, &launch->awaited, &launch->mask);
	/* Where it is ignored, as some who start us do, nobody could wait for a process. */
	sigaction(SIGCHLD, &usual, &launch->child);
	sigaction(SIGPIPE, &ignore, &launch->pipe);
}

static void take_place(int fd, int stream)
{
	if (fd >= 0 && dup2(fd, stream) < 0)
		_exit(126);
}

static _Noreturn void become(const struct launch *launch, char *const command[], int output,
			     int errors, int report)
{
	int code;

	take_place(output, STDOUT_FILENO);
	take_place(errors, STDERR_FILENO);
	sigaction(SIGCHLD, &launch->child, NULL);
	sigaction(SIGPIPE, &launch->pipe, NULL);
	sigprocmask(SIG_SETMASK, &launch->mask, NULL);
	execvp(command[0], command);
	code = errno;
	while (write(report, &code, sizeof(code)) < 0 && errno == EINTR)
		;
	_exit(code == ENOENT ? 127 : 126);
}

/* A pipe whose end is not one of the standard streams, which may be closed. Without one, where
 * descriptors are few, the exit status must do. */
static void make_report(int report[2])
{
	int moved;

	report[0] = report[1] = -1;
	if (pipe2(report, O_CLOEXEC) < 0)
		return;
	moved = fcntl(report[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(report[1]);
	report[1] = moved;
}

/* What exec had to say, 0 when nothing: it closes the pipe. */
static int read_report(int fd)
{
	int code = 0;
	ssize_t n;

	do
		n = read(fd, &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	return n == sizeof(code) ? code : 0;
}

int launch_start(struct launch *launch, char *const command[], int output, int errors)
{
	int report[2], code = 0;

	make_report(report);
	launch->process = fork();
	if (launch->process == 0)
		become(launch, command, output, errors, report[1]);
	if (launch->process < 0)
		code = errno;
	if (report[1] >= 0)
		close(report[1]);
	if (report[0] >= 0) {
		if (code == 0)
			code = read_report(report[0]);
		close(report[0]);
	}
	if (code == 0 || launch->process < 0)
		return -code;
	while (waitpid(launch->process, NULL, 0) < 0 && errno == EINTR)
		;
	return -code;
}

/* What the kernel sends for Ctrl+C and the like it has sent to the command too. But a timer that
 * was set before we were executed is only ours, and a terminal that is gone tells only the leader of
 * its session: without us both would be the command's. */
static bool is_for_command(const struct launch *launch, const siginfo_t *info)
{
	if (info->si_code <= 0)
		return info->si_pid != launch->process;
	return info->si_signo == SIGALRM || (info->si_signo == SIGHUP && getsid(0) == getpid());
}

void launch_wait(struct launch *launch, int *status, struct rusage *usage)
{
	for (;;) {
		siginfo_t info;
		int number = sigwaitinfo(&launch->awaited, &info);

		if (number < 0)
			continue;
		if (number != SIGCHLD) {
			if (is_for_command(launch, &info))
				kill(launch->process, number);
		} else if (wait4(launch->process, status, WNOHANG, usage) == launch->process) {
			return;
		}
	}
}

/* Those that whoever started us told us to ignore still are. */
static bool is_deadly(int number)
{
	static const int harmless[] = {SIGCHLD, SIGCONT, SIGWINCH, SIGURG};
	struct sigaction now;

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (number == harmless[i])
			return false;
	return sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN;
}

int launch_await_signal(const struct launch *launch)
{
	int number = sigwaitinfo(&launch->awaited, NULL);

	return number > 0 && is_deadly(number) ? number : 0;
}

void launch_die(int number)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	struct rlimit none = {0, 0};
	sigset_t only;

	/* The command has written its core; ours would be of no use. */
	setrlimit(RLIMIT_CORE, &none);
	sigaction(number, &usual, NULL);
	sigemptyset(&only);
	sigaddset(&only, number);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	raise(number);
}
