/* SPDX-License-Identifier: Apache-2.0 */
/* TZif, the format of the files of zoneinfo (RFC 9636). */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/zone_parts.h"

#define HEADER 44
#define MOST_CHANGES 10000
#define MOST_TYPES 256
/* As the RFC has it. */
#define LEAST_OFFSET (-89999)
#define LARGEST_OFFSET 93599

/* What the header says of the block behind it, and where its parts are. */
struct block {
	size_t universal, standard, leaps, changes, types, characters;
	size_t time_size;
	const unsigned char *at, *to, *type, *names;
	size_t size;
};

static uint32_t read_32(const unsigned char *data)
{
	return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static int64_t read_signed_32(const unsigned char *data)
{
	return (int64_t)(read_32(data) ^ 0x80000000U) - INT64_C(0x80000000);
}

static int64_t read_time(const unsigned char *data, size_t size)
{
	int64_t high = read_signed_32(data);

	if (size == 4)
		return high;
	high = high * INT64_C(0x100000000) + read_32(data + 4);
	return high < -ZONE_EVER ? -ZONE_EVER : high > ZONE_EVER ? ZONE_EVER : high;
}

/* A header and its block at data; 0 or -EINVAL. */
static int find_block(const unsigned char *data, size_t size, size_t time_size, struct block *block)
{
	if (size < HEADER || memcmp(data, "TZif", 4) != 0)
		return -EINVAL;
	*block = (struct block){
		.universal = read_32(data + 20),
		.standard = read_32(data + 24),
		.leaps = read_32(data + 28),
		.changes = read_32(data + 32),
		.types = read_32(data + 36),
		.characters = read_32(data + 40),
		.time_size = time_size,
	};
	if (block->changes > MOST_CHANGES || block->types == 0 || block->types > MOST_TYPES ||
	    block->characters > size || block->leaps > size || block->standard > block->types ||
	    block->universal > block->types)
		return -EINVAL;
	block->at = data + HEADER;
	block->to = block->at + block->changes * time_size;
	block->type = block->to + block->changes;
	block->names = block->type + block->types * 6;
	block->size = HEADER + block->changes * (time_size + 1) + block->types * 6 +
		      block->characters + block->leaps * (time_size + 4) + block->standard +
		      block->universal;
	return block->size <= size ? 0 : -EINVAL;
}

static int read_type(const struct block *block, size_t index, struct zone_type *type)
{
	const unsigned char *data = block->type + index * 6;
	int64_t offset = read_signed_32(data);
	size_t name = data[5], n = 0;

	if (offset < LEAST_OFFSET || offset > LARGEST_OFFSET || data[4] > 1 ||
	    name >= block->characters)
		return -EINVAL;
	type->offset = (int32_t)offset;
	type->dst = data[4] == 1;
	for (; name < block->characters && block->names[name] != '\0'; name++) {
		if (n == ZONE_ABBREVIATION - 1 || !isgraph(block->names[name]))
			return -EINVAL;
		type->abbreviation[n++] = (char)block->names[name];
	}
	return name < block->characters ? 0 : -EINVAL;
}

static int read_block(const struct block *block, struct zone *zone)
{
	int result = 0;

	zone->at = calloc(block->changes + 1, sizeof(*zone->at));
	zone->to = calloc(block->changes + 1, sizeof(*zone->to));
	zone->type = calloc(block->types, sizeof(*zone->type));
	if (!zone->at || !zone->to || !zone->type)
		return -ENOMEM;
	zone->n = block->changes;
	zone->types = block->types;
	for (size_t i = 0; i < zone->types && result == 0; i++)
		result = read_type(block, i, &zone->type[i]);
	for (size_t i = 0; i < zone->n; i++) {
		zone->at[i] = read_time(block->at + i * block->time_size, block->time_size);
		zone->to[i] = block->to[i];
		if (zone->to[i] >= zone->types || (i > 0 && zone->at[i] < zone->at[i - 1]))
			return -EINVAL;
	}
	return result;
}

/* The line at the end: a rule, or nothing. */
static int read_footer(const unsigned char *data, size_t size, struct zone *zone)
{
	char text[128];
	const unsigned char *end = size > 0 ? memchr(data + 1, '\n', size - 1) : NULL;
	size_t length = end ? (size_t)(end - data - 1) : 0;

	if (!end || data[0] != '\n' || length >= sizeof(text))
		return -EINVAL;
	memcpy(text, data + 1, length);
	text[length] = '\0';
	if (strlen(text) != length)
		return -EINVAL;
	zone->has_rule = length > 0;
	return length > 0 ? zone_rule_parse(text, &zone->rule) : 0;
}

static int read_file(const unsigned char *data, size_t size, struct zone *zone, struct error *err)
{
	static const char damaged[] = "its file is damaged, or is no file of zoneinfo; install the "
				      "package tzdata again";
	struct block block;
	bool newer = false;
	int result = find_block(data, size, 4, &block);

	if (result == 0 && data[4] >= '2') { /* the same again with 64 bits, and the rule */
		newer = true;
		data += block.size;
		size -= block.size;
		result = find_block(data, size, 8, &block);
	}
	if (result == 0 && block.leaps > 0)
		return error_set(err, -EINVAL,
				 "it counts leap seconds, which the system's clock does not; use "
				 "the zone without right/");
	if (result == 0)
		result = read_block(&block, zone);
	if (result == 0 && newer)
		result = read_footer(data + block.size, size - block.size, zone);
	if (result == -ENOMEM)
		return error_set(err, result, "memory is short");
	return result == 0 ? 0 : error_set(err, -EINVAL, "%s", damaged);
}

static struct zone *zone_new(const char *name)
{
	struct zone *zone = calloc(1, sizeof(*zone));

	if (!zone)
		return NULL;
	zone->pub.name = zone->name = strdup(name);
	if (zone->name)
		return zone;
	free(zone);
	return NULL;
}

static int give(struct zone *zone, int result, const struct tocsin_zone **out)
{
	if (result == 0)
		*out = &zone->pub;
	else
		zone_drop(zone);
	return result;
}

int zone_from_file(const char *name, const void *data, size_t size, const struct tocsin_zone **out,
		   struct error *err)
{
	struct zone *zone = zone_new(name);

	if (!zone)
		return error_set(err, -ENOMEM, "memory is short");
	return give(zone, read_file(data, size, zone, err), out);
}

int zone_from_rule(const char *text, const struct tocsin_zone **out, struct error *err)
{
	struct zone *zone = zone_new(text);
	int result;

	if (!zone)
		return error_set(err, -ENOMEM, "memory is short");
	result = zone_rule_parse(text, &zone->rule);
	zone->has_rule = true;
	if (result < 0)
		error_set(err, result, "it is not a rule such as CET-1CEST,M3.5.0,M10.5.0/3");
	return give(zone, result, out);
}
