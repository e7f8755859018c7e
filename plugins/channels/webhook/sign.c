/* SPDX-License-Identifier: Apache-2.0 */
#include "sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SECRET_LEAST 24 /* as the specification of Standard Webhooks wants it */
#define SECRET_MOST 64

static int digit_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* The bytes of a secret, or 0. */
static size_t decode(const char *secret, unsigned char key[SECRET_MOST])
{
	size_t n = 0, digits = 0;
	unsigned int bits = 0;

	if (strncmp(secret, "whsec_", 6) == 0)
		secret += 6;
	for (; digit_value(*secret) >= 0; secret++) {
		bits = (bits << 6 | (unsigned int)digit_value(*secret)) & 0xffff;
		digits++;
		if (digits % 4 == 1)
			continue;
		if (n == SECRET_MOST)
			return 0;
		key[n++] = (unsigned char)(bits >> (6 - 2 * ((digits - 1) % 4)));
	}
	if (secret[strspn(secret, "=")] != '\0' || digits % 4 == 1 || n < SECRET_LEAST)
		return 0;
	return n;
}

bool webhook_secret_is_valid(const char *secret)
{
	unsigned char key[SECRET_MOST];
	bool valid = decode(secret, key) > 0;

	OPENSSL_cleanse(key, sizeof(key));
	return valid;
}

static bool add_standard(const char *secret, const struct writer *message, struct writer *out)
{
	unsigned char key[SECRET_MOST], digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	size_t n = decode(secret, key);
	bool done = n > 0 && HMAC(EVP_sha256(), key, (int)n, (const unsigned char *)message->data,
				  message->length, digest, &length);

	OPENSSL_cleanse(key, sizeof(key));
	if (!done)
		return false;
	writer_add(out, " ", out->length > 0 ? 1 : 0);
	writer_puts(out, "v1,");
	writer_base64(out, digest, length);
	return true;
}

bool webhook_sign_standard(const char *secret, const char *previous, const struct signable *what,
			   struct writer *out)
{
	struct writer message = {0};
	char time[32];
	bool done;

	snprintf(time, sizeof(time), ".%" PRId64 ".", what->now_ms / 1000);
	writer_puts(&message, what->id);
	writer_puts(&message, time);
	writer_add(&message, what->body, what->length);
	writer_clear(out);
	done = !message.failed && add_standard(secret, &message, out) &&
	       (!previous || add_standard(previous, &message, out));
	writer_done(&message);
	return done && !out->failed;
}

static const char *const placeholders[] = {"{secret}", "{timestamp}", "{id}", "{body}"};
#define N_PLACEHOLDERS (sizeof(placeholders) / sizeof(placeholders[0]))

/* Which of the pieces, such as {timestamp}, begins here; N_PLACEHOLDERS: none. */
static size_t placeholder_at(const char *text)
{
	size_t i = 0;

	while (i < N_PLACEHOLDERS && strncmp(text, placeholders[i], strlen(placeholders[i])) != 0)
		i++;
	return i;
}

bool webhook_hmac_text_is_valid(const char *text)
{
	while ((text = strchr(text, '{'))) {
		if (placeholder_at(text) == N_PLACEHOLDERS)
			return false;
		text++;
	}
	return true;
}

void webhook_hmac_timestamp(const struct webhook_hmac *hmac, int64_t now_ms, char out[24])
{
	snprintf(out, 24, "%" PRId64, hmac->unit == 1 ? now_ms : now_ms / 1000);
}

static void put_text(const struct webhook_hmac *hmac, const struct signable *what, const char *text,
		     struct writer *out)
{
	char time[24];

	webhook_hmac_timestamp(hmac, what->now_ms, time);
	while (*text) {
		size_t which = placeholder_at(text), run;

		if (which < N_PLACEHOLDERS) {
			text += strlen(placeholders[which]);
			if (which == 0)
				writer_puts(out, hmac->secret);
			else if (which == 3)
				writer_add(out, what->body, what->length);
			else
				writer_puts(out, which == 1 ? time : what->id);
			continue;
		}
		run = 1 + strcspn(text + 1, "{");
		writer_add(out, text, run);
		text += run;
	}
}

static const EVP_MD *algorithm_of(const struct webhook_hmac *hmac)
{
	return hmac->algorithm == 0   ? EVP_sha256()
	       : hmac->algorithm == 1 ? EVP_sha1()
				      : EVP_sha512();
}

bool webhook_sign_hmac(const struct webhook_hmac *hmac, const struct signable *what,
		       struct writer *out)
{
	struct writer key = {0}, message = {0};
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	bool done;

	put_text(hmac, what, hmac->key, &key);
	put_text(hmac, what, hmac->message, &message);
	done = *writer_text(&key) && !key.failed && !message.failed &&
	       HMAC(algorithm_of(hmac), key.data, (int)key.length,
		    (const unsigned char *)writer_text(&message), message.length, digest, &length);
	writer_clear(out);
	writer_puts(out, hmac->prefix ? hmac->prefix : "");
	if (hmac->encoding == 1)
		writer_base64(out, digest, length);
	else
		writer_hex(out, digest, length);
	writer_done(&key);
	writer_done(&message);
	return done && !out->failed;
}
