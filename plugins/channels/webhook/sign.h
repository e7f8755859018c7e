/* SPDX-License-Identifier: Apache-2.0 */
/* webhook/sign: proofs of origin. Pure: the time is given. */
#ifndef WEBHOOK_SIGN_H
#define WEBHOOK_SIGN_H

#include "webhook.h"
#include "writer.h"

/* What is signed. */
struct signable {
	const char *id;
	int64_t now_ms;
	const char *body;
	size_t length;
};

/* "whsec_..." or the base64 alone is 24 to 64 bytes. */
bool webhook_secret_is_valid(const char *secret);
/* The value of webhook-signature: "v1,..." for each of the secrets; previous may be NULL. False when
 * memory is short. */
bool webhook_sign_standard(const char *secret, const char *previous, const struct signable *what,
			   struct writer *out);

/* True if text has no placeholders but those that exist. */
bool webhook_hmac_text_is_valid(const char *text);
/* {timestamp} as text. */
void webhook_hmac_timestamp(const struct webhook_hmac *hmac, int64_t now_ms, char out[24]);
/* The signature with its prefix. False when memory is short. */
bool webhook_sign_hmac(const struct webhook_hmac *hmac, const struct signable *what,
		       struct writer *out);

#endif
