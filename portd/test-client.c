/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-client: frames by hand. */
#include "portd/test-client.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "portd/world.h"

/* Lets the world do what it has to, when it is in this process. */
void
client_pump(const struct client *client)
{
	if (client->loop)
		uv_run(client->loop, UV_RUN_NOWAIT);
}

bool
client_has_reply(const struct client *client)
{
	struct pollfd poller = { .fd = client->fd, .events = POLLIN };

	client_pump(client);
	return poll(&poller, 1, 0) == 1;
}

void
client_send(struct client *client, uint32_t call, struct wire_buf *body)
{
	struct frame frame = { .call = call, .cookie = ++client->cookie };
	int err;

	if (body) {
		frame.body = *body;
		*body = (struct wire_buf){ 0 };
	}
	err = frame_send(client->fd, &frame, 0);
	assert(err == 0 || err == -EPIPE);
	wire_buf_deinit(&frame.body);
}

int
client_receive(struct client *client)
{
	int err;

	wire_buf_deinit(&client->reply.body);
	/* Not UV_RUN_ONCE: the reply may come of work before its poll, which then would
	 * wait for ever. */
	while (client->loop && !client_has_reply(client))
		uv_run(client->loop, UV_RUN_NOWAIT);
	err = frame_receive(client->fd, &client->reply, 0);
	if (err < 0)
		return err;
	assert(client->reply.cookie == client->cookie);
	return client->reply.code;
}

#define CALL(name, number) \
	int \
	client_##name(struct client *client, struct name##_in in, struct name##_out *out) \
	{ \
		struct wire_buf body = { 0 }; \
		struct name##_out got; \
		int code; \
		name##_in_put(&body, &in); \
		client_send(client, CALL_##name, &body); \
		code = client_receive(client); \
		if (code != 0) \
			return code; \
		assert(client->reply.call == CALL_##name); \
		code = name##_out_get(&client->reply.body, &got); \
		assert(code == 0); \
		if (out) \
			*out = got; \
		return code; \
	}
#define ROUTINE(name, id)
#include "wire/messages.def"
#undef CALL
#undef ROUTINE

int
client_start(struct client *client, int fd)
{
	struct hello_out out;
	int code;

	client->fd = fd;
	code = client_hello(client, (struct hello_in){ .version = WIRE_VERSION, .program = "test" }, &out);
	if (code == 0) {
		client->task = out.task;
		client->bootstrap = out.bootstrap;
	}
	return code;
}

void
client_open(struct client *client, struct world *world, uv_loop_t *loop)
{
	int fds[2], err = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds);

	assert(err == 0);
	*client = (struct client){ .loop = loop };
	err = world_accept(world, fds[0]);
	assert(err == 0);
	err = client_start(client, fds[1]);
	assert(err == 0);
}

void
client_close(struct client *client)
{
	wire_buf_deinit(&client->reply.body);
	fd_close(&client->fd);
	client_pump(client);
	client_pump(client);
}

void
client_post(struct client *client, const struct letter *letter)
{
	struct wire_buf body = { 0 };
	struct wire_port *ports = NULL;
	struct msg_in in = {
		.options = letter->options,
		.bits = letter->remote_disposition | letter->local_disposition << 8,
		.remote = letter->remote,
		.local = letter->local,
		.id = letter->id,
		.send_timeout_ms = letter->send_timeout_ms,
		.rcv_name = letter->rcv_name,
		.rcv_size = letter->rcv_size,
		.rcv_timeout_ms = letter->rcv_timeout_ms,
		.body = letter->body,
	};

	msg_in_put(&body, &in);
	if (letter->n_ports) {
		ports = calloc(letter->n_ports, sizeof(*ports));
		assert(ports);
		memcpy(ports, letter->ports, letter->n_ports * sizeof(*ports));
	}
	body.ports = ports;
	body.n_ports = body.ports_room = letter->n_ports;
	if (letter->fd > 0)
		body.fds = (struct wire_fds){ .n = 1, .fd = { letter->fd } };
	client_send(client, CALL_msg, &body);
}

int
client_fetch(struct client *client, struct mail *mail)
{
	int code = client_receive(client), err;
	struct wire_buf *body = &client->reply.body;

	if (!mail)
		return code;
	*mail = (struct mail){ .fd = -1, .ports = body->ports, .n_ports = body->n_ports };
	if (code < 0 || body->size == 0)
		return code;
	if (body->fds.n)
		mail->fd = fd_steal(&body->fds.fd[0]);
	body->fds.n = 0;
	err = msg_out_get(body, &mail->out);
	assert(err == 0);
	return code;
}

int
client_exchange(struct client *client, const struct letter *letter, struct mail *mail)
{
	client_post(client, letter);
	return client_fetch(client, mail);
}
