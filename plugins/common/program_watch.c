/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

#define HEAD 1024 /* of output that is too long: so much of its beginning, and of its end */
#define TAIL (PROGRAM_OUTPUT - HEAD - sizeof(gap) + 1)
#define PIECE 65536 /* read at a time */
#define LOOK_MS 10  /* how often to look where the kernel cannot tell that a process ended */
#define FAR_MS 3600000

static const char gap[] = "\n[...]\n";

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The middle goes: how it began and how it ended tell most. */
static void drop_middle(struct program_output *output)
{
	memmove(output->text + HEAD, output->text + output->length - TAIL, TAIL);
	output->length = HEAD + TAIL;
	output->cut = true;
}

void program_output_add(struct program_output *output, const char *text, size_t length)
{
	while (length > 0) {
		size_t room = sizeof(output->text) - output->length;
		size_t n = length < room ? length : room;

		memcpy(output->text + output->length, text, n);
		output->length += n;
		text += n;
		length -= n;
		if (output->length == sizeof(output->text))
			drop_middle(output);
	}
}

void program_output_end(struct program_output *output)
{
	if (output->length > PROGRAM_OUTPUT)
		drop_middle(output);
	if (!output->cut)
		return;
	memmove(output->text + HEAD + sizeof(gap) - 1, output->text + output->length - TAIL, TAIL);
	memcpy(output->text + HEAD, gap, sizeof(gap) - 1);
	output->length = PROGRAM_OUTPUT;
}

/* Reads what is there, once. False when nothing more will come. */
static bool take_output(struct program_output *output, int pipe)
{
	char piece[PIECE];
	ssize_t n = read(pipe, piece, sizeof(piece));

	if (n > 0)
		program_output_add(output, piece, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* What is left in the pipe when nobody can write any more. */
static void drain(struct program_output *output, int pipe)
{
	char piece[PIECE];
	ssize_t n;

	for (int i = 0; i < 32 && (n = read(pipe, piece, sizeof(piece))) > 0; i++)
		program_output_add(output, piece, (size_t)n);
}

/* True when the process has ended; it stays a zombie, so that its number belongs to nobody else. */
static bool has_ended(pid_t process, struct program_run *run)
{
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		run->lost = errno == ECHILD;
	return run->lost || info.si_pid == process;
}

enum { OUTPUT, PROCESS, STOP, PLACES };

/* The most memory that this process has had, and what the kernel's count of it may be wrong by, as
 * every processor counts for itself. */
static int64_t own_peak_kib(void)
{
	struct rusage usage = {0};

	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss + usage.ru_maxrss / 4 + 1024;
}

/* Waits for output, for the end, for the word to stop or for the time. */
static void wait_a_while(struct program_run *run, struct pollfd at[PLACES], int64_t until_ms)
{
	int64_t left = until_ms - now_ms();

	if (at[PROCESS].fd < 0 && left > LOOK_MS)
		left = LOOK_MS;
	left = left < 0 ? 0 : left > FAR_MS ? FAR_MS : left;
	for (int i = 0; i < PLACES; i++)
		at[i].revents = 0;
	if (poll(at, PLACES, (int)left) <= 0)
		return;
	if (at[OUTPUT].revents && !take_output(&run->output, at[OUTPUT].fd))
		at[OUTPUT].fd = -1; /* it closed its output, and goes on */
}

/* A stopped process heeds TERM only when it is woken. */
static void ask_to_end(pid_t process)
{
	(void)kill(-process, SIGTERM);
	(void)kill(-process, SIGCONT);
}

/* Until it has ended, by itself or because it must. */
static void wait_for_end(struct program_run *run, pid_t process, struct pollfd at[PLACES],
			 int64_t until, int64_t kill_after_ms)
{
	bool asked = false;

	while (!has_ended(process, run)) {
		wait_a_while(run, at, until);
		if (has_ended(process, run))
			return; /* by itself, whatever else came at the same time */
		if (!asked && at[STOP].revents)
			run->stopped = true;
		else if (now_ms() < until)
			continue;
		else if (!asked)
			run->timed_out = true;
		at[STOP].fd = -1;
		if (asked)
			(void)kill(-process, SIGKILL);
		else
			ask_to_end(process);
		until = now_ms() + (asked ? FAR_MS : kill_after_ms);
		asked = true;
	}
}

void program_watch(struct program_run *run, pid_t process, const struct program_watch *watch)
{
	int64_t began = now_ms();
	int64_t until = watch->time_limit_ms > 0 ? began + watch->time_limit_ms : INT64_MAX;
	int descriptor = (int)syscall(SYS_pidfd_open, process, 0);
	struct pollfd at[PLACES] = {[OUTPUT] = {.fd = watch->output, .events = POLLIN},
				    [PROCESS] = {.fd = descriptor, .events = POLLIN},
				    [STOP] = {.fd = watch->stop, .events = POLLIN}};
	int64_t daemon_kib = own_peak_kib();

	wait_for_end(run, process, at, until, watch->kill_after_ms);
	/* What it has left behind ends with it. Its number is still its own, it was not reaped. */
	if (!run->lost)
		(void)kill(-process, SIGKILL);
	drain(&run->output, watch->output);
	while (!run->lost && wait4(process, &run->status, 0, &run->usage) < 0)
		run->lost = errno != EINTR;
	run->max_rss_kib = run->usage.ru_maxrss > daemon_kib ? run->usage.ru_maxrss : -1;
	if (descriptor >= 0)
		close(descriptor);
	program_output_end(&run->output);
	run->took_ms = now_ms() - began;
}
