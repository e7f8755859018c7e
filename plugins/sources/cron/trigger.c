/* SPDX-License-Identifier: Apache-2.0 */
#include "cron.h"

static const struct problem_words words[PROBLEMS] = {
	[PROBLEM_FAILED] = {"FAILED", "failed", "CronJobFailed",
			    "Read the error and the output of the run, mend the cause, and run the "
			    "job again.",
			    false},
	[PROBLEM_LOST] = {"LOST", "lost", "CronJobLost",
			  "Nobody knows how the run ended: look after the machine it ran on, and "
			  "after what it left half done.",
			  false},
	[PROBLEM_ERROR_RATE] = {"HIGH_ERROR_RATE", "high_error_rate", "CronJobErrors",
				"More than half of the tasks failed: look for a cause that they "
				"have in common.",
				false},
	[PROBLEM_FAILED_TASKS] = {"MANY_FAILURES", "many_failures", "CronJobErrors",
				  "Look at the tasks that failed, and run them again.", false},
	[PROBLEM_ERRORS] = {"PROCESSING_ERRORS", "processing_errors", "CronJobErrors",
			    "Look for the errors in the log of the run.", false},
	[PROBLEM_TOO_SHORT] = {"TOO_SHORT", "too_short", "CronJobTooShort",
			       "It ended sooner than it can have done its work: look at what it "
			       "did.",
			       false},
	[PROBLEM_OVERLAPPED] = {"OVERLAPPED", "overlapped", "CronJobOverlapped",
				"The run before it had not ended: look what keeps it, or let the "
				"job run less often.",
				false},
	[PROBLEM_MISSED] = {"MISSED", "missed", "CronJobMissed",
			    "It did not start when it should: look after the machine, the crontab "
			    "or the timer that starts it.",
			    true},
	[PROBLEM_TOO_LONG] = {"TOO_LONG", "too_long", "CronJobTooLong",
			      "It still runs: look what it waits for.", true},
	[PROBLEM_IN_A_ROW] = {"FAILED_IN_A_ROW", "failures_in_a_row", "CronJobFailing",
			      "It does not recover by itself: look at its last runs.", true},
};

const struct problem_words *problem_words(enum problem problem)
{
	return &words[problem];
}

static int64_t either(int64_t job, int64_t source)
{
	return job == CRON_AS_SOURCE ? source : job;
}

void triggers_of(struct triggers *triggers, const struct triggers *job,
		 const struct triggers *source)
{
	*triggers = *source;
	if (!job)
		return;
	triggers->failed = either(job->failed - 1, source->failed);
	triggers->overlapped = either(job->overlapped - 1, source->overlapped);
	triggers->error_rate = either(job->error_rate, source->error_rate);
	triggers->min_tasks = either(job->min_tasks, source->min_tasks);
	triggers->failed_tasks = either(job->failed_tasks, source->failed_tasks);
	triggers->processing_errors = either(job->processing_errors, source->processing_errors);
	triggers->failures_in_a_row = either(job->failures_in_a_row, source->failures_in_a_row);
}

static int64_t count(int64_t said)
{
	return said > 0 ? said : 0;
}

int64_t tasks_of(const struct results *results)
{
	int64_t known = count(results->completed) + count(results->failed) +
			count(results->still_processing);

	return results->total_found > known ? results->total_found : known;
}

int64_t error_rate(const struct results *results)
{
	int64_t tasks = tasks_of(results);

	return tasks > 0 ? count(results->failed) * 100 / tasks : 0;
}

static bool is_rate_high(const struct results *results, const struct triggers *triggers)
{
	int64_t tasks = tasks_of(results);

	/* exactly, and not by the rounded figure that people read */
	return tasks > 0 && tasks >= triggers->min_tasks && triggers->error_rate < 100 &&
	       (double)count(results->failed) * 100 > (double)triggers->error_rate * (double)tasks;
}

unsigned int judge(const struct run *run, const struct triggers *triggers, int64_t min_run_ms)
{
	const struct results *results = &run->results;
	unsigned int found = 0;

	if (run->status == RUN_RUNNING || run->status == RUN_MISSED)
		return 0;
	if (triggers->failed && run->status == RUN_FAILED)
		found |= 1u << PROBLEM_FAILED;
	if (triggers->failed && run->status == RUN_LOST)
		found |= 1u << PROBLEM_LOST;
	if (is_rate_high(results, triggers))
		found |= 1u << PROBLEM_ERROR_RATE;
	if (triggers->failed_tasks > 0 && results->failed >= triggers->failed_tasks)
		found |= 1u << PROBLEM_FAILED_TASKS;
	if (triggers->processing_errors > 0 && results->errors >= triggers->processing_errors)
		found |= 1u << PROBLEM_ERRORS;
	if (min_run_ms > 0 && run->status == RUN_COMPLETED && run->duration_ms >= 0 &&
	    run->duration_ms < min_run_ms)
		found |= 1u << PROBLEM_TOO_SHORT;
	return found;
}
