/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which system calls open files, in every table of calls that there is, and what they are given. */
#pragma once

#include "bpf/helpers.h"
#include "bpf/kernel.h"
#include "modules/opens/opens.h"
#include "observe/call_abi.h"
#include "observe/call_numbers.h"

enum {
	X32_BIT = 0x40000000,
	CREAT_FLAGS = 01 | 0100 | 01000, /* O_WRONLY, O_CREAT, O_TRUNC */
	CALL_WORDS = 8,
};

/* By bit, the numbers that open something in one of the tables of system calls or another. */
#define BIT_IN(word, number) ((number) / 64 == (word) ? 1ULL << ((number) % 64) : 0)
#ifdef NATIVE_NR_open
#define NATIVE_OLD(word) (BIT_IN(word, NATIVE_NR_open) | BIT_IN(word, NATIVE_NR_creat))
#else
#define NATIVE_OLD(word) 0
#endif
#define NATIVE(word)                                                        \
	(BIT_IN(word, NATIVE_NR_openat) | BIT_IN(word, NATIVE_NR_openat2) | \
	 BIT_IN(word, NATIVE_NR_open_by_handle_at) | NATIVE_OLD(word))
#ifdef COMPAT_NR_open
#define COMPAT(word)                                                        \
	(BIT_IN(word, COMPAT_NR_open) | BIT_IN(word, COMPAT_NR_creat) |     \
	 BIT_IN(word, COMPAT_NR_openat) | BIT_IN(word, COMPAT_NR_openat2) | \
	 BIT_IN(word, COMPAT_NR_open_by_handle_at))
#else
#define COMPAT(word) 0
#endif
#define OPENING(word) (NATIVE(word) | COMPAT(word))

static const volatile __u64 opening[CALL_WORDS] = {
	OPENING(0), OPENING(1), OPENING(2), OPENING(3),
	OPENING(4), OPENING(5), OPENING(6), OPENING(7)
};

/* Almost every call opens nothing: it costs a look into one word. */
static __always_inline bool may_open(__u32 number)
{
	number &= ~X32_BIT;
	return number < 64 * CALL_WORDS && opening[number / 64] >> (number % 64) & 1;
}

static __always_inline __u32 number_of(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return (__u32)regs->orig_ax;
#else
	return (__u32)regs->syscallno;
#endif
}

static __always_inline __u32 number_of_copied(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return (__u32)BPF_CORE_READ(regs, orig_ax);
#else
	return (__u32)BPF_CORE_READ(regs, syscallno);
#endif
}

/* OPEN_CALLS: it opens nothing. x32 has the numbers of the native table. */
static __always_inline __u32 kind_of(__u32 number, bool compat)
{
	if (compat) {
#ifdef COMPAT_NR_open
		switch (number) {
		case COMPAT_NR_open:
			return OPEN_CALL_OPEN;
		case COMPAT_NR_creat:
			return OPEN_CALL_CREAT;
		case COMPAT_NR_openat:
			return OPEN_CALL_OPENAT;
		case COMPAT_NR_openat2:
			return OPEN_CALL_OPENAT2;
		case COMPAT_NR_open_by_handle_at:
			return OPEN_CALL_HANDLE;
		}
#endif
		return OPEN_CALLS;
	}
	switch (number) {
#ifdef NATIVE_NR_open
	case NATIVE_NR_open:
		return OPEN_CALL_OPEN;
	case NATIVE_NR_creat:
		return OPEN_CALL_CREAT;
#endif
	case NATIVE_NR_openat:
		return OPEN_CALL_OPENAT;
	case NATIVE_NR_openat2:
		return OPEN_CALL_OPENAT2;
	case NATIVE_NR_open_by_handle_at:
		return OPEN_CALL_HANDLE;
	}
	return OPEN_CALLS;
}

static __always_inline void read_arguments(struct pt_regs *regs, bool compat, __u64 arguments[4])
{
#if defined(__TARGET_ARCH_x86)
	arguments[0] = compat ? (__u32)regs->bx : regs->di;
	arguments[1] = compat ? (__u32)regs->cx : regs->si;
	arguments[2] = compat ? (__u32)regs->dx : regs->dx;
	arguments[3] = compat ? (__u32)regs->si : regs->r10;
#else
	arguments[0] = regs->orig_x0;
	arguments[1] = regs->regs[1];
	arguments[2] = regs->regs[2];
	arguments[3] = regs->regs[3];
#endif
}

static __always_inline void read_how(struct open_row *row, __u64 address)
{
	struct open_event *event = &row->event;

	if (bpf_probe_read_user(row->how, sizeof(row->how), (const void *)address)) {
		row->how[0] = row->how[1] = row->how[2] = 0;
		event->marks |= OPEN_HOW_UNREADABLE;
	}
	event->flags = row->how[0];
	event->mode = (__u32)row->how[1];
	event->resolve = (__u32)row->how[2];
}

/* What each call has where. Returns the address of the path, 0 where there is none. */
static __always_inline __u64 read_call(struct open_row *row, __u32 kind, const __u64 *arguments)
{
	struct open_event *event = &row->event;
	bool at = kind == OPEN_CALL_OPENAT || kind == OPEN_CALL_OPENAT2 || kind == OPEN_CALL_HANDLE;

	event->call = (__u8)kind;
	event->directory = at ? (__s32)arguments[0] : OPEN_NO_DIRECTORY;
	event->resolve = 0;
	if (kind == OPEN_CALL_OPENAT2) {
		read_how(row, arguments[2]);
	} else if (kind == OPEN_CALL_CREAT) {
		event->flags = CREAT_FLAGS;
		event->mode = (__u32)arguments[1];
	} else {
		event->flags = (__u32)arguments[kind == OPEN_CALL_OPEN ? 1 : 2];
		event->mode = kind == OPEN_CALL_HANDLE
				      ? 0
				      : (__u32)arguments[kind == OPEN_CALL_OPEN ? 2 : 3];
	}
	return kind == OPEN_CALL_HANDLE ? 0 : arguments[at ? 1 : 0];
}
