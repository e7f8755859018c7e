/* SPDX-License-Identifier: Apache-2.0 */
/* webhook/reply: what an answer means for a delivery. Pure. */
#ifndef WEBHOOK_REPLY_H
#define WEBHOOK_REPLY_H

#include "webhook.h"

/* The standard verdict, made better by what the configuration knows of the receiver. For the host:
 * data is the struct webhook_config. */
void webhook_judge(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		   const void *data);
/* The same at a given time. */
void webhook_judge_at(const struct tocsin_reply *reply, struct tocsin_verdict *verdict,
		      const struct webhook_config *config, int64_t now_ms);

#endif
