/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "opener.h"

enum { ENTRIES = 64, POLL_IDLE = 60000 };

static int ring = -1;
static struct io_uring_params shape;
static char *submitted, *completed;
static struct io_uring_sqe *requests;
static unsigned queued;
static long results[ENTRIES];
static struct open_how hows[ENTRIES];
static char paths[ENTRIES][4200];

/* Of the line that is obeyed; it stays until the request is handed in. */
static const char *kept(const char *text)
{
	return (uintptr_t)text < 4096 ? text : strncpy(paths[queued], text, sizeof(paths[0]) - 1);
}

static unsigned *at(char *memory, unsigned offset)
{
	return (unsigned *)(memory + offset);
}

static void *map(size_t size, long offset)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);
}

/* With so many empty slots for files; in the place of the one before. */
static long set_up(unsigned flags, unsigned slots)
{
	struct io_uring_rsrc_register table = { .nr = slots, .flags = IORING_RSRC_REGISTER_SPARSE };

	if (ring >= 0)
		close(ring);
	shape = (struct io_uring_params){ .flags = flags, .sq_thread_idle = POLL_IDLE };
	ring = (int)syscall(SYS_io_uring_setup, ENTRIES, &shape);
	if (ring < 0)
		return -errno;
	submitted = map(shape.sq_off.array + ENTRIES * sizeof(unsigned), IORING_OFF_SQ_RING);
	completed = map(shape.cq_off.cqes + shape.cq_entries * sizeof(struct io_uring_cqe),
			IORING_OFF_CQ_RING);
	requests = map(ENTRIES * sizeof(*requests), (long)IORING_OFF_SQES);
	queued = 0;
	if (slots &&
	    syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES2, &table, sizeof(table)) < 0)
		return -errno;
	return ring;
}

static struct io_uring_sqe *queue(int opcode, int fd, const void *address, unsigned flags)
{
	unsigned *tail = at(submitted, shape.sq_off.tail);
	unsigned index = *tail & (ENTRIES - 1);

	requests[index] = (struct io_uring_sqe){ .opcode = (__u8)opcode,
						 .fd = fd,
						 .addr = (uintptr_t)address,
						 .flags = (__u8)flags,
						 .user_data = queued++ };
	at(submitted, shape.sq_off.array)[index] = index;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return &requests[index];
}

/* Hands all in and waits for so many results. */
static long submit(unsigned wanted)
{
	unsigned *head = at(completed, shape.cq_off.head), *tail = at(completed, shape.cq_off.tail);
	const struct io_uring_cqe *all = (const void *)(completed + shape.cq_off.cqes);
	unsigned flags = IORING_ENTER_GETEVENTS;
	long returned;

	if (shape.flags & IORING_SETUP_SQPOLL)
		flags |= IORING_ENTER_SQ_WAKEUP;
	returned = syscall(SYS_io_uring_enter, ring, queued, wanted, flags, NULL, 0);
	queued = 0;
	for (; *head != __atomic_load_n(tail, __ATOMIC_ACQUIRE); ++*head) {
		const struct io_uring_cqe *one = &all[*head & (shape.cq_entries - 1)];

		results[one->user_data % ENTRIES] = one->res;
	}
	return returned < 0 ? -errno : returned;
}

static long storm(long count, const char *what)
{
	long failed = 0;

	for (long done = 0; done < count;) {
		long batch = count - done < ENTRIES ? count - done : ENTRIES;

		for (long i = 0; i < batch; i++)
			queue(IORING_OP_OPENAT, -100, what, 0)->open_flags = 0;
		submit((unsigned)batch);
		for (long i = 0; i < batch; i++)
			if (results[i] < 0)
				failed++;
			else
				close((int)results[i]);
		done += batch;
	}
	return failed;
}

static void queue_openat(void)
{
	struct io_uring_sqe *request =
		queue(IORING_OP_OPENAT, (int)number(2), kept(path(3)), (unsigned)number(7));

	request->open_flags = (__u32)number(4);
	request->len = (__u32)number(5);
	request->file_index = (__u32)number(6);
	request->personality = (__u16)number(8);
}

static void queue_openat2(void)
{
	struct open_how *how = &hows[queued];

	*how = (struct open_how){ .flags = (__u64)number(4),
				  .mode = (__u64)number(5),
				  .resolve = (__u64)number(6) };
	queue(IORING_OP_OPENAT2, (int)number(2), kept(path(3)), (unsigned)number(7))->addr2 =
		(uintptr_t)how;
	requests[(*at(submitted, shape.sq_off.tail) - 1) & (ENTRIES - 1)].len = sizeof(*how);
}

long obey_ring(void)
{
	const char *verb = words[1];

	if (strcmp(verb, "new") == 0)
		return set_up((unsigned)number(2), (unsigned)number(3));
	if (strcmp(verb, "openat") == 0)
		queue_openat();
	else if (strcmp(verb, "openat2") == 0)
		queue_openat2();
	else if (strcmp(verb, "read") == 0)
		queue(IORING_OP_READ, (int)number(2), NULL, (unsigned)number(3));
	else if (strcmp(verb, "submit") == 0)
		return submit((unsigned)number(2));
	else if (strcmp(verb, "result") == 0)
		return results[number(2)];
	else if (strcmp(verb, "me") == 0)
		return syscall(SYS_io_uring_register, ring, IORING_REGISTER_PERSONALITY, NULL, 0);
	else if (strcmp(verb, "storm") == 0)
		return storm(number(2), path(3));
	else
		return -ENOSYS;
	return 0;
}
