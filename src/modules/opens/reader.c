/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "core/grace.h"
#include "core/ladder.h"
#include "core/privilege.h"
#include "modules/opens/path.h"
#include "modules/opens/reader.h"
#include "modules/opens/ring.h"
#include "opens.skel.h"
#include "opens_plain.skel.h"

enum { LADDER_EVENTS = 5, LINKS = 4 + RING_PROGRAMS };

struct opens_reader {
	struct opens_bpf *kernel;
	struct bpf_link *links[LINKS];
	size_t link_count;
	struct open_row *rows;
	uint32_t row_count;                      /* two for every CPU that there can be */
	struct bpf_program *ring[RING_PROGRAMS]; /* NULL: what io_uring opens is not seen */
	char hook[RUNG_TEXT];
};

static bool kernel_has(const char *function)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool has = btf && btf__find_by_name_kind(btf, function, BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return has;
}

/* By handle another function opens. */
static void choose_handles(struct opens_reader *reader, bool function)
{
	bool possible = function && kernel_has("do_handle_open");
	size_t used = strlen(reader->hook);

	bpf_program__set_autoload(reader->kernel->progs.leave_handle, possible);
	if (function && !possible)
		snprintf(reader->hook + used, sizeof(reader->hook) - used,
			 ", which does not see opens by handle");
}

/* Which program does for a rung: only that one is loaded. */
static int choose(struct opens_reader *reader, struct bpf_program **ret_program,
		  struct error *error)
{
	struct opens_bpf *kernel = reader->kernel;
	const struct {
		enum hook hook;
		struct bpf_program *program;
	} programs[] = {
		{ HOOK_FEXIT, kernel->progs.leave_open },
		{ HOOK_TP_BTF, kernel->progs.leave_btf },
		{ HOOK_RAW_TP, kernel->progs.leave_raw },
		{ HOOK_TRACEPOINT, kernel->progs.leave_classic },
	};
	struct rung_result results[RUNGS_MAX];
	int taken = ladder_try(THING_OPEN, LADDER_EVENTS, results);

	if (taken < 0)
		return privilege_explain(PRIVILEGE_OBSERVE,
					 error_set(error, -EOPNOTSUPP,
						   "opens cannot be looked at here: %s; "
						   "'sumun doctor' tells more",
						   results[0].reason.text),
					 error);
	rung_name(&ladders[THING_OPEN].rungs[taken], reader->hook);
	choose_handles(reader, ladders[THING_OPEN].rungs[taken].hook == HOOK_FEXIT);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		bool chosen = programs[i].hook == ladders[THING_OPEN].rungs[taken].hook;

		bpf_program__set_autoload(programs[i].program, chosen);
		if (chosen)
			*ret_program = programs[i].program;
	}
	return 0;
}

static void tell(struct opens_bpf *kernel, const struct opens_options *options)
{
	char literal[OPEN_PREFIX] = "";
	size_t length = options->pattern ? path_literal(options->pattern, literal) : 0;

	memcpy((void *)&kernel->rodata->selection, &options->selection, sizeof(options->selection));
	kernel->rodata->only_errors = options->failed;
	kernel->rodata->only_writes = options->writes;
	kernel->rodata->wakes = options->wakes;
	kernel->rodata->has_prefix = length > 0;
	memcpy((void *)kernel->rodata->prefix, literal, length);
	memset((void *)kernel->rodata->prefix_mask, 0xff, length);
}

static int attach(struct opens_reader *reader, struct bpf_program *program, struct error *error)
{
	struct bpf_link *link = bpf_program__attach(program);

	if (!link)
		return privilege_explain(PRIVILEGE_OBSERVE,
					 error_set(error, -errno, "cannot attach %s: %s",
						   bpf_program__name(program), strerror(errno)),
					 error);
	reader->links[reader->link_count++] = link;
	return 0;
}

static int run_once(struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	int r = bpf_prog_test_run_opts(bpf_program__fd(program), &options);

	return r < 0 ? r : (int)options.retval;
}

/* Before the first open is seen it is known who is not looked at. */
static int attach_all(struct opens_reader *reader, const struct opens_options *options,
		      struct bpf_program *leave, struct error *error)
{
	struct opens_bpf *kernel = reader->kernel;
	int r = options->self ? 0 : run_once(kernel->progs.leave_me_out);

	if (r < 0)
		return error_set(error, -EIO, "cannot tell the kernel which process this is");
	if (options->selection.follow)
		r = attach(reader, kernel->progs.end, error);
	if (r == 0 && options->selection.follow)
		r = attach(reader, kernel->progs.follow, error);
	if (r == 0 && bpf_program__autoload(kernel->progs.leave_handle))
		r = attach(reader, kernel->progs.leave_handle, error);
	/* Results first: none is missed of a request that was seen. */
	for (size_t i = 0; r == 0 && i < RING_PROGRAMS; i++)
		if (reader->ring[i])
			r = attach(reader, reader->ring[i], error);
	return r == 0 ? attach(reader, leave, error) : r;
}

