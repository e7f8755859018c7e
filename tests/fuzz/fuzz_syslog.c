/* SPDX-License-Identifier: Apache-2.0 */
/* An alert as a syslog message: RFC 5424 to the letter and never longer than it may be, on one line;
 * the address of a receiver; and the name of a file for the value of a label. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../../plugins/channels/file/shelf.h"
#include "../../plugins/channels/syslog/syslog.h"
#include "../unit/syslog_parser.h"
#include "alert/alert.h"

static void check_message(const struct tocsin_delivery *delivery, enum syslog_form form, size_t max)
{
	struct syslog_format format = {
		.form = form,
		.facility = 23,
		.enterprise = 32473,
		.process = 1,
		.structured_data = true,
		.hostname = "monitor.example.com",
		.app_name = "tocsin",
		.max_size = max,
	};
	struct syslog_parsed parsed;
	char *text = malloc(max); /* not a byte more, so that the sanitizer sees it */
	size_t length;

	assert(text);
	length = syslog_format_put(&format, delivery, NULL, NULL, text);
	assert(length <= max);
	if (form == SYSLOG_RFC5424) {
		assert(!syslog_parse(&parsed, text, length));
		assert(parsed.n_elements <= 2 && strcmp(parsed.element[0], "tocsin@32473") == 0);
		assert(parsed.n_parameters <= 7 + delivery->alert->labels.n);
	} else {
		assert(syslog_is_clean(text, length) && *text == '<');
	}
	free(text);
}

/* "@" and a text that is to be an address. */
static void check_address(const char *text)
{
	struct syslog_address address;
	char why[256] = "";

	if (syslog_address_parse(&address, text, why, sizeof(why)) != 0)
		assert(*why);
	else
		assert(address.kind == SYSLOG_UNIX ? address.path[0] == '/'
						   : *address.host && address.port > 0);
}

/* "/" and the value of a label. */
static void check_name(const char *value)
{
	char name[SHELF_NAME], again[SHELF_NAME];

	shelf_name(value, name);
	assert(*name && *name != '.' && *name != '-' && strlen(name) < SHELF_NAME - 8);
	assert(name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "._-")] == '\0');
	shelf_name(name, again);
	assert((strcmp(name, value) == 0) == (strcmp(name, again) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	struct fuzz_delivery delivery;

	if (size > 0 && (data[0] == '@' || data[0] == '/')) {
		char *text;

		input = (struct fuzz_input){data + 1, size - 1};
		text = fuzz_rest(&input);
		(data[0] == '@' ? check_address : check_name)(text);
		free(text);
	} else if (fuzz_delivery_read(&delivery, &input)) {
		check_message(&delivery.pub, SYSLOG_RFC5424, 480 + size % 2000);
		check_message(&delivery.pub, SYSLOG_RFC5424, 8192);
		check_message(&delivery.pub, SYSLOG_RFC3164, 480 + size % 600);
		check_message(&delivery.pub, SYSLOG_LOCAL, 8192);
		fuzz_delivery_done(&delivery);
	}
	return 0;
}
