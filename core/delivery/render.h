/* SPDX-License-Identifier: Apache-2.0 */
/* delivery/render: the texts of a channel's templates, made before its plugin gets a batch. */
#ifndef DELIVERY_RENDER_H
#define DELIVERY_RENDER_H

#include "delivery/channel.h"

/* Compiles the channel's programs. 0, or a negative errno with the sentence. */
int render_open(struct channel *channel, struct error *err);
void render_close(struct channel *channel);

/* On the instance's thread: what the templates say for each of the batch. Costs nothing in a channel
 * without expressions. What fails is left out and counted. */
void render_batch(struct channel *channel, struct instance *instance,
		  struct delivery *const batch[], size_t n);

/* As host->text. */
const char *render_text(const struct delivery *delivery, const struct tocsin_template *template);

#endif
