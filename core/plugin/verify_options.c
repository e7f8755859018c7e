/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/verify.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "config/options.h"
#include "plugin/verify_limits.h"

#define OPTION_SIZE_1 SIZE_UP_TO(struct tocsin_option, example)

/* Size and alignment of the field that an option fills; false for an unknown type. */
static bool field_of(const struct tocsin_option *option, size_t *size, size_t *align)
{
#define FIELD(type) (*size = sizeof(type), *align = _Alignof(type), true)
	switch (option->type) {
	case TOCSIN_STRING:
	case TOCSIN_SECRET:
	case TOCSIN_URL:
	case TOCSIN_SECRET_URL:
	case TOCSIN_QUERY:
	case TOCSIN_PATH:
		return FIELD(const char *);
	case TOCSIN_INT:
	case TOCSIN_DURATION:
	case TOCSIN_SIZE:
	case TOCSIN_CHOICE:
		return FIELD(int64_t);
	case TOCSIN_BOOL:
		return FIELD(bool);
	case TOCSIN_RATE:
		return FIELD(struct tocsin_rate);
	case TOCSIN_STRINGS:
		return FIELD(struct tocsin_strings);
	case TOCSIN_MAP:
		return FIELD(struct tocsin_map);
	case TOCSIN_TEMPLATE:
	case TOCSIN_STRUCTURE:
		return FIELD(const struct tocsin_template *);
	case TOCSIN_SCHEDULE:
		return FIELD(const struct tocsin_schedule *);
	case TOCSIN_ZONE:
		return FIELD(const struct tocsin_zone *);
	case TOCSIN_SECTIONS:
		return FIELD(struct tocsin_sections);
	case TOCSIN_SECTION:
		*size = 0;
		*align = 1;
		return true;
	}
	return false;
#undef FIELD
}

/* One table of options, inside space bytes of the plugin's struct. */
struct table {
	const struct tocsin_option *options;
	size_t n;
	size_t option_size;
	size_t space;
	size_t stride; /* of a list: from one item to the next; else 0 */
	int depth;
};

static int check_table(const struct table *table, struct error *err);

static int check_option(const struct table *table, const struct tocsin_option *option,
			struct error *err)
{
	struct table nested = *table;
	size_t size, align;

	if (!option->help)
		return error_set(err, -EINVAL, "its option '%s' has no .help", option->name);
	if (!field_of(option, &size, &align))
		return error_set(err, -EINVAL, "its option '%s' has the unknown type %d",
				 option->name, (int)option->type);
	if (option->offset > table->space || size > table->space - option->offset ||
	    option->offset % align != 0)
		return error_set(err, -EINVAL,
				 "its option '%s' lies outside its configuration of %zu bytes; set "
				 ".config_size to the size of the struct",
				 option->name, table->space);
	if (option->type == TOCSIN_CHOICE && (!option->choices || !option->choices[0]))
		return error_set(err, -EINVAL, "its option '%s' has no .choices", option->name);
	if (table->stride % align != 0)
		return error_set(err, -EINVAL,
				 "its option '%s' is not aligned in every item of its list; set "
				 ".item_size to the size of the struct",
				 option->name);
	if (option->type != TOCSIN_SECTION && option->type != TOCSIN_SECTIONS)
		return 0;
	if (option->type == TOCSIN_SECTIONS &&
	    (option->item_size == 0 || option->item_size > MAX_CONFIG))
		return error_set(err, -EINVAL, "its option '%s' has an impossible .item_size",
				 option->name);
	nested.options = option->options;
	nested.n = option->option_count;
	nested.depth++;
	if (option->type == TOCSIN_SECTIONS)
		nested.space = nested.stride = option->item_size;
	else
		nested.space -= option->offset;
	return check_table(&nested, err);
}

static bool stands_before(const struct table *table, size_t index, const char *name)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(options_at(table->options, table->option_size, i).name, name) == 0)
			return true;
	return false;
}

static int check_table(const struct table *table, struct error *err)
{
	int result = 0;

	if (table->depth > MAX_NESTING)
		return error_set(err, -EINVAL, "its options are nested too deeply");
	if ((table->n > 0 && !table->options) || table->n > MAX_STRUCT)
		return error_set(err, -EINVAL, "it has an .option_count of %zu without options",
				 table->n);
	for (size_t i = 0; result == 0 && i < table->n; i++) {
		const struct tocsin_option option =
			options_at(table->options, table->option_size, i);

		if (option.size != table->option_size || !option.name || !verify_name(option.name))
			result = error_set(err, -EINVAL,
					   "its option number %zu is not made with TOCSIN_OPTION "
					   "and a name of small letters",
					   i + 1);
		else if (stands_before(table, i, option.name))
			result = error_set(err, -EEXIST, "its option '%s' is there twice",
					   option.name);
		else
			result = check_option(table, &option, err);
	}
	return result;
}

int verify_options(const struct tocsin_plugin *it, struct error *err)
{
	struct table table = {
		it->options, it->option_count, it->option_size, it->config_size, 0, 0};

	if (it->option_size < OPTION_SIZE_1 || it->option_size > MAX_STRUCT ||
	    it->option_size % _Alignof(struct tocsin_option) != 0)
		return error_set(err, -EINVAL, "its .option_size %u is impossible",
				 it->option_size);
	if (it->config_size > MAX_CONFIG)
		return error_set(err, -EINVAL, "its .config_size %zu is impossible",
				 it->config_size);
	return check_table(&table, err);
}
