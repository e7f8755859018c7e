/* SPDX-License-Identifier: Apache-2.0 */
#include "scarce.h"

#include <assert.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEPTH 16     /* frames that tell one allocation from another */
#define MOST 1000000 /* allocations in one run: more is a loop that does not end */

/* The thread sanitizer, and clang's others, are linked into the program and cannot be asked through
 * dlsym: there nothing fails. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define POWERLESS
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define POWERLESS
#endif

/* It runs before the sanitizers are ready. */
#define PLAIN __attribute__((no_sanitize("address", "undefined")))

static struct scarce own, *scarce = &own;

/* --- linked to a test --- */

void scarce_arm(enum scarce_mode mode, int64_t at)
{
	atomic_store(&scarce->at, at);
	atomic_store(&scarce->seen, 0);
	atomic_store(&scarce->failed, 0);
	atomic_store(&scarce->mode, (int32_t)mode);
}

int64_t scarce_disarm(void)
{
	atomic_store(&scarce->mode, SCARCE_OFF);
	return atomic_load(&scarce->failed);
}

_Noreturn void scarce_fail(const char *what)
{
	int64_t at = atomic_load(&scarce->at);

	(void)scarce_disarm();
	fprintf(stderr, "allocation %lld failed: %s\n", (long long)at, what);
	abort();
}

static int64_t sweep(enum scarce_mode mode, int (*run)(void *data), void *data)
{
	int64_t failed = 1, all = 0;

	for (int64_t at = 1; failed; at++) {
		int result;

		assert(at < MOST);
		scarce_arm(mode, at);
		result = run(data);
		failed = scarce_disarm();
		all += failed;
		assert(failed || result == 0);
	}
	return all;
}

/* Under valgrind or a sanitizer that is linked into the program nobody stands before malloc. */
static bool is_powerless(void)
{
	void *volatile memory;

	scarce_arm(SCARCE_ONCE, 1);
	memory = malloc(1);
	(void)scarce_disarm();
	free(memory);
	return memory != NULL;
}

int64_t scarce_sweep(const char *name, int (*run)(void *data), void *data)
{
	int64_t all;

	if (is_powerless()) {
		(void)sweep(SCARCE_ONCE, run, data);
		printf("%s: nothing fails under this tool\n", name);
		return 1;
	}
	(void)run(data); /* what is made once and kept */
	all = sweep(SCARCE_ONCE, run, data) + sweep(SCARCE_FOR_GOOD, run, data);
	printf("%s: %lld allocations failed\n", name, (long long)all);
	return all;
}

#ifndef POWERLESS
/* --- before malloc --- */

static _Thread_local bool inside __attribute__((tls_model("initial-exec")));
static uintptr_t loader_from, loader_to; /* where the dynamic linker's code is */
static const void *program;              /* where the program begins */

