/* SPDX-License-Identifier: Apache-2.0 */
/* What a test can only see without valgrind. */
#ifndef TEST_VALGRIND_H
#define TEST_VALGRIND_H

#include <stdlib.h>
#include <string.h>

/* valgrind lets a program be spawned that is not there. */
static inline void skip_under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	if (preload && strstr(preload, "valgrind"))
		skip();
}

#endif
