/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that outlives the process: a mapped file beside the database. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "statement.h"

/* The room is taken at once: writing to a mapping of a full disk ends the process. */
static int open_scratch(const char *path, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_size == (off_t)size ||
	     (ftruncate(fd, 0) == 0 && posix_fallocate(fd, 0, (off_t)size) == 0)))
		return fd;
	close(fd);
	return -1;
}

void *db_scratch(void *state, size_t size)
{
	struct db *db = state;
	char *path = NULL;
	int fd = -1;

	if (db->scratch)
		return db->scratch_size == size ? db->scratch : NULL;
	if (asprintf(&path, "%s.underway", db->config->path) >= 0)
		fd = open_scratch(path, size);
	free(path);
	if (fd < 0)
		return NULL;
	db->scratch = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (db->scratch == MAP_FAILED)
		db->scratch = NULL;
	db->scratch_size = size;
	return db->scratch;
}

void db_scratch_done(struct db *db)
{
	if (db->scratch)
		munmap(db->scratch, db->scratch_size);
	db->scratch = NULL;
}
