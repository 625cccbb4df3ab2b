/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* elf: which other files the kernel and the loader open to run a program.
 *
 * For a child between fork and exec: no memory is taken. The file is hostile. */
#ifndef BASE_ELF_H
#define BASE_ELF_H

#include <stdbool.h>
#include <stddef.h>

enum elf_need {
	ELF_INTERPRETER,	/* of a script, or the loader of a program */
	ELF_LIBRARY,		/* one that is named with its place */
};

/* Calls `need` with each path that the program at `path`, open as fd, names: its
 * interpreter, and its libraries in the directories of its own search path. Whether these
 * are there is not looked at. False: it is neither a script nor an ELF file. */
bool elf_needs(int fd, const char *path,
    void (*need)(enum elf_need what, const char *path, void *arg), void *arg);

#endif
