/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/build.h"

#include <errno.h>

#include "cli/cli.h"

#define NAME_MOST 257 /* the daemon says what is too long, in its own words */

static int add_pairs(json_t *map, const struct arguments *arguments, const char *option,
		     struct error *err)
{
	char name[NAME_MOST];
	const char *text, *value;
	size_t at = 0;

	while ((text = arguments_next(arguments, option, &at))) {
		if (cli_pair(text, name, sizeof(name), &value) < 0)
			return error_set(err, -EINVAL, "--%s '%.60s' is not of the form NAME=VALUE",
					 option, text);
		if (json_object_get(map, name))
			return error_set(err, -EINVAL, "--%s %.60s is given twice", option, name);
		if (json_object_set_new(map, name, json_string(value)) < 0)
			return error_set(err, -EINVAL, "--%s '%.60s' is not valid UTF-8", option,
					 text);
	}
	return 0;
}

static int add_text(json_t *map, const char *key, const struct arguments *arguments,
		    const char *option, struct error *err)
{
	const char *value = arguments_get(arguments, option);

	if (!value || json_object_set_new(map, key, json_string(value)) == 0)
		return 0;
	return error_set(err, -EINVAL, "--%s is not valid UTF-8", option);
}

static void add_recipients(json_t *alert, const struct arguments *arguments)
{
	json_t *list = json_array();
	const char *address;
	size_t at = 0;

	while ((address = arguments_next(arguments, "recipient", &at)))
		json_array_append_new(list, json_string(address));
	if (json_array_size(list) > 0)
		json_object_set(alert, "recipients", list);
	json_decref(list);
}

json_t *build_alert(const struct arguments *arguments, struct error *err)
{
	json_t *labels = json_object(), *annotations = json_object();
	json_t *alert = json_pack("{so so}", "labels", labels, "annotations", annotations);
	int result;

	if (!alert) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	result = add_pairs(labels, arguments, "label", err);
	if (result == 0)
		result = add_pairs(annotations, arguments, "annotation", err);
	if (result == 0)
		result = add_text(annotations, "summary", arguments, "summary", err);
	if (result == 0)
		result = add_text(alert, "severity", arguments, "severity", err);
	if (result == 0)
		result = add_text(alert, "status", arguments, "status", err);
	if (result == 0)
		result = add_text(alert, "link", arguments, "link", err);
	if (result == 0 && json_object_size(labels) == 0)
		result = error_set(
			err, -EINVAL,
			"an alert needs at least one --label, such as --label host=web-1");
	if (result == 0) {
		add_recipients(alert, arguments);
		return alert;
	}
	json_decref(alert);
	return NULL;
}
