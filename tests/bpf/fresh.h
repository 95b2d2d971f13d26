/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store for each test, and one load of the program for all tests of a process: what the
 * verifier takes, a second or, in an emulated machine, ten, is most of what a test costs.
 *
 * Whatever maps the program has are emptied between two tests. That nothing was left is not
 * taken on trust: a digest of all of them is what it was when the store was made, or
 * fresh_take() fails. A program that was loaded anew (store_grow()) is not used again.
 */
#pragma once

#include "modules/filter/store.h"

/* As after store_create(); one at a time. */
int fresh_take(struct store *ret_store, struct error *error);
/* In the place of store_close(). Nothing of it may be pinned any more. */
void fresh_give_back(struct store *store);
