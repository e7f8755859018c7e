/* SPDX-License-Identifier: Apache-2.0 */
#include "base/supervisor.h"

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

void supervisor_tell(const char *state)
{
#ifdef HAVE_SYSTEMD
	sd_notify(0, state);
#else
	(void)state;
#endif
}
