/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "modules/opens/describe.h"
#include "modules/opens/fold.h"
#include "modules/opens/teller.h"

struct teller {
	const char *pattern;
	struct fold *fold; /* NULL: every open by itself */
	struct open_names names;
	teller_show *show;
	void *context;
	bool ended;
	uint64_t unfolded; /* CLOCK_BOOTTIME of the last time, nanoseconds */
	struct teller_counters counters;
	/* Large, so not on the stack. */
	struct open_paths paths;
	struct open_view view;
};

struct teller *teller_new(const char *pattern, bool fold, teller_show *show, void *context)
{
	struct teller *teller = calloc(1, sizeof(*teller));

	if (!teller)
		return NULL;
	teller->pattern = pattern;
	teller->show = show;
	teller->context = context;
	teller->unfolded = timestamp_boottime();
	teller->fold = fold ? fold_new() : NULL;
	if (open_names_make(&teller->names) < 0 || (fold && !teller->fold))
		return teller_free(teller);
	return teller;
}

struct teller *teller_free(struct teller *teller)
{
	if (!teller)
		return NULL;
	fold_free(teller->fold);
	open_names_free(&teller->names);
	free(teller);
	return NULL;
}

/* Nothing is shown once the end was reached, which showing one may bring about. */
static void show(struct teller *teller, const struct open_event *event, uint64_t count,
		 uint64_t elapsed)
{
	if (teller->ended) {
		teller->counters.unshown += count;
		return;
	}
	open_view_make(event, &teller->paths, &teller->names, &teller->view);
	teller->view.time = timestamp_now() - (timestamp_boottime() - event->header.time);
	teller->view.count = count;
	teller->view.elapsed = elapsed;
	teller->counters.shown += count;
	teller->show(teller->context, &teller->view, &teller->names);
}

static void show_folded(void *context, const struct open_event *event, uint64_t count)
{
	struct teller *teller = context;

	path_read(event, &teller->paths);
	show(teller, event, count, timestamp_boottime() - teller->unfolded);
}

void teller_unfold(struct teller *teller)
{
	if (!teller->fold)
		return;
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
	show(teller, event, 1, 0);
}

void teller_tell(struct teller *teller, const struct event_header *header)
{
	const struct open_event *event = (const struct open_event *)header;

	if (teller->ended || header->size < sizeof(*event) || !path_read(event, &teller->paths))
		teller->counters.unshown++;
	else if (teller->pattern && !path_matches(teller->paths.asked, teller->pattern))
		teller->counters.filtered++;
	else if (teller->fold)
		add_to_fold(teller, event);
	else
		show(teller, event, 1, 0);
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
		{ " + %s filtered", kernel->filtered + here->filtered, true },
		{ " + %s after the end", here->unshown, false },
		{ " + %s lost", kernel->lost, true },
		{ "; %s unreadable", kernel->unreadable, false },
		{ "; %s cut short", kernel->cut, false },
	};
	CLEANUP_FCLOSE FILE *out = fmemopen(buffer, LEDGER_TEXT, "w");
	char number[NUMBER_TEXT];

	buffer[0] = '\0';
	for (size_t i = 0; out && i < ARRAY_SIZE(parts); i++)
		if (parts[i].always || parts[i].number)
			fprintf(out, parts[i].format, number_format(parts[i].number, number));
	return buffer;
}
