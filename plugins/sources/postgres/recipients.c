/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An alert takes no more recipients than this, and none longer than this. */
#define MOST 256
#define LONGEST 256

void recipients_done(struct addresses *addresses)
{
	PQclear(addresses->answer);
	free(addresses->text);
	free(addresses->item);
}

static bool has(const struct addresses *addresses, const char *address)
{
	for (size_t i = 0; i < addresses->n; i++)
		if (strcmp(addresses->item[i], address) == 0)
			return true;
	return false;
}

static void add(struct addresses *addresses, const char *address)
{
	if (*address && strlen(address) <= LONGEST && addresses->n < MOST &&
	    !has(addresses, address))
		addresses->item[addresses->n++] = address;
}

int recipients_split(const char *text, struct addresses *addresses)
{
	static const char blank[] = " \t\r\n";
	char *rest;

	addresses->n = 0;
	addresses->text = strdup(text);
	addresses->item = calloc(MOST, sizeof(*addresses->item));
	if (!addresses->text || !addresses->item)
		return -ENOMEM;
	rest = addresses->text;
	while (rest) {
		char *address = strsep(&rest, ",");
		size_t length;

		address += strspn(address, blank);
		length = strlen(address);
		while (length > 0 && strchr(blank, address[length - 1]))
			address[--length] = '\0';
		add(addresses, address);
	}
	return 0;
}

int recipients_find(struct postgres *p, const char *value, struct addresses *addresses)
{
	const char *parameter[] = {value};
	size_t n;
	int rc = database_query(&p->db, "recipients", p->table.recipients, 1, parameter,
				&addresses->answer);

	if (rc)
		return rc;
	if (PQnfields(addresses->answer) < 1)
		return database_error(&p->db, -EINVAL,
				      "option 'recipients': the query returns no "
				      "column; the first must be the address");
	n = (size_t)PQntuples(addresses->answer);
	if (n > MOST)
		p->host->log(p->self, TOCSIN_LOG_WARNING,
			     "%zu recipients for '%s': only the first %d are told", n, value, MOST);
	addresses->value = value;
	addresses->n = 0;
	addresses->item = calloc(n + 1, sizeof(*addresses->item));
	if (!addresses->item)
		return database_error(&p->db, -ENOMEM, "out of memory");
	/* NULL reads as the empty text, and is left out with it. */
	for (int i = 0; i < PQntuples(addresses->answer); i++)
		add(addresses, PQgetvalue(addresses->answer, i, 0));
	return 0;
}
