/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's page, for people and for programs; both say the same. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "doctor/judge.h"

void doctor_text(const struct facts *facts, const struct judgement *judgement, FILE *out);
/* An object; NULL when out of memory. The caller owns it. */
json_t *doctor_json(const struct facts *facts, const struct judgement *judgement);
