/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "modules/opens/describe.h"
#include "modules/opens/fold.h"
#include "modules/opens/pending.h"
#include "modules/opens/teller.h"

struct teller {
	const char *pattern;
	bool failed;
	struct fold *fold; /* NULL: every open by itself */
	struct pending *pending;
	struct open_names names;
	teller_show *show;
	teller_page *page;
	void *context;
	bool ended;
	uint64_t unfolded; /* CLOCK_BOOTTIME of the last time, nanoseconds */
	struct teller_counters counters;
	/* Large, so not on the stack. */
	struct open_paths paths;
	struct open_view view;
};

static void tell(void *context, const struct open_event *event);

struct teller *teller_new(const char *pattern, bool fold, bool failed, teller_show *show,
			  teller_page *page, void *context)
{
	struct teller *teller = calloc(1, sizeof(*teller));

	if (!teller)
		return NULL;
	teller->pattern = pattern;
	teller->failed = failed;
	teller->show = show;
	teller->page = page;
	teller->context = context;
	teller->unfolded = timestamp_boottime();
	teller->fold = fold ? fold_new() : NULL;
	teller->pending = pending_new(tell, teller);
	if (open_names_make(&teller->names) < 0 || !teller->pending || (fold && !teller->fold))
		return teller_free(teller);
	return teller;
}

struct teller *teller_free(struct teller *teller)
{
	if (!teller)
		return NULL;
	pending_free(teller->pending);
	fold_free(teller->fold);
	open_names_free(&teller->names);
	free(teller);
	return NULL;
}

/* Nothing is shown once the end was reached, which showing one may bring about. */
static void show(struct teller *teller, const struct open_event *event, uint64_t count)
{
	if (teller->ended) {
		teller->counters.unshown += count;
		return;
	}
	open_view_make(event, &teller->paths, &teller->names, &teller->view);
	teller->view.time = timestamp_now() - (timestamp_boottime() - event->header.time);
	teller->view.count = count;
	if (event->ring & OPEN_RESULT_UNKNOWN)
		teller->counters.unknown += count;
	if (teller->show(teller->context, &teller->view, &teller->names))
		teller->counters.shown += count;
	else
		teller->counters.summed += count;
}

static void show_folded(void *context, const struct open_event *event, uint64_t count)
{
	struct teller *teller = context;

	path_read(event, &teller->paths);
	show(teller, event, count);
}

void teller_unfold(struct teller *teller)
{
	if (!teller->fold)
		return;
	if (fold_count(teller->fold) && !teller->ended)
		teller->page(teller->context, fold_count(teller->fold), fold_opens(teller->fold),
			     timestamp_boottime() - teller->unfolded);
	fold_empty(teller->fold, show_folded, teller);
	teller->unfolded = timestamp_boottime();
}

static void add_to_fold(struct teller *teller, const struct open_event *event)
{
	int r = fold_add(teller->fold, event);

	if (r == -ENOSPC) {
		teller_unfold(teller);
		r = fold_add(teller->fold, event);
	}
	if (r == 0)
		return;
	path_read(event, &teller->paths);
	show(teller, event, 1);
}

/* What is whole: a call, or a request with its result. */
static void tell(void *context, const struct open_event *event)
{
	struct teller *teller = context;
	bool failed = !(event->ring & OPEN_RESULT_UNKNOWN) && event->result < 0;

	if (teller->ended || !path_read(event, &teller->paths))
		teller->counters.unshown++;
	else if ((teller->failed && !failed) ||
		 (teller->pattern && !path_matches(teller->paths.asked, teller->pattern)))
		teller->counters.filtered++;
	else if (teller->fold)
		add_to_fold(teller, event);
	else
		show(teller, event, 1);
}

void teller_tell(struct teller *teller, const struct event_header *header)
{
	const struct open_event *event = (const struct open_event *)header;

	if (header->size < sizeof(*event))
		teller->counters.unshown++;
	else if (header->kind == OPEN_REQUEST)
		pending_add(teller->pending, event);
	else if (header->kind == OPEN_RESULT)
		pending_complete(teller->pending, event);
	else
		tell(teller, event);
}

void teller_expire(struct teller *teller)
{
	pending_expire(teller->pending, timestamp_boottime());
}

void teller_settle(struct teller *teller)
{
	pending_empty(teller->pending);
}

void teller_end(struct teller *teller)
{
	teller->ended = true;
}

struct teller_counters teller_counters(const struct teller *teller)
{
	return teller->counters;
}

const char *teller_ledger(const struct teller *teller, const struct open_counters *kernel,
			  char buffer[LEDGER_TEXT])
{
	const struct teller_counters *here = &teller->counters;
	const struct {
		const char *format;
		uint64_t number;
		bool always;
	} parts[] = {
		{ "%s opens seen", kernel->seen, true },
		{ " = %s shown", here->shown, true },
		{ " + %s in sums", here->summed, false },
		{ " + %s not asked for", kernel->filtered + here->filtered, true },
		{ " + %s after the last line", here->unshown, false },
		{ " + %s lost", kernel->lost, true },
		{ "; %s without a result", here->unknown, false },
		{ "; %s paths unreadable", kernel->unreadable, false },
		{ "; %s paths cut short", kernel->cut, false },
	};
	CLEANUP_FCLOSE FILE *out = fmemopen(buffer, LEDGER_TEXT, "w");
	char number[NUMBER_TEXT];

	buffer[0] = '\0';
	for (size_t i = 0; out && i < ARRAY_SIZE(parts); i++)
		if (parts[i].always || parts[i].number)
			fprintf(out, parts[i].format, number_format(parts[i].number, number));
	return buffer;
}
