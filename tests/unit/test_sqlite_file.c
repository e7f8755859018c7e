/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the SQLite store: whose it is, who may read it, and what a killed process leaves. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "sqlite_store.h"

static int set_up(void **state)
{
	struct sqlite_store *store = *state = calloc(1, sizeof(*store));

	sqlite_store_init(store);
	return 0;
}

static int tear_down(void **state)
{
	sqlite_store_done(*state);
	free(*state);
	return 0;
}

static void *open_it(struct sqlite_store *store)
{
	void *opened = NULL;

	assert_int_equal(store->subject.open(&store->subject, &opened), 0);
	return opened;
}

/* The errno of an open that fails. */
static int refused(struct sqlite_store *store)
{
	void *opened = NULL;
	int result = store->subject.open(&store->subject, &opened);

	assert_null(opened);
	assert_true(strlen(store->log) > 0);
	return result;
}

static int mode_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (int)(status.st_mode & 0777) : -errno;
}

static void only_its_owner_can_read_it(void **state)
{
	struct sqlite_store *store = *state;
	mode_t old = umask(0);
	void *opened;

	store->subject.ops->close(open_it(store));
	opened = open_it(store);
	(void)umask(old);
	assert_int_equal(sqlite_accept_one(store->subject.ops, opened, 1), 0);
	assert_int_equal(mode_of(store->path), 0600);
	assert_int_equal(mode_of(sqlite_beside(store, "-wal")), 0600);
	assert_int_equal(mode_of(sqlite_beside(store, ".lock")), 0600);
	assert_int_equal(mode_of(sqlite_beside(store, ".reserve")), 0600);
	/* No shared memory: nobody else can take part. */
	assert_int_equal(mode_of(sqlite_beside(store, "-shm")), -ENOENT);
	store->subject.ops->close(opened);
	assert_string_equal(store->log, "");
	assert_int_equal(chmod(store->path, 0644), 0);
	store->subject.ops->close(open_it(store));
	assert_non_null(strstr(store->log, "can be read by other users"));
}

static void a_second_user_is_told_who_has_it(void **state)
{
	struct sqlite_store *store = *state;
	void *opened = open_it(store);
	char owner[64];

	(void)snprintf(owner, sizeof(owner), "in use by process %ld;", (long)getpid());
	assert_int_equal(refused(store), -EBUSY);
	assert_non_null(strstr(store->log, owner));
	store->subject.ops->close(opened);
	store->subject.ops->close(open_it(store));
}

