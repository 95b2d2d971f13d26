/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/cgroup2.h"
#include "core/grace.h"
#include "core/test_cgroup.h"

enum { REMOVALS = 1000 }; /* tries, a hundredth of a second apart */

static int write_file(int directory, const char *name, const char *text)
{
	CLEANUP_CLOSE int fd = openat(directory, name, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) > 0 ? 0 : -errno;
}

/* ---- the process that takes it away ------------------------------------------------------- */

static void keep(const struct test_cgroup *cgroup, int ended)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	sigset_t all;
	char byte;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	while (read(ended, &byte, 1) > 0)
		;
	write_file(cgroup->fd, "cgroup.kill", "1"); /* Linux 5.14 */
	for (unsigned i = 0; i < REMOVALS && rmdir(cgroup->path) < 0 && errno == EBUSY; i++)
		nanosleep(&pause, NULL);
	_exit(0);
}

static int start_keeper(struct test_cgroup *cgroup)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	cgroup->keeper = fork();
	if (cgroup->keeper == 0) {
		close(ends[1]);
		keep(cgroup, ends[0]);
	}
	close(ends[0]);
	if (cgroup->keeper < 0) {
		close(ends[1]);
		return -errno;
	}
	cgroup->held = ends[1];
	return 0;
}

/* ---- making it ---------------------------------------------------------------------------- */

int test_cgroup_make(struct test_cgroup *ret_cgroup, struct error *error)
{
	struct test_cgroup cgroup = TEST_CGROUP_NONE;
	char mount[PINS_PATH];
	struct stat status;
	int r;

	if (cgroup2_mount(mount) < 0)
		return error_set(error, -ENOENT, "cgroup2 is not mounted here");
	snprintf(cgroup.path, PINS_PATH, "%.200s/sumun-selftest-%d", mount, getpid());
	if (mkdir(cgroup.path, 0755) < 0)
		return error_set(error, -errno, "cannot make the cgroup '%s': %s", cgroup.path,
				 strerror(errno));
	cgroup.fd = open(cgroup.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = cgroup.fd < 0 || fstat(cgroup.fd, &status) < 0 ? -errno : start_keeper(&cgroup);
	if (r < 0) {
		rmdir(cgroup.path);
		cleanup_close(&cgroup.fd);
		return error_set(error, r, "cannot use the cgroup '%s': %s", cgroup.path,
				 strerror(-r));
	}
	cgroup.id = status.st_ino;
	*ret_cgroup = cgroup;
	return 0;
}

void test_cgroup_free(struct test_cgroup *cgroup)
{
	cleanup_close(&cgroup->held);
	if (cgroup->keeper > 0)
		waitpid(cgroup->keeper, NULL, 0);
	cleanup_close(&cgroup->fd);
	*cgroup = (struct test_cgroup)TEST_CGROUP_NONE;
}

/* ---- what happens in it ------------------------------------------------------------------- */

int test_cgroup_run(const struct test_cgroup *cgroup, int (*act)(void *context), void *context,
		    struct error *error)
{
	pid_t parent = getpid(), child = fork();
	int status = -1;

	if (child == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(1);
		close(cgroup->held);
		_exit(write_file(cgroup->fd, "cgroup.procs", "0") < 0 ? 2 : act(context) ? 3 : 0);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return error_set(error, -errno, "cannot start a process in a cgroup: %s",
				 strerror(errno));
	grace_period();
	if (status)
		return error_set(error, -ECHILD, "a process in a cgroup failed (%d)", status);
	return 0;
}
