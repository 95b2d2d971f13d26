/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "modules/filter/select.h"
#include "modules/filter/snapshot.h"
#include "modules/filter/tables.h"

/* ---- parsing ---------------------------------------------------------------------------- */

typedef const char *name_of(uint32_t number);

/* Only what costs a packet its life, or is told of it nevertheless, has events. */
static const char *name_of_reason(uint32_t number)
{
	return number == SIGHT_WATCHED || (number >= REASON_FIRST_DROP && number < REASON_COUNT)
		       ? sight_name(number)
		       : NULL;
}

static const char *name_of_kind(uint32_t number)
{
	return number < TOLD_KINDS ? told_kind_name(number) : NULL;
}

static int refuse(const char *what, const char *word, name_of *name, struct error *error)
{
	char quoted[QUOTE_TEXT], names[256];
	size_t used = 0;

	for (uint32_t i = 0; i < 32 && used < sizeof(names); i++)
		if (name(i))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", name(i));
	return error_set(error, -EINVAL, "there is no %s %s; there are: %s", what,
			 text_quote(word, quoted), names);
}

static int parse_names(const char *what, const char *text, name_of *name, uint32_t *ret_bits,
		       struct error *error)
{
	CLEANUP_FREE char *copy = strdup(text);
	char *cursor = copy, *word;
	uint32_t bits = 0;

	if (!copy)
		return error_set(error, -ENOMEM, "out of memory");
	while ((word = text_next_word(&cursor))) {
		uint32_t number = 0;

		while (number < 32 && !(name(number) && strcmp(name(number), word) == 0))
			number++;
		if (number == 32)
			return refuse(what, word, name, error);
		bits |= 1u << number;
	}
	if (!bits)
		return refuse(what, text, name, error);
	*ret_bits = bits;
	return 0;
}

int select_parse(const struct arguments *arguments, struct selection *ret_selection,
		 struct error *error)
{
	struct selection selection = { .has_source = arguments->source != NULL,
				       .has_port = arguments->port != NULL };
	int r = 0;

	if (arguments->reasons)
		r = parse_names("reason", arguments->reasons, name_of_reason, &selection.reasons,
				error);
	if (r == 0 && arguments->kinds)
		r = parse_names("kind", arguments->kinds, name_of_kind, &selection.kinds, error);
	if (r == 0 && arguments->source)
		r = prefix_parse(arguments->source, &selection.source, error);
	if (r == 0 && arguments->port)
		r = port_range_parse(arguments->port, &selection.port, error);
	if (r == 0)
		*ret_selection = selection;
	return r;
}

/* ---- selecting -------------------------------------------------------------------------- */

static bool is_wanted(uint32_t wanted, uint32_t number)
{
	return !wanted || wanted >> number & 1;
}

static bool has_reason(enum told_kind kind)
{
	return kind == TOLD_PACKET || kind == TOLD_WATCH;
}

/* What an event is about: an address, or with a ban all that is banned. */
static struct prefix source_of(const struct filter_event *event)
{
	struct address address = address_of(event->source);

	return prefix_of(&address,
			 event->header.kind == FILTER_EVENT_BAN ? event->length : ADDRESS_BITS);
}

static bool port_matches(const struct port_range *port, const struct filter_event *event)
{
	uint16_t protocol = port->protocol == PORT_TCP ? 6 : 17;

	return event->protocol == protocol && event->destination_port >= port->first &&
	       event->destination_port <= port->last;
}

bool select_event(const struct selection *selection, const struct filter_event *event)
{
	enum told_kind kind = describe_kind(event);
	struct prefix source = source_of(event);

	if (kind == TOLD_KINDS || !is_wanted(selection->kinds, kind))
		return false;
	if (selection->reasons &&
	    !(has_reason(kind) && is_wanted(selection->reasons, event->reason)))
		return false;
	if (selection->has_source &&
	    (kind == TOLD_FULL || !prefix_overlaps(&selection->source, &source)))
		return false;
	return !selection->has_port || (kind != TOLD_FULL && port_matches(&selection->port, event));
}

static bool select_count(const struct selection *selection, uint32_t reason)
{
	enum told_kind kind = reason == SIGHT_WATCHED ? TOLD_WATCH : TOLD_PACKET;

	return is_wanted(selection->kinds, kind) && is_wanted(selection->reasons, reason) &&
	       !selection->has_port;
}

bool select_repeat(const struct selection *selection, uint32_t reason, struct filter_key source)
{
	struct address address = address_of(source);

	return select_count(selection, reason) &&
	       (!selection->has_source || prefix_contains(&selection->source, &address));
}

bool select_rest(const struct selection *selection, uint32_t reason)
{
	return select_count(selection, reason) && !selection->has_source;
}

/* ---- words ------------------------------------------------------------------------------ */

static void print_names(FILE *out, const char *before, uint32_t bits, name_of *name)
{
	for (uint32_t i = 0; i < 32; i++) {
		if (!(bits >> i & 1))
			continue;
		fprintf(out, "%s%s", before, name(i));
		before = ", ";
	}
}

const char *select_text(const struct selection *selection, char buffer[SELECTION_TEXT])
{
	bool all = !selection->reasons && !selection->kinds && !selection->has_source &&
		   !selection->has_port;
	CLEANUP_FCLOSE FILE *out = fmemopen(buffer, SELECTION_TEXT, "w");
	char text[PREFIX_TEXT];

	buffer[0] = '\0';
	if (!out)
		return buffer;
	fputs(all ? "all events" : "events", out);
	print_names(out, " of kind ", selection->kinds, name_of_kind);
	print_names(out, " with reason ", selection->reasons, name_of_reason);
	if (selection->has_source)
		fprintf(out, " from %s", prefix_format(&selection->source, text));
	if (selection->has_port)
		fprintf(out, " to %s", port_range_format(&selection->port, text));
	fflush(out);
	return buffer;
}
