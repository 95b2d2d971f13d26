/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the opener share: the words of the line that it obeys. */
#pragma once

extern char *words[];

long number(int word);
const char *path(int word);

long obey_ring(void); /* a line that begins with "ring"; the result, or a negative errno */
