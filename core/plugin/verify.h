/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/verify: judges the descriptor of a plugin. Pure functions. What is
 * read before it is judged is only the ABI number and the sizes.
 */
#ifndef PLUGIN_VERIFY_H
#define PLUGIN_VERIFY_H

#include <stddef.h>

#include "base/error.h"
#include "plugin/loader.h"

/* Copies a descriptor of symbol_size readable bytes (0: not known) into plugin, or says what is
 * wrong with it: 0 or a negative errno. The sentence does not name the file. */
int verify_descriptor(const void *symbol, size_t symbol_size, struct plugin *plugin,
		      struct error *err);

/* The options of a checked descriptor: known types, inside the struct, no name twice. */
int verify_options(const struct tocsin_plugin *it, struct error *err);

#endif
