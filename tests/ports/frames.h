/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frames: random frames for the rights core, by somebody who knows the format. */
#ifndef PORTS_FRAMES_H
#define PORTS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"

enum {
	FRAMES_NAMES = 24,
	FRAMES_FDS = 40,		/* more than a frame may have */
	FRAMES_RECORD = FRAME_MAX + 4096,
};

/* Names that a task was given, the oldest forgotten first. */
struct frames_names {
	uint32_t n;
	uint32_t name[FRAMES_NAMES];
};

/* One record, as it goes through a socket. */
struct frames_record {
	size_t size;
	uint32_t call;
	int n_fds;
	int fd[FRAMES_FDS];		/* of the stock: not to be closed */
	uint8_t data[FRAMES_RECORD];
};

uint32_t frames_random(void);
/* One in n. */
bool frames_chance(uint32_t n);
/* Opens the files that frames carry; seeds the generator. */
void frames_begin(uint64_t seed);
void frames_end(void);
void frames_learn(struct frames_names *names, uint32_t name);
void frames_hello(struct frames_record *record);
void frames_call(struct frames_record *record, uint32_t call, const struct frames_names *names);
/* Any call that makes sense, with names that may. */
void frames_any(struct frames_record *record, const struct frames_names *names);
/* Makes a record wrong: one that portd answers by the end of the connection, most often. */
void frames_damage(struct frames_record *record);

#endif
