/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab.h"

extern char **environ;

int lab_enter(int ns, struct error *error)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		return error_set(error, -errno, "cannot enter a namespace: %s", strerror(errno));
	return 0;
}

static int input_of(const char *text)
{
	int fd;

	if (!text)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = memfd_create("input", MFD_CLOEXEC);
	if (fd >= 0 && (write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
			lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int run(const char *const argv[], const char *input, bool quiet, struct error *error)
{
	CLEANUP_CLOSE int in = input_of(input);
	posix_spawn_file_actions_t actions;
	int r, status;
	pid_t child;

	if (in < 0)
		return error_set(error, -errno, "no input for '%s': %s", argv[0], strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (quiet)
		posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	else
		posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	r = -posix_spawnp(&child, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r < 0)
		return error_set(error, r, "cannot run '%s': %s", argv[0], strerror(-r));
	if (waitpid(child, &status, 0) < 0)
		return error_set(error, -errno, "'%s' is lost: %s", argv[0], strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(error, -EIO, "'%s %s' failed", argv[0], argv[1]);
	return 0;
}

int lab_run(const char *const argv[], const char *input, struct error *error)
{
	return run(argv, input, false, error);
}

int lab_run_quietly(const char *const argv[], struct error *error)
{
	return run(argv, NULL, true, error);
}

void lab_missing(const char *what, const char *package)
{
	fprintf(stderr,
		"\n*** %s is NOT INSTALLED: its figures will be MISSING. ***\n"
		"*** Install the package %s (make deps-bench) and run again. ***\n\n",
		what, package);
}

/* ---- making the lab ----------------------------------------------------------------- */

static int run_ip(const char *family, const char *batch, struct error *error)
{
	const char *const argv[] = { "ip", family, "-batch", "-", NULL };
	int r = lab_run(argv, batch, error);

	return r == -ENOENT ? error_set(error, r, "'ip' is needed: install iproute2") : r;
}

static int set_sysctl(const char *name, const char *value, struct error *error)
{
	CLEANUP_CLOSE int fd = -1;
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return error_set(error, -errno, "cannot write %s: %s", path, strerror(errno));
	return 0;
}

static int ethtool(void *command, struct error *error)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = LAB_RECEIVER, .ifr_data = command };

	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0)
		return error_set(error, -errno, "ethtool on the receiver: %s", strerror(errno));
	return 0;
}

static int private_namespaces(struct lab *lab, struct error *error)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0)
		return error_set(error, -errno, "cannot make namespaces: %s%s", strerror(errno),
				 errno == EPERM ? "; be root" : "");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL) < 0)
		return error_set(error, -errno, "cannot mount bpffs: %s", strerror(errno));
	lab->generator_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET) < 0)
		return error_set(error, -errno, "cannot make a namespace: %s", strerror(errno));
	lab->receiver_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (lab->generator_ns < 0 || lab->receiver_ns < 0)
		return error_set(error, -errno, "cannot hold the namespaces: %s", strerror(errno));
	return 0;
}

static int receiver_ready(struct lab *lab, struct error *error)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = LAB_RECEIVER };
	/* GRO switches NAPI on, without which a veth takes no frames from XDP. */
	struct ethtool_value gro = { .cmd = ETHTOOL_SGRO, .data = 1 };
	int r = ethtool(&gro, error);

	if (r < 0)
		return r;
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return error_set(error, -errno, "no address of the receiver: %s", strerror(errno));
	memcpy(lab->receiver_mac, request.ifr_hwaddr.sa_data, sizeof(lab->receiver_mac));
	lab->receiver_index = if_nametoindex(LAB_RECEIVER);
	return 0;
}

/* The generator's end: up, and silent. */
static int generator_ready(struct lab *lab, const char *generator, struct error *error)
{
	char text[64];
	int r = lab_enter(lab->generator_ns, error);

	snprintf(text, sizeof(text), "ipv6/conf/%s/disable_ipv6", generator);
	if (r == 0)
		r = set_sysctl(text, "1", error);
	snprintf(text, sizeof(text), "link set %s up\n", generator);
	if (r == 0)
		r = run_ip("-4", text, error);
	lab->generator_index = if_nametoindex(generator);
	return r < 0 ? r : lab_enter(lab->receiver_ns, error);
}

