/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "observe/cgroups.h"
#include "observe/namespaces.h"
#include "observe/selection.h"
#include "observe/users.h"

/* Adds one word to the selection. */
typedef int add_word(const char *word, struct selection *selection, struct error *error);

static int no_more(const char *what, struct error *error)
{
	return error_set(error, -EINVAL, "more than %d %s; give fewer", SELECTION_MAX, what);
}

static int add_pid(const char *word, struct selection *selection, struct error *error)
{
	const char *cursor = word;
	char quoted[QUOTE_TEXT];
	uint64_t pid;

	if (text_take_number(&cursor, INT32_MAX, &pid) < 0 || *cursor || !pid)
		return error_set(error, -EINVAL, "-p %s: give the number of a process",
				 text_quote(word, quoted));
	if (selection->pid_count == SELECTION_MAX)
		return no_more("processes", error);
	selection->pids[selection->pid_count++] = (uint32_t)pid;
	return 0;
}

static int add_command(const char *word, struct selection *selection, struct error *error)
{
	char quoted[QUOTE_TEXT];

	if (strlen(word) >= SELECTION_COMMAND)
		return error_set(error, -EINVAL,
				 "-c %s: the kernel keeps only %d characters of a name; give those",
				 text_quote(word, quoted), SELECTION_COMMAND - 1);
	if (selection->command_count == SELECTION_MAX)
		return no_more("commands", error);
	memcpy(selection->commands[selection->command_count++], word, strlen(word));
	return 0;
}

static int add_user(const char *word, struct selection *selection, struct error *error)
{
	uid_t user;
	int r = user_find(word, &user, error);

	if (r < 0)
		return r;
	if (selection->user_count == SELECTION_MAX)
		return no_more("users", error);
	selection->users[selection->user_count++] = user;
	return 0;
}

static int add_cgroup(const char *word, struct selection *selection, struct error *error)
{
	uint64_t id;
	uint32_t level;
	int r = cgroup_find(word, &id, &level, error);

	if (r < 0)
		return r;
	if (selection->cgroup_count == SELECTION_MAX)
		return no_more("cgroups", error);
	selection->cgroups[selection->cgroup_count].id = id;
	selection->cgroups[selection->cgroup_count++].level = level;
	return 0;
}

/* Names of commands may hold blanks, so only commas part them. */
static int add_words(const char *list, const char *option, add_word *add,
		     struct selection *selection, struct error *error)
{
	CLEANUP_FREE char *copy = list ? strdup(list) : NULL;
	char *rest = copy, *word;
	int r = 0;

	if (!list)
		return 0;
	if (!copy)
		return error_set(error, -ENOMEM, "out of memory");
	while (r == 0 && (word = strsep(&rest, ",")))
		r = *word ? add(word, selection, error)
			  : error_set(error, -EINVAL, "%s: nothing stands between two commas",
				      option);
	return r;
}

/* Of a thread, the number of its process; else `pid`, also where it cannot be told. */
static uint32_t process_of(uint32_t pid)
{
	char path[64], line[128];
	CLEANUP_FCLOSE FILE *status = NULL;
	unsigned process = pid;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "Tgid: %u", &process) == 1)
			break;
	return process;
}

/* Nothing would ever be seen of a process that is not there, and nobody would be told why. */
static int check_pids(const struct selection *selection, struct error *error)
{
	for (uint32_t i = 0; i < selection->pid_count; i++) {
		uint32_t pid = selection->pids[i], process = process_of(pid);

		if (kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			return error_set(error, -ESRCH, "-p '%u': there is no such process", pid);
		if (process != pid)
			return error_set(error, -ESRCH,
					 "-p '%u': this is a thread of process %u; give that", pid,
					 process);
	}
	return 0;
}

int selection_read(const struct arguments *arguments, struct selection *ret_selection,
		   struct error *error)
{
	struct selection selection = { .follow = arguments->operand_count > 0 };
	int r = 0;

	if (arguments->pids)
		r = namespaces_check_pid(error);
	if (r == 0)
		r = add_words(arguments->pids, "-p", add_pid, &selection, error);
	if (r == 0)
		r = add_words(arguments->commands, "-c", add_command, &selection, error);
	if (r == 0)
		r = add_words(arguments->users, "-u", add_user, &selection, error);
	if (r == 0)
		r = add_words(arguments->cgroups, "--cgroup", add_cgroup, &selection, error);
	if (r == 0)
		r = check_pids(&selection, error);
	if (r == 0)
		*ret_selection = selection;
	return r;
}

const char *selection_text(const struct arguments *arguments, char buffer[SELECTION_TEXT])
{
	const struct {
		const char *what, *list;
	} kinds[] = {
		{ "process", arguments->pids },
		{ "command", arguments->commands },
		{ "user", arguments->users },
		{ "cgroup", arguments->cgroups },
	};
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char quoted[QUOTE_TEXT];

		if (kinds[i].list)
			used += (size_t)snprintf(buffer + used, SELECTION_TEXT - used, "%s%s %s",
						 used ? ", " : "", kinds[i].what,
						 text_quote(kinds[i].list, quoted));
	}
	if (!used)
		snprintf(buffer, SELECTION_TEXT, "all processes");
	return buffer;
}
