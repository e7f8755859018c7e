/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secrets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <openssl/evp.h>

#include "base/spelling.h"

#define SHORTEST 4
/* A part of a URL that is shorter is hardly a secret, but may well be a word of other texts. */
#define SHORTEST_PART 12
/* A shorter secret has too few digits of base64 that depend on nothing else. */
#define SHORTEST_CODED 8
/* What a text must have of a secret at its end, to be taken for a secret that was cut off. */
#define SHORTEST_CUT 8
/* With which secrets for signing begin (Standard Webhooks), but which is none itself. */
#define SIGNING "whsec_"
/* In the request, and in an answer that quotes it. */
#define MOST_ESCAPES 2
#define MASK "***"

static bool is_known(const struct secrets *secrets, const char *text, size_t length)
{
	for (size_t i = 0; i < secrets->n; i++) {
		if (strncmp(secrets->text[i], text, length) == 0 &&
		    secrets->text[i][length] == '\0')
			return true;
	}
	return false;
}

static int keep(struct secrets *secrets, const char *text, size_t length)
{
	char **grown, *copy;

	if (is_known(secrets, text, length))
		return 0;
	grown = reallocarray(secrets->text, secrets->n + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	secrets->text = grown;
	copy = strndup(text, length);
	if (copy == NULL)
		return -ENOMEM;
	secrets->text[secrets->n++] = copy;
	secrets->begins[(unsigned char)*copy] = true;
	return 0;
}

/* The digits that base64 makes of the text alone, when `before` bytes stand before it. */
static int keep_coded(struct secrets *secrets, const char *text, size_t length, size_t before)
{
	size_t all = before + length, from = (before * 8 + 5) / 6, to = all * 8 / 6;
	unsigned char *plain = calloc(1, all + 1);
	char *coded = calloc(1, (all + 2) / 3 * 4 + 1);
	int result = -ENOMEM;

	if (plain != NULL && coded != NULL) {
		memcpy(plain + before, text, length);
		(void)EVP_EncodeBlock((unsigned char *)coded, plain, (int)all);
		result = keep(secrets, coded + from, to - from);
		explicit_bzero(plain, all);
		explicit_bzero(coded, to);
	}
	free(plain);
	free(coded);
	return result;
}

/* One text, as it is and in base64 wherever it begins there. */
static int add_plain(struct secrets *secrets, const char *text, size_t length)
{
	int result = keep(secrets, text, length);

	for (size_t before = 0; before < 3 && result == 0 && length >= SHORTEST_CODED; before++)
		result = keep_coded(secrets, text, length, before);
	return result;
}

/* What it means, and that without the quotation marks that may come to light. */
static int add_decoded(struct secrets *secrets, const char *text, size_t length)
{
	char *decoded = strndup(text, length);
	int result = 0;

	if (decoded == NULL)
		return -ENOMEM;
	if (spelling_decode(decoded) && strlen(decoded) >= SHORTEST_CODED) {
		const char *inside = decoded + strspn(decoded, "\"");
		size_t rest = strcspn(inside, "\"");

		result = add_plain(secrets, decoded, strlen(decoded));
		if (result == 0 && rest >= SHORTEST_CODED)
			result = add_plain(secrets, inside, rest);
	}
	explicit_bzero(decoded, length);
	free(decoded);
	return result;
}

/* One text, also decoded when it is percent-encoded. */
static int add_text(struct secrets *secrets, const char *text, size_t length)
{
	int result = add_plain(secrets, text, length);

	return result == 0 && memchr(text, '%', length) ? add_decoded(secrets, text, length)
							: result;
}

/* The path with its query, the path, and each of their pieces: the token may be any of them. */
static int add_path(struct secrets *secrets, const char *path)
{
	size_t whole = strlen(path), plain = strcspn(path, "?#");
	int result = 0;

	if (whole >= SHORTEST_PART)
		result = add_text(secrets, path, whole);
	if (result == 0 && plain >= SHORTEST_PART)
		result = add_text(secrets, path, plain);
	while (result == 0 && *path != '\0') {
		size_t length = strcspn(path, "/?&=#");

		if (length >= SHORTEST_PART)
			result = add_text(secrets, path, length);
		path += length;
		path += strspn(path, "/?&=#");
	}
	return result;
}

/* The password, and what others take for it and for the host who let it end at a sign of its own. */
static int add_password(struct secrets *secrets, const char *password, size_t length)
{
	int result = length >= SHORTEST ? add_text(secrets, password, length) : 0;

	for (size_t from = 0; result == 0 && from < length;) {
		size_t piece = strcspn(password + from, "@/?#");

		if (piece > length - from)
			piece = length - from;
		if (piece >= SHORTEST && piece < length)
			result = add_text(secrets, password + from, piece);
		from += piece + 1;
	}
	return result;
}

/* Is this behind a colon a port, and not a password? */
static bool is_port(const char *text, const char *end)
{
	return text + strspn(text, "0123456789") >= end;
}

/*
 * What a URL hides: its user, when that is long enough for a token, his password, and its path. A password
 * may have signs that should have been escaped: then the user's part ends at the last @ all the same.
 */
static int add_url(struct secrets *secrets, const char *authority)
{
	const char *path = authority + strcspn(authority, "/?#");
	const char *at = memrchr(authority, '@', (size_t)(path - authority));
	const char *colon = memchr(authority, ':', (size_t)((at ? at : path) - authority));
	int result = 0;

	if (at == NULL && colon != NULL && !is_port(colon + 1, path))
		at = strrchr(path, '@');
	if (at != NULL && colon != NULL)
		result = add_password(secrets, colon + 1, (size_t)(at - colon - 1));
	else if (at != NULL && at - authority >= SHORTEST_PART)
		result = add_text(secrets, authority, (size_t)(at - authority));
	return result == 0 ? add_path(secrets, path) : result;
}

/* The value after "password=": a word, or a text in single quotes. */
static int add_value(struct secrets *secrets, const char *value)
{
	bool quoted = *value == '\'';
	size_t length = 0;

	value += quoted;
	while (value[length] && !strchr(quoted ? "'" : " \t\r\n&", value[length]))
		length += value[length] == '\\' && value[length + 1] ? 2 : 1;
	return length >= SHORTEST ? add_text(secrets, value, length) : 0;
}

/* Each password of key=value pairs; there may be blanks around the sign. */
static int add_pairs(struct secrets *secrets, const char *pairs)
{
	static const char word[] = "password";
	int result = 0;

	while (result == 0 && (pairs = strstr(pairs, word)) != NULL) {
		pairs += strlen(word);
		pairs += strspn(pairs, " \t\r\n");
		if (*pairs != '=')
			continue;
		pairs++;
		pairs += strspn(pairs, " \t\r\n");
		result = add_value(secrets, pairs);
	}
	return result;
}

int secrets_add(struct secrets *secrets, const char *secret)
{
	const char *url = strstr(secret, "://");
	size_t length = strlen(secret);
	int result;

	if (length < SHORTEST)
		return 0;
	result = add_text(secrets, secret, length);
	if (result == 0 && strncmp(secret, SIGNING, strlen(SIGNING)) == 0 &&
	    length >= strlen(SIGNING) + SHORTEST_CODED)
		result = add_text(secrets, secret + strlen(SIGNING), length - strlen(SIGNING));
	if (result == 0 && url != NULL)
		result = add_url(secrets, url + strlen("://"));
	return result == 0 ? add_pairs(secrets, secret) : result;
}

/* The end of a text that was cut off within a secret, after so many bytes of it. The beginning of a
 * URL is a name that may be shown. */
static bool is_cut(const char *secret, size_t same)
{
	return same >= SHORTEST_CUT && strstr(secret, "://") == NULL;
}

/* Forms write the one for the other, and who takes something for a form reads the other. */
static bool is_blank(char c)
{
	return c == ' ' || c == '+';
}

/* How much of text, from its beginning, is a secret, or the beginning of one that was cut off (*cut),
 * when what the text says was escaped so many times. */
static size_t covers(const char *secret, const char *text, int times, bool *cut)
{
	size_t at = 0, same = 0;

	*cut = false;
	for (; secret[same] != '\0'; same++) {
		char c;
		size_t length = spelling_read(text + at, times, &c);

		if (c == '\0') {
			*cut = is_cut(secret, same);
			return *cut ? at + length : 0;
		}
		if (c != secret[same] && !(is_blank(c) && is_blank(secret[same])))
			return 0;
		at += length;
	}
	return at;
}

/* The same, however often it was escaped, up to `most` times; first: the byte as it is then. A secret
 * that ends as an escape begins covers more the more often. */
static size_t covers_any(const char *secret, const char *text, const char *first, int most)
{
	size_t whole = 0, part = 0;

	for (int times = 0; times <= most; times++) {
		bool cut;
		size_t length = secret[0] == first[times] ? covers(secret, text, times, &cut) : 0;

		if (length > 0 && cut)
			part = length;
		else if (length > whole)
			whole = length;
	}
	return whole ? whole : part;
}

/* Length of the longest secret that text begins with, or 0; most: how often it may be escaped. */
static size_t secret_at(const struct secrets *secrets, const char *text, int most)
{
	size_t longest = 0;
	char first[MOST_ESCAPES + 1];

	if (most == 0 && !secrets->begins[(unsigned char)*text])
		return 0;
	for (int times = 0; times <= most; times++)
		(void)spelling_read(text, times, &first[times]);
	for (size_t i = 0; i < secrets->n; i++) {
		size_t length = covers_any(secrets->text[i], text, first, most);

		if (length > longest)
			longest = length;
	}
	return longest;
}

/* Secrets may overlap, so runs of covered bytes are replaced, each at its end: only then is
 * nothing of it needed for comparing. */
void secrets_mask(const struct secrets *secrets, char *text)
{
	size_t to = 0, from = 0, covered = 0;
	/* Most lines of the log have no escape, and then there is much less to compare. */
	int most = strpbrk(text, SPELLING_BEGINS) ? MOST_ESCAPES : 0;

	for (; text[from] != '\0'; from++) {
		size_t length = secret_at(secrets, text + from, most);

		if (length > 0 && from + length > covered)
			covered = from + length;
		if (from >= covered) {
			text[to++] = text[from];
		} else if (from + 1 == covered && secret_at(secrets, text + from + 1, most) == 0) {
			memcpy(text + to, MASK, strlen(MASK));
			to += strlen(MASK);
		}
	}
	text[to] = '\0';
}

void secrets_done(struct secrets *secrets)
{
	for (size_t i = 0; i < secrets->n; i++) {
		explicit_bzero(secrets->text[i], strlen(secrets->text[i]));
		free(secrets->text[i]);
	}
	free(secrets->text);
	*secrets = (struct secrets){0};
}

void secrets_keep_in_memory(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0);
}
