/* SPDX-License-Identifier: Apache-2.0 */
/* cli/trial_store: the private store of a trial. */
#ifndef CLI_TRIAL_STORE_H
#define CLI_TRIAL_STORE_H

#include "cli/offline.h"

/* Makes a directory that only this user can enter; its path is for the caller to free(). NULL after
 * telling why not. */
char *trial_directory(void);
/* Removes it with the files in it. */
void trial_remove(const char *path);
/* Makes the settings use a new store in the directory. STATUS_DONE, or STATUS_NO after telling why. */
int trial_use_store(struct offline *offline, const char *directory);

#endif
