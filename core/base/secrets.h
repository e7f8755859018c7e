/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/secrets: texts that must not be shown, and cleaning other texts of them.
 *
 * Servers quote what they were sent. So of each secret also that is known which can
 * turn up alone: the path of a URL and its long pieces, the password of a URL or of
 * key=value pairs; and all of it in base64, as logins send it. Of what is percent-encoded also
 * what it means; and every spelling of a secret in a URL, in JSON or in HTML is found.
 *
 * Not locked: the owner does that.
 */
#ifndef BASE_SECRETS_H
#define BASE_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

struct secrets {
	char **text;
	size_t n;
	bool begins[256]; /* whether one begins with that byte */
};

/* Copied. Values shorter than 4 bytes are ignored (masking them would hide half of every text).
 * 0 or -ENOMEM. */
int secrets_add(struct secrets *secrets, const char *secret);
/* Replaces every secret in text by ***, in place; also one that the end of text cuts off. */
void secrets_mask(const struct secrets *secrets, char *text);
/* Forgets them, and overwrites them first. */
void secrets_done(struct secrets *secrets);

/* From now on the kernel writes no core dump of this process, and only root may look into it. */
void secrets_keep_in_memory(void);

#endif