/* As after `sudo tocsind --once`. */
static void what_root_left_is_to_be_given_back(void **state)
{
	struct sqlite_store *store = *state;
	char directory[4096];

	if (geteuid() != 0)
		skip();
	store->subject.ops->close(open_it(store));
	(void)snprintf(directory, sizeof(directory), "%s", store->path);
	*strrchr(directory, '/') = '\0';
	assert_int_equal(chmod(directory, 0777), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(refused(store), -EACCES);
	assert_int_equal(seteuid(0), 0);
	assert_non_null(strstr(store->log, ".lock: it belongs to root (0); run chown on it"));
}

static void no_other_program_can_read_or_write_it(void **state)
{
	struct sqlite_store *store = *state;
	void *opened = open_it(store);
	sqlite3 *handle;

	assert_int_equal(sqlite3_open(store->path, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, "SELECT * FROM alert", NULL, NULL, NULL),
			 SQLITE_BUSY);
	(void)sqlite3_close(handle);
	store->subject.ops->close(opened);
}

static void a_missing_directory_is_named(void **state)
{
	struct sqlite_store *store = *state;
	char kept[96];

	(void)snprintf(kept, sizeof(kept), "%s", store->path);
	(void)snprintf(store->path, sizeof(store->path), "%s/none/store.db", store->directory);
	assert_int_equal(refused(store), -ENOENT);
	assert_non_null(strstr(store->log, "create it"));
	(void)snprintf(store->path, sizeof(store->path), "%s", kept);
}

static void a_lock_file_that_points_elsewhere_is_not_followed(void **state)
{
	struct sqlite_store *store = *state;

	assert_int_equal(symlink("/etc/passwd", sqlite_beside(store, ".lock")), 0);
	assert_int_equal(refused(store), -ELOOP);
}

static void a_directory_in_its_place_is_refused(void **state)
{
	struct sqlite_store *store = *state;

	assert_int_equal(mkdir(store->path, 0700), 0);
	assert_int_equal(refused(store), -EISDIR);
	assert_int_equal(rmdir(store->path), 0);
}

static void a_newer_schema_is_refused_and_says_what_to_do(void **state)
{
	struct sqlite_store *store = *state;

	store->subject.ops->close(open_it(store));
	sqlite_run_sql(store, "PRAGMA user_version = 99");
	assert_int_equal(refused(store), -EINVAL);
	assert_non_null(strstr(store->log, "schema 99"));
	assert_non_null(strstr(store->log, "install that tocsin again"));
}

static void the_file_of_another_program_is_refused_and_left_alone(void **state)
{
	struct sqlite_store *store = *state;
	char mode[8];
	int fd;

	sqlite_run_sql(store, "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
	assert_int_equal(refused(store), -EINVAL);
	assert_non_null(strstr(store->log, "another program"));
	/* Bytes 18 and 19 of the header: 1 is a rollback journal, 2 a write-ahead log. */
	fd = open(store->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, mode, 2, 18), 2);
	(void)close(fd);
	assert_memory_equal(mode, "\1\1", 2);
	sqlite_run_sql(store, "INSERT INTO theirs VALUES (2)");
}

static void what_is_no_database_is_refused(void **state)
{
	struct sqlite_store *store = *state;
	FILE *file = fopen(store->path, "w");

	for (int i = 0; i < 1000; i++)
		(void)fputs("this is my diary\n", file);
	(void)fclose(file);
	assert_int_equal(refused(store), -EIO);
	assert_non_null(strstr(store->log, "damaged"));
}

/* Runs life in a process of its own and waits for it; its status. */
static int in_child(struct sqlite_store *store,
		    void (*life)(struct sqlite_store *store, int report), int *report)
{
	int pipes[2], status;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)close(pipes[0]);
		life(store, pipes[1]);
		_exit(0);
	}
	(void)close(pipes[1]);
	*report = pipes[0];
	/* Half of them live at least until they told of something, however slow the machine is. */
	if (rand() % 2)
		(void)poll(&(struct pollfd){.fd = *report, .events = POLLIN}, 1, 5000);
	(void)nanosleep(&(struct timespec){.tv_nsec = 1000000L * (5 + rand() % 40)}, NULL);
	(void)kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static int64_t next_mark(struct sqlite_store *store, void *opened)
{
	struct tocsin_counters counters;

	assert_int_equal(store->subject.ops->counters(opened, &counters), 0);
	return counters.alerts + 1;
}

/* Accepts alert after alert, and acknowledges each after its commit. */
static void accept_until_killed(struct sqlite_store *store, int report)
{
	void *opened = open_it(store);

	for (int64_t mark = next_mark(store, opened);; mark++) {
		if (sqlite_accept_one(store->subject.ops, opened, mark) ||
		    write(report, &mark, sizeof(mark)) != sizeof(mark))
			_exit(1);
		(void)store->subject.ops->maintain(opened, mark % 3 == 0);
	}
}

static void a_killed_process_loses_nothing_that_it_acknowledged(void **state)
{
	struct sqlite_store *store = *state;
	struct tocsin_counters n;
	int64_t mark, newest = 0;
	void *opened;
	int report;

	srand(7);
	for (int life = 0; life < 40; life++) {
		assert_true(WIFSIGNALED(in_child(store, accept_until_killed, &report)));
		while (read(report, &mark, sizeof(mark)) == sizeof(mark))
			newest = mark;
		(void)close(report);
		opened = open_it(store);
		for (mark = 1; mark <= newest; mark++)
			assert_true(sqlite_has_mark(store->subject.ops, opened, mark));
		assert_int_equal(store->subject.ops->counters(opened, &n), 0);
		assert_true(n.alerts == newest || n.alerts == newest + 1);
		assert_int_equal(n.pending, n.alerts);
		newest = n.alerts;
		store->subject.ops->close(opened);
	}
	assert_true(newest > 10);
	assert_non_null(strstr(store->info, "checking it"));
	assert_string_equal(store->log, "");
}

