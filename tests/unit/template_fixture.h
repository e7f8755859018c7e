/* SPDX-License-Identifier: Apache-2.0 */
/* Templates made of YAML, and an alert to render them for. */
#ifndef TEMPLATE_FIXTURE_H
#define TEMPLATE_FIXTURE_H

#include <tocsin/plugin.h>

#include "config/template.h"
#include "template/set.h"

/* What configurations own; one at a time. */
struct template_fixture {
	struct arena *arena;
	struct problems problems;
	struct template_entry entry[16];
	size_t n;
	struct tocsin_pair labels[8], annotations[8];
	struct tocsin_alert alert;
	struct tocsin_delivery delivery;
};

void fixture_init(struct template_fixture *fixture);
void fixture_done(struct template_fixture *fixture);
/* Adds the template that an option of this name and kind reads from the YAML text; NULL when it was
 * refused, see problems. */
const struct tocsin_template *fixture_add(struct template_fixture *fixture, const char *name,
					  enum tocsin_option_type type, enum tocsin_escape escape,
					  const char *yaml);
/* The set of all that was added. */
const struct template_set *fixture_set(struct template_fixture *fixture);
void fixture_label(struct template_fixture *fixture, const char *name, const char *value);
void fixture_annotate(struct template_fixture *fixture, const char *name, const char *value);

#endif
