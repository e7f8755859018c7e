/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template/wire: how the daemon and tocsin-jq speak with each other. Both are of
 * the same build and on the same machine, so numbers are as the machine has them.
 *
 * A message is its kind (a byte), the length of what follows (u32), and that. The
 * daemon sends one and waits for its answer:
 *
 *	WIRE_COMPILE  program u32, jq text      -> WIRE_DONE, or WIRE_REFUSED with the sentence
 *	WIRE_FORGET   program u32               -> nothing
 *	WIRE_RENDER   jobs u32, each: program u32, values u32, length u32, a value (the document)
 *	                                        -> WIRE_DONE, each value of each job
 *
 * A value is its kind (a byte) and: WIRE_TEXT, WIRE_JSON, WIRE_ERROR: length u32, bytes;
 * WIRE_NUMBER: i64; WIRE_NULL, WIRE_TRUE, WIRE_FALSE: nothing; WIRE_LIST: count u32, values;
 * WIRE_MAP: count u32, each: a text without its kind, a value. tocsin-jq answers with
 * TEXT, JSON, NULL and ERROR only.
 */
#ifndef TEMPLATE_WIRE_H
#define TEMPLATE_WIRE_H

#include <stdint.h>

enum wire_message {
	WIRE_COMPILE = 'C',
	WIRE_FORGET = 'F',
	WIRE_RENDER = 'R',
	WIRE_DONE = 'D',
	WIRE_REFUSED = 'E',
};

enum wire_value {
	WIRE_NULL = 'n',
	WIRE_TRUE = 't',
	WIRE_FALSE = 'f',
	WIRE_NUMBER = 'i',
	WIRE_TEXT = 's',
	WIRE_JSON = 'j',
	WIRE_ERROR = 'e',
	WIRE_LIST = 'l',
	WIRE_MAP = 'm',
};

#define WIRE_SOCKET 0                     /* descriptors of tocsin-jq */
#define WIRE_PROGRESS 3
#define WIRE_HEADER 5
#define WIRE_MESSAGE (64 * 1024 * 1024)   /* bytes of a message */
#define WIRE_OUTPUT (512 * 1024)          /* bytes of all values of a job */

/* Memory that both see: what is being worked on, should it never end. */
struct wire_progress {
	volatile uint32_t job, value;
};

#endif
