/* SPDX-License-Identifier: GPL-2.0-or-later */
/* posix: what a program sees of the file system in its current directory, as text that is the same
 * wherever the file system behaves the same. */
#ifndef TESTS_POSIX_H
#define TESTS_POSIX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct posix_case {
	const char *name;
	void (*run)(void);	/* in an empty directory of its own */
};

/* One after the other; the last has no name. */
extern const struct posix_case posix_names[];
extern const struct posix_case posix_files[];
extern const struct posix_case posix_attributes[];

/* A line of what was seen. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "what: 0", or the error's name. Returns the result. */
long tell(const char *what, long result);
/* A new file with this content, which must not fail; its descriptor. */
int make(const char *name, const char *content);
/* What is in the file, as text of bytes and how often: "3*a 5*0". */
void tell_content(const char *what, const char *name);
/* Type, permissions and links. */
void tell_mode(const char *what, const char *name);
/* Waits until times differ from those that were set before. */
void pass_time(void);

#endif