static int load(struct opens_reader *reader, const struct opens_options *options,
		struct error *error)
{
	struct opens_bpf *kernel = reader->kernel;
	struct bpf_program *leave = NULL;
	size_t size = reader->row_count * sizeof(struct open_row);
	void *memory;
	int r = choose(reader, &leave, error);

	if (r < 0)
		return r;
	tell(kernel, options);
	bpf_map__set_max_entries(kernel->maps.rows, reader->row_count);
	ring_choose(kernel, reader->row_count / 2, reader->ring);
	bpf_program__set_autoload(kernel->progs.follow_me, options->selection.follow);
	bpf_program__set_autoload(kernel->progs.follow, options->selection.follow);
	bpf_program__set_autoload(kernel->progs.end, options->selection.follow);
	/* What nothing asked for is not made: the verifier removes what would use it. */
	bpf_map__set_autocreate(kernel->maps.followed, options->selection.follow);
	r = opens_bpf__load(kernel);
	if (r < 0)
		return privilege_explain(PRIVILEGE_OBSERVE,
					 error_set(error, r,
						   "cannot load the monitor of opened files: %s",
						   strerror(-r)),
					 error);
	memory = mmap(NULL, size, PROT_READ, MAP_SHARED, bpf_map__fd(kernel->maps.rows), 0);
	if (memory == MAP_FAILED)
		return error_set(error, -errno, "cannot map the ledger of opens: %s",
				 strerror(errno));
	reader->rows = memory;
	return attach_all(reader, options, leave, error);
}

/* What a skeleton opens, but over the object that this kernel can do with. */
static struct opens_bpf *open_skeleton(void)
{
	struct opens_bpf *skeleton = calloc(1, sizeof(*skeleton));
	int r;

	if (!skeleton)
		return NULL;
	r = opens_bpf__create_skeleton(skeleton);
	if (r == 0 && !kernel_has("bpf_rdonly_cast"))
		skeleton->skeleton->data = opens_plain_bpf__elf_bytes(&skeleton->skeleton->data_sz);
	if (r == 0)
		r = bpf_object__open_skeleton(skeleton->skeleton, NULL);
	if (r == 0)
		return skeleton;
	opens_bpf__destroy(skeleton);
	errno = -r;
	return NULL;
}

struct opens_reader *opens_reader_new(const struct opens_options *options, int *ret_error,
				      struct error *error)
{
	struct opens_reader *reader = calloc(1, sizeof(*reader));
	int cpus = libbpf_num_possible_cpus();

	if (reader)
		reader->kernel = open_skeleton();
	if (!reader || !reader->kernel || cpus < 0) {
		*ret_error = error_set(error, -errno, "cannot open the monitor of opened files: %s",
				       strerror(errno));
		return opens_reader_free(reader);
	}
	reader->row_count = 2 * (uint32_t)cpus;
	*ret_error = load(reader, options, error);
	return *ret_error < 0 ? opens_reader_free(reader) : reader;
}

/* How often the kernel did not run our program, because it ran already on that CPU. */
static uint64_t count_missed(const struct opens_reader *reader)
{
	struct bpf_program *const programs[] = {
		reader->kernel->progs.leave_open,    reader->kernel->progs.leave_handle,
		reader->kernel->progs.leave_btf,     reader->kernel->progs.leave_raw,
		reader->kernel->progs.leave_classic, reader->kernel->progs.submit_request,
		reader->kernel->progs.submit_entry,
	};
	uint64_t missed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(programs[i]);

		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			missed += info.recursion_misses;
	}
	return missed;
}

void opens_reader_detach(struct opens_reader *reader)
{
	while (reader->link_count)
		bpf_link__destroy(reader->links[--reader->link_count]);
	grace_period();
}

struct opens_reader *opens_reader_free(struct opens_reader *reader)
{
	if (!reader)
		return NULL;
	opens_reader_detach(reader);
	if (reader->rows)
		munmap(reader->rows, reader->row_count * sizeof(*reader->rows));
	opens_bpf__destroy(reader->kernel);
	free(reader);
	return NULL;
}

bool opens_reader_sees_rings(const struct opens_reader *reader)
{
	return reader->ring[0];
}

const char *opens_reader_hook(const struct opens_reader *reader)
{
	return reader->hook;
}

int opens_reader_ring(const struct opens_reader *reader)
{
	return bpf_map__fd(reader->kernel->maps.opened);
}

struct open_counters opens_reader_counters(const struct opens_reader *reader)
{
	uint64_t missed = reader->kernel->bss->crowded + count_missed(reader);
	struct open_counters sum = { .seen = missed, .lost = missed };

	for (uint32_t i = 0; i < reader->row_count; i++) {
		const volatile struct open_counters *one = &reader->rows[i].counters;

		sum.seen += one->seen;
		sum.sent += one->sent;
		sum.filtered += one->filtered;
		sum.lost += one->lost;
		sum.unreadable += one->unreadable;
		sum.cut += one->cut;
	}
	return sum;
}

int opens_reader_follow_me(void *reader)
{
	return run_once(((struct opens_reader *)reader)->kernel->progs.follow_me);
}

uint64_t opens_reader_not_followed(const struct opens_reader *reader)
{
	return reader->kernel->bss->not_followed;
}
