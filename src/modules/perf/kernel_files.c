/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/duration.h"
#include "modules/perf/kernel_files.h"

enum file { FILE_STAT, FILE_INTERRUPTS, FILE_SOFTIRQS, FILES };

static const char *const paths[FILES] = {
	[FILE_STAT] = "/proc/stat",
	[FILE_INTERRUPTS] = "/proc/interrupts",
	[FILE_SOFTIRQS] = "/proc/softirqs",
};

struct kernel_files {
	int fds[FILES];
	uint64_t tick; /* nanoseconds */
	char *text;
	size_t room;
};

struct kernel_files *kernel_files_new(struct error *error)
{
	struct kernel_files *files = calloc(1, sizeof(*files));
	long ticks = sysconf(_SC_CLK_TCK);

	if (!files) {
		error_set(error, -ENOMEM, "out of memory");
		return NULL;
	}
	files->tick = NSEC_PER_SEC / (ticks > 0 ? (uint64_t)ticks : 100);
	for (size_t i = 0; i < FILES; i++)
		files->fds[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
	if (files->fds[FILE_STAT] < 0) {
		error_set(error, -errno, "cannot open %s: %s", paths[FILE_STAT], strerror(errno));
		return kernel_files_free(files);
	}
	return files;
}

struct kernel_files *kernel_files_free(struct kernel_files *files)
{
	if (!files)
		return NULL;
	for (size_t i = 0; i < FILES; i++)
		if (files->fds[i] >= 0)
			close(files->fds[i]);
	free(files->text);
	free(files);
	return NULL;
}

/* All of it, or NULL. */
static const char *read_all(struct kernel_files *files, enum file file)
{
	size_t used = 0;

	for (;;) {
		ssize_t got;

		if (files->room - used < 2) {
			size_t room = files->room ? 2 * files->room : 16384;
			char *text = realloc(files->text, room);

			if (!text)
				return NULL;
			files->text = text;
			files->room = room;
		}
		got = pread(files->fds[file], files->text + used, files->room - used - 1,
			    (off_t)used);
		if (got < 0)
			return NULL;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	files->text[used] = '\0';
	return files->text;
}

void kernel_files_read(struct kernel_files *files, struct sample *sample)
{
	const char *text = read_all(files, FILE_STAT);

	if (text)
		kernel_files_parse_stat(text, files->tick, sample);
	text = read_all(files, FILE_INTERRUPTS);
	if (text)
		kernel_files_parse_table(text, METRIC_INTERRUPTS, sample);
	text = read_all(files, FILE_SOFTIRQS);
	if (text)
		kernel_files_parse_table(text, METRIC_SOFTIRQS, sample);
}

/* ---- parsers ------------------------------------------------------------------------------ */

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

static void set(struct cpu_sample *cpu, enum metric metric, uint64_t value)
{
	cpu->known[metric] = true;
	cpu->counts[metric] = value;
}

static void parse_cpu(const char *line, uint64_t tick, struct sample *sample)
{
	unsigned long long user, nice, system, idle, wait, irq, softirq, stolen;
	struct cpu_sample *cpu;
	unsigned number;

	/* Guests' time is in that of users already. */
	if (sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", &number, &user, &nice,
		   &system, &idle, &wait, &irq, &softirq, &stolen) != 9 ||
	    number >= sample->cpu_count)
		return;
	cpu = &sample->cpus[number];
	cpu->online = true;
	set(cpu, METRIC_USER, (user + nice) * tick);
	set(cpu, METRIC_SYSTEM, system * tick);
	set(cpu, METRIC_INTERRUPT_TIME, (irq + softirq) * tick);
	set(cpu, METRIC_STOLEN, stolen * tick);
}

void kernel_files_parse_stat(const char *text, uint64_t tick, struct sample *sample)
{
	for (; *text; text = next_line(text))
		if (strncmp(text, "cpu", 3) == 0 && isdigit((unsigned char)text[3]))
			parse_cpu(text, tick, sample);
}

/*
 * x86: TLB flushes come as function calls (CAL), and of posted interrupts only the host's own
 * are interrupts of this CPU. ERR and MIS are one number for all.
 */
static bool is_counted(const char *row)
{
	static const char *const others[] = { "ERR:", "MIS:", "TLB:", "PIN:", "NPI:", "PIW:" };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strncmp(row, others[i], strlen(others[i])) == 0)
			return false;
	return true;
}

/* The next number of a line, and `*cursor` behind it; false at its end or at text. */
static bool take_number(const char **cursor, uint64_t *ret_number)
{
	const char *digits = *cursor + strspn(*cursor, " \t");
	size_t length = strspn(digits, "0123456789");

	if (!length || !strchr(" \t\n", digits[length]))
		return false;
	*ret_number = strtoull(digits, NULL, 10);
	*cursor = digits + length;
	return true;
}

/* The CPU that stands next in the head; false at its end. */
static bool take_column(const char **head, size_t *ret_cpu)
{
	const char *word = *head + strspn(*head, " \t");
	char *end;

	if (strncmp(word, "CPU", 3) != 0)
		return false;
	*ret_cpu = strtoul(word + 3, &end, 10);
	*head = end;
	return true;
}

void kernel_files_parse_table(const char *text, enum metric metric, struct sample *sample)
{
	const char *head = text;
	size_t cpu;

	for (const char *columns = head; take_column(&columns, &cpu);)
		if (cpu < sample->cpu_count)
			set(&sample->cpus[cpu], metric, 0);
	for (text = next_line(text); *text; text = next_line(text)) {
		const char *columns = head, *row = text + strspn(text, " \t"),
			   *cursor = strchr(row, ':');
		uint64_t number;

		if (!cursor || !is_counted(row))
			continue;
		for (cursor++; take_column(&columns, &cpu) && take_number(&cursor, &number);)
			if (cpu < sample->cpu_count)
				sample->cpus[cpu].counts[metric] += number;
	}
}
