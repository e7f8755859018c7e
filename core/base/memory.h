/* SPDX-License-Identifier: Apache-2.0 */
/* base/memory: what a process keeps resident. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

/*
 * Gives back what only the start needed: free heap, and the code and constants of the program and
 * its libraries, most of which run once. What is used again comes back from the page cache. Any
 * thread, while others run.
 */
void memory_rest(void);

#endif
