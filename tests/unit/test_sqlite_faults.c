/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite store on a disk that fails, and in a process whose memory ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "../../plugins/stores/sqlite/db.h"
#include "faulty_disk.h"
#include "sqlite_store.h"

struct fixture {
	struct sqlite_store store;
	const struct tocsin_store_ops *ops;
	void *opened;
};

static int set_up(void **state)
{
	struct fixture *f = *state = calloc(1, sizeof(*f));

	break_disk(FAULT_NONE, 0, false);
	disk.log_begun = disk.overtaken = disk.log_unsynced = disk.file_unsynced = false;
	sqlite_store_init(&f->store);
	f->ops = f->store.subject.ops;
	return f->store.subject.open(&f->store.subject, &f->opened);
}

static void open_again(struct fixture *f)
{
	f->ops->close(f->opened);
	f->opened = NULL;
	break_disk(FAULT_NONE, 0, false);
	assert_int_equal(f->store.subject.open(&f->store.subject, &f->opened), 0);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	break_disk(FAULT_NONE, 0, false);
	if (f->opened)
		f->ops->close(f->opened);
	sqlite_store_done(&f->store);
	free(f);
	return 0;
}

static size_t lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void a_failed_sync_is_the_end_until_the_store_is_opened_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 1), 0);
	break_disk(FAULT_SYNC, 0, false);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 2), -EIO);
	/* SQLite itself would accept this one. */
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 3), -EIO);
	assert_int_equal(f->ops->maintain(f->opened, true), -EIO);
	assert_int_equal(lines(f->store.log), 1);
	assert_non_null(strstr(f->store.log, "cannot be read or written"));
	open_again(f);
	assert_true(sqlite_has_mark(f->ops, f->opened, 1));
	assert_false(sqlite_has_mark(f->ops, f->opened, 3));
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 4), 0);
}

static void a_store_that_is_lost_is_closed_without_another_write(void **state)
{
	struct fixture *f = *state;

	for (int mark = 1; mark <= 50; mark++)
		assert_int_equal(sqlite_accept_one(f->ops, f->opened, mark), 0);
	break_disk(FAULT_SYNC, 0, false);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 51), -EIO);
	disk.written = 0;
	f->ops->close(f->opened);
	assert_int_equal(disk.written, 0);
	assert_int_equal(f->store.subject.open(&f->store.subject, &f->opened), 0);
	assert_true(sqlite_has_mark(f->ops, f->opened, 50));
}

static void a_failed_write_is_the_end_until_the_store_is_opened_again(void **state)
{
	struct fixture *f = *state;

	break_disk(FAULT_WRITE, 0, false);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 1), -EIO);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 2), -EIO);
	open_again(f);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 3), 0);
}

static void a_full_disk_refuses_and_later_goes_on(void **state)
{
	struct fixture *f = *state;
	struct tocsin_counters n;

	assert_int_equal(access(sqlite_beside(&f->store, ".reserve"), F_OK), 0);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 1), 0);
	break_disk(FAULT_FULL, 0, true);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sqlite_accept_one(f->ops, f->opened, 2), -ENOSPC);
	/* Said once, with the reserve given back once. */
	assert_int_equal(lines(f->store.log), 2);
	assert_int_equal(access(sqlite_beside(&f->store, ".reserve"), F_OK), -1);
	assert_int_equal(f->ops->counters(f->opened, &n), 0);
	assert_int_equal(n.accepted, 1);
	break_disk(FAULT_NONE, 0, false);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 2), 0);
	assert_true(sqlite_has_mark(f->ops, f->opened, 2));
	assert_int_equal(f->ops->counters(f->opened, &n), 0);
	assert_int_equal(n.accepted, 2);
}

/* What is small may fit into the room that was given back; that is no reason to accept more. */
static void a_full_disk_is_full_until_the_reserve_fits_again(void **state)
{
	struct fixture *f = *state;

	assert_false(f->ops->full(f->opened));
	break_disk(FAULT_FULL, 0, false);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 1), -ENOSPC);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 2), 0);
	assert_int_equal(f->ops->maintain(f->opened, true), 0);
	assert_true(f->ops->full(f->opened));
	usleep(1100 * 1000);
	assert_int_equal(f->ops->maintain(f->opened, true), 0);
	assert_false(f->ops->full(f->opened));
	assert_int_equal(access(sqlite_beside(&f->store, ".reserve"), F_OK), 0);
}

