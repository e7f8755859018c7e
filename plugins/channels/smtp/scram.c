/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 5802 and RFC 7677, without channel binding. */
#include "smtp.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "../../common/draft.h"
#include "../../common/text.h"

/* Below is what RFC 7677 forbids; above is a server that keeps us busy. */
#define ROUNDS_MIN 4096
#define ROUNDS_MAX 1000000
#define SALT_MAX 1024

static bool make_nonce(char nonce[33])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[16];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		nonce[i * 2] = digits[bytes[i] >> 4];
		nonce[i * 2 + 1] = digits[bytes[i] & 15];
	}
	nonce[32] = '\0';
	return true;
}

/* "," and "=" separate the attributes of a message. */
static void put_name(FILE *out, const char *name)
{
	for (; *name; name++) {
		if (*name == ',')
			fputs("=2C", out);
		else if (*name == '=')
			fputs("=3D", out);
		else
			fputc(*name, out);
	}
}

char *smtp_scram_first(struct smtp_scram *scram, const char *username, const char *nonce)
{
	struct draft draft;
	char *message;

	*scram = (struct smtp_scram){0};
	if (nonce)
		snprintf(scram->nonce, sizeof(scram->nonce), "%s", nonce);
	else if (!make_nonce(scram->nonce))
		return NULL;
	if (!draft_begin(&draft))
		return NULL;
	fputs("n=", draft.out);
	put_name(draft.out, username);
	fprintf(draft.out, ",r=%s", scram->nonce);
	scram->first_bare = draft_end(&draft, NULL);
	if (!scram->first_bare || asprintf(&message, "n,,%s", scram->first_bare) < 0)
		return NULL;
	return message;
}

/* The value of an attribute in "r=...,s=...,i=..."; length 0 when there is none. */
static const char *attribute(const char *message, char name, size_t *length)
{
	const char *at = message;

	*length = 0;
	for (;;) {
		if (at[0] == name && at[1] == '=') {
			*length = strcspn(at + 2, ",");
			return at + 2;
		}
		at = strchr(at, ',');
		if (!at)
			return "";
		at++;
	}
}

/* Number of bytes, or -1. */
static int decode_base64(const char *text, size_t length, unsigned char *out, size_t size)
{
	int n, padding = 0;

	if (length == 0 || length % 4 != 0 || length / 4 * 3 > size)
		return -1;
	n = EVP_DecodeBlock(out, (const unsigned char *)text, (int)length);
	while (padding < 2 && text[length - 1 - (size_t)padding] == '=')
		padding++;
	return n < 0 ? -1 : n - padding;
}

static bool hmac(const unsigned char key[SMTP_SCRAM_HASH], const char *text,
		 unsigned char out[SMTP_SCRAM_HASH])
{
	return HMAC(EVP_sha256(), key, SMTP_SCRAM_HASH, (const unsigned char *)text, strlen(text),
		    out, NULL) != NULL;
}

/* ClientProof, and the ServerSignature to compare later. */
static bool compute(struct smtp_scram *scram, const unsigned char *salted, const char *auth_message,
		    unsigned char proof[SMTP_SCRAM_HASH])
{
	unsigned char client[SMTP_SCRAM_HASH], stored[SMTP_SCRAM_HASH], server[SMTP_SCRAM_HASH];
	unsigned char signature[SMTP_SCRAM_HASH];
	bool fine = hmac(salted, "Client Key", client) &&
		    EVP_Digest(client, sizeof(client), stored, NULL, EVP_sha256(), NULL) == 1 &&
		    hmac(stored, auth_message, signature) && hmac(salted, "Server Key", server) &&
		    hmac(server, auth_message, scram->server_signature);

	for (size_t i = 0; fine && i < SMTP_SCRAM_HASH; i++)
		proof[i] = client[i] ^ signature[i];
	OPENSSL_cleanse(client, sizeof(client));
	OPENSSL_cleanse(server, sizeof(server));
	return fine;
}

static const char *read_challenge(const struct smtp_scram *scram, const char *message,
				  unsigned char *salt, int *salt_length, int *rounds)
{
	size_t nonce_length, text_length;
	const char *nonce = attribute(message, 'r', &nonce_length), *text;
	long count;

	if (nonce_length <= strlen(scram->nonce) ||
	    strncmp(nonce, scram->nonce, strlen(scram->nonce)) != 0)
		return "the server's nonce does not continue ours";
	text = attribute(message, 's', &text_length);
	*salt_length = decode_base64(text, text_length, salt, SALT_MAX);
	if (*salt_length < 0)
		return "the server's salt is malformed";
	count = strtol(attribute(message, 'i', &text_length), NULL, 10);
	if (count < ROUNDS_MIN || count > ROUNDS_MAX)
		return "the server asks for too few or too many iterations";
	*rounds = (int)count;
	return NULL;
}

static char *put_proof(const char *without_proof, const unsigned char proof[SMTP_SCRAM_HASH])
{
	char word[SMTP_BASE64_SIZE(SMTP_SCRAM_HASH)];
	struct sheet sheet = {0};

	sheet_texts(&sheet, without_proof, ",p=");
	sheet_put(&sheet, word, smtp_base64(word, proof, SMTP_SCRAM_HASH));
	return sheet_end(&sheet, NULL);
}

char *smtp_scram_final(struct smtp_scram *scram, const char *server_first, const char *password,
		       char *why, size_t why_size)
{
	unsigned char salt[SALT_MAX + 1], salted[SMTP_SCRAM_HASH], proof[SMTP_SCRAM_HASH];
	char *without_proof = NULL, *auth_message = NULL, *message = NULL;
	int salt_length = 0, rounds = 0;
	const char *wrong = read_challenge(scram, server_first, salt, &salt_length, &rounds);
	const char *nonce;
	size_t length;

	snprintf(why, why_size, "%s", wrong ? wrong : "out of memory");
	if (wrong)
		return NULL;
	nonce = attribute(server_first, 'r', &length);
	/* biws is base64 of "n,,": no channel binding. */
	if (asprintf(&without_proof, "c=biws,r=%.*s", (int)length, nonce) < 0)
		without_proof = NULL;
	if (!without_proof ||
	    asprintf(&auth_message, "%s,%s,%s", scram->first_bare, server_first, without_proof) < 0)
		auth_message = NULL;
	if (auth_message &&
	    PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, salt_length, rounds,
			      EVP_sha256(), sizeof(salted), salted) == 1 &&
	    compute(scram, salted, auth_message, proof))
		message = put_proof(without_proof, proof);
	OPENSSL_cleanse(salted, sizeof(salted));
	free(without_proof);
	free(auth_message);
	return message;
}

bool smtp_scram_verify(const struct smtp_scram *scram, const char *server_final)
{
	unsigned char signature[SMTP_SCRAM_HASH + 3];
	size_t length;
	const char *text = attribute(server_final, 'v', &length);

	return decode_base64(text, length, signature, sizeof(signature)) == SMTP_SCRAM_HASH &&
	       CRYPTO_memcmp(signature, scram->server_signature, SMTP_SCRAM_HASH) == 0;
}

void smtp_scram_done(struct smtp_scram *scram)
{
	free(scram->first_bare);
	OPENSSL_cleanse(scram, sizeof(*scram));
}
