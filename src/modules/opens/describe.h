/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An open as a record, and as a line for people. */
#pragma once

#include <stdio.h>

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
	uint64_t time;    /* wall clock, nanoseconds, of the last */
	uint64_t count;   /* 1: it stands alone */
	uint64_t elapsed; /* nanoseconds in which they were counted; 0: it was not counted */
	char user[USER_TEXT];
	char cgroup[CGROUP_PATH];
	char call[64];
	char flags[160];
	char error[32]; /* "" for none */
};

void open_view_make(const struct open_event *event, const struct open_paths *paths,
		    const struct open_names *names, struct open_view *ret_view);

/* The second is for `sumun run`: the columns of its CSV log are of packets. */
extern const struct record_type open_record_type, open_log_type;

/* The record's texts are those of the view, which must live as long. */
void open_describe(const struct open_view *view, const struct open_names *names,
		   struct record *ret_record);

/* One line each, with its end; `width` columns, 0: as long as it is. */
void open_write_head(size_t width, FILE *out);
void open_write_line(const struct open_view *view, const struct open_names *names, size_t width,
		     FILE *out);
