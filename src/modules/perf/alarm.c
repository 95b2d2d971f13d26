/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "base/text.h"
#include "modules/perf/alarm.h"

/* Calm is less than this share of the limit, for so many intervals. */
#define CALM_SHARE 0.8
enum { CALM_INTERVALS = 2 };

static const struct {
	const char *name;
	const char *title;
	enum metric metrics[2]; /* whose sum is looked at; the same twice: only one */
} kinds[ALARMS] = {
	[ALARM_CALLS] = { "syscalls", "system calls", { METRIC_CALLS, METRIC_CALLS } },
	[ALARM_FAULTS] = { "faults", "page faults", { METRIC_MINOR, METRIC_MAJOR } },
	[ALARM_SWITCHES] = { "switches", "context switches", { METRIC_SWITCHES, METRIC_SWITCHES } },
};

const struct alarm_limit alarm_defaults[ALARMS] = {
	[ALARM_CALLS] = { { 10000, NSEC_PER_SEC }, false },
	[ALARM_FAULTS] = { { 1000, NSEC_PER_SEC }, false },
	[ALARM_SWITCHES] = { { 5000, NSEC_PER_SEC }, false },
};

struct alarm {
	bool on;
	uint64_t since;
	uint64_t calm_since; /* 0: it is not calm */
	unsigned calm;       /* intervals */
	double peak;
};

struct alarms {
	struct alarm_limit limits[ALARMS];
	size_t cpu_count;
	struct alarm *states[ALARMS]; /* of all CPUs first, then of each */
};

const char *alarm_title(enum alarm_kind kind)
{
	return kinds[kind].title;
}

const char *alarm_name(enum alarm_kind kind)
{
	return kinds[kind].name;
}

/* ---- limits ------------------------------------------------------------------------------- */

int alarm_limit_parse(const char *text, struct alarm_limit *ret_limit, struct error *error)
{
	static const char suffix[] = "/cpu";
	CLEANUP_FREE char *copy = strdup(text);
	struct alarm_limit limit = { .per_cpu = false };
	size_t length = strlen(text), behind = sizeof(suffix) - 1;
	int r;

	if (!copy)
		return error_set(error, -ENOMEM, "out of memory");
	if (strcmp(text, "none") == 0 || strcmp(text, "off") == 0) {
		*ret_limit = limit;
		return 0;
	}
	if (length > behind && strcmp(text + length - behind, suffix) == 0) {
		limit.per_cpu = true;
		copy[length - behind] = '\0';
	}
	r = rate_parse(copy, &limit.rate, error);
	if (r == 0)
		*ret_limit = limit;
	return r;
}

const char *alarm_limit_text(const struct alarm_limit *limit, char buffer[ALARM_TEXT])
{
	char rate[RATE_TEXT];

	snprintf(buffer, ALARM_TEXT, "%s%s",
		 limit->rate.count ? rate_text(&limit->rate, rate) : "none",
		 limit->rate.count && limit->per_cpu ? "/cpu" : "");
	return buffer;
}

static int parse_word(char *word, struct alarm_limit limits[ALARMS], struct error *error)
{
	char *value = strchr(word, '='), quoted[QUOTE_TEXT];

	if (strcmp(word, "none") == 0) {
		memset(limits, 0, ALARMS * sizeof(*limits));
		return 0;
	}
	if (value)
		*value++ = '\0';
	for (enum alarm_kind kind = 0; value && kind < ALARMS; kind++)
		if (strcmp(word, kinds[kind].name) == 0)
			return alarm_limit_parse(value, &limits[kind], error);
	return error_set(error, -EINVAL,
			 "--warn %s: give syscalls=RATE, faults=RATE, switches=RATE, as in "
			 "syscalls=10k/s or switches=5000/s/cpu, or none",
			 text_quote(word, quoted));
}

