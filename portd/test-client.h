/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-client: a task as plain as can be, for tests of the rights core: it
 * speaks frames over a socket, one call a function. */
#ifndef PORTD_TEST_CLIENT_H
#define PORTD_TEST_CLIENT_H

#include <stdbool.h>
#include <uv.h>

#include "wire/frame.h"
#include "wire/messages.h"

struct world;

struct client {
	int fd;
	uv_loop_t *loop;	/* to be run while waiting, or NULL: portd is another process */
	uint32_t cookie;
	uint32_t task;
	port_name_t bootstrap;
	struct frame reply;	/* of the last call */
};

#define AUTO_CLIENT __attribute__((cleanup(client_close)))

/* A message to be sent, and what to receive. */
struct letter {
	uint32_t options;
	port_name_t remote;
	uint32_t remote_disposition;
	port_name_t local;
	uint32_t local_disposition;
	uint32_t id;
	uint32_t send_timeout_ms;
	port_name_t rcv_name;
	uint32_t rcv_size;
	uint32_t rcv_timeout_ms;
	struct wire_blob body;
	const struct wire_port *ports;
	size_t n_ports;
	int fd;			/* 0: none; eaten */
};

/* What came back; ports and body live until the client's next call. */
struct mail {
	struct msg_out out;
	const struct wire_port *ports;
	size_t n_ports;
	int fd;			/* the caller's, or -1 */
};

/* In this process: accepted by a world whose loop is run by the calls. */
void client_open(struct client *client, struct world *world, uv_loop_t *loop);
/* On a connected socket; eats fd. The answer to hello, or -errno. */
int client_start(struct client *client, int fd);
void client_close(struct client *client);
void client_pump(const struct client *client);
/* Sends a frame; its body is eaten. */
void client_send(struct client *client, uint32_t call, struct wire_buf *body);
/* Waits for a reply: its code, or -EPIPE when the connection has ended. */
int client_receive(struct client *client);
bool client_has_reply(const struct client *client);

/* NAME: does the call; *out points into the client. */
#define CALL(name, number) \
	int client_##name(struct client *client, struct name##_in in, struct name##_out *out);
#define ROUTINE(name, id)
#include "wire/messages.def"
#undef CALL
#undef ROUTINE

void client_post(struct client *client, const struct letter *letter);
/* The reply to a letter that was posted. */
int client_fetch(struct client *client, struct mail *mail);
int client_exchange(struct client *client, const struct letter *letter, struct mail *mail);

#endif
