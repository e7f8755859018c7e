/* SPDX-License-Identifier: Apache-2.0 */
/* plugin/verify_limits: what the two halves of plugin/verify share; for nobody else. */
#ifndef PLUGIN_VERIFY_LIMITS_H
#define PLUGIN_VERIFY_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

/* The size of a struct that ends with that field. Of the fields of the first release these sizes
 * never change: an older plugin may have smaller structs than ours, but none smaller than these. */
#define SIZE_UP_TO(structure, last) \
	(offsetof(structure, last) + sizeof(((structure *)0)->last))

/* No struct of the contract will ever be near these; a larger number is garbage. */
#define MAX_STRUCT 4096
#define MAX_CONFIG (1 << 20)
#define MAX_BATCH 65536
#define MAX_NESTING 4
#define MAX_NAME 64

/* A small letter followed by small letters, digits, '_' or '-'. */
bool verify_name(const char *name);

#endif
