/* SPDX-License-Identifier: Apache-2.0 */
/* base/error: the sentence for a person that travels beside a negative errno. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

struct error {
	char text[768];
};

/* Writes the sentence (err may be NULL) and returns code, so that a caller can
 * `return error_set(err, -EINVAL, "...")`. */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