/* A start on a full disk: the reserve is the last process's, and may be what it takes. */
static void a_reserve_that_was_left_is_given_back_by_the_next_process(void **state)
{
	struct fixture *f = *state;

	f->ops->close(f->opened);
	f->opened = NULL;
	sqlite_quiet(&f->store);
	break_disk(FAULT_FULL, 0, false);
	assert_int_equal(f->store.subject.open(&f->store.subject, &f->opened), 0);
	if (!disk.hit)
		assert_int_equal(sqlite_accept_one(f->ops, f->opened, 1), -ENOSPC);
	assert_int_equal(access(sqlite_beside(&f->store, ".reserve"), F_OK), -1);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 2), 0);
	assert_true(f->ops->full(f->opened));
}

static void the_reserve_is_made_again_when_there_is_room(void **state)
{
	struct fixture *f = *state;

	break_disk(FAULT_FULL, 0, false);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 1), -ENOSPC);
	assert_int_equal(f->ops->maintain(f->opened, true), 0);
	assert_int_equal(access(sqlite_beside(&f->store, ".reserve"), F_OK), -1);
	open_again(f);
	assert_int_equal(access(sqlite_beside(&f->store, ".reserve"), F_OK), 0);
}

/* Enough for a checkpoint in a quiet time, which it is when the store was opened just now. */
static void fill_log(struct fixture *f, int64_t first)
{
	for (int64_t mark = first; mark < first + 800; mark++)
		assert_int_equal(sqlite_accept_one(f->ops, f->opened, mark), 0);
}

static void a_full_disk_inside_a_checkpoint_loses_nothing(void **state)
{
	struct fixture *f = *state;

	fill_log(f, 1);
	break_disk(FAULT_FULL, 2, false);
	assert_int_equal(f->ops->maintain(f->opened, true), -ENOSPC);
	assert_true(disk.hit);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 801), 0);
	assert_int_equal(f->ops->maintain(f->opened, true), 0);
	open_again(f);
	sqlite_nothing_is_lost(f->ops, f->opened, 801);
}

/* Only a commit knows whether it has room. */
static void a_log_that_finds_no_room_to_grow_is_no_fault(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 1), 0);
	break_disk(FAULT_QUOTA, 0, false);
	assert_int_equal(f->ops->maintain(f->opened, false), 0);
	assert_true(disk.hit);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 2), 0);
	assert_int_equal(lines(f->store.log), 0);
	open_again(f);
	sqlite_nothing_is_lost(f->ops, f->opened, 2);
}

static void a_commit_writes_the_log_in_one_piece(void **state)
{
	struct fixture *f = *state;

	fill_log(f, 1);
	disk.written = 0;
	fill_log(f, 801);
	assert_int_equal(disk.written, 800);
}

/* What a power cut leaves is whole only then. */
static void a_checkpoint_does_not_overtake_the_disk(void **state)
{
	struct fixture *f = *state;

	for (int64_t i = 0; i < 3; i++) {
		fill_log(f, 1 + i * 800);
		assert_false(disk.log_unsynced);
		assert_int_equal(f->ops->begin(f->opened, NOW + i * 1000), 0);
		assert_int_equal(f->ops->commit(f->opened), 0);
		assert_int_equal(f->ops->maintain(f->opened, true), 0);
		assert_false(disk.file_unsynced);
	}
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 5000), 0);
	assert_int_equal(disk.log_begun, 4); /* at first, and after each checkpoint */
	assert_int_equal(disk.overtaken, 0);
}

static void a_failed_sync_inside_a_checkpoint_is_the_end(void **state)
{
	struct fixture *f = *state;

	fill_log(f, 1);
	break_disk(FAULT_SYNC, 0, false);
	assert_int_equal(f->ops->maintain(f->opened, true), -EIO);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 801), -EIO);
	assert_non_null(strstr(f->store.log, "(disk I/O error, code 1034)"));
	open_again(f);
	sqlite_nothing_is_lost(f->ops, f->opened, 800);
}

