/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cgroup monitor in the running kernel: every hook that it can use counts the same. */
#include "../unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/test_cgroup.h"
#include "modules/cgroups/monitor.h"

enum { CALLS = 3000, PAGES = 700, NAPS = 30, DATAGRAMS = 40, SIZE = 50, CONNECTIONS = 20 };

struct watching {
	struct monitor *monitor;
	struct books *books;
};

static void stop(struct watching *watching)
{
	group_monitor_free(watching->monitor);
	group_books_free(watching->books);
}
#define CLEANUP_WATCHING __attribute__((cleanup(stop)))

static bool watch(enum hook hook, struct watching *ret_watching)
{
	const struct monitor_options options = { .interfaces = true, .hook = hook };
	struct error error = { "" };
	int r;

	ret_watching->books = group_books_new();
	assert_non_null(ret_watching->books);
	ret_watching->monitor = group_monitor_new(&options, &error, &r);
	print_message("# %s\n", ret_watching->monitor ? group_monitor_hooks(ret_watching->monitor)
						      : error.text);
	return ret_watching->monitor;
}

static struct cgroup_counts counts_of(struct watching *watching, uint64_t id)
{
	const struct group *group;

	assert_ok(group_monitor_turn(watching->monitor, watching->books));
	for (size_t i = 0; (group = group_books_group(watching->books, i)); i++)
		if (group->id == id)
			return group->total.counts;
	return (struct cgroup_counts){ 0 };
}

static int make_socket(int family, int type, struct sockaddr_storage *ret_address)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(*ret_address);

	if (family == AF_INET6 ? bind(fd, (struct sockaddr *)&v6, sizeof(v6))
			       : bind(fd, (struct sockaddr *)&v4, sizeof(v4)))
		return -1;
	return getsockname(fd, (struct sockaddr *)ret_address, &size) == 0 ? fd : -1;
}

static int send_to_itself(int family)
{
	struct sockaddr_storage self;
	CLEANUP_CLOSE int fd = make_socket(family, SOCK_DGRAM, &self);
	char bytes[SIZE] = "";

	for (unsigned i = 0; i < DATAGRAMS; i++)
		if (sendto(fd, bytes, SIZE, 0, (struct sockaddr *)&self, sizeof(self)) != SIZE ||
		    recv(fd, bytes, SIZE, 0) != SIZE)
			return -1;
	return 0;
}

static int connect_to_itself(int family)
{
	struct sockaddr_storage open, shut;
	CLEANUP_CLOSE int listener = make_socket(family, SOCK_STREAM, &open),
			  silent = make_socket(family, SOCK_STREAM, &shut);

	if (silent < 0 || listen(listener, CONNECTIONS) < 0)
		return -1;
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		CLEANUP_CLOSE int made = socket(family, SOCK_STREAM, 0),
				  refused = socket(family, SOCK_STREAM, 0);

		if (connect(made, (struct sockaddr *)&open, sizeof(open)) < 0 ||
		    connect(refused, (struct sockaddr *)&shut, sizeof(shut)) == 0)
			return -1;
	}
	return 0;
}

static int work(void *context)
{
	const struct timespec nap = { .tv_nsec = 100000 };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile char *memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -1;
	madvise((void *)memory, PAGES * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i++)
		memory[i * page] = 1;
	for (unsigned i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	for (unsigned i = 0; i < NAPS; i++)
		nanosleep(&nap, NULL);
	return send_to_itself(AF_INET) || send_to_itself(AF_INET6) || connect_to_itself(AF_INET) ||
	       connect_to_itself(AF_INET6);
}

static void expect_known(const struct cgroup_counts *counts)
{
	const struct traffic udp = { 2 * DATAGRAMS, 2 * DATAGRAMS * (SIZE + 28 + SIZE + 48) / 2 };

	assert_in_range(counts->calls, CALLS + NAPS + 4 * DATAGRAMS, CALLS + 1000);
	assert_in_range(counts->faults, PAGES, PAGES + 300);
	assert_in_range(counts->voluntary, NAPS, NAPS + 100);
	assert_int_equal(counts->made, 2 * CONNECTIONS);
	assert_int_equal(counts->accepted, 2 * CONNECTIONS);
	assert_int_equal(counts->refused, 2 * CONNECTIONS);
	assert_int_equal(counts->failed, 0);
	assert_memory_equal(&counts->in[TRAFFIC_UDP], &udp, sizeof(udp));
	assert_memory_equal(&counts->out[TRAFFIC_UDP], &udp, sizeof(udp));
}

/* Both see the same; who was attached first is read last. */
static void compare(struct watching *first, struct watching *other,
		    const struct test_cgroup *cgroup)
{
	struct cgroup_counts counts, same, more, less;
	struct error error = { "" };

	counts_of(first, cgroup->id);
	less = counts_of(other, CGROUP_INTERFACES);
	assert_ok(test_cgroup_run(cgroup, work, NULL, &error));
	same = counts_of(other, cgroup->id);
	counts = counts_of(first, cgroup->id);
	expect_known(&counts);
	assert_memory_equal(&counts, &same, sizeof(counts));
	/* Others may send meanwhile, to the one that is read later, too. */
	same = counts_of(other, CGROUP_INTERFACES);
	more = counts_of(first, CGROUP_INTERFACES);
	assert_in_range(same.out[TRAFFIC_UDP].packets,
			less.out[TRAFFIC_UDP].packets + 2 * DATAGRAMS,
			more.out[TRAFFIC_UDP].packets);
	assert_in_range(same.in[TRAFFIC_UDP].bytes,
			less.in[TRAFFIC_UDP].bytes + counts.in[TRAFFIC_UDP].bytes,
			more.in[TRAFFIC_UDP].bytes);
}

static void every_hook_counts_the_same(void **state)
{
	static const enum hook hooks[] = { HOOK_RAW_TP, HOOK_TP_BTF };
	CLEANUP_WATCHING struct watching first = { NULL, NULL };

	assert_true(watch(HOOK_TP_BTF, &first));
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		CLEANUP_TEST_CGROUP struct test_cgroup cgroup = TEST_CGROUP_NONE;
		CLEANUP_WATCHING struct watching other = { NULL, NULL };
		struct error error = { "" };

		if (test_cgroup_make(&cgroup, &error) < 0) {
			print_message("# %s\n", error.text);
			skip();
		}
		assert_true(watch(hooks[i], &other));
		compare(&first, &other, &cgroup);
	}
}

/* There is no third one that would do. */
static void other_hooks_are_refused(void **state)
{
	const struct monitor_options options = { .hook = HOOK_KPROBE };
	struct error error = { "" };
	int r;

	assert_null(group_monitor_new(&options, &error, &r));
	assert_int_equal(r, -EOPNOTSUPP);
	assert_non_null(strstr(error.text, "cannot be looked at here"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_hook_counts_the_same),
		cmocka_unit_test(other_hooks_are_refused),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP needs root\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
