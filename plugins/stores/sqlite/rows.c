/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

/* LEFT: a row that got lost must not hide what refers to it. */
const char rows_select[] =
	"SELECT d.id, d.alert, a.id, s.text, c.text, d.recipient, r.text, d.key,"
	" iif(d.state = 0 AND held(d.id), 1, d.state), d.attempt, d.token, d.created_ms,"
	" iif(d.state = 0, d.due_ms, 0), d.done_ms, d.reason, coalesce(a.json, '{}'),"
	" a.received_ms"
	" FROM delivery d LEFT JOIN alert a ON a.number = d.alert"
	" LEFT JOIN name s ON s.id = d.source LEFT JOIN name c ON c.id = d.channel"
	" LEFT JOIN name r ON r.id = d.route WHERE d.id = ?1";

void rows_delivery(struct statement *st, struct tocsin_stored_delivery *delivery)
{
	*delivery = (struct tocsin_stored_delivery){
		.id = column_int(st, 0),
		.alert = column_int(st, 1),
		.alert_id = column_text(st, 2),
		.source = column_text(st, 3),
		.channel = column_text(st, 4),
		.recipient = column_text(st, 5),
		.route = column_text(st, 6),
		.key = column_text(st, 7),
		.state = (enum tocsin_state)column_int(st, 8),
		.attempt = (int)column_count(st, 9, INT32_MAX / 2),
		.token = column_int(st, 10),
		.created_ms = column_count(st, 11, INT64_MAX / 2),
		.due_ms = column_int(st, 12),
		.done_ms = column_int(st, 13),
		.reason = column_text(st, 14),
		.body = column_text(st, 15),
		.received_ms = column_int(st, 16),
	};
}
