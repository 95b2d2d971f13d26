/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "core/arguments.h"
#include "core/selftest.h"

enum { COUNT_DEFAULT = 1000 };

struct selftest *selftest_new(uint64_t count)
{
	struct selftest *test = mmap(NULL, sizeof(*test), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (test == MAP_FAILED)
		return NULL;
	test->count = count;
	return test;
}

struct selftest *selftest_free(struct selftest *test)
{
	if (test)
		munmap(test, sizeof(*test));
	return NULL;
}

struct selftest_row *selftest_add(struct selftest *test, const char *what)
{
	struct selftest_row *row = &test->rows[test->row_count];

	if (test->row_count == SELFTEST_ROWS)
		abort();
	test->row_count++;
	row->module = test->module;
	snprintf(row->what, sizeof(row->what), "%s", what);
	return row;
}

void selftest_leave_out(struct selftest *test, const char *what, const struct error *why)
{
	struct selftest_row *row = selftest_add(test, what);

	row->unable = true;
	row->note = *why;
}

/* ---- a child ------------------------------------------------------------------------------ */

static void run_child(struct selftest *test, pid_t parent,
		      int (*act)(struct selftest *test, struct error *error))
{
	/* The second is for a parent that ended before the first was in force. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	test->child.result = act(test, &test->child.error);
	_exit(0);
}

int selftest_apart(struct selftest *test, int (*act)(struct selftest *test, struct error *error),
		   struct error *error)
{
	pid_t parent = getpid(), child;
	int status;

	memset(&test->child, 0, sizeof(test->child));
	child = fork();
	if (child == 0)
		run_child(test, parent, act);
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return error_set(error, -errno, "cannot start a process for it: %s",
				 strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(error, -ECHILD, "the process that did it was ended: %s",
				 WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "?");
	*error = test->child.error;
	return test->child.result;
}

/* ---- what follows --------------------------------------------------------------------------- */

const char *row_verdict_name(enum row_verdict verdict)
{
	static const char *const names[] = {
		[ROW_RIGHT] = "right",
		[ROW_WRONG] = "wrong",
		[ROW_UNABLE] = "unable",
	};
	_Static_assert(ARRAY_SIZE(names) == ROW_UNABLE + 1, "a name for every verdict");

	return names[verdict];
}

/* The kernel's number is the judge where it is not what was done: nothing may be lost silently. */
enum row_verdict selftest_judge(const struct selftest_row *row, int64_t *ret_error)
{
	*ret_error = 0;
	if (row->unable)
		return ROW_UNABLE;
	*ret_error = (int64_t)(row->counted - row->done - row->beside);
	if (*ret_error == 0 && row->counter)
		*ret_error = (int64_t)(row->counted - row->kernel);
	return *ret_error || (row->counter && row->kernel != row->counted) ? ROW_WRONG : ROW_RIGHT;
}

size_t selftest_count(const struct selftest *test, enum row_verdict verdict)
{
	size_t count = 0;
	int64_t error;

	for (size_t i = 0; i < test->row_count; i++)
		count += selftest_judge(&test->rows[i], &error) == verdict;
	return count;
}

enum exit_status selftest_status(const struct selftest *test)
{
	if (selftest_count(test, ROW_WRONG))
		return STATUS_FAILED;
	if (test->refused != STATUS_OK)
		return test->refused;
	return selftest_count(test, ROW_RIGHT) ? STATUS_OK : STATUS_UNABLE;
}

/* ---- the command ---------------------------------------------------------------------------- */

static void run_module(struct selftest *test, const struct module *module)
{
	struct error error = { "" };
	int r;

	test->module = module->name;
	r = module->selftest(test, &error);
	if (r == 0)
		return;
	if (!*error.text)
		error_set(&error, r, "%s", strerror(-r));
	selftest_leave_out(test, module->name, &error);
	if (test->refused == STATUS_OK)
		test->refused = status_of(r) == STATUS_UNABLE ? STATUS_UNABLE : STATUS_FAILED;
}

int command_selftest(int argc, char **argv)
{
	CLEANUP_SELFTEST struct selftest *test = NULL;
	struct arguments arguments;

	arguments_read(argc, argv, ACCEPT_JSON | ACCEPT_NUMBER, "", 0, 0,
		       "Make known things happen, compare what sumun counts with what was done and "
		       "with what the kernel counts itself, and say what the error is. Touches "
		       "nothing that is in use, and leaves nothing behind.",
		       &arguments);
	if (arguments.count > SELFTEST_COUNT_MAX) {
		log_error("-n: at most %d of each", SELFTEST_COUNT_MAX);
		return STATUS_USAGE;
	}
	test = selftest_new(arguments.count ? arguments.count : COUNT_DEFAULT);
	if (!test) {
		log_error("out of memory");
		return STATUS_FAILED;
	}
	test->module = "core";
	selftest_things(test);
	for (size_t i = 0; modules[i]; i++)
		if (modules[i]->selftest)
			run_module(test, modules[i]);
	if (arguments.json)
		json_write_line(selftest_json(test), stdout);
	else
		selftest_text(test, stdout);
	return selftest_status(test);
}
