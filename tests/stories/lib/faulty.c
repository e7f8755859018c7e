/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that fails on demand: a library to preload. The story and the program share the file
 * TOCSIN_FAULTS, mapped; the story says there which call fails from now on, on which files, the
 * how manieth and how, and reads how often that happened. Nothing here survives a power cut, so
 * no call waits for the real disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As in faulty.py. */
enum call { WRITE, PWRITE, PREAD, SYNC, OPEN, TRUNCATE, ALLOCATE, UNLINK, MAP, CALLS };
enum area { STORE, SCRATCH, CHANNEL, REST, AREAS };
enum way { SHORT = -1, LIE = -2 }; /* instead of an errno */
enum repeat { ONCE, FOR_GOOD, EVERY_OTHER };

static struct control {
	atomic_int call; /* that fails; CALLS: none */
	atomic_int area;
	atomic_int error;
	atomic_int at; /* calls to let through */
	atomic_int repeat;
	atomic_int fired;
	atomic_int hurry; /* what would be done each minute is done at once */
	atomic_int count[CALLS][AREAS];
} none = {.call = CALLS}, *control = &none;

static char *store, *channel;

__attribute__((constructor)) static void share(void)
{
	const char *path = getenv("TOCSIN_FAULTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *memory;

	store = getenv("TOCSIN_FAULTS_STORE");
	channel = getenv("TOCSIN_FAULTS_CHANNEL");
	if (fd < 0 || !store || !channel)
		abort();
	memory = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		abort();
	control = memory;
	close(fd);
}

/* The store's directory is the store's: its names are synced. */
static enum area area_of(const char *path)
{
	size_t length = store ? strlen(store) : 0;
	const char *name;

	if (!store)
		return REST;
	if (strncmp(path, store, length) == 0)
		return strcmp(path + length, ".underway") == 0 ? SCRATCH : STORE;
	name = strrchr(store, '/');
	if (strlen(path) == (size_t)(name - store) && strncmp(path, store, strlen(path)) == 0)
		return STORE;
	name = strrchr(channel, '/') + 1;
	if (strcmp(path, channel) == 0 || strcmp(path, name) == 0)
		return CHANNEL;
	return REST;
}

/* AREAS: no file at all, but a socket, a pipe or an event. */
static enum area area_of_fd(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	path[length < 0 ? 0 : length] = '\0';
	return path[0] == '/' ? area_of(path) : AREAS;
}

/* 0: let it through. Otherwise the errno, or SHORT or LIE. */
static int fault(enum call call, enum area area)
{
	int left;

	if (area == AREAS)
		return 0;
	atomic_fetch_add(&control->count[call][area], 1);
	if (atomic_load(&control->call) != (int)call || atomic_load(&control->area) != (int)area)
		return 0;
	left = atomic_fetch_sub(&control->at, 1);
	if (left > 0 || (left < 0 && control->repeat == ONCE) ||
	    (left % 2 != 0 && control->repeat == EVERY_OTHER))
		return 0;
	atomic_fetch_add(&control->fired, 1);
	return control->error;
}

#define REAL(type, name, ...) \
	static type (*real)(__VA_ARGS__); \
	if (!real) \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

static int refuse(int error)
{
	errno = error;
	return -1;
}

/* --- writing --- */

static size_t half(size_t n)
{
	return n > 1 ? n / 2 : n;
}

ssize_t write(int fd, const void *data, size_t n)
{
	REAL(ssize_t, write, int, const void *, size_t);
	int error = fault(WRITE, area_of_fd(fd));

	if (error == LIE)
		return (ssize_t)n;
	if (error > 0)
		return refuse(error);
	return real(fd, data, error == SHORT ? half(n) : n);
}

static ssize_t write_at(int fd, const void *data, size_t n, off64_t at)
{
	REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
	int error = fault(PWRITE, area_of_fd(fd));

	if (error == LIE)
		return (ssize_t)n;
	if (error > 0)
		return refuse(error);
	return real(fd, data, error == SHORT ? half(n) : n, at);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
	return write_at(fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	return write_at(fd, data, n, at);
}

/* --- reading --- */

static ssize_t read_at(int fd, void *data, size_t n, off64_t at)
{
	REAL(ssize_t, pread64, int, void *, size_t, off64_t);
	int error = fault(PREAD, area_of_fd(fd));

	if (error > 0)
		return refuse(error);
	return real(fd, data, error == SHORT ? half(n) : n, at);
}

ssize_t pread(int fd, void *data, size_t n, off_t at)
{
	return read_at(fd, data, n, at);
}

ssize_t pread64(int fd, void *data, size_t n, off64_t at)
{
	return read_at(fd, data, n, at);
}

ssize_t __pread64_chk(int fd, void *data, size_t n, off64_t at, size_t room)
{
	return n > room ? (abort(), -1) : read_at(fd, data, n, at);
}

/* --- what makes it durable --- */

static int sync_fd(int fd)
{
	int error = fault(SYNC, area_of_fd(fd));

	return error > 0 ? refuse(error) : 0;
}

int fsync(int fd)
{
	return sync_fd(fd);
}

int fdatasync(int fd)
{
	return sync_fd(fd);
}

/* --- names --- */

static int open_at(int directory, const char *path, int flags, mode_t mode)
{
	REAL(int, openat64, int, const char *, int, ...);
	int error = fault(OPEN, area_of(path));

	return error > 0 ? refuse(error) : real(directory, path, flags, mode);
}

#define MODE_OF(flags) \
	mode_t mode = 0; \
	if (__OPEN_NEEDS_MODE(flags)) { \
		va_list arguments; \
		va_start(arguments, flags); \
		mode = va_arg(arguments, mode_t); \
		va_end(arguments); \
	}

int open(const char *path, int flags, ...)
{
	MODE_OF(flags)
	return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	MODE_OF(flags)
	return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
	MODE_OF(flags)
	return open_at(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...)
{
	MODE_OF(flags)
	return open_at(directory, path, flags, mode);
}

int __open_2(const char *path, int flags)
{
	return open_at(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
	return open_at(AT_FDCWD, path, flags, 0);
}

int __openat_2(int directory, const char *path, int flags)
{
	return open_at(directory, path, flags, 0);
}

int __openat64_2(int directory, const char *path, int flags)
{
	return open_at(directory, path, flags, 0);
}

/* openat2 has no function of its own in the C library. */
long syscall(long number, ...)
{
	REAL(long, syscall, long, ...);
	long a[6];
	va_list arguments;

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	if (number == SYS_openat2) {
		const struct open_how *how = (const struct open_how *)a[2];
		int error = how->flags & O_PATH ? 0 : fault(OPEN, area_of((const char *)a[1]));

		if (error > 0)
			return refuse(error);
	}
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int unlink(const char *path)
{
	REAL(int, unlink, const char *);
	int error = fault(UNLINK, area_of(path));

	return error > 0 ? refuse(error) : real(path);
}

/* --- sizes --- */

static int truncate_fd(int fd, off64_t size)
{
	REAL(int, ftruncate64, int, off64_t);
	int error = fault(TRUNCATE, area_of_fd(fd));

	return error > 0 ? refuse(error) : real(fd, size);
}

int ftruncate(int fd, off_t size)
{
	return truncate_fd(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
	return truncate_fd(fd, size);
}

static int allocate(int fd, off64_t at, off64_t size)
{
	REAL(int, posix_fallocate64, int, off64_t, off64_t);
	int error = fault(ALLOCATE, area_of_fd(fd));

	return error > 0 ? error : real(fd, at, size);
}

int posix_fallocate(int fd, off_t at, off_t size)
{
	return allocate(fd, at, size);
}

int posix_fallocate64(int fd, off64_t at, off64_t size)
{
	return allocate(fd, at, size);
}

static void *map_file(void *at, size_t size, int protection, int flags, int fd, off64_t offset)
{
	REAL(void *, mmap64, void *, size_t, int, int, int, off64_t);
	int error = fd < 0 ? 0 : fault(MAP, area_of_fd(fd));

	if (error > 0) {
		errno = error;
		return MAP_FAILED;
	}
	return real(at, size, protection, flags, fd, offset);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	return map_file(at, size, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset)
{
	return map_file(at, size, protection, flags, fd, offset);
}

/* --- time --- */

#define MINUTE_MS 60000

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	REAL(int, poll, struct pollfd *, nfds_t, int);

	if (timeout != MINUTE_MS)
		return real(fds, n, timeout);
	for (int waited = 0; waited < MINUTE_MS && !atomic_exchange(&control->hurry, 0);
	     waited += 20) {
		int ready = real(fds, n, 20);

		if (ready != 0)
			return ready;
	}
	return 0;
}
