/* SPDX-License-Identifier: Apache-2.0 */
/* cli/width: how many columns a character takes, whatever the locale says. Pure. */
#ifndef CLI_WIDTH_H
#define CLI_WIDTH_H

#include <stddef.h>

/* The columns (0, 1 or 2) of the character at *text, which moves on to the next one. A byte that
 * begins no valid character counts as one column. Not to be called at the end. */
size_t width_next(const char **text);

#endif
