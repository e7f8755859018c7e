/* SPDX-License-Identifier: Apache-2.0 */
/* cli/capture: a host for channels whose requests are kept instead of made. */
#ifndef CLI_CAPTURE_H
#define CLI_CAPTURE_H

#include <tocsin/plugin.h>

/* For the delivery of a struct rehearsal, whose self's owner is the rehearsal. */
const struct tocsin_host *capture_host(void);

#endif
