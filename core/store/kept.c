/* SPDX-License-Identifier: Apache-2.0 */
#include "store/kept.h"

#include <errno.h>

int kept_put(struct kept *kept, const char *name, const char *value)
{
	const json_t *before;

	if (!kept->values)
		kept->values = json_object();
	before = json_object_get(kept->values, name);
	if (json_is_string(before))
		kept->written--;
	/* nocheck: to the store values are bytes */
	if (json_object_set_new_nocheck(kept->values, name,
					value ? json_string_nocheck(value) : json_null()) < 0) {
		kept->written += json_is_string(before);
		return -ENOMEM;
	}
	kept->written += value != NULL;
	return 0;
}

bool kept_is_empty(const struct kept *kept)
{
	return json_object_size(kept->values) == 0;
}

int kept_apply(const struct kept *kept, const struct transaction *t, const char *instance)
{
	const char *name;
	json_t *value;
	int result;

	json_object_foreach(kept->values, name, value)
	{
		result = t->ops->save(t->state, instance, name, json_string_value(value));
		if (result < 0)
			return result;
	}
	return 0;
}

void kept_clear(struct kept *kept)
{
	json_decref(kept->values);
	*kept = (struct kept){0};
}
