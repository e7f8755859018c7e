/* SPDX-License-Identifier: Apache-2.0 */
/* base/file: reading whole files; the standard streams. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Reads until the end of the file or until size bytes. The number read, or a negative errno. */
ssize_t file_read(int fd, char *data, size_t size);

/* At the start of a program: /dev/null in place of standard streams that are closed, or a file opened
 * under such a number would get what is meant for the stream. For reading only, so that writing
 * fails as it does on a closed one. 0 or a negative errno. */
int file_fill_standard_streams(void);

#endif
