/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

#define ID_BYTES ((ID_TEXT - 1) / 2)
#define TIME_BYTES 6

static void to_hex(const unsigned char bytes[ID_BYTES], char text[ID_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < ID_BYTES; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[ID_TEXT - 1] = '\0';
}

static void big_endian(uint64_t value, unsigned char *bytes, size_t n)
{
	while (n > 0) {
		bytes[--n] = (unsigned char)(value & 0xFF);
		value >>= 8;
	}
}

void id_new(char text[ID_TEXT])
{
	unsigned char bytes[ID_BYTES];
	ssize_t n;

	big_endian((uint64_t)clock_wall_ms(), bytes, TIME_BYTES);
	do {
		n = getrandom(bytes + TIME_BYTES, ID_BYTES - TIME_BYTES, 0);
	} while (n < 0 && errno == EINTR);
	/* So few bytes come whole or not at all, and every supported kernel has the call. */
	assert(n == ID_BYTES - TIME_BYTES);
	to_hex(bytes, text);
}

void id_uuid(char text[ID_UUID])
{
	char digits[ID_TEXT];

	id_new(digits);
	digits[12] = '7'; /* the version */
	digits[16] =
		"89ab"[(unsigned char)digits[16] % 4]; /* the variant: two bits of it are set */
	snprintf(text, ID_UUID, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12,
		 digits + 16, digits + 20);
}

bool id_is_uuid(const char *text)
{
	for (size_t i = 0; i < ID_UUID - 1; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return false;
		} else if (!isxdigit((unsigned char)text[i])) {
			return false;
		}
	}
	return text[ID_UUID - 1] == '\0';
}

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
static EVP_MD *fetched;

static void fetch(void)
{
	fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* libcrypto 3 looks an algorithm up by name each time, which costs more than the digest. */
static const EVP_MD *sha256(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, fetch);
	return fetched ? fetched : EVP_sha256();
}
#else
static const EVP_MD *sha256(void)
{
	return EVP_sha256();
}
#endif

int id_derive(const char *const parts[], size_t n, char text[ID_TEXT])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int good = context != NULL && EVP_DigestInit_ex(context, sha256(), NULL);

	for (size_t i = 0; good && i < n; i++) {
		unsigned char length[8];

		/* With lengths "ab","c" and "a","bc" are different keys. */
		big_endian(strlen(parts[i]), length, sizeof(length));
		good = EVP_DigestUpdate(context, length, sizeof(length)) &&
		       EVP_DigestUpdate(context, parts[i], strlen(parts[i]));
	}
	good = good && EVP_DigestFinal_ex(context, digest, NULL);
	EVP_MD_CTX_free(context);
	if (!good)
		return -ENOMEM;
	to_hex(digest, text);
	return 0;
}

uint64_t fnv1a(uint64_t hash, const void *data, size_t length)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
	return hash;
}
