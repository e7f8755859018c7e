/* SPDX-License-Identifier: Apache-2.0 */
/* Judges of the records that console and file write; each stops the program. */
#ifndef JUDGE_RECORD_H
#define JUDGE_RECORD_H

#include "fake_host.h"
#include "judge.h"

/* One JSON object on one line, which says of the alert what it said, and nothing else. */
void judge_record_json(const char *text, const struct fake_alert *fake);
/* One record for people: its own lines in their order, all else is indented. on, off: how its heading is
 * painted. */
void judge_record_text(const char *text, const char *on, const char *off);
/* One line; painted before the title and nowhere else. */
void judge_record_line(const char *text, const char *on, const char *off);

#endif
