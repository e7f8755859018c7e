/* SPDX-License-Identifier: Apache-2.0 */
/* base/supervisor: what a service manager wants to hear of this process. */
#ifndef BASE_SUPERVISOR_H
#define BASE_SUPERVISOR_H

/* "READY=1" and the like, as in sd_notify(3); nothing where there is none. */
void supervisor_tell(const char *state);

#endif