static void note_and_wait(struct sqlite_store *store, int report)
{
	int64_t *memory = store->subject.ops->scratch(open_it(store), 4096);

	if (!memory)
		_exit(1);
	memory[0] = 42;
	memory[511] = 43;
	if (write(report, memory, 1) == 1)
		(void)pause();
}

static void scratch_memory_outlives_the_process(void **state)
{
	struct sqlite_store *store = *state;
	int64_t *memory;
	void *opened;
	int report;
	bool noted;
	char byte;

	do { /* until it lived long enough */
		assert_true(WIFSIGNALED(in_child(store, note_and_wait, &report)));
		noted = read(report, &byte, 1) == 1;
		(void)close(report);
	} while (!noted);
	opened = open_it(store);
	memory = store->subject.ops->scratch(opened, 4096);
	assert_non_null(memory);
	assert_int_equal(memory[0], 42);
	assert_int_equal(memory[511], 43);
	assert_ptr_equal(store->subject.ops->scratch(opened, 4096), memory);
	assert_int_equal(mode_of(sqlite_beside(store, ".underway")), 0600);
	store->subject.ops->close(opened);
	opened = open_it(store);
	memory = store->subject.ops->scratch(opened, 8192);
	assert_non_null(memory);
	assert_int_equal(memory[0], 0);
	store->subject.ops->close(opened);
}

/* A copy of file and log as a power cut leaves them: the store is still open. */
static void copy_file(const char *from, const char *to)
{
	char buffer[65536];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t n;

	assert_true(in && out);
	while ((n = fread(buffer, 1, sizeof(buffer), in)) > 0)
		assert_int_equal(fwrite(buffer, 1, n, out), n);
	(void)fclose(in);
	(void)fclose(out);
}

static void damage_is_found_after_a_crash(void **state)
{
	struct sqlite_store *store = *state;
	void *opened = open_it(store);
	char wal[160], copy[160];
	FILE *file;

	for (int mark = 1; mark < 200; mark++)
		assert_int_equal(sqlite_accept_one(store->subject.ops, opened, mark), 0);
	(void)snprintf(wal, sizeof(wal), "%s", sqlite_beside(store, "-wal"));
	(void)snprintf(copy, sizeof(copy), "%s/copy", store->directory);
	store->subject.ops->close(opened);
	opened = open_it(store);
	assert_int_equal(sqlite_accept_one(store->subject.ops, opened, 1000), 0);
	copy_file(wal, copy);
	store->subject.ops->close(opened);
	/* A log that says "not closed", and a page of rubbish in the file. */
	assert_int_equal(rename(copy, wal), 0);
	file = fopen(store->path, "r+");
	assert_int_equal(fseek(file, 4096 * 5, SEEK_SET), 0);
	for (int i = 0; i < 4096; i++)
		(void)fputc(i * 7 & 255, file);
	(void)fclose(file);
	sqlite_quiet(store);
	assert_int_equal(refused(store), -EIO);
	assert_non_null(strstr(store->log, "damaged"));
	assert_non_null(strstr(store->log, ".recover"));
}

static void a_number_that_was_never_written_is_damage(void **state)
{
	struct sqlite_store *store = *state;
	struct tocsin_marked found;
	void *opened = open_it(store);

	assert_int_equal(sqlite_accept_one(store->subject.ops, opened, 1), 0);
	store->subject.ops->close(opened);
	sqlite_run_sql(store, "UPDATE alert SET generation = 9223372036854775807");
	opened = open_it(store);
	assert_int_equal(store->subject.ops->find_mark(opened, "rows",
						       "00000000000000000000000000000001", &found),
			 -EIO);
	assert_non_null(strstr(store->log, "damaged"));
	store->subject.ops->close(opened);
	sqlite_quiet(store);
	sqlite_run_sql(store, "UPDATE counter SET value = -1 WHERE name = 'alerts'");
	assert_int_equal(refused(store), -EIO);
	assert_non_null(strstr(store->log, "damaged"));
}

static void a_failed_open_leaves_the_file_to_others(void **state)
{
	struct sqlite_store *store = *state;

	sqlite_run_sql(store, "CREATE TABLE theirs (a)");
	for (int i = 0; i < 3; i++)
		assert_int_equal(refused(store), -EINVAL);
	assert_int_equal(unlink(store->path), 0);
	store->subject.ops->close(open_it(store));
}

