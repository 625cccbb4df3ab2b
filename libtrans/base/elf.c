/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* elf: reads the few headers that say what a program is loaded with. Programs of
 * this machine's own word size only: what another one needs is not looked at. */
#include "base/elf.h"

#include <elf.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	SEGMENTS_MAX = 64,
	DYNAMIC_MAX = 512,
	NAMES_MAX = 64,		/* of libraries */
	SCRIPT_LINE_MAX = 256,	/* the kernel looks no further */
};

struct program {
	int fd;
	const char *path;
	ElfW(Phdr) segments[SEGMENTS_MAX];
	unsigned n_segments;
	off_t strings;			/* where names are in the file, or 0 */
	size_t strings_size;
	uint64_t search;		/* offset of the search path in strings, or 0 */
	uint64_t names[NAMES_MAX];	/* of libraries, likewise */
	unsigned n_names;
};

static bool
read_at(int fd, void *data, size_t size, off_t at)
{
	return at >= 0 && pread(fd, data, size, at) == (ssize_t)size;
}

/* A NUL-terminated string of the file. */
static bool
read_string(int fd, off_t at, char *to, size_t room)
{
	ssize_t n = at >= 0 ? pread(fd, to, room, at) : -1;

	return n > 0 && memchr(to, '\0', (size_t)n);
}

/* Where the byte of an address is in the file. */
static off_t
offset_of(const struct program *program, uint64_t address)
{
	for (unsigned i = 0; i < program->n_segments; i++) {
		const ElfW(Phdr) *segment = &program->segments[i];

		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
		    address - segment->p_vaddr < segment->p_filesz)
			return (off_t)(address - segment->p_vaddr + segment->p_offset);
	}
	return -1;
}

static void
read_dynamic(struct program *program, const ElfW(Phdr) *segment)
{
	uint64_t n = segment->p_filesz / sizeof(ElfW(Dyn)), rpath = 0;
	uint64_t strings = 0;

	for (uint64_t i = 0; i < n && i < DYNAMIC_MAX; i++) {
		ElfW(Dyn) entry;

		if (!read_at(program->fd, &entry, sizeof(entry),
		    (off_t)(segment->p_offset + i * sizeof(entry))) || entry.d_tag == DT_NULL)
			break;
		switch (entry.d_tag) {
		case DT_STRTAB:
			strings = entry.d_un.d_ptr;
			break;
		case DT_STRSZ:
			program->strings_size = entry.d_un.d_val;
			break;
		case DT_RUNPATH:
			program->search = entry.d_un.d_val;
			break;
		case DT_RPATH:
			rpath = entry.d_un.d_val;
			break;
		case DT_NEEDED:
			if (program->n_names < NAMES_MAX)
				program->names[program->n_names++] = entry.d_un.d_val;
			break;
		}
	}
	if (!program->search)
		program->search = rpath;
	program->strings = strings ? offset_of(program, strings) : -1;
}

static bool
name_at(const struct program *program, uint64_t at, char *to, size_t room)
{
	return program->strings > 0 && at < program->strings_size &&
	    read_string(program->fd, program->strings + (off_t)at, to, room);
}

/* "$ORIGIN/../lib" and "libx.so" as a path. False: it is too long, or relative. */
static bool
join(const struct program *program, const char *dir, size_t n, const char *name, char *to)
{
	static const char *const origins[] = { "$ORIGIN", "${ORIGIN}" };
	const char *slash = strrchr(program->path, '/');
	int origin = 0, written;

	for (size_t i = 0; i < 2; i++) {
		size_t size = strlen(origins[i]);

		if (n < size || strncmp(dir, origins[i], size) != 0)
			continue;
		dir += size;
		n -= size;
		origin = (int)(slash ? slash - program->path : 0);
		break;
	}
	written = snprintf(to, PATH_MAX, "%.*s%.*s/%s", origin, program->path, (int)n, dir, name);
	return written > 0 && written < PATH_MAX && to[0] == '/';
}

static void
each_library(const struct program *program,
    void (*need)(enum elf_need what, const char *path, void *arg), void *arg)
{
	char search[PATH_MAX], name[NAME_MAX], path[PATH_MAX];

	if (!program->search || !name_at(program, program->search, search, sizeof(search)))
		return;
	for (unsigned i = 0; i < program->n_names; i++) {
		if (!name_at(program, program->names[i], name, sizeof(name)) || strchr(name, '/'))
			continue;
		for (const char *dir = search; *dir; dir += strspn(dir, ":")) {
			size_t n = strcspn(dir, ":");

			if (join(program, dir, n, name, path))
				need(ELF_LIBRARY, path, arg);
			dir += n;
		}
	}
}

/* "#! /bin/sh -e" */
static bool
script_needs(const char *line, void (*need)(enum elf_need what, const char *path, void *arg),
    void *arg)
{
	char path[SCRIPT_LINE_MAX];
	const char *start = line + 2 + strspn(line + 2, " \t");
	size_t n = strcspn(start, " \t\n");

	memcpy(path, start, n);
	path[n] = '\0';
	if (path[0] == '/')
		need(ELF_INTERPRETER, path, arg);
	return true;
}

bool
elf_needs(int fd, const char *path,
    void (*need)(enum elf_need what, const char *path, void *arg), void *arg)
{
	struct program program = { .fd = fd, .path = path };
	char line[SCRIPT_LINE_MAX] = { 0 };
	ElfW(Ehdr) head;

	if (pread(fd, line, sizeof(line) - 1, 0) > 2 && line[0] == '#' && line[1] == '!')
		return script_needs(line, need, arg);
	if (!read_at(fd, &head, sizeof(head), 0) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	if (head.e_phentsize != sizeof(ElfW(Phdr)))
		return true;
	program.n_segments = head.e_phnum < SEGMENTS_MAX ? head.e_phnum : SEGMENTS_MAX;
	if (!read_at(fd, program.segments, program.n_segments * sizeof(ElfW(Phdr)),
	    (off_t)head.e_phoff))
		return true;
	for (unsigned i = 0; i < program.n_segments; i++) {
		const ElfW(Phdr) *segment = &program.segments[i];
		char loader[PATH_MAX];

		if (segment->p_type == PT_DYNAMIC)
			read_dynamic(&program, segment);
		else if (segment->p_type == PT_INTERP &&
		    read_string(fd, (off_t)segment->p_offset, loader, sizeof(loader)))
			need(ELF_INTERPRETER, loader, arg);
	}
	each_library(&program, need, arg);
	return true;
}
