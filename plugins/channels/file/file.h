/* SPDX-License-Identifier: Apache-2.0 */
/* What the file channel can be told. */
#ifndef FILE_FILE_H
#define FILE_FILE_H

#include <tocsin/plugin.h>

enum file_format { FILE_TEXT, FILE_JSON };

struct file_rotate {
	int64_t every, keep, size;
};

struct file_config {
	int64_t format;
	const struct tocsin_template *message;
	const char *mode;
	int64_t most_files;
	const char *path, *per_label;
	struct file_rotate rotate;
	bool sync;
	const struct tocsin_template *title;
};

#endif
