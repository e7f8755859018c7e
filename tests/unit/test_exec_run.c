/* SPDX-License-Identifier: Apache-2.0 */
/* How a run of the exec channel is started, watched and ended. */
#include "exec_setting.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* valgrind gives programs descriptors, signals and limits of its own, and knows no pidfd. */
static void skip_under_valgrind(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0) {
		printf("left out: nothing here tells one process from another (no pidfd)\n");
		skip();
	}
	close(fd);
}

/* The C library keeps its own signals from those who use it, but not from who started us. */
static void own_signals(void (*handler)(int))
{
	void (*action[8])(int) = {handler};

	for (int number = 32; number <= 33; number++)
		syscall(SYS_rt_sigaction, number, action, NULL, (size_t)(NSIG - 1) / 8);
}

static void nothing_is_inherited(void **unused)
{
	struct sigaction ignored = {.sa_handler = SIG_IGN}, before;
	int open_one = open("/dev/null", O_RDONLY), high = fcntl(open_one, F_DUPFD, 700);
	sigset_t blocked, mask;

	(void)unused;
	skip_under_valgrind();
	assert_true(open_one > 2 && high >= 700);
	sigaction(SIGPIPE, &ignored, &before);
	own_signals(SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &mask);
	/* ls itself has one more open, the directory */
	(void)run_script("ls /proc/self/fd | sort -n | tr '\\n' ' '; umask");
	assert_output("0 1 2 3 0077\n");
	(void)run_script("exec grep -E '^SigBlk|^NoNewPrivs' /proc/self/status");
	assert_output("SigBlk:\t0000000000000000\nNoNewPrivs:\t1\n");
	/* 32 and 33 are the C library's own, which nobody can set. */
	(void)run_script("ignored=$(sed -n 's/^SigIgn:[^0-9a-f]*//p' /proc/self/status); "
			 "echo $((0x$ignored & ~0x180000000))");
	assert_output("0\n");
	(void)run_script("ulimit -c; test $(ulimit -n) -le 1024 && pwd");
	assert_output("0\n/\n");
	(void)run_script("cut -d' ' -f1,5,6 /proc/self/stat | { read -r a b c; "
			 "test $b = $$ && test $c = $$ && echo own; }");
	assert_output("own\n");
	own_signals(SIG_DFL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGPIPE, &before, NULL);
	close(open_one);
	close(high);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void a_program_that_takes_too_long_is_ended(void **unused)
{
	static const char *const scripts[] = {
		"sleep 60",                                /* heeds TERM */
		"trap '' TERM; sleep 60 & wait; sleep 60", /* does not */
		"kill -STOP $$",                           /* cannot, until it is woken */
		"trap '' TERM; kill -STOP $$; sleep 60",
		"exec >/dev/null 2>&1; sleep 60", /* tells nothing */
		"while :; do echo flood; done",
	};

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(scripts); i++) {
		int64_t began = now_ms();
		const struct fake_done *done;
		struct setting setting;
		struct fake_alert fake;

		setting_init(&setting, scripts[i]);
		setting.config.time_limit = 200;
		setting.config.kill_after = 200;
		fake_alert_init(&fake, "x");
		done = run_with(&setting, &fake);
		assert_int_equal(done->outcome, TOCSIN_RETRY);
		assert_why(done, "did not end within 200 ms");
		assert_true(now_ms() - began >= 200 && now_ms() - began < 20000);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Is there a process of that number? A zombie of init's is soon gone. */
static bool is_gone(pid_t process)
{
	for (int i = 0; i < 500; i++) {
		char path[64], state = 'X';
		FILE *in;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
		in = fopen(path, "r");
		if (in && fscanf(in, "%*d %*s %c", &state) != 1)
			state = 'X';
		if (in)
			fclose(in);
		if (state == 'X' || state == 'Z')
			return true;
		usleep(10000);
	}
	return false;
}

static void what_it_leaves_behind_is_killed(void **unused)
{
	int64_t began = now_ms();

	(void)unused;
	/* The grandchild keeps the output open: nobody waits for that. */
	assert_int_equal(run_script("trap '' TERM; sleep 600 & echo $!")->outcome,
			 TOCSIN_DELIVERED);
	assert_true(now_ms() - began < 20000);
	assert_true(is_gone((pid_t)strtol(fake_self()->output, NULL, 10)));
}

static void the_output_is_bounded(void **unused)
{
	const struct fake_done *done;

	(void)unused;
	done = run_script(
		"echo begin; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo end; exit 1");
	assert_int_equal(done->outcome, TOCSIN_REJECTED);
	assert_why(done, ": end");
	assert_int_equal(strlen(fake_self()->output), PROGRAM_OUTPUT);
	assert_memory_equal(fake_self()->output, "begin\nxxx", 9);
	assert_non_null(strstr(fake_self()->output, "x\n[...]\nx"));
	assert_string_equal(fake_self()->output + PROGRAM_OUTPUT - 6, "x\nend\n");
}

/* Whatever the pieces, the beginning and the end are kept. */
static void output_of_every_length_is_kept_whole_or_both_its_ends(void **unused)
{
	static char all[20000];
	static const size_t pieces[] = {1, 7, 1000, 4096, 65536};

	(void)unused;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)('a' + i % 26);
	for (size_t length = 0; length <= sizeof(all); length += length < 10 ? 1 : 509) {
		for (size_t k = 0; k < TOCSIN_COUNT(pieces); k++) {
			struct program_output output = {.length = 0};

			for (size_t at = 0; at < length; at += pieces[k])
				program_output_add(&output, all + at,
						   pieces[k] < length - at ? pieces[k]
									   : length - at);
			program_output_end(&output);
			assert_int_equal(output.length,
					 length < PROGRAM_OUTPUT ? length : PROGRAM_OUTPUT);
			assert_memory_equal(output.text, all, length < 1024 ? length : 1024);
			if (length > 0)
				assert_memory_equal(output.text + output.length -
							    (length < 3000 ? length : 3000),
						    all + length - (length < 3000 ? length : 3000),
						    length < 3000 ? length : 3000);
		}
	}
}

static void an_input_that_nobody_reads_harms_nobody(void **unused)
{
	static char large[300000];
	struct setting setting;
	struct fake_alert fake;

	(void)unused;
	memset(large, 'x', sizeof(large) - 1);
	setting_init(&setting, "exec <&-; sleep 0.1; exit 0");
	fake_alert_init(&fake, "x");
	fake_annotate(&fake, "description", large);
	assert_int_equal(run_with(&setting, &fake)->outcome, TOCSIN_DELIVERED);
	setting.command[2] = "wc -c; wc -c < /dev/stdin";
	assert_int_equal(run_with(&setting, &fake)->outcome, TOCSIN_DELIVERED);
	assert_true(strtol(fake_self()->output, NULL, 10) > 600000); /* message and annotation */
	setting.command[2] = "printf y >> /dev/stdin || printf y >&0 || echo sealed";
	assert_int_equal(run_with(&setting, &fake)->outcome, TOCSIN_DELIVERED);
	assert_non_null(strstr(fake_self()->output, "sealed"));
}

static void what_cannot_be_started_waits_until_it_can(void **unused)
{
	char directory[64], path[128];
	const struct fake_done *done;
	struct setting setting;
	struct fake_alert fake;

	(void)unused;
	fake_directory(directory);
	snprintf(path, sizeof(path), "%s/program", directory);
	fake_alert_init(&fake, "x");
	setting_init(&setting, "exit 0");
	setting.command[0] = path;
	done = run_with(&setting, &fake);
	assert_int_equal(done->outcome, TOCSIN_UNAVAILABLE);
	assert_why(done, "No such file");
	assert_non_null(strstr(fake_self()->log, "WARNING"));
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_why(run_with(&setting, &fake), "Permission denied");
	chmod(path, 0700);
	assert_why(run_with(&setting, &fake), "Exec format error");
	setting.command[0] = "/bin/sh";
	setting.config.directory = "/nonexistent";
	done = run_with(&setting, &fake);
	assert_int_equal(done->outcome, TOCSIN_UNAVAILABLE);
	assert_why(done, "cannot enter the directory");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	fake_remove(directory);
}

static void other_children_are_left_alone(void **unused)
{
	pid_t other = fork();
	int status;

	(void)unused;
	if (other == 0)
		_exit(7);
	assert_int_equal(run_script("sleep 0.1")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_int_equal(WEXITSTATUS(status), 7);
}

static void a_status_that_nobody_knows_is_tried_again(void **unused)
{
	const struct fake_done *done;

	(void)unused;
	signal(SIGCHLD, SIG_IGN); /* the kernel takes it */
	done = run_script("exit 0");
	signal(SIGCHLD, SIG_DFL);
	assert_int_equal(done->outcome, TOCSIN_RETRY);
	assert_why(done, "nobody knows");
}

static void limits_hold(void **unused)
{
	struct setting setting;
	struct fake_alert fake;

	(void)unused;
	skip_under_valgrind();
	setting_init(&setting, "ulimit -t; ulimit -n; ulimit -v");
	setting.config.limits =
		(struct program_limits){.memory = 1 << 28, .cpu = 1500, .files = 20};
	fake_alert_init(&fake, "x");
	assert_int_equal(run_with(&setting, &fake)->outcome, TOCSIN_DELIVERED);
	assert_output("2\n20\n262144\n");
	setting.config.limits = (struct program_limits){.cpu = 1000};
	setting.command[2] = "while :; do :; done";
	assert_int_equal(run_with(&setting, &fake)->outcome, TOCSIN_RETRY);
}

static void another_user_runs_it(void **unused)
{
	struct setting setting;
	struct fake_alert fake;
	void *state = NULL;

	(void)unused;
	setting_init(&setting, "id -u; id -G; id -ru");
	setting.config.user = "nobody";
	fake_alert_init(&fake, "x");
	fake_reset();
	if (geteuid() != 0) {
		assert_int_equal(tocsin_plugin.channel->open(fake_self(), &fake_host,
							     &setting.config, &state),
				 -EPERM);
		return;
	}
	assert_int_equal(run_with(&setting, &fake)->outcome, TOCSIN_DELIVERED);
	assert_output("65534\n65534\n65534\n");
	setting.config.user = "no-such-user";
	assert_true(tocsin_plugin.channel->open(fake_self(), &fake_host, &setting.config, &state) <
		    0);
	assert_non_null(strstr(fake_self()->log, "no user 'no-such-user'"));
}

static void a_descriptor_is_never_lost(void **unused)
{
	int before = open("/dev/null", O_RDONLY), after;

	(void)unused;
	close(before);
	(void)run_script("exit 0");
	(void)run_script("kill -9 $$");
	what_cannot_be_started_waits_until_it_can(NULL);
	after = open("/dev/null", O_RDONLY);
	close(after);
	assert_int_equal(before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_inherited),
		cmocka_unit_test(a_program_that_takes_too_long_is_ended),
		cmocka_unit_test(what_it_leaves_behind_is_killed),
		cmocka_unit_test(the_output_is_bounded),
		cmocka_unit_test(output_of_every_length_is_kept_whole_or_both_its_ends),
		cmocka_unit_test(an_input_that_nobody_reads_harms_nobody),
		cmocka_unit_test(what_cannot_be_started_waits_until_it_can),
		cmocka_unit_test(other_children_are_left_alone),
		cmocka_unit_test(a_status_that_nobody_knows_is_tried_again),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(another_user_runs_it),
		cmocka_unit_test(a_descriptor_is_never_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
