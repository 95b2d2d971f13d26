/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "core/ladder.h"
#include "modules/filter/bans_file.h"
#include "modules/filter/commands.h"
#include "modules/filter/cookies.h"
#include "modules/filter/fills.h"
#include "modules/filter/gate.h"
#include "modules/filter/list_file.h"
#include "modules/filter/module.h"
#include "modules/filter/selftest.h"
#include "modules/filter/settings.h"
#include "modules/filter/report.h"
#include "modules/filter/snapshot.h"
#include "modules/filter/watch.h"

/* The filter inside `sumun run`. */
struct filter {
	struct store store;
	struct gate_report raised;
	int presence_fd; /* shared lock: a run is here */
	int ring;        /* the ring of events that is ours, or -1 */
	int reader_fd;   /* its lock */
	bool configured; /* it brought a policy of its own */
	bool was_kept;   /* an `up` had made the gate before */
	struct fills_watch fills;
	uint64_t bans_made; /* that were on disk a minute ago */
	unsigned seconds;
	struct snapshot *before;
	struct watch *watch;
};

static void *filter_stop(void *instance);

static int probe(struct error *why)
{
	CLEANUP_STORE struct store store = STORE_NONE;

	return store_create(&store, why);
}

/* Who may not write may not lock either: the gate may go while they look at it. */
static int adopt_to_read(struct filter *filter, struct error *error)
{
	int r = gate_open(STORE_READ, &filter->store, error);

	if (r < 0)
		return r;
	filter->presence_fd = open(filter->store.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return filter->presence_fd < 0 ? -errno : 0;
}

static void check_lists(const struct name_list *paths)
{
	for (size_t i = 0; i < paths->count; i++) {
		struct error error = { "" };

		if (list_file_check(paths->items[i], &error) < 0)
			log_warning("%s", error.text);
	}
}

/* `sumun check` runs without privilege, and may run on another host: no more than a warning. */
static void filter_check(const void *config)
{
	check_lists(&((const struct filter_config *)config)->allow_lists);
	check_lists(&((const struct filter_config *)config)->deny_lists);
}

/* An existing gate is taken as it is, for reading only where writing is not permitted. */
static int adopt(struct filter *filter, struct error *error)
{
	struct gate_interface first;
	CLEANUP_CLOSE int lock = -1;
	int r = gate_open_locked(STORE_WRITE, &filter->store, &lock, error);

	if (r == -EPERM || r == -EACCES)
		return adopt_to_read(filter, error);
	if (r < 0)
		return r;
	/* What a command left that was killed before it attached anything is no gate. */
	if (!gate_is_kept(&filter->store) && gate_interfaces(&filter->store, &first, 1) == 0 &&
	    filter->store.access == STORE_WRITE) {
		store_close(&filter->store);
		return -ENOENT;
	}
	return gate_watch(&filter->store, &filter->presence_fd, error);
}

static int raise_gate(struct filter *filter, const struct start_options *options,
		      struct error *error)
{
	struct gate_options gate = {
		.config = &filter_config,
		.adopt = !options->configured,
		.interfaces = options->interfaces,
		.interface_count = options->interface_count,
		.presence = &filter->presence_fd,
		.force = options->force,
	};

	return gate_raise(&gate, &filter->store, &filter->raised, error);
}

static void become_reader(struct filter *filter)
{
	struct error error = { "" };

	filter->ring = gate_take_ring(&filter->store, &filter->reader_fd, &error);
	if (filter->ring < 0)
		log_warning("no events are told here, only counts: %s", error.text);
}

static bool filter_wanted(const void *config, const struct start_options *options)
{
	return ((const struct filter_config *)config)->enabled || options->interface_count;
}

static int filter_start(const struct start_options *options, void **ret_instance,
			struct error *error)
{
	struct filter *filter = calloc(1, sizeof(*filter));
	int r = -ENOENT;

	if (!filter)
		return -ENOMEM;
	filter->store = STORE_NONE;
	filter->configured = options->configured;
	filter->presence_fd = filter->reader_fd = filter->ring = -1;
	if (!options->configured && !options->interface_count)
		r = adopt(filter, error);
	if (r == -ENOENT)
		r = raise_gate(filter, options, error);
	if (r == 0) {
		filter->was_kept = gate_is_kept(&filter->store);
		cookies_warn(&filter->store);
		become_reader(filter);
	}
	if (r == 0) {
		filter->before = snapshot_take(&filter->store);
		filter->watch = watch_new(&filter->store, NULL);
		if (!filter->before || !filter->watch)
			r = error_set(error, -ENOMEM, "out of memory");
	}
	if (r < 0) {
		filter_stop(filter);
		return r;
	}
	*ret_instance = filter;
	return 0;
}

static int filter_ring(void *instance)
{
	const struct filter *filter = instance;

	return filter->ring >= 0 ? filter->store.fds[STORE_EVENTS0 + filter->ring] : -1;
}

static bool filter_describe(void *instance, const struct event_header *event,
			    struct record *ret_record, bool *ret_quiet)
{
	struct filter *filter = instance;

	if (event->size != sizeof(struct filter_event))
		return false;
	return watch_describe(filter->watch, (const struct filter_event *)event, ret_record,
			      ret_quiet);
}

/* The gate that this run watches is the one that is pinned now. */
static bool gate_is_ours(const struct filter *filter)
{
	struct stat ours, pinned;

	return fstat(filter->presence_fd, &ours) == 0 &&
	       stat(filter->store.directory, &pinned) == 0 && ours.st_ino == pinned.st_ino;
}

/* What only those may do who may write; never waits for another command. */
static int tend(struct filter *filter, struct error *error)
{
	if (filter->store.access != STORE_WRITE)
		return 0;
	store_follow_clock(&filter->store);
	if (store_is_overdue(&filter->store)) {
		int r = gate_settle(&filter->store);

		if (r == -ENOENT)
			return error_set(
				error, r,
				"nobody confirmed: there is no filter any more, as before");
	}
	if (++filter->seconds % 60 == 0)
		gate_save_bans(&filter->store, &filter->bans_made);
	return 0;
}

static int filter_second(void *instance, struct output *output, struct error *error)
{
	struct filter *filter = instance;
	int r;

	if (!gate_is_ours(filter))
		return error_set(error, -ENOENT, "the filter was taken down by another command");
	r = tend(filter, error);
	if (r < 0)
		return r;
	if (store_refresh(&filter->store, error) < 0)
		return -EIO;
	fills_watch(&filter->fills, &filter->store);
	watch_second(filter->watch, output);
	return 0;
}

static void print_head(const struct filter *filter, const struct snapshot *now)
{
	double seconds = (double)(now->time - filter->before->time) / 1e9;
	char time[TIMESTAMP_TEXT], interfaces[512], packets[NUMBER_TEXT], dropped[NUMBER_TEXT];
	double packet_rate = (double)(now->total.packets - filter->before->total.packets) / seconds;
	double drop_rate =
		(double)(snapshot_dropped(now).packets - snapshot_dropped(filter->before).packets) /
		seconds;

	printf("\n%s  %s  %s  %s packets/s  %s dropped/s\n", timestamp_local(timestamp_now(), time),
	       report_interfaces(&filter->store, interfaces, sizeof(interfaces)),
	       filter_mode_name(store_policy(&filter->store)->mode),
	       rate_format(packet_rate, packets), rate_format(drop_rate, dropped));
}

static void filter_report(void *instance, struct output *output, uint64_t elapsed)
{
	struct filter *filter = instance;
	struct snapshot *now = snapshot_take(&filter->store);

	if (!now) {
		log_warning("no memory for a report, ignoring");
		return;
	}
	if (output_is_json(output)) {
		json_t *object = report_interval_json(&filter->store, now, filter->before);
		json_t *line = json_pack("{s:s}", "record", "filter-report");

		json_object_update(line, object);
		json_decref(object);
		json_write_line(line, stdout);
	} else {
		print_head(filter, now);
		report_text(&filter->store, now, filter->before, stdout);
	}
	free(filter->before);
	filter->before = now;
	if (filter->store.access == STORE_WRITE)
		store_sweep(&filter->store);
}

static uint64_t filter_interval(const void *config)
{
	return ((const struct filter_config *)config)->report_interval;
}

/* What a person wants to know last. */
static void say_totals(const struct filter *filter)
{
	CLEANUP_FREE struct snapshot *now = snapshot_take(&filter->store);
	char packets[NUMBER_TEXT], dropped[NUMBER_TEXT];

	if (now)
		log_info("%s packets seen, %s dropped since it was attached",
			 number_format(now->total.packets, packets),
			 number_format(snapshot_dropped(now).packets, dropped));
}

/*
 * The last `run` takes down what no `up` made, or takes back what it attached to what
 * `up` made; while another watches, nothing is taken from under it.
 */
static void let_go(struct filter *filter)
{
	char parent[PINS_PATH], interfaces[512];
	CLEANUP_CLOSE int lock = -1;
	struct error error = { "" };

	if (pins_directory(false, parent, &error) < 0 ||
	    pins_lock(parent, PINS_LOCK_EXCLUSIVE, true, &lock, &error) < 0 ||
	    !gate_is_ours(filter))
		return;
	report_interfaces(&filter->store, interfaces, sizeof(interfaces));
	say_totals(filter);
	if (flock(filter->presence_fd, LOCK_EX | LOCK_NB) < 0) {
		log_info("left in place on %s: another 'sumun run' watches", interfaces);
		return;
	}
	gate_save_bans(&filter->store, NULL);
	if (!gate_is_kept(&filter->store)) {
		int r = pins_remove(filter->store.directory);

		if (r < 0)
			log_error("cannot remove '%s': %s", filter->store.directory, strerror(-r));
		else
			log_info("detached from %s", interfaces);
		return;
	}
	/* An `up` that came later wanted them where they are. */
	for (size_t i = 0; filter->was_kept && i < filter->raised.attached; i++)
		gate_detach(&filter->store, filter->raised.ifindexes[i]);
	log_info("left in place on %s%s",
		 report_interfaces(&filter->store, interfaces, sizeof(interfaces)),
		 filter->configured ? ", with the policy that this run was given" : "");
}

/* It tidies up after an unconfirmed change, and at its end; and keeps the bans. */
static void filter_writes(void *instance, const struct confinement *confinement)
{
	const struct filter *filter = instance;
	char directory[PATH_MAX];

	if (filter->store.access != STORE_WRITE)
		return;
	if (pins_directory(false, directory, NULL) == 0)
		confine_allow(confinement, directory, CONFINE_REMOVE);
	if (bans_file_directory(filter->store.tables.state->bans_path, directory) == 0)
		confine_allow(confinement, directory, CONFINE_REPLACE);
}

static void *filter_stop(void *instance)
{
	struct filter *filter = instance;

	if (!filter)
		return NULL;
	if (filter->store.access == STORE_WRITE && filter->presence_fd >= 0)
		let_go(filter);
	cleanup_close(&filter->presence_fd);
	cleanup_close(&filter->reader_fd);
	watch_free(filter->watch);
	free(filter->before);
	store_close(&filter->store);
	free(filter);
	return NULL;
}

static const struct need needs[] = {
	{ .commands = "run, up",
	  .main = true,
	  .probe = true,
	  .changes = true,
	  .things = 1U << THING_PACKET },
	{ .commands = "confirm, down, ban, unban, list add, list del", .changes = true },
	{ .commands = "status, stats, events, bans, list", .reads = true },
	{ .commands = NULL },
};

const struct module filter_module = {
	.name = "filter",
	.heading = "Filter packets at the network card:",
	.events = EVENT_FILTER,
	.settings = filter_settings,
	.setting_count = FILTER_SETTINGS,
	.sections = filter_sections,
	.config = &filter_config,
	.check = filter_check,
	.wanted = filter_wanted,
	.probe = probe,
	.start = filter_start,
	.ring = filter_ring,
	.describe = filter_describe,
	.second = filter_second,
	.report = filter_report,
	.interval = filter_interval,
	.writes = filter_writes,
	.stop = filter_stop,
	.selftest = filter_selftest,
	.commands = filter_commands,
	.needs = needs,
};
