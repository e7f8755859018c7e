/* SPDX-License-Identifier: Apache-2.0 */
/* base/file: reading whole files. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Reads until the end of the file or until size bytes. The number read, or a negative errno. */
ssize_t file_read(int fd, char *data, size_t size);

#endif
