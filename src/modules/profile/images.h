/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that programs are made of, and the functions in them. Read by elfutils: their own symbols
 * or, by build-id, those that a distribution keeps apart in /usr/lib/debug. A file is known by
 * device and inode, and held open from the first time it is met, so that it can be read when
 * processes and files are gone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct images;
struct image;

struct images *images_new(void);                   /* NULL when out of memory */
struct images *images_free(struct images *images); /* NULL is fine; returns NULL */

/* Known or made; opens nothing. NULL when out of memory. `name` is what it is called. */
struct image *images_find(struct images *images, dev_t device, ino_t inode, const char *name);

/* Whether it is. */
bool image_is_open(const struct image *image);

/* True when there is that very file; a second time is fine. */
bool image_open(struct image *image, const char *path);

const char *image_name(const struct image *image); /* "libc.so.6" */

/*
 * The function at an offset of the file, by its name as it stands there; NULL when there is none.
 * The name lives as long as the image.
 */
const char *image_function(struct image *image, uint64_t offset);

/*
 * Where in the file the nameless function at an offset begins, as its unwind information
 * (.eh_frame) has it, which stays in programs without symbols; without it the offset itself.
 */
uint64_t image_function_start(struct image *image, uint64_t offset);
