/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making events happen, of this process alone, so that it can be seen whether they count. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "core/ladder_hooks.h"
#include "ladder.skel.h"

enum { EVENTS_MAX = 64, DISCARD = 9 };

/*
 * Between ladder_arm() and ladder_disarm() stands nothing but the events. The words are in
 * memory that the kernel side shares, also after fork().
 */
void ladder_arm(struct ladder_bpf *programs)
{
	programs->bss->counted = 0;
	__atomic_store_n(&programs->bss->armed, 1, __ATOMIC_SEQ_CST);
}

void ladder_disarm(struct ladder_bpf *programs)
{
	__atomic_store_n(&programs->bss->armed, 0, __ATOMIC_SEQ_CST);
}

int ladder_watch_self(const struct ladder_bpf *programs)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	return bpf_prog_test_run_opts(bpf_program__fd(programs->progs.watch_self), &options);
}

static int system_calls(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked)
{
	ladder_arm(programs);
	for (unsigned i = 0; i < events; i++)
		syscall(SYS_getppid);
	ladder_disarm(programs);
	*ret_provoked = events;
	return 0;
}

static int opens(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked)
{
	int fds[EVENTS_MAX];

	ladder_arm(programs);
	for (unsigned i = 0; i < events; i++)
		fds[i] = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
	ladder_disarm(programs);
	for (unsigned i = 0; i < events; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*ret_provoked = events;
	return 0;
}

/* ---- processes ------------------------------------------------------------------------ */

static int forks(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked)
{
	pid_t children[EVENTS_MAX];

	ladder_arm(programs);
	for (unsigned i = 0; i < events; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(0);
	}
	ladder_disarm(programs);
	*ret_provoked = 0;
	for (unsigned i = 0; i < events; i++)
		if (children[i] > 0 && waitpid(children[i], NULL, 0) > 0)
			++*ret_provoked;
	return 0;
}

/* One child after the other is the one that is watched; `program` is what it becomes, or NULL. */
static int children(struct ladder_bpf *programs, const char *program, unsigned events,
		    uint64_t *ret_provoked)
{
	uint64_t provoked = 0;

	programs->bss->counted = 0;
	for (unsigned i = 0; i < events; i++) {
		int status = -1;
		pid_t child = fork();

		if (child == 0) {
			ladder_watch_self(programs);
			__atomic_store_n(&programs->bss->armed, 1, __ATOMIC_SEQ_CST);
			if (program)
				execl(program, program, NULL);
			_exit(program ? 127 : 0);
		}
		if (child > 0 && waitpid(child, &status, 0) > 0 && status == 0)
			provoked++;
		ladder_disarm(programs);
	}
	*ret_provoked = provoked;
	return 0;
}

static int execs(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked)
{
	return children(programs, "/bin/true", events, ret_provoked);
}

static int exits(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked)
{
	return children(programs, NULL, events, ret_provoked);
}

static long voluntary_switches(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

/* A sleep whose time is up before it has begun switches nothing, so they are counted. */
static int switches(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	long before = voluntary_switches();

	ladder_arm(programs);
	for (unsigned i = 0; i < 10 * events && voluntary_switches() < before + events; i++)
		nanosleep(&nap, NULL);
	ladder_disarm(programs);
	*ret_provoked = events;
	return 0;
}

static int faults(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = events * page;
	volatile char *memory =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	madvise((void *)memory, size, MADV_NOHUGEPAGE);
	ladder_arm(programs);
	for (size_t i = 0; i < size; i += page)
		memory[i] = 1;
	ladder_disarm(programs);
	munmap((void *)memory, size);
	*ret_provoked = events;
	return 0;
}

/* No program counts these; whoever runs for so long has used more than one of them. */
static int cycles(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked)
{
	for (volatile unsigned i = 0; i < 1000 * events; i++)
		;
	*ret_provoked = events;
	return 0;
}

/* ---- sockets -------------------------------------------------------------------------- */

/* Its cookie is what the programs know it by. */
static int make_socket(struct ladder_bpf *programs, int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0)
		programs->bss->watched = cookie;
	return fd;
}

/* Datagrams of a socket to itself, over the loopback. */
static int datagrams(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked)
{
	CLEANUP_CLOSE int fd = make_socket(programs, AF_INET);
	struct sockaddr_in self = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(self);
	uint64_t sent = 0;
	char byte = 0;

	if (fd < 0 || bind(fd, (struct sockaddr *)&self, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&self, &size) < 0)
		return -errno;
	ladder_arm(programs);
	for (unsigned i = 0; i < events; i++)
		if (sendto(fd, &byte, 1, 0, (struct sockaddr *)&self, size) == 1)
			sent++;
	/* Received before the last sendto() returned: the loopback has no queue. */
	for (uint64_t i = 0; i < sent; i++)
		recv(fd, &byte, 1, MSG_DONTWAIT);
	ladder_disarm(programs);
	*ret_provoked = sent;
	return 0;
}

/* The programs run before it is looked whether there is a way there. */
static int connects4(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked)
{
	CLEANUP_CLOSE int fd = make_socket(programs, AF_INET);
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(DISCARD),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (fd < 0)
		return -errno;
	ladder_arm(programs);
	for (unsigned i = 0; i < events; i++)
		(void)connect(fd, (const struct sockaddr *)&to, sizeof(to));
	ladder_disarm(programs);
	*ret_provoked = events;
	return 0;
}

/* To listen is a change of state as any other. */
static int listens(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked)
{
	int fds[EVENTS_MAX];

	for (unsigned i = 0; i < events; i++)
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*ret_provoked = 0;
	ladder_arm(programs);
	for (unsigned i = 0; i < events; i++)
		*ret_provoked += listen(fds[i], 1) == 0;
	ladder_disarm(programs);
	for (unsigned i = 0; i < events; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return 0;
}

static int connects6(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked)
{
	CLEANUP_CLOSE int fd = make_socket(programs, AF_INET6);
	const struct sockaddr_in6 to = { .sin6_family = AF_INET6,
					 .sin6_port = htons(DISCARD),
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	if (fd < 0)
		return -errno;
	ladder_arm(programs);
	for (unsigned i = 0; i < events; i++)
		(void)connect(fd, (const struct sockaddr *)&to, sizeof(to));
	ladder_disarm(programs);
	*ret_provoked = events;
	return 0;
}

int provoke(struct ladder_bpf *programs, enum thing thing, unsigned events, uint64_t *ret_provoked,
	    struct error *error)
{
	static const struct {
		int (*make)(struct ladder_bpf *programs, unsigned events, uint64_t *ret_provoked);
		const char *what;
	} ways[THINGS] = {
		[THING_SYSCALL_ENTER] = { system_calls, "a system call" },
		[THING_SYSCALL_EXIT] = { system_calls, "a system call" },
		[THING_OPEN] = { opens, "opening a file" },
		[THING_FORK] = { forks, "forking" },
		[THING_EXEC] = { execs, "executing /bin/true" },
		[THING_EXIT] = { exits, "forking" },
		[THING_SWITCH] = { switches, "sleeping" },
		[THING_FAULT] = { faults, "touching memory" },
		[THING_CONNECTION] = { listens, "listening" },
		[THING_CYCLES] = { cycles, "computing" },
		[THING_CGROUP_EGRESS] = { datagrams, "sending over the loopback" },
		[THING_CGROUP_INGRESS] = { datagrams, "sending over the loopback" },
		[THING_CONNECT4] = { connects4, "an IPv4 socket" },
		[THING_CONNECT6] = { connects6, "an IPv6 socket" },
	};
	int r;

	if (events > EVENTS_MAX)
		events = EVENTS_MAX;
	r = programs ? ladder_watch_self(programs) : 0; /* counters need no program */
	if (r < 0)
		return error_set(error, r, "cannot learn which thread this is: %s", strerror(-r));
	r = ways[thing].make(programs, events, ret_provoked);
	if (r < 0 || !*ret_provoked)
		return error_set(error, r < 0 ? r : -EIO,
				 "attached, but %s failed, so nothing could be counted",
				 ways[thing].what);
	return 0;
}
