/* SPDX-License-Identifier: Apache-2.0 */
/* cli/progress: a bar that shows on a terminal how far long work is. Any thread. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_LEAST 500      /* shorter work shows no bar */

struct progress;

/* fd: a terminal. 0 or -ENOMEM. */
int progress_new(struct progress **progress, int fd);
/* Draws at most ten times a second. True when a bar is shown. */
bool progress_show(struct progress *progress, int64_t done, int64_t of);
/* Clears the bar from the screen and frees. NULL is accepted. */
void progress_free(struct progress *progress);

#endif