PLAIN static void *real(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

PLAIN static void find_loader(void)
{
	uintptr_t base = getauxval(AT_BASE);
	const ElfW(Ehdr) *header = (const void *)base;
	const ElfW(Phdr) *segment = (const void *)(base + header->e_phoff);

	loader_from = loader_to = base;
	for (int i = 0; i < header->e_phnum; i++)
		if (segment[i].p_type == PT_LOAD &&
		    base + segment[i].p_vaddr + segment[i].p_memsz > loader_to)
			loader_to = base + segment[i].p_vaddr + segment[i].p_memsz;
}

/* The program, or a plugin: the loader opens these by their descriptors. */
PLAIN static bool is_ours(const void *address)
{
	Dl_info info;

	return dladdr(address, &info) &&
	       (info.dli_fbase == program || strncmp(info.dli_fname, "/proc/self/fd/", 14) == 0);
}

PLAIN static uint32_t hash_of(void *const frame[], int n, bool ours)
{
	uint32_t hash = 2166136261U;

	for (int i = 2; i < n; i++)
		for (size_t byte = 0; byte < sizeof(frame[i]) && (!ours || is_ours(frame[i]));
		     byte++)
			hash = (hash ^ (uint8_t)((uintptr_t)frame[i] >> (8 * byte))) * 16777619U;
	return hash;
}

PLAIN static void note_site(int64_t number)
{
	void *frame[DEPTH];
	int n;

	if (number > SCARCE_SITES)
		return;
	n = backtrace(frame, DEPTH);
	atomic_store(&scarce->site[number - 1], hash_of(frame, n, false));
	atomic_store(&scarce->home[number - 1], hash_of(frame, n, true));
}

/* Into the program's log, so that whoever reads of a crash sees which allocation failed. */
PLAIN static void tell(int64_t number)
{
	void *frame[DEPTH];
	char line[64];
	int length =
		snprintf(line, sizeof(line), "scarce: allocation %lld fails:\n", (long long)number);

	if (write(STDERR_FILENO, line, (size_t)length) > 0)
		backtrace_symbols_fd(frame, backtrace(frame, DEPTH), STDERR_FILENO);
}

PLAIN static bool is_loader(const void *caller)
{
	return (uintptr_t)caller >= loader_from && (uintptr_t)caller < loader_to;
}

/* Must this allocation fail? */
PLAIN static bool fails(void)
{
	int mode = atomic_load(&scarce->mode);
	int64_t number;

	if (mode == SCARCE_OFF || inside || !atomic_load(&scarce->ready))
		return false;
	number = atomic_fetch_add(&scarce->seen, 1) + 1;
	inside = true;
	if (mode == SCARCE_COUNT && scarce != &own)
		note_site(number);
	inside = false;
	if (mode == SCARCE_COUNT || number < atomic_load(&scarce->at) ||
	    (mode == SCARCE_ONCE && number > atomic_load(&scarce->at)))
		return false;
	inside = true;
	if (scarce != &own && atomic_fetch_add(&scarce->failed, 1) == 0)
		tell(number);
	else if (scarce == &own)
		atomic_fetch_add(&scarce->failed, 1);
	inside = false;
	errno = ENOMEM;
	return true;
}

/* What the dynamic linker keeps is no leak; the sanitizer knows by its caller, which is we. */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

PLAIN static void spare(bool begins)
{
	if (__lsan_disable && __lsan_enable)
		(begins ? __lsan_disable : __lsan_enable)();
}

/* Calls through to what stands behind; what that allocates itself is not counted again. */
#define GIVE(type, name, parameters, arguments) \
	PLAIN __attribute__((visibility("default"))) type name parameters \
	{ \
		static type(*give) parameters; \
		bool was_inside = inside; \
		bool loader = is_loader(__builtin_return_address(0)); \
		type given; \
\
		if (!give) \
			*(void **)&give = real(#name); \
		if (!loader && fails()) \
			return FAILURE; \
		inside = true; \
		if (loader) \
			spare(true); \
		given = give arguments; \
		if (loader) \
			spare(false); \
		inside = was_inside; \
		return given; \
	}

#define FAILURE NULL
GIVE(void *, malloc, (size_t size), (size))
GIVE(void *, calloc, (size_t n, size_t size), (n, size))
GIVE(void *, realloc, (void *old, size_t size), (old, size))
GIVE(void *, reallocarray, (void *old, size_t n, size_t size), (old, n, size))
GIVE(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
GIVE(char *, strdup, (const char *text), (text))
GIVE(char *, __strdup, (const char *text), (text))
GIVE(char *, strndup, (const char *text, size_t size), (text, size))
#undef FAILURE
#define FAILURE ENOMEM
GIVE(int, posix_memalign, (void **memory, size_t alignment, size_t size), (memory, alignment, size))
#undef FAILURE
#define FAILURE EAGAIN
GIVE(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *data),
     (thread, attributes, run, data))

/* The sanitizers ask for it in each new thread, and end the program when it fails. */
PLAIN __attribute__((visibility("default"))) int pthread_getattr_np(pthread_t thread,
								    pthread_attr_t *attributes)
{
	static int (*give)(pthread_t thread, pthread_attr_t * attributes);
	bool was_inside = inside;
	int result;

	if (!give)
		*(void **)&give = real("pthread_getattr_np");
	inside = true;
	result = give(thread, attributes);
	inside = was_inside;
	return result;
}

/* --- preloaded --- */

static void obey(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *memory = MAP_FAILED, *frame[1];

	if (fd >= 0)
		memory = mmap(NULL, sizeof(*scarce), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		abort();
	close(fd);
	backtrace(frame, 1); /* the first call loads a library */
	scarce = memory;
	atomic_store(&scarce->ready, 0);
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("TOCSIN_SCARCE");

	find_loader();
	if (path)
		obey(path);
	else
		atomic_store(&scarce->ready, 1);
}

static int (*real_main)(int, char **, char **);

static int guarded_main(int argc, char **argv, char **environment)
{
	Dl_info info;
	int status;

	if (dladdr((const void *)(uintptr_t)real_main, &info))
		program = info.dli_fbase;
	if (scarce != &own)
		atomic_store(&scarce->ready, 1);
	status = real_main(argc, argv, environment);
	atomic_store(&scarce->ready, 0);
	return status;
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
		      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

__attribute__((visibility("default"))) int
__libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
		  void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
	int (*start)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
		     void (*)(void), void *);

	*(void **)&start = real("__libc_start_main");
	real_main = main;
	return start(guarded_main, argc, argv, init, fini, rtld_fini, stack_end);
}
#endif
