/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert/stored: reads back what alert_to_json wrote, in one pass and one
 * allocation: every delivery that is claimed needs its alert, and a general JSON
 * parser would cost more than the rest of the claim.
 */
#ifndef ALERT_STORED_H
#define ALERT_STORED_H

#include "alert/alert.h"

/*
 * The alert whose alert_to_json is exactly this text. 0, -ENOMEM, or -EINVAL when
 * the text is not in that very form: alert_from_json then asks the general parser,
 * which also knows what is wrong.
 */
int alert_read_stored(const char *text, struct alert **alert);

#endif
