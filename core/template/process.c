/* SPDX-License-Identifier: Apache-2.0 */
#include "template/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define PATIENCE 8 /* times the deadline that may pass while others have the processor */

const char *process_path(void)
{
	const char *given = secure_getenv("TOCSIN_JQ");

	return given && *given ? given : PKGLIBEXECDIR "/tocsin-jq";
}

void process_init(struct process *process)
{
	*process = (struct process){.socket = -1, .memory = -1};
}

void process_kill(struct process *process)
{
	if (process->pid > 0) {
		kill(process->pid, SIGKILL);
		while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (process->socket >= 0)
		close(process->socket);
	process->pid = 0;
	process->socket = -1;
}

void process_done(struct process *process)
{
	process_kill(process);
	if (process->progress)
		munmap(process->progress, sizeof(*process->progress));
	if (process->memory >= 0)
		close(process->memory);
	process_init(process);
}

static int share_memory(struct process *process)
{
	void *memory;

	if (process->progress)
		return 0;
	if (process->memory < 0)
		process->memory = memfd_create("tocsin-jq", MFD_CLOEXEC);
	if (process->memory < 0)
		return -errno;
	if (ftruncate(process->memory, sizeof(*process->progress)) < 0)
		return -errno;
	memory = mmap(NULL, sizeof(*process->progress), PROT_READ | PROT_WRITE, MAP_SHARED,
		      process->memory, 0);
	if (memory == MAP_FAILED)
		return -errno;
	process->progress = memory;
	return 0;
}

/* Its socket, /dev/null, and the shared memory are all that it gets from us. */
static int spawn(struct process *process, const char *path, int theirs)
{
	static char name[] = "tocsin-jq", *const no_environment[] = {NULL};
	char *const arguments[] = {name, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int result;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setpgroup(&attributes, 0);
	result = posix_spawn_file_actions_adddup2(&actions, theirs, WIRE_SOCKET);
	if (result == 0)
		result = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(&actions, 1, 2);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(&actions, process->memory, WIRE_PROGRESS);
	if (result == 0)
		result = posix_spawn(&process->pid, path, &actions, &attributes, arguments,
				     no_environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (result != 0)
		process->pid = 0;
	return -result;
}

int process_start(struct process *process, const char *path, struct error *err)
{
	int pair[2] = {-1, -1}, result;

	if (process->pid > 0)
		return 0;
	result = share_memory(process);
	if (result == 0 &&
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		result = -errno;
	if (result < 0)
		return error_set(err, result, "%s cannot be started: %s", path, strerror(-result));
	/* it reads and writes with patience */
	(void)fcntl(pair[1], F_SETFL, 0);
	result = spawn(process, path, pair[1]);
	close(pair[1]);
	if (result < 0) {
		close(pair[0]);
		return error_set(err, result,
				 "%s, which evaluates templates, cannot be started: %s", path,
				 strerror(-result));
	}
	process->socket = pair[0];
	process->generation++;
	return 0;
}

/* --- one exchange --- */

struct exchange {
	struct process *process;
	int64_t deadline_ms; /* of processor time, for each job */
	int64_t began_ms, cpu_ms;
	uint32_t job; /* that it was at then */
};

/* Processor time that the process has used; -1 when it is gone. */
static int64_t cpu_ms(const struct process *process)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(process->pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
		return -1;
	return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* From now on the time of the job counts that it is at. */
static void begin_job(struct exchange *exchange)
{
	exchange->job = exchange->process->progress->job;
	exchange->began_ms = clock_boot_ms();
	exchange->cpu_ms = cpu_ms(exchange->process);
}

/* How long to wait now; 0: its time is over. */
static int patience_ms(struct exchange *exchange)
{
	int64_t passed, left, used;

	if (exchange->job != exchange->process->progress->job)
		begin_job(exchange);
	passed = clock_boot_ms() - exchange->began_ms;
	left = exchange->deadline_ms - passed;
	if (left > 0)
		return (int)left;
	if (passed >= PATIENCE * exchange->deadline_ms)
		return 0;
	used = cpu_ms(exchange->process) - exchange->cpu_ms;
	left = exchange->deadline_ms - used;
	return left > 0 && used >= 0 ? (int)left : 0;
}

/* Waits until the socket can do that. 0, -ETIMEDOUT. */
static int wait_for(struct exchange *exchange, short events)
{
	struct pollfd fd = {.fd = exchange->process->socket, .events = events};

	for (;;) {
		int patience = patience_ms(exchange);
		int n = poll(&fd, 1, patience);

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0 && patience == 0)
			return -ETIMEDOUT;
	}
}

/* What is not sent yet of these two. */
static void advance(struct iovec part[2], size_t n)
{
	for (size_t i = 0; i < 2; i++) {
		size_t sent = n < part[i].iov_len ? n : part[i].iov_len;

		part[i].iov_base = (char *)part[i].iov_base + sent;
		part[i].iov_len -= sent;
		n -= sent;
	}
}

static int send_all(struct exchange *exchange, struct iovec part[2])
{
	const struct msghdr message = {.msg_iov = part, .msg_iovlen = 2};

	while (part[0].iov_len + part[1].iov_len > 0) {
		ssize_t n = sendmsg(exchange->process->socket, &message, MSG_NOSIGNAL);
		int result;

		if (n >= 0) {
			advance(part, (size_t)n);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -EPIPE;
		result = wait_for(exchange, POLLOUT);
		if (result < 0)
			return result;
	}
	return 0;
}

static int receive_all(struct exchange *exchange, char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = recv(exchange->process->socket, data, length, 0);
		int result;

		if (n > 0) {
			data += n;
			length -= (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || errno != EAGAIN)
			return -EPIPE;
		result = wait_for(exchange, POLLIN);
		if (result < 0)
			return result;
	}
	return 0;
}

static void make_header(char header[WIRE_HEADER], enum wire_message kind, size_t length)
{
	uint32_t size = (uint32_t)length;

	header[0] = (char)kind;
	memcpy(header + 1, &size, sizeof(size));
}

/* In one piece, so that the process wakes up once. */
static int send_message(struct exchange *exchange, enum wire_message kind, const char *content,
			size_t length)
{
	char header[WIRE_HEADER];
	struct iovec part[2] = {{header, sizeof(header)}, {(char *)content, length}};

	if (length > WIRE_MESSAGE)
		return -ENOMEM;
	make_header(header, kind, length);
	return send_all(exchange, part);
}

static int receive_message(struct exchange *exchange, struct buffer *reply)
{
	char header[WIRE_HEADER], piece[16384];
	uint32_t length;
	int result = receive_all(exchange, header, sizeof(header));

	memcpy(&length, header + 1, sizeof(length));
	while (result == 0 && length > 0) {
		size_t n = length < sizeof(piece) ? length : sizeof(piece);

		result = receive_all(exchange, piece, n);
		if (result == 0)
			buffer_add(reply, piece, n);
		length -= (uint32_t)n;
	}
	if (result < 0)
		return result;
	return reply->failed ? -ENOMEM : header[0];
}

/* How did it end? A kill that was not ours is nobody's fault. */
static int bury(struct process *process)
{
	int status = 0;
	bool killed = waitpid(process->pid, &status, 0) == process->pid && WIFSIGNALED(status) &&
		      (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM);

	process->pid = 0;
	process_kill(process);
	return killed ? -ECONNRESET : -EPIPE;
}

int process_ask(struct process *process, enum wire_message kind, const char *content, size_t length,
		int64_t deadline_ms, struct buffer *reply)
{
	struct exchange exchange = {.process = process, .deadline_ms = deadline_ms};
	int result;

	process->progress->job = process->progress->value = 0;
	begin_job(&exchange);
	buffer_clear(reply);
	result = send_message(&exchange, kind, content, length);
	if (result == 0)
		result = receive_message(&exchange, reply);
	if (result == -EPIPE)
		return bury(process);
	if (result < 0)
		process_kill(process);
	return result;
}

int process_tell(struct process *process, enum wire_message kind, const char *content,
		 size_t length)
{
	struct exchange exchange = {.process = process, .deadline_ms = 250};
	int result;

	begin_job(&exchange);
	result = send_message(&exchange, kind, content, length);
	if (result < 0)
		process_kill(process);
	return result;
}
