/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world: what a test may ask tests/world on its second line, descriptor 4, a SOCK_SEQPACKET: one
 * record a question, one an answer. The line is no task's, so asking changes nothing
 * but what the question says. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <stdint.h>

enum {
	WORLD_LISTENER = 3,
	WORLD_LINE = 4,
};

enum world_question {
	WORLD_COUNT,		/* all there is */
	WORLD_VERIFY,		/* checks the books (or aborts), and counts */
	WORLD_CHECKED,		/* argument[0]: whether to check after each request */
	WORLD_WAITING,		/* of the task argument[0]: whether alive, how many threads wait */
	WORLD_GIVE,		/* from task, name, disposition, to task: code and name */
};

struct world_ask {
	uint32_t question;	/* enum world_question */
	uint32_t cookie;	/* repeated in the answer */
	uint32_t argument[4];
};

struct world_answer {
	uint32_t cookie;
	int32_t code;
	uint32_t tasks;
	uint32_t ports;
	uint32_t messages;
	uint32_t regions;	/* memory files that belong to a task */
	uint32_t accounts;
	uint32_t fds;		/* descriptors of the world's */
	uint32_t waiting;
	uint32_t alive;
	uint32_t name;
};

#endif