static int make_pair(struct lab *lab, const char *generator, struct error *error)
{
	char batch[512];
	int r;

	snprintf(batch, sizeof(batch),
		 "link add " LAB_RECEIVER " numrxqueues 1 numtxqueues 1 type veth peer name %s"
		 " numrxqueues 1 numtxqueues 1 netns /proc/%d/fd/%d\n",
		 generator, getpid(), lab->generator_ns);
	r = run_ip("-4", batch, error);
	/* The receiver hears nothing but what the generator sends, and checks no return path. */
	if (r == 0)
		r = set_sysctl("ipv4/conf/all/rp_filter", "0", error);
	if (r == 0)
		r = set_sysctl("ipv4/conf/" LAB_RECEIVER "/rp_filter", "0", error);
	if (r == 0)
		r = generator_ready(lab, generator, error);
	if (r == 0)
		r = run_ip("-4",
			   "link set lo up\nlink set " LAB_RECEIVER " up\n"
			   "address add " LAB_HERE_V4 "/24 dev " LAB_RECEIVER "\n"
			   "route add default dev " LAB_RECEIVER "\n",
			   error);
	if (r == 0)
		r = run_ip("-6",
			   "address add " LAB_HERE_V6 "/64 dev " LAB_RECEIVER " nodad\n"
			   "route add default dev " LAB_RECEIVER "\n",
			   error);
	return r < 0 ? r : receiver_ready(lab, error);
}

/* The last CPU: the first one takes more of a machine's interrupts. */
static int take_cpu(struct error *error)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return error_set(error, -errno, "sched_getaffinity: %s", strerror(errno));
	CPU_ZERO(&one);
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
		if (CPU_ISSET(cpu, &allowed)) {
			CPU_SET(cpu, &one);
			break;
		}
	}
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		return error_set(error, -errno, "sched_setaffinity: %s", strerror(errno));
	setpriority(PRIO_PROCESS, 0, -20);
	return 0;
}

int lab_open(struct lab *ret_lab, struct error *error)
{
	struct lab lab = { .receiver_ns = -1, .generator_ns = -1 };
	const char *path = getenv("PATH");
	char longer[1024];
	int r;

	/* xdp-filter and nft are administrators' commands. */
	snprintf(longer, sizeof(longer), "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin");
	setenv("PATH", longer, 1);
	r = private_namespaces(&lab, error);
	if (r == 0)
		r = make_pair(&lab, LAB_GENERATOR, error);
	if (r == 0)
		r = take_cpu(error);
	if (r == 0)
		*ret_lab = lab;
	return r;
}

int lab_another(const struct lab *lab, const char *generator, struct lab *ret_lab,
		struct error *error)
{
	struct lab another = { .generator_ns = lab->generator_ns, .receiver_ns = -1 };
	int r;

	if (unshare(CLONE_NEWNET) < 0)
		return error_set(error, -errno, "cannot make a namespace: %s", strerror(errno));
	another.receiver_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (another.receiver_ns < 0)
		return error_set(error, -errno, "cannot hold a namespace: %s", strerror(errno));
	r = make_pair(&another, generator, error);
	if (r == 0)
		*ret_lab = another;
	return r;
}

/* ---- counting ------------------------------------------------------------------------ */

enum { STATISTICS_MAX = 256 };

int lab_count(const struct lab *lab, struct lab_counts *ret_counts, struct error *error)
{
	union { /* with room for the one number that is asked for */
		struct ethtool_sset_info header;
		uint32_t words[sizeof(struct ethtool_sset_info) / sizeof(uint32_t) + 1];
	} info = { .header = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_STATS } };
	CLEANUP_FREE struct ethtool_gstrings *names = NULL;
	CLEANUP_FREE struct ethtool_stats *values = NULL;
	struct lab_counts counts = { 0 };
	uint32_t count;
	int r = ethtool(&info, error);

	if (r < 0)
		return r;
	count = info.header.data[0];
	if (count > STATISTICS_MAX)
		return error_set(error, -E2BIG, "the veth has too many statistics");
	names = calloc(1, sizeof(*names) + count * ETH_GSTRING_LEN);
	values = calloc(1, sizeof(*values) + count * sizeof(uint64_t));
	if (!names || !values)
		return -ENOMEM;
	*names = (struct ethtool_gstrings){ ETHTOOL_GSTRINGS, ETH_SS_STATS, count };
	*values = (struct ethtool_stats){ ETHTOOL_GSTATS, count };
	r = ethtool(names, error);
	if (r == 0)
		r = ethtool(values, error);
	for (uint32_t i = 0; r == 0 && i < count; i++) {
		const char *name = (const char *)names->data + i * ETH_GSTRING_LEN;

		if (strncmp(name, "rx_queue_", 9) != 0)
			continue;
		if (strstr(name, "_xdp_packets"))
			counts.packets += values->data[i];
		else if (strstr(name, "_xdp_drops"))
			counts.drops += values->data[i];
	}
	if (r == 0)
		*ret_counts = counts;
	return r;
}
