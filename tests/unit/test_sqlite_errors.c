/* SPDX-License-Identifier: Apache-2.0 */
/* What the SQLite store makes of SQLite's errors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "../../plugins/stores/sqlite/db.h"

static void each_error_of_sqlite_has_its_meaning(void **state)
{
	(void)state;
	assert_int_equal(db_errno(SQLITE_OK, 0), 0);
	assert_int_equal(db_errno(SQLITE_FULL, 0), -ENOSPC);
	assert_int_equal(db_errno(SQLITE_IOERR_WRITE, EDQUOT), -ENOSPC);
	assert_int_equal(db_errno(SQLITE_IOERR_TRUNCATE, ENOSPC), -ENOSPC);
	/* A sync that failed for want of room has lost pages all the same. */
	assert_int_equal(db_errno(SQLITE_IOERR_FSYNC, ENOSPC), -EIO);
	assert_int_equal(db_errno(SQLITE_IOERR_DIR_FSYNC, ENOSPC), -EIO);
	assert_int_equal(db_errno(SQLITE_IOERR_WRITE, EIO), -EIO);
	assert_int_equal(db_errno(SQLITE_IOERR_READ, 0), -EIO);
	assert_int_equal(db_errno(SQLITE_CORRUPT_INDEX, 0), -EIO);
	assert_int_equal(db_errno(SQLITE_NOTADB, 0), -EIO);
	assert_int_equal(db_errno(SQLITE_IOERR_NOMEM, 0), -ENOMEM);
	assert_int_equal(db_errno(SQLITE_NOMEM, 0), -ENOMEM);
	assert_int_equal(db_errno(SQLITE_BUSY, 0), -EBUSY);
	assert_int_equal(db_errno(SQLITE_READONLY_DIRECTORY, 0), -EROFS);
	assert_int_equal(db_errno(SQLITE_CONSTRAINT_UNIQUE, 0), -EEXIST);
	assert_int_equal(db_errno(SQLITE_CONSTRAINT_PRIMARYKEY, 0), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_error_of_sqlite_has_its_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
