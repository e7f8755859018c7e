/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/trust: opens a path that nobody but root and the own user can change.
 *
 * Every component is opened relative to the one before and judged by its
 * descriptor, so nothing can be swapped between the check and the use. Any
 * thread; no state.
 */
#ifndef PLUGIN_TRUST_H
#define PLUGIN_TRUST_H

#include <stdbool.h>

#include "base/error.h"

/* A descriptor for reading, or a negative errno with the sentence that names the component at
 * fault. The path must be absolute; symbolic links are followed when each of them is trusted. */
int trust_open(const char *path, bool directory, struct error *err);

#endif
