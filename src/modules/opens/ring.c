/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "bpf/selection.h"
#include "modules/opens/opens.h"
#include "modules/opens/ring.h"
#include "opens.skel.h"

/* How many arguments a tracepoint has; 0: there is none of that name. */
static unsigned arguments_of(const struct btf *btf, const char *tracepoint)
{
	char name[64];
	const struct btf_type *type;
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return 0;
	type = btf__type_by_id(btf, btf__type_by_id(btf, (unsigned)id)->type);
	if (btf_is_ptr(type))
		type = btf__type_by_id(btf, type->type);
	/* The first is the tracepoint's own. */
	return btf_is_func_proto(type) && btf_vlen(type) ? btf_vlen(type) - 1U : 0;
}

/* Other kernels keep the name in another form. */
static bool has_name_as_pointer(const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, "io_open", BTF_KIND_STRUCT);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(btf, (unsigned)id);

	for (unsigned i = 0; type && i < btf_vlen(type); i++) {
		const struct btf_member *member = &btf_members(type)[i];

		if (strcmp(btf__name_by_offset(btf, member->name_off), "filename") == 0)
			return btf_is_ptr(btf__type_by_id(btf, member->type));
	}
	return false;
}

/* Of an enumeration without a name, which CO-RE cannot find; 0: there is no such bit. */
static uint64_t find_bit(const struct btf *btf, const char *name)
{
	for (unsigned id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (!btf_is_enum(type) || type->name_off)
			continue;
		for (unsigned i = 0; i < btf_vlen(type); i++) {
			const struct btf_enum *value = &btf_enum(type)[i];

			if (strcmp(btf__name_by_offset(btf, value->name_off), name) == 0)
				return 1ULL << value->val;
		}
	}
	return 0;
}

static bool choose(struct opens_bpf *kernel, const struct btf *btf,
		   struct bpf_program *ret_programs[RING_PROGRAMS])
{
	unsigned completed = arguments_of(btf, "io_uring_complete");

	kernel->rodata->has_credentials = find_bit(btf, "REQ_F_CREDS_BIT");
	kernel->rodata->is_silent = find_bit(btf, "REQ_F_CQE_SKIP_BIT");
	if (!has_name_as_pointer(btf) || !kernel->rodata->has_credentials ||
	    !kernel->rodata->is_silent || arguments_of(btf, "io_uring_req_failed") != 3 ||
	    completed < 3)
		return false;
	/* Linux 6.4 named it anew, and 6.16 passes the result as user space gets it. */
	if (arguments_of(btf, "io_uring_submit_req") == 1)
		ret_programs[2] = kernel->progs.submit_request;
	else if (arguments_of(btf, "io_uring_submit_sqe") == 2)
		ret_programs[2] = kernel->progs.submit_entry;
	else
		return false;
	ret_programs[0] =
		completed == 3 ? kernel->progs.complete_entry : kernel->progs.complete_result;
	ret_programs[1] = kernel->progs.refuse;
	return true;
}

bool ring_choose(struct opens_bpf *kernel, uint32_t cpus,
		 struct bpf_program *ret_programs[RING_PROGRAMS])
{
	struct bpf_program *const all[] = { kernel->progs.submit_request,
					    kernel->progs.submit_entry,
					    kernel->progs.complete_entry,
					    kernel->progs.complete_result, kernel->progs.refuse };
	struct btf *btf = btf__load_vmlinux_btf();
	bool possible = btf && choose(kernel, btf, ret_programs);

	btf__free(btf);
	kernel->rodata->ring_rows = cpus;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		bpf_program__set_autoload(all[i], false);
	for (size_t i = 0; possible && i < RING_PROGRAMS; i++)
		bpf_program__set_autoload(ret_programs[i], true);
	if (!possible)
		bpf_map__set_autocreate(kernel->maps.requests, false);
	return possible;
}
