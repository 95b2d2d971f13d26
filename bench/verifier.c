/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many instructions the verifier of this kernel processes before it takes the filter. As the
 * first process of a guest (verifier.py) it sets the guest up before, and turns it off behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "figures.h"
#include "modules/filter/store.h"

/* The figures go to the second serial port; the first has the console. */
static void begin_guest(void)
{
	int fd;

	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	fd = open("/dev/ttyS1", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		dup2(fd, STDOUT_FILENO);
}

static int measure(struct error *error)
{
	CLEANUP_STORE struct store store = STORE_NONE;
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	struct utsname host;
	int r = store_create(&store, error);

	if (r < 0)
		return r;
	r = bpf_obj_get_info_by_fd(store.program_fd, &info, &size);
	if (r < 0 || uname(&host) < 0)
		return error_set(error, -errno, "cannot ask for the program: %s", strerror(errno));
	return figures_print(json_pack("{ss,s{s{si,si}}}", "kernel", host.release, "programs",
				       "filter", "verified", (int)info.verified_insns, "xlated",
				       (int)(info.xlated_prog_len / 8)));
}

int main(void)
{
	struct error error = { "" };
	bool guest = getpid() == 1;
	int r;

	if (guest)
		begin_guest();
	r = measure(&error);
	if (r < 0)
		fprintf(stderr, "bench-verifier: %s\n", error.text);
	if (guest) {
		fflush(stdout);
		sleep(1); /* the serial port is slow */
		reboot(RB_POWER_OFF);
		reboot(RB_AUTOBOOT);
	}
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
