/* SPDX-License-Identifier: Apache-2.0 */
/* config/options_value: one value of YAML into the field of one option. */
#ifndef CONFIG_OPTIONS_VALUE_H
#define CONFIG_OPTIONS_VALUE_H

#include "base/buffer.h"
#include "config/options.h"

/* Reads node into field as the option says; every type but SECTION and
 * SECTIONS. Mistakes are added to the
 * context's problems, with what (may be NULL) in front. */
void option_read(const struct options_context *context, const char *what,
		 const struct tocsin_option *option, const struct node *node, void *field);
/* Fills field with the option's preset; nothing when there is none. */
void option_preset(const struct options_context *context, const struct tocsin_option *option,
		   void *field);

/* What the value must be: "a whole number between 1 and 65535". */
void option_form(struct buffer *out, const struct tocsin_option *option);
bool option_has_bounds(const struct tocsin_option *option);
/* "between 1 and 65535", "of at least 1s"; nothing when there are no bounds. */
void option_bounds(struct buffer *out, const struct tocsin_option *option);
/* "tls, starttls, none" */
void option_choices(struct buffer *out, const struct tocsin_option *option);

/* Converts text. 0, -EINVAL (not of the form) or -ERANGE (out of bounds). Scalar types only; the
 * field of a text type points to text afterwards. */
int option_convert(const struct tocsin_option *option, const char *text, void *field);

#endif
