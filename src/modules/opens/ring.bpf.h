/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens by io_uring. A request is told of when the kernel has prepared it: by whoever hands it in,
 * in whose directory it is and whose text the kernel has copied by then. Its result may come in
 * another thread, and is told of by itself; user space joins the two. A request that is lost, or
 * not wanted, has no result here either, so that the ledger is that of requests.
 *
 * What the kernel refuses before (EFAULT, EINVAL) never was a request, but has a result: it must
 * not be taken for that of a request that lay there before, and ended silently.
 */
#pragma once

enum {
	OPCODE_OPENAT = 18,
	OPCODE_OPENAT2 = 28,
	ANY_SLOT = -1, /* IORING_FILE_INDEX_ALLOC */
#if defined(__TARGET_ARCH_arm64)
	LARGE_FILE = 0400000, /* O_LARGEFILE: the kernel adds it */
#else
	LARGE_FILE = 0100000,
#endif
};

/* Bits of a request's flags, which differ from kernel to kernel; constants to the verifier. */
const volatile __u64 has_credentials;
const volatile __u64 is_silent;
const volatile __u32 ring_rows; /* where the rows of these programs begin */

struct request {
	__u64 serial;
	__u64 files; /* the table that its descriptor is in */
	__u32 slot;  /* one more than it is; 0: a descriptor */
	__u32 unused;
};

/*
 * What never gets a result makes room for others, the oldest first: results of requests that are
 * pushed out are unknown.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OPEN_REQUESTS);
	__type(key, __u64);
	__type(value, struct request);
} requests SEC(".maps");

static __always_inline bool may_open_by_ring(__u8 opcode)
{
	return opcode == OPCODE_OPENAT || opcode == OPCODE_OPENAT2;
}

static __always_inline struct open_row *ring_row(void)
{
	__u32 row = ring_rows + bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&rows, &row);
}

/* Returns the address of the path. */
static __always_inline __u64 read_request(struct open_row *row, struct io_kiocb *request,
					  __u32 *ret_slot)
{
	struct open_event *event = &row->event;
	const char *command = (const char *)&request->cmd;
	const struct filename *text;
	__u64 name = 0;

	if (bpf_probe_read_kernel(row->copy, 64, command))
		return 0;
	event->directory = COPIED(row, io_open, __s32, dfd);
	event->flags = COPIED(row, io_open, __u64, how.flags) & ~(__u64)LARGE_FILE;
	event->mode = (__u32)COPIED(row, io_open, __u64, how.mode);
	event->resolve = (__u32)COPIED(row, io_open, __u64, how.resolve);
	*ret_slot = COPIED(row, io_open, __u32, file_slot);
	text = COPIED(row, io_open, const struct filename *, filename);
	bpf_core_read(&name, sizeof(name), &text->name);
	return name;
}

/* False: results of it cannot be told apart from others'. */
static __always_inline bool remember(struct open_row *row, struct task_struct *task, __u64 address,
				     __u32 slot)
{
	struct request request = { .files = (__u64)task->files, .slot = slot };

	request.serial = (__u64)bpf_get_smp_processor_id() << 48 | ++row->counters.requests;
	if (bpf_map_update_elem(&requests, &address, &request, BPF_ANY))
		return false;
	row->event.serial = request.serial;
	return true;
}

/* False: it is not wanted. */
static __always_inline bool describe_request(struct open_row *row, struct task_struct *task,
					     struct io_kiocb *request)
{
	struct open_event *event = &row->event;
	bool as_other = request->flags & has_credentials;
	bool second = request->opcode == OPCODE_OPENAT2;
	__u64 path;
	__u32 slot = 0;

	event->user = as_other ? request->creds->uid.val : task->cred->uid.val;
	if (!is_selected_as(task, event->user))
		return false;
	event->request = (__u64)request;
	event->serial = 0;
	event->marks = 0;
	event->call = second ? OPEN_CALL_OPENAT2 : OPEN_CALL_OPENAT;
	event->number = second ? NATIVE_NR_openat2 : NATIVE_NR_openat;
	event->abi = CALL_NATIVE;
	event->result = 0;
	event->base = event->opened = 0;
	event->base_walk = event->opened_walk = 0;
	path = read_request(row, request, &slot);
	event->ring = OPEN_BY_RING | (slot ? OPEN_SLOT : 0) |
		      (request->flags & is_silent ? OPEN_SILENT : 0);
	if (!is_wanted_use(event))
		return false;
	find_root(row, task);
	read_asked(row, path, true);
	if (!add_place(row, task))
		return false;
	describe_process(event, task);
	remember(row, task, (__u64)request, slot);
	return true;
}

static __always_inline int submit(struct io_kiocb *request)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 address = (__u64)request;
	struct open_row *row;

	if (!may_open_by_ring(request->opcode))
		return 0;
	row = ring_row();
	if (!row)
		return 0;
	row->counters.seen++;
	if (!describe_request(row, task, request)) {
		row->counters.filtered++;
		bpf_map_delete_elem(&requests, &address);
	} else if (!send(row, OPEN_REQUEST)) {
		bpf_map_delete_elem(&requests, &address);
	}
	return 0;
}

static __always_inline int complete(__u64 address, __s32 result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct request *request;
	struct open_event *event;
	struct open_row *row;

	if (!address || !may_open_by_ring(opcode_of(address)))
		return 0;
	request = bpf_map_lookup_elem(&requests, &address);
	row = ring_row();
	if (!request || !row)
		return 0;
	event = &row->event;
	event->request = address;
	event->serial = request->serial;
	event->ring = OPEN_BY_RING | (request->slot ? OPEN_SLOT : 0);
	event->result = result;
	if (result >= 0 && request->slot && request->slot != (__u32)ANY_SLOT)
		event->result = (__s32)(request->slot - 1);
	event->marks = 0;
	event->base = event->opened = 0;
	event->base_walk = event->opened_walk = 0;
	ask_nothing(row);
	/* Not every thread that completes has the descriptors of the one that asked. */
	if (result >= 0 && !request->slot && request->files == (__u64)task->files && task->fs) {
		find_root(row, task);
		add_opened(row, task);
	}
	bpf_map_delete_elem(&requests, &address);
	send(row, OPEN_RESULT);
	return 0;
}

/* ---- programs; which of two is for this kernel, see ring.c --------------------------------- */

SEC("tp_btf/io_uring_submit_req") int submit_request(__u64 *arguments)
{
	return submit((struct io_kiocb *)arguments[0]);
}

SEC("tp_btf/io_uring_submit_sqe") int submit_entry(__u64 *arguments)
{
	return submit((struct io_kiocb *)arguments[0]);
}

SEC("tp_btf/io_uring_complete") int complete_entry(__u64 *arguments)
{
	return complete(arguments[1], ((struct io_uring_cqe *)arguments[2])->res);
}

SEC("tp_btf/io_uring_complete") int complete_result(__u64 *arguments)
{
	return complete(arguments[1], (__s32)arguments[3]);
}

SEC("tp_btf/io_uring_req_failed") int refuse(__u64 *arguments)
{
	__u64 address = arguments[1];

	bpf_map_delete_elem(&requests, &address);
	return 0;
}
