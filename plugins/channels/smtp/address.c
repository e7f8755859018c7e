/* SPDX-License-Identifier: Apache-2.0 */
#include "smtp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/draft.h"
#include "../../common/text.h"

#define LOCAL_MAX 64
#define LABEL_MAX 63

static const char alphanumeric[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static bool is_ascii(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text >= 0x80)
			return false;
	}
	return true;
}

/* Letters, digits and hyphens between dots; no part starts or ends with a hyphen. */
bool smtp_is_domain(const char *text)
{
	size_t length = 0;

	if (strlen(text) > 253)
		return false;
	for (;; text += length + 1) {
		length = strcspn(text, ".");
		if (length == 0 || length > LABEL_MAX || text[0] == '-' || text[length - 1] == '-')
			return false;
		for (size_t i = 0; i < length; i++) {
			if (text[i] != '-' && !strchr(alphanumeric, text[i]))
				return false;
		}
		if (text[length] == '\0')
			return true;
	}
}

/* A dot-atom of RFC 5322. Quoted local parts are legal, unused, and a way to smuggle. */
static bool is_local(const char *text, size_t length)
{
	if (length == 0 || length > LOCAL_MAX || text[0] == '.' || text[length - 1] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '.' && text[i + 1] == '.')
			return false;
		if (!strchr(alphanumeric, text[i]) && !strchr(".!#$%&'*+/=?^_`{|}~-", text[i]))
			return false;
	}
	return true;
}

static const char *parse_bare(struct smtp_address *address, const char *text)
{
	const char *at = strrchr(text, '@');
	int n;

	if (!at)
		return "there is no @";
	/* Names beyond ASCII need servers with SMTPUTF8 all the way. */
	if (!is_ascii(text))
		return is_ascii(at) ? "the part before the @ has letters beyond ASCII"
				    : "the domain has letters beyond ASCII; write it as xn--...";
	if (!is_local(text, (size_t)(at - text)))
		return "the part before the @ is not allowed";
	if (!smtp_is_domain(at + 1))
		return "the part behind the @ is not a domain";
	n = snprintf(address->address, sizeof(address->address), "%s", text);
	return n >= 0 && (size_t)n < sizeof(address->address) ? NULL : "it is too long";
}

/* The name before the <: quotes and their backslashes go, controls become spaces. */
static void copy_name(char *name, size_t size, const char *text, size_t length)
{
	size_t used = 0;
	bool quoted;

	while (length > 0 && text[length - 1] == ' ')
		length--;
	quoted = length >= 2 && text[0] == '"' && text[length - 1] == '"';
	if (quoted)
		text++, length -= 2;
	for (size_t i = 0; i < length && used + 1 < size; i++) {
		if (quoted && text[i] == '\\' && i + 1 < length)
			i++;
		name[used++] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
	}
	name[used] = '\0';
	name[text_prefix(name, size - 1)] = '\0';
}

static const char *parse_named(struct smtp_address *address, const char *text)
{
	char bare[SMTP_ADDRESS_MAX * 4];
	const char *open = strrchr(text, '<');
	size_t length = open ? strcspn(open + 1, ">") : 0;

	if (!open)
		return parse_bare(address, text);
	if (open[1 + length] != '>' || open[2 + length] != '\0' || length >= sizeof(bare))
		return "it does not end with <local@domain>";
	memcpy(bare, open + 1, length);
	bare[length] = '\0';
	copy_name(address->name, sizeof(address->name), text, (size_t)(open - text));
	return parse_bare(address, bare);
}

int smtp_address_parse(struct smtp_address *address, const char *text, bool named, char *why,
		       size_t why_size)
{
	const char *wrong;
	struct draft draft;
	char *shown = NULL;

	memset(address, 0, sizeof(*address));
	wrong = named ? parse_named(address, text) : parse_bare(address, text);
	if (!wrong)
		return 0;
	/* The text is shown as somebody can read it, whatever is in it. */
	if (draft_begin(&draft)) {
		text_put_line(draft.out, text);
		shown = draft_end(&draft, NULL);
	}
	if (shown)
		snprintf(why, why_size, "'%.*s' is not an e-mail address: %s",
			 (int)text_prefix(shown, 80), shown, wrong);
	else
		snprintf(why, why_size, "an e-mail address is none: %s", wrong);
	free(shown);
	return -EINVAL;
}

const char *smtp_address_domain(const struct smtp_address *address)
{
	return strrchr(address->address, '@') + 1;
}
