/* SPDX-License-Identifier: Apache-2.0 */
/* The yardstick of exec: starts a program so many times with posix_spawn, so many at once. */
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common.h"

int main(int argc, char *argv[])
{
	static char *const environment[] = {NULL};
	size_t runs = argc == 4 ? number_of(argv[1], "runs") : 0, begun = 0, done = 0;
	size_t at_once = argc == 4 ? number_of(argv[2], "at once") : 0;
	int64_t began = now_ns();
	pid_t process;

	if (argc != 4)
		die("spawn_loop RUNS AT_ONCE PROGRAM");
	while (done < runs) {
		while (begun < runs && begun - done < at_once) {
			int rc = posix_spawn(&process, argv[3], NULL, NULL, argv + 3, environment);

			if (rc != 0)
				die("%s: %s", argv[3], strerror(rc));
			begun++;
		}
		if (wait(NULL) < 0)
			die("no child is left");
		done++;
	}
	printf("{\"runs\": %zu, \"seconds\": %.6f}\n", runs, (double)(now_ns() - began) / 1e9);
	return 0;
}
