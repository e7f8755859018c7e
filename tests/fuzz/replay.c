/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives a fuzzer's function the files of its corpus, one after the other, where there is no
 * fuzzing engine: in `make check`, with any compiler. Files and directories can be named;
 * without any it is the corpus in the source tree. A file that takes longer than LIMIT_MS of
 * processor time is a failure, as one that ends the process is.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LIMIT_MS 2000 /* sanitizers and busy machines included; most files take less than one */

static int replayed, slow;

static int64_t processor_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "r");
	struct stat status;
	uint8_t *data;

	if (!file || fstat(fileno(file), &status) != 0) {
		perror(path);
		exit(1);
	}
	/* Not a byte more, or reading past the end would not be seen. */
	*size = (size_t)status.st_size;
	data = malloc(*size > 0 ? *size : 1);
	assert(data && fread(data, 1, *size, file) == *size);
	fclose(file);
	return data;
}

static void replay(const char *path)
{
	int64_t began_ms, took_ms;
	size_t size;
	uint8_t *data = read_file(path, &size);

	/* Said before, so that the log names the file that ends the process. */
	printf("%s\n", path);
	fflush(stdout);
	began_ms = processor_ms();
	LLVMFuzzerTestOneInput(data, size);
	took_ms = processor_ms() - began_ms;
	if (took_ms > LIMIT_MS) {
		printf("  too slow: %lld ms\n", (long long)took_ms);
		slow++;
	}
	free(data);
	replayed++;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay_all(const char *path)
{
	struct dirent **entry;
	struct stat status;
	char inside[4096];
	int n;

	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
		replay(path);
		return;
	}
	n = scandir(path, &entry, is_visible, by_name);
	if (n < 0) {
		perror(path);
		exit(1);
	}
	for (int i = 0; i < n; i++) {
		snprintf(inside, sizeof(inside), "%s/%s", path, entry[i]->d_name);
		replay(inside);
		free(entry[i]);
	}
	free(entry);
}

/* tests/fuzz/fuzz_yaml: SRCDIR/tests/fuzz/corpus/yaml */
static void replay_own(const char *program)
{
	const char *top = getenv("srcdir"), *name = strstr(program, "fuzz_");
	char path[4096];

	assert(name);
	while (strstr(name + 1, "fuzz_"))
		name = strstr(name + 1, "fuzz_");
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", top ? top : ".", name + 5);
	replay_all(path);
}

int main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		replay_all(argv[i]);
	if (argc == 1)
		replay_own(argv[0]);
	/* As cmocka says it, for whoever counts. */
	if (slow > 0)
		printf("[  FAILED  ] %d test(s), too slow.\n", slow);
	printf("[  PASSED  ] %d test(s).\n", replayed - slow);
	return slow > 0 || replayed == 0;
}
