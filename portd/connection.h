/* SPDX-License-Identifier: GPL-2.0-or-later */
/* connection: the socket of one thread of a task. */
#ifndef PORTD_CONNECTION_H
#define PORTD_CONNECTION_H

#include <uv.h>

#include "base/list.h"
#include "portd/task.h"
#include "wire/frame.h"

struct message;

/* A reply that its thread has not taken yet. */
struct connection_out {
	struct list link;
	struct frame frame;
};

/* What a thread waits for. */
enum waiting {
	WAITING_NOT,
	WAITING_TO_SEND,	/* in a port's senders, with its message */
	WAITING_TO_GO_ON,	/* in the world's woken: the message is on its way */
	WAITING_TO_RECEIVE,	/* in a port's receivers */
};

/* What the call msg asked for. */
struct transfer {
	uint32_t cookie;
	uint32_t options;
	port_name_t rcv_name;
	uint32_t rcv_size;
	uint32_t rcv_timeout_ms;
};

struct connection {
	struct list link;		/* in the task */
	struct list broken;		/* in the world's broken */
	struct task *task;		/* NULL: closed, waiting for the loop to let go */
	int fd;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned n_handles;
	bool in_use;			/* a thread has called by it, for more than another one */
	struct list out;		/* replies that did not go out yet */
	unsigned n_out;

	enum waiting waiting;
	struct list wait;		/* where, see above */
	struct message *message;	/* waiting to be sent */
	struct transfer transfer;
};

/* A connection of a task, on a connected socket. Eats fd. */
int connection_new(struct task *task, int fd);
/* The same without asking whether the task may have one more. NULL: it cannot be. */
struct connection *connection_adopt(struct task *task, int fd);
/* A reply is kept from before. Eats the frame's body; false: no memory. */
bool connection_keep(struct connection *connection, struct frame *frame);
/* A socket pair whose one end is a new connection of a task; the other in *fdp. */
int connection_pair(struct task *task, int *fdp);
void connection_close(struct connection *connection);
/* Closes it as soon as nobody is in the middle of something. */
void connection_fail(struct connection *connection, const char *why);
/* Ends it as its thread does: with the last one the task's rights go, see task_disconnected. */
void connection_hang_up(struct connection *connection);
/* Sends a reply, or keeps it until the thread reads. Eats the frame's body. */
void connection_reply(struct connection *connection, struct frame *frame);
void connection_set_timer(struct connection *connection, uint32_t ms);
void connection_stop_timer(struct connection *connection);

#endif
