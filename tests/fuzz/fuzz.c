/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/alert.h"

static char *copy(struct fuzz_input *input, size_t length, size_t used)
{
	char *text = malloc(length + 1);

	assert(text);
	if (length > 0)
		memcpy(text, input->data, length);
	text[length] = '\0';
	input->data += used;
	input->size -= used;
	return text;
}

char *fuzz_text(struct fuzz_input *input)
{
	const uint8_t *end = input->size > 0 ? memchr(input->data, 0, input->size) : NULL;

	if (input->size == 0)
		return NULL;
	if (!end)
		return copy(input, input->size, input->size);
	return copy(input, (size_t)(end - input->data), (size_t)(end - input->data) + 1);
}

char *fuzz_rest(struct fuzz_input *input)
{
	return copy(input, input->size, input->size);
}

static char directory[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_directory(void)
{
	(void)nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_directory(void)
{
	const char *base = getenv("TMPDIR");

	if (!*directory) {
		snprintf(directory, sizeof(directory), "%.30s/tocsin-fuzz-XXXXXX",
			 base ? base : "/tmp");
		assert(mkdtemp(directory));
		atexit(remove_directory);
	}
	return directory;
}

/* The code point at text, or -1; *length is how many bytes it has. */
static int32_t decode(const unsigned char *text, size_t left, size_t *length)
{
	static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char c = text[0];
	int32_t point;

	*length = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
	if (*length == 0 || *length > left)
		return -1;
	point = *length == 1 ? c : c & (0xff >> (*length + 1));
	for (size_t i = 1; i < *length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return -1;
		point = point << 6 | (text[i] & 0x3f);
	}
	if (point < least[*length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return -1;
	return point;
}

bool fuzz_is_utf8(const char *text, size_t length)
{
	size_t used;

	for (size_t at = 0; at < length; at += used)
		if (decode((const unsigned char *)text + at, length - at, &used) < 0)
			return false;
	return true;
}

static bool is_control(int32_t point)
{
	return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x61c ||
	       point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069);
}

bool fuzz_is_clean(const char *text, size_t length, const char *but)
{
	size_t used;

	for (size_t at = 0; at < length; at += used) {
		int32_t point = decode((const unsigned char *)text + at, length - at, &used);

		if (point < 0 ||
		    (is_control(point) && (point == 0 || point > 0x7f || !strchr(but, (int)point))))
			return false;
	}
	return true;
}

static void add_pair(struct tocsin_map *map, struct tocsin_pair *pair, char *text)
{
	char *value = strchr(text, '=');

	if (map->n == FUZZ_PAIRS || !value)
		return;
	*value = '\0';
	pair[map->n++] = (struct tocsin_pair){text, value + 1};
}

static void add(struct fuzz_alert *fuzz, char *text)
{
	struct tocsin_alert *alert = &fuzz->alert;
	char *value = text + 1;

	switch (text[0]) {
	case 'l':
		add_pair(&alert->labels, fuzz->label, value);
		break;
	case 'a':
		add_pair(&alert->annotations, fuzz->annotation, value);
		break;
	case 'r':
		if (alert->recipients.n < FUZZ_PAIRS)
			fuzz->recipient[alert->recipients.n++] = value;
		break;
	case 's':
		alert->severity_name = value;
		break;
	case 'S':
		alert->severity = (enum tocsin_severity)(unsigned char)(*value - '0');
		break;
	case 't':
		alert->status = (enum tocsin_status)(unsigned char)(*value - '0');
		break;
	case 'L':
		alert->link = value;
		break;
	case 'b':
		alert->starts_at_ms = strtoll(value, NULL, 10);
		break;
	case 'e':
		alert->ends_at_ms = strtoll(value, NULL, 10);
		break;
	default:
		break;
	}
}

void fuzz_alert_read(struct fuzz_alert *fuzz, struct fuzz_input *input)
{
	char *text;

	memset(fuzz, 0, sizeof(*fuzz));
	fuzz->alert = (struct tocsin_alert){
		.size = sizeof(fuzz->alert),
		.labels = {fuzz->label, 0},
		.annotations = {fuzz->annotation, 0},
		.recipients = {fuzz->recipient, 0},
	};
	while (fuzz->n_texts < TOCSIN_COUNT(fuzz->text) && (text = fuzz_text(input))) {
		fuzz->text[fuzz->n_texts++] = text;
		add(fuzz, text);
	}
}

void fuzz_alert_done(struct fuzz_alert *fuzz)
{
	for (size_t i = 0; i < fuzz->n_texts; i++)
		free(fuzz->text[i]);
}

bool fuzz_delivery_read(struct fuzz_delivery *delivery, struct fuzz_input *input)
{
	struct fuzz_alert *fuzz = malloc(sizeof(*fuzz));
	struct error err = {""};
	int result;

	assert(fuzz);
	memset(delivery, 0, sizeof(*delivery));
	fuzz_alert_read(fuzz, input);
	result = alert_new(&fuzz->alert, "fuzz", INT64_C(1763476245123), NULL, &delivery->alert,
			   &err);
	fuzz_alert_done(fuzz);
	free(fuzz);
	if (result != 0) {
		assert(result == -22 && *err.text && fuzz_is_utf8(err.text, strlen(err.text)));
		return false;
	}
	delivery->pub = (struct tocsin_delivery){
		.size = sizeof(delivery->pub),
		.id = 1,
		.key = "fedcba9876543210fedcba9876543210",
		.recipient = "ops@example.com",
		.channel = "fuzz",
		.route = "default",
		.attempt = 1,
		.alert = &delivery->alert->pub,
	};
	return true;
}

void fuzz_delivery_done(struct fuzz_delivery *delivery)
{
	alert_free(delivery->alert);
}
