/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An open as a record. */
#pragma once

#include "core/record.h"
#include "modules/opens/path.h"
#include "observe/cgroups.h"
#include "observe/users.h"

/* How numbers are named; the same for all opens. */
struct open_names {
	struct users *users;
	struct cgroups *cgroups;
	uint64_t mount_namespace; /* ours; 0: not known */
};

int open_names_make(struct open_names *ret_names); /* -ENOMEM */
void open_names_free(struct open_names *names);

/* What is told: one open, or several that are the same. */
struct open_view {
	const struct open_event *event;
	const struct open_paths *paths;
	uint64_t time;  /* wall clock, nanoseconds, of the last */
	uint64_t count; /* 1: it stands alone */
	char user[USER_TEXT];
	char cgroup[CGROUP_PATH];
	char call[64];
	char flags[160];
	char error[32]; /* "" for none */
};

void open_view_make(const struct open_event *event, const struct open_paths *paths,
		    const struct open_names *names, struct open_view *ret_view);

extern const struct record_type open_record_type;

/* The record's texts are those of the view, which must live as long. */
void open_describe(const struct open_view *view, const struct open_names *names,
		   struct record *ret_record);

/* What must be known to read a path aright; NULL where there is nothing. */
const char *open_remark(const struct open_event *event, const struct open_names *names);
