/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaches the programs of empty.bpf.c that it is told to, or has the kernel take the run time of
 * all BPF programs, until its standard input ends.
 *
 * usage: bench-empty PROGRAM... | bench-empty run-time
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "core/cgroup2.h"
#include "empty.skel.h"

/* Every program that is named, and no other. Returns 0 or a negative errno. */
static int choose(struct empty_bpf *bpf, int count, char **names)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, bpf->obj) bpf_program__set_autoload(program, false);
	for (int i = 0; i < count; i++) {
		program = bpf_object__find_program_by_name(bpf->obj, names[i]);
		if (!program)
			return -ENOENT;
		bpf_program__set_autoload(program, true);
	}
	return 0;
}

/* Those of cgroups at the root, as none would by itself. */
static int attach(struct empty_bpf *bpf)
{
	struct bpf_program *program;
	CLEANUP_CLOSE int root = -1;
	char path[PINS_PATH];

	if (cgroup2_mount(path) == 0)
		root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bpf_object__for_each_program(program, bpf->obj)
	{
		enum bpf_prog_type type = bpf_program__type(program);

		if (bpf_program__fd(program) < 0 ||
		    (type != BPF_PROG_TYPE_CGROUP_SKB && type != BPF_PROG_TYPE_CGROUP_SOCK_ADDR))
			continue;
		if (!bpf_program__attach_cgroup(program, root))
			return -errno;
	}
	return empty_bpf__attach(bpf);
}

static int begin(struct empty_bpf *bpf, int count, char **names)
{
	int r;

	if (count == 1 && !strcmp(names[0], "run-time")) {
		r = bpf_enable_stats(BPF_STATS_RUN_TIME);
		return r < 0 ? r : 0;
	}
	r = choose(bpf, count, names);
	if (r == 0)
		r = empty_bpf__load(bpf);
	return r == 0 ? attach(bpf) : r;
}

int main(int argc, char **argv)
{
	struct empty_bpf *bpf = empty_bpf__open();
	char byte;
	int r = bpf ? begin(bpf, argc - 1, argv + 1) : -errno;

	if (r == 0) {
		puts("ready");
		fflush(stdout);
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
	} else {
		fprintf(stderr, "bench-empty: %s\n", strerror(-r));
	}
	empty_bpf__destroy(bpf);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
