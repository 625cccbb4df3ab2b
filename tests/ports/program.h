/* SPDX-License-Identifier: GPL-2.0-or-later */
/* program: a list of operations, for the model and for portd; made by chance, printed,
 * read again, made shorter. */
#ifndef TESTS_PORTS_PROGRAM_H
#define TESTS_PORTS_PROGRAM_H

#include <stddef.h>
#include <stdio.h>

#include "tests/ports/model.h"

enum {
	PROGRAM_MAX = 1000,		/* operations */
	PROGRAM_BODY_MAX = 64,		/* bytes of a message */
	PROGRAM_BAD_NAME = 0xbad0bad,	/* that no task has */
	PROGRAM_CHOSEN = 0xfe00f01,	/* names that tasks choose: so many from here */
	PROGRAM_N_CHOSEN = 6,
};

struct program {
	uint32_t n_threads;
	uint32_t task_of[MODEL_THREADS];
	uint32_t n_operations;
	struct operation operations[PROGRAM_MAX];
};

/* Chance. generate adds an operation that the model's state invites; false: nobody is left. */
void generate_start(struct program *program, uint64_t seed);
bool generate(struct program *program, const struct model *model);

/* Leaves out one operation. What it would have handed on is then what it handed on, so that a
 * chain of names gets shorter. */
void program_bypass(struct program *program, uint32_t at);
/* One of the ways to make an operation simpler; -1: there are no more. */
int program_simplify(const struct operation *op, int how, struct operation *simpler);
/* False: it does something. */
bool program_drop_thread(struct program *program, uint32_t thread);

void program_print(const struct program *program, FILE *file);
/* 0, or the line that is not understood. */
int program_read(struct program *program, const char *path);
const char *program_operation(const struct operation *op, char *text, size_t size);
const char *program_name(port_name_t name, char *text);
const char *program_call(uint32_t call);
const char *program_code(int code);

#endif