static void a_spoiled_transaction_is_not_committed(void **state)
{
	struct fixture *f = *state;
	const struct tocsin_alert alert = {.id = "1", .source = "rows", .fingerprint = "f"};
	struct tocsin_new_alert new = {.alert = &alert, .now_ms = NOW};
	char *body = malloc(16 << 20);
	int64_t number;

	/* Larger than the page cache: it is written to the log before the commit. */
	memset(body, 'x', (16 << 20) - 1);
	body[(16 << 20) - 1] = '\0';
	new.body = body;
	assert_int_equal(f->ops->begin(f->opened, NOW), 0);
	break_disk(FAULT_FULL, 0, false);
	assert_int_equal(f->ops->accept(f->opened, &new, &number), -ENOSPC);
	assert_true(disk.hit);
	assert_int_equal(f->ops->hasten(f->opened, NOW), -ENOSPC);
	assert_int_equal(f->ops->commit(f->opened), -ENOSPC);
	f->ops->rollback(f->opened);
	assert_int_equal(sqlite_accept_one(f->ops, f->opened, 2), 0);
	free(body);
}

static int ignore(const struct tocsin_stored_delivery *delivery, void *data)
{
	*(int64_t *)data = delivery->id * 1000 + delivery->token;
	return 0;
}

/* Accepts, claims, settles, prunes and checkpoints until something fails; how many were accepted. */
static int64_t live(struct fixture *f, int64_t rounds, int *error)
{
	int64_t claimed = 0, mark;
	size_t removed;

	for (mark = 0; mark < rounds; mark++) {
		struct tocsin_attempt attempt = {.state = TOCSIN_STATE_DELIVERED,
						 .number = 1,
						 .ended_ms = NOW,
						 .detail = "ok"};
		struct tocsin_attempt_result result;

		*error = sqlite_accept_one(f->ops, f->opened, mark + 1);
		if (*error)
			break;
		*error = f->ops->begin(f->opened, NOW);
		if (!*error)
			*error = f->ops->claim(f->opened, "mail", NOW, LEASE, 1, ignore, &claimed);
		attempt.delivery = claimed / 1000;
		attempt.token = claimed % 1000;
		if (!*error && mark % 2)
			*error = f->ops->settle(f->opened, &attempt, &result);
		if (!*error && mark % 8 == 0)
			*error = f->ops->prune(f->opened, 1, 1, 10, &removed);
		if (!*error)
			*error = f->ops->commit(f->opened);
		if (*error)
			f->ops->rollback(f->opened);
		if (!*error && mark % 16 == 0)
			*error = f->ops->maintain(f->opened, true);
		if (*error) {
			mark++;
			break;
		}
	}
	return mark;
}

/* Everything acknowledged is there after the next start, and the counts add up. The first calls
 * are failed one by one, later ones in growing steps. Only the room that the log lacks to grow may stay unseen. */
static void sweep(struct fixture *f, enum fault fault, int expected)
{
	int errors = 0;
	bool hit = true;

	for (long k = 0; hit; k += 1 + k / 24) {
		int64_t accepted;
		int error;

		break_disk(fault, k, fault != FAULT_FULL);
		accepted = live(f, 24, &error);
		hit = disk.hit;
		errors += error != 0;
		assert_true(fault == FAULT_FULL ? hit || !error : hit == (error != 0));
		assert_true(!error || error == expected);
		open_again(f);
		sqlite_nothing_is_lost(f->ops, f->opened, accepted);
		f->ops->close(f->opened);
		f->store.subject.reset(&f->store.subject);
		assert_int_equal(f->store.subject.open(&f->store.subject, &f->opened), 0);
	}
	assert_true(errors > 15);
}

static void no_failing_write_loses_what_was_acknowledged(void **state)
{
	sweep(*state, FAULT_WRITE, -EIO);
}

static void no_failing_sync_loses_what_was_acknowledged(void **state)
{
	sweep(*state, FAULT_SYNC, -EIO);
}

static void no_full_disk_loses_what_was_acknowledged(void **state)
{
	sweep(*state, FAULT_FULL, -ENOSPC);
}

/* Memory that ends at the k-th request of SQLite. */
static struct {
	sqlite3_mem_methods real;
	long left; /* negative: enough */
	bool for_good;
} memory = {.left = -1};

static bool memory_ends(void)
{
	if (memory.left == 0 && memory.for_good)
		return true;
	return memory.left >= 0 && memory.left-- == 0;
}

static void *short_malloc(int size)
{
	return memory_ends() ? NULL : memory.real.xMalloc(size);
}

static void *short_realloc(void *old, int size)
{
	return memory_ends() ? NULL : memory.real.xRealloc(old, size);
}