int alarm_limits_parse(const char *text, struct alarm_limit limits[ALARMS], struct error *error)
{
	CLEANUP_FREE char *copy = strdup(text);
	struct alarm_limit read[ALARMS];
	char *cursor = copy, *word;

	if (!copy)
		return error_set(error, -ENOMEM, "out of memory");
	memcpy(read, limits, sizeof(read));
	while ((word = text_next_word(&cursor))) {
		int r = parse_word(word, read, error);

		if (r < 0)
			return r;
	}
	memcpy(limits, read, sizeof(read));
	return 0;
}

bool alarm_limits_any(const struct alarm_limit limits[ALARMS])
{
	for (enum alarm_kind kind = 0; kind < ALARMS; kind++)
		if (limits[kind].rate.count)
			return true;
	return false;
}

/* ---- over time ---------------------------------------------------------------------------- */

struct alarms *alarms_new(const struct alarm_limit limits[ALARMS], size_t cpu_count)
{
	struct alarms *alarms = calloc(1, sizeof(*alarms));

	if (!alarms)
		return NULL;
	memcpy(alarms->limits, limits, sizeof(alarms->limits));
	alarms->cpu_count = cpu_count;
	for (enum alarm_kind kind = 0; kind < ALARMS; kind++) {
		alarms->states[kind] = calloc(cpu_count + 1, sizeof(struct alarm));
		if (!alarms->states[kind])
			return alarms_free(alarms);
	}
	return alarms;
}

struct alarms *alarms_free(struct alarms *alarms)
{
	if (!alarms)
		return NULL;
	for (enum alarm_kind kind = 0; kind < ALARMS; kind++)
		free(alarms->states[kind]);
	free(alarms);
	return NULL;
}

/* True when there is something to tell. */
static bool step(struct alarm *alarm, double limit, double rate, uint64_t begun, uint64_t time,
		 struct alarm_event *event)
{
	event->begins = !alarm->on;
	event->limit = limit;
	event->rate = rate;
	if (!alarm->on) {
		if (rate <= limit)
			return false;
		*alarm = (struct alarm){ .on = true, .since = begun, .peak = rate };
		event->peak = rate;
		return true;
	}
	if (rate > alarm->peak)
		alarm->peak = rate;
	if (rate >= CALM_SHARE * limit) {
		alarm->calm = 0;
		return false;
	}
	if (alarm->calm == 0)
		alarm->calm_since = begun;
	if (++alarm->calm < CALM_INTERVALS)
		return false;
	alarm->on = false;
	alarm->calm = 0;
	event->peak = alarm->peak;
	event->lasted = alarm->calm_since - alarm->since;
	return true;
}

static bool take_rate(const struct cpu_change *change, enum alarm_kind kind, double seconds,
		      double *ret_rate)
{
	const enum metric *of = kinds[kind].metrics;
	uint64_t count = 0;

	if (!change->known[of[0]] || !change->known[of[1]])
		return false;
	count = change->counts[of[0]] + (of[0] == of[1] ? 0 : change->counts[of[1]]);
	*ret_rate = (double)count / seconds;
	return true;
}

void alarms_judge(struct alarms *alarms, const struct change *change, uint64_t time,
		  void (*tell)(void *context, const struct alarm_event *event), void *context)
{
	double seconds = (double)change->elapsed / NSEC_PER_SEC;

	if (!change->elapsed)
		return;
	for (enum alarm_kind kind = 0; kind < ALARMS; kind++) {
		const struct alarm_limit *limit = &alarms->limits[kind];
		size_t count = limit->per_cpu ? alarms->cpu_count : 1;
		double rate;

		for (size_t i = 0; limit->rate.count && i < count; i++) {
			struct alarm_event event = { .kind = kind,
						     .elapsed = change->elapsed,
						     .cpu = limit->per_cpu ? (int)i
									   : ALARM_ALL_CPUS };
			const struct cpu_change *of =
				limit->per_cpu ? &change->cpus[i] : &change->all;

			if (take_rate(of, kind, seconds, &rate) &&
			    step(&alarms->states[kind][i],
				 (double)limit->rate.count * NSEC_PER_SEC /
					 (double)limit->rate.period,
				 rate, time - change->elapsed, time, &event))
				tell(context, &event);
		}
	}
}
