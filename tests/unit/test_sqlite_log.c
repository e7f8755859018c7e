/* SPDX-License-Identifier: Apache-2.0 */
/* The log that is written in one piece, beside what SQLite asks of any file. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../plugins/stores/sqlite/log_file.h"
#include "faulty_disk.h"

#define FLAGS (SQLITE_OPEN_WAL | SQLITE_OPEN_CREATE | SQLITE_OPEN_READWRITE)

struct log {
	char directory[32], database[40], path[48];
	sqlite3_filename names; /* SQLite wants to know of which database it is the log */
	struct log_vfs vfs;
	sqlite3_file *file;
	unsigned char model[1 << 20]; /* what the file has to hold */
	int size;                     /* bytes of it */
};

static int set_up(void **state)
{
	struct log *log = *state = calloc(1, sizeof(*log));

	break_disk(FAULT_NONE, 0, false);
	disk.written = 0;
	strcpy(log->directory, "/tmp/tocsin-test-XXXXXX");
	if (!mkdtemp(log->directory))
		return -1;
	(void)snprintf(log->database, sizeof(log->database), "%s/x", log->directory);
	(void)snprintf(log->path, sizeof(log->path), "%s-wal", log->database);
	assert_int_equal(close(open(log->database, O_CREAT | O_WRONLY, 0600)), 0);
	log->names = sqlite3_create_filename(log->database, "", log->path, 0, NULL);
	assert_int_equal(log_vfs_register(&log->vfs), SQLITE_OK);
	log->file = calloc(1, (size_t)log->vfs.it.szOsFile);
	return log->vfs.it.xOpen(&log->vfs.it, sqlite3_filename_wal(log->names), log->file, FLAGS,
				 NULL);
}

static int tear_down(void **state)
{
	struct log *log = *state;

	break_disk(FAULT_NONE, 0, false);
	if (log->file->pMethods)
		assert_int_equal(log->file->pMethods->xClose(log->file), SQLITE_OK);
	log_vfs_done(&log->vfs);
	sqlite3_free_filename(log->names);
	(void)unlink(log->path);
	(void)unlink(log->database);
	(void)rmdir(log->directory);
	free(log->file);
	free(log);
	return 0;
}

static int put(struct log *log, int at, int n, unsigned char what)
{
	memset(log->model + at, what, (size_t)n);
	if (at + n > log->size)
		log->size = at + n;
	return log->file->pMethods->xWrite(log->file, log->model + at, n, at);
}

static int sync_it(const struct log *log)
{
	return log->file->pMethods->xSync(log->file, SQLITE_SYNC_NORMAL);
}

/* What the file itself holds, however it is read. */
static void holds_all(const struct log *log)
{
	unsigned char *content = malloc(sizeof(log->model));
	FILE *file = fopen(log->path, "rb");

	assert_non_null(file);
	assert_int_equal(fread(content, 1, sizeof(log->model), file), log->size);
	assert_memory_equal(content, log->model, (size_t)log->size);
	fclose(file);
	free(content);
}

static void pieces_are_written_at_once_and_before_the_sync_returns(void **state)
{
	struct log *log = *state;

	for (int i = 0; i < 20; i++)
		assert_int_equal(put(log, i * 1000, 1000, (unsigned char)i), SQLITE_OK);
	assert_int_equal(disk.written, 0);
	assert_int_equal(sync_it(log), SQLITE_OK);
	assert_int_equal(disk.written, 1);
	holds_all(log);
	assert_int_equal(put(log, 20000, 24, 'x'), SQLITE_OK);
	assert_int_equal(log->file->pMethods->xClose(log->file), SQLITE_OK);
	log->file->pMethods = NULL;
	holds_all(log);
}