static void short_memory(void)
{
	sqlite3_mem_methods replaced;

	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real), SQLITE_OK);
	replaced = memory.real;
	replaced.xMalloc = short_malloc;
	replaced.xRealloc = short_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &replaced), SQLITE_OK);
	/* Without this SQLite serves small requests from a pool of its own. */
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
}

static void short_memory_is_reported_and_nothing_breaks(void **state)
{
	struct fixture *f = *state;
	int error = 1;
	long k;

	for (k = 0; error; k += 1 + k / 24) {
		int64_t accepted;

		f->ops->close(f->opened);
		f->opened = NULL;
		f->store.subject.reset(&f->store.subject);
		memory.left = k;
		error = f->store.subject.open(&f->store.subject, &f->opened);
		accepted = error ? 0 : live(f, 10, &error);
		/* Where SQLite can do without, it goes on. */
		assert_true(!error || error == -ENOMEM);
		error = memory.left < 0;
		memory.left = -1;
		if (!f->opened)
			assert_int_equal(f->store.subject.open(&f->store.subject, &f->opened), 0);
		sqlite_nothing_is_lost(f->ops, f->opened, accepted);
	}
	assert_true(k > 500);
}

static void a_time_without_memory_is_got_over(void **state)
{
	struct fixture *f = *state;
	int error = 1;

	for (long k = 0; error; k += 1 + k / 24) {
		int64_t accepted;

		f->ops->close(f->opened);
		f->store.subject.reset(&f->store.subject);
		assert_int_equal(f->store.subject.open(&f->store.subject, &f->opened), 0);
		memory.left = k;
		memory.for_good = true;
		accepted = live(f, 10, &error);
		assert_true(!error || error == -ENOMEM);
		memory.left = -1;
		memory.for_good = false;
		/* What could not even be rolled back then does not stand in the way now. */
		assert_int_equal(sqlite_accept_one(f->ops, f->opened, 100), 0);
		assert_true(sqlite_has_mark(f->ops, f->opened, 100));
		sqlite_nothing_is_lost(f->ops, f->opened, accepted);
	}
}

static void short_memory_inside_a_checkpoint_leaves_every_commit_synced(void **state)
{
	struct fixture *f = *state;
	int error = -ENOMEM;
	long k;

	fill_log(f, 1);
	for (k = 0; error; k += 1 + k / 24) {
		assert_int_equal(f->ops->begin(f->opened, NOW + k * 1000), 0);
		assert_int_equal(f->ops->commit(f->opened), 0);
		memory.left = k;
		memory.for_good = true;
		error = f->ops->maintain(f->opened, true);
		assert_true(!error || error == -ENOMEM);
		memory.left = -1;
		memory.for_good = false;
		assert_int_equal(sqlite_accept_one(f->ops, f->opened, 1000 + k), 0);
		assert_false(disk.log_unsynced);
	}
	assert_true(k > 5);
	assert_int_equal(disk.overtaken, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_failed_sync_is_the_end_until_the_store_is_opened_again),
		TEST(a_store_that_is_lost_is_closed_without_another_write),
		TEST(a_failed_write_is_the_end_until_the_store_is_opened_again),
		TEST(a_full_disk_refuses_and_later_goes_on),
		TEST(a_full_disk_is_full_until_the_reserve_fits_again),
		TEST(a_reserve_that_was_left_is_given_back_by_the_next_process),
		TEST(the_reserve_is_made_again_when_there_is_room),
		TEST(a_full_disk_inside_a_checkpoint_loses_nothing),
		TEST(a_log_that_finds_no_room_to_grow_is_no_fault),
		TEST(a_commit_writes_the_log_in_one_piece),
		TEST(a_checkpoint_does_not_overtake_the_disk),
		TEST(a_failed_sync_inside_a_checkpoint_is_the_end),
		TEST(a_spoiled_transaction_is_not_committed),
		TEST(no_failing_write_loses_what_was_acknowledged),
		TEST(no_failing_sync_loses_what_was_acknowledged),
		TEST(no_full_disk_loses_what_was_acknowledged),
		TEST(short_memory_is_reported_and_nothing_breaks),
		TEST(a_time_without_memory_is_got_over),
		TEST(short_memory_inside_a_checkpoint_leaves_every_commit_synced),
	};

	short_memory();
	mount_disk();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
