/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "core/test_cgroup.h"
#include "modules/egress/fences.h"
#include "modules/egress/selftest.h"

enum { DENIED_PORT = 9 };

/* In memory that the child shares. */
struct scene {
	uint64_t count;
	uint64_t told[EGRESS_HOOKS]; /* EPERM: what the kernel told who was denied */
	struct fence fence;
	struct egress_rules rules;
};

static bool is_denied(ssize_t result)
{
	return result < 0 && errno == EPERM;
}

/* By every way there is, over the loopback, where nobody listens. */
static int try_all(void *context)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(DENIED_PORT),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr *to = (const struct sockaddr *)&address;
	CLEANUP_CLOSE int before = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
			  now = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct scene *scene = context;

	/* Until here nothing is denied. */
	if (connect(before, to, sizeof(address)) < 0 ||
	    fence_change(&scene->fence, &scene->rules, NULL) < 0)
		return -1;
	for (uint64_t i = 0; i < scene->count; i++) {
		scene->told[EGRESS_CONNECT] += is_denied(connect(now, to, sizeof(address)));
		scene->told[EGRESS_SENDMSG] +=
			is_denied(sendto(now, "", 1, 0, to, sizeof(address)));
		scene->told[EGRESS_PACKET] += is_denied(send(before, "", 1, 0));
	}
	return 0;
}

static void add_rows(struct selftest *test, const struct scene *scene)
{
	static const struct {
		const char *what, *by;
	} rows[EGRESS_HOOKS] = {
		[EGRESS_CONNECT] = { "connect() denied", "cgroup connect4" },
		[EGRESS_SENDMSG] = { "sendto() denied", "cgroup sendmsg4" },
		[EGRESS_PACKET] = { "packets denied", "cgroup egress" },
	};

	for (size_t i = 0; i < EGRESS_HOOKS; i++) {
		struct selftest_row *row = selftest_add(test, rows[i].what);

		snprintf(row->by, sizeof(row->by), "%s", rows[i].by);
		row->counter = "EPERM";
		row->done = test->count;
		row->kernel = scene->told[i];
		row->counted = scene->fence.state->denied[i];
	}
}

static int try_in(struct selftest *test, const struct test_cgroup *cgroup, struct scene *scene,
		  struct error *error)
{
	struct egress_policy policy = { .name = "selftest", .mode = EGRESS_ENFORCE };
	struct destination destination;
	CLEANUP_CLOSE int ring = -1;
	int r = fences_make_ring(&ring, error);

	if (r == 0)
		r = fence_raise(policy.name, cgroup->fd, cgroup->id, ring, &scene->rules,
				&scene->fence, error);
	if (r == 0)
		r = destination_parse("127.0.0.1:udp/9", &destination, error);
	if (r < 0)
		return r;
	policy.deny = (struct destination_list){ &destination, 1 };
	r = egress_compile(&policy, &scene->rules, error);
	if (r == 0)
		r = test_cgroup_run(cgroup, try_all, scene, error);
	if (r == 0)
		add_rows(test, scene);
	return r;
}

int egress_selftest(struct selftest *test, struct error *error)
{
	CLEANUP_TEST_CGROUP struct test_cgroup cgroup = TEST_CGROUP_NONE;
	struct scene *scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r = 0;

	if (scene == MAP_FAILED)
		return error_set(error, -ENOMEM, "out of memory");
	scene->count = test->count;
	scene->fence = (struct fence)FENCE_NONE;
	/* Not every user who may load programs may make a cgroup. */
	if (test_cgroup_make(&cgroup, error) < 0)
		selftest_leave_out(test, "egress", error);
	else
		r = try_in(test, &cgroup, scene, error);
	fence_release(&scene->fence);
	munmap(scene, sizeof(*scene));
	return r;
}
