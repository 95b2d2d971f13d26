/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that programs are made of, and the functions in them. A file is known by device and inode,
 * and held open from the first time it is met, so that it can be read when processes and files
 * are gone.
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

/* Known or made; opens nothing. NULL when there is no memory, or there are too many. */
struct image *images_find(struct images *images, dev_t device, ino_t inode, const char *path);

/* False once it is open, or was not found at several places. */
bool image_is_wanted(const struct image *image);

/* True when there is that very file. */
bool image_open(struct image *image, const char *path);

const char *image_path(const struct image *image); /* as a process was seen to have it */
const char *image_name(const struct image *image); /* "libc.so.6" */

/* As elf_symbols_find() and elf_symbols_start(). */
const char *image_function(struct image *image, uint64_t offset);
uint64_t image_function_start(struct image *image, uint64_t offset);