static void whatever_looks_at_the_file_sees_what_was_written(void **state)
{
	struct log *log = *state;
	const sqlite3_io_methods *methods = log->file->pMethods;
	unsigned char read[500];
	sqlite3_int64 size;

	assert_int_equal(put(log, 0, 600, 'a'), SQLITE_OK);
	assert_int_equal(methods->xRead(log->file, read, sizeof(read), 100), SQLITE_OK);
	assert_memory_equal(read, log->model + 100, sizeof(read));
	assert_int_equal(put(log, 600, 600, 'b'), SQLITE_OK);
	assert_int_equal(methods->xFileSize(log->file, &size), SQLITE_OK);
	assert_int_equal(size, 1200);
	assert_int_equal(put(log, 1200, 600, 'c'), SQLITE_OK);
	assert_int_equal(methods->xTruncate(log->file, 1500), SQLITE_OK);
	log->size = 1500;
	holds_all(log);
}

static void pieces_anywhere_and_of_any_size_come_out_right(void **state)
{
	struct log *log = *state;

	srandom(1);
	for (int i = 0; i < 2000; i++) {
		int n = random() % 3 ? 1 + (int)(random() % 5000) : 1 + (int)(random() % 100000);
		int at = random() % 4 ? log->size : (int)(random() % (log->size + 1));

		if (at + n > (int)sizeof(log->model))
			at = n % 1000;
		if (at > log->size)
			at = log->size;
		assert_int_equal(put(log, at, n, (unsigned char)i), SQLITE_OK);
		if (random() % 50)
			continue;
		assert_int_equal(sync_it(log), SQLITE_OK);
		holds_all(log);
	}
}

static void what_could_not_be_written_is_not_synced_until_it_is_written_over(void **state)
{
	struct log *log = *state;

	assert_int_equal(put(log, 0, 4096, 'a'), SQLITE_OK);
	assert_int_equal(sync_it(log), SQLITE_OK);
	assert_int_equal(put(log, 4096, 4096, 'b'), SQLITE_OK);
	break_disk(FAULT_FULL, 0, false);
	assert_int_equal(sync_it(log), SQLITE_FULL);
	assert_int_equal(sync_it(log), SQLITE_FULL);
	assert_int_equal(put(log, 8192, 4096, 'c'), SQLITE_FULL);
	assert_int_equal(sync_it(log), SQLITE_FULL);
	assert_int_equal(put(log, 4096, 4096, 'd'), SQLITE_OK);
	assert_int_equal(put(log, 8192, 4096, 'e'), SQLITE_OK);
	assert_int_equal(sync_it(log), SQLITE_OK);
	holds_all(log);
}

static void a_failure_before_the_sync_is_said_by_whatever_met_it(void **state)
{
	struct log *log = *state;
	unsigned char read[10];
	int result = SQLITE_OK;

	break_disk(FAULT_WRITE, 0, false);
	for (int at = 0; result == SQLITE_OK && at < 1000000; at += 4096)
		result = put(log, at, 4096, 'a');
	assert_int_equal(result, SQLITE_IOERR_WRITE);
	assert_int_equal(sync_it(log), SQLITE_IOERR_WRITE);
	assert_int_equal(put(log, 0, 4096, 'b'), SQLITE_OK);
	break_disk(FAULT_WRITE, 0, false);
	assert_int_equal(log->file->pMethods->xRead(log->file, read, sizeof(read), 0),
			 SQLITE_IOERR_WRITE);
	assert_int_equal(sync_it(log), SQLITE_IOERR_WRITE);
}

static void other_files_are_as_they_were(void **state)
{
	struct log *log = *state;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(log->database, &db,
					 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, log->vfs.name),
			 SQLITE_OK);
	disk.written = 0;
	assert_int_equal(
		sqlite3_exec(db, "CREATE TABLE t (x); INSERT INTO t VALUES (1)", NULL, NULL, NULL),
		SQLITE_OK);
	assert_true(disk.written > 4); /* a journal and pages, each by itself */
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pieces_are_written_at_once_and_before_the_sync_returns),
		TEST(whatever_looks_at_the_file_sees_what_was_written),
		TEST(pieces_anywhere_and_of_any_size_come_out_right),
		TEST(what_could_not_be_written_is_not_synced_until_it_is_written_over),
		TEST(a_failure_before_the_sync_is_said_by_whatever_met_it),
		TEST(other_files_are_as_they_were),
	};

	mount_disk();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