static off_t size_of(struct sqlite_store *store, const char *suffix)
{
	struct stat status;

	assert_int_equal(stat(sqlite_beside(store, suffix), &status), 0);
	return status.st_size;
}

/* Accepts alerts of 1 MiB, one a millisecond from then on, each with its upkeep; the MiB of a file after
 * the last. */
static off_t accept_large(struct sqlite_store *store, void *opened, int n, int64_t now_ms,
			  bool idle, const char *suffix)
{
	const struct tocsin_store_ops *ops = store->subject.ops;
	struct tocsin_alert alert = {.source = "rows", .fingerprint = "f"};
	struct tocsin_new_alert new = {.alert = &alert, .now_ms = now_ms};
	const size_t size = 1 << 20;
	char *body = malloc(size), id[24];
	int64_t number;

	memset(body, 'x', size - 1);
	body[size - 1] = '\0';
	new.body = body;
	for (int i = 0; i < n; i++) {
		(void)snprintf(id, sizeof(id), "%lld", (long long)now_ms + i);
		alert.id = id;
		assert_int_equal(ops->begin(opened, now_ms + i), 0);
		assert_int_equal(ops->accept(opened, &new, &number), 0);
		assert_int_equal(ops->commit(opened), 0);
		assert_int_equal(ops->maintain(opened, idle), 0);
	}
	free(body);
	return size_of(store, suffix) >> 20;
}

static void the_log_is_used_again_instead_of_growing(void **state)
{
	struct sqlite_store *store = *state;
	void *opened = open_it(store);

	assert_in_range(accept_large(store, opened, 60, 1, false, "-wal"), 60, 62);
	assert_in_range(accept_large(store, opened, 60, 1000, false, "-wal"), 64, 66);
	store->subject.ops->close(opened);
}

/* Between alerts that come one after the other nobody waits either, but the next one would. */
static void the_log_is_moved_early_only_in_a_quiet_time(void **state)
{
	struct sqlite_store *store = *state;
	void *opened = open_it(store);

	assert_in_range(accept_large(store, opened, 20, 1, true, ""), 0, 1);
	assert_in_range(accept_large(store, opened, 1, 1000, false, ""), 0, 1);
	assert_in_range(accept_large(store, opened, 1, 1010, true, ""), 0, 1);
	assert_in_range(accept_large(store, opened, 1, 1100, true, ""), 23, 25);
	store->subject.ops->close(opened);
}

/* Which would make the disk take note of that, too, before it is durable. */
static void no_commit_makes_the_log_grow(void **state)
{
	struct sqlite_store *store = *state;
	const struct tocsin_store_ops *ops = store->subject.ops;
	void *opened = open_it(store);
	off_t size, most = 0;

	for (int64_t mark = 1; mark <= 400; mark++) {
		assert_int_equal(ops->maintain(opened, false), 0);
		size = size_of(store, "-wal");
		assert_int_equal(sqlite_accept_one(ops, opened, mark), 0);
		assert_int_equal(size_of(store, "-wal"), size);
		most = size > most ? size : most;
	}
	assert_in_range(most, 3 << 20, 16 << 20); /* it did grow meanwhile */
	ops->close(opened);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_its_owner_can_read_it),
		TEST(a_second_user_is_told_who_has_it),
		TEST(what_root_left_is_to_be_given_back),
		TEST(no_other_program_can_read_or_write_it),
		TEST(a_missing_directory_is_named),
		TEST(a_lock_file_that_points_elsewhere_is_not_followed),
		TEST(a_directory_in_its_place_is_refused),
		TEST(a_newer_schema_is_refused_and_says_what_to_do),
		TEST(the_file_of_another_program_is_refused_and_left_alone),
		TEST(what_is_no_database_is_refused),
		TEST(a_killed_process_loses_nothing_that_it_acknowledged),
		TEST(scratch_memory_outlives_the_process),
		TEST(damage_is_found_after_a_crash),
		TEST(a_number_that_was_never_written_is_damage),
		TEST(a_failed_open_leaves_the_file_to_others),
		TEST(the_log_is_used_again_instead_of_growing),
		TEST(the_log_is_moved_early_only_in_a_quiet_time),
		TEST(no_commit_makes_the_log_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
