/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: the translator's control port, and the thread that listens on it.
 *
 * The thread answers a ping at once, whatever a callback is doing; all else it
 * leaves in a queue for the main thread, since callbacks run one at a time. */
#include "trans/control.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "trans/memory.h"
#include "trans/req.h"
#include "trans/standin.h"
#include "wire/messages.h"

struct letter {
	struct list link;
	struct port_message message;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list letters = { &letters, &letters };
static enum control_state state;
static pthread_t thread;
static port_name_t port;	/* PORT_NULL: closed */
static int wake_fd = -1;

static void
wake(void)
{
	uint64_t one = 1;

	if (write(wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_error("cannot wake the main thread: %s", strerror(errno));
}

static void
set_state(enum control_state now)
{
	pthread_mutex_lock(&lock);
	state = now;
	pthread_mutex_unlock(&lock);
	wake();
}

static void
queue(struct port_message *message)
{
	struct letter *letter = malloc(sizeof(*letter));

	if (!letter) {
		port_reply_send(message, -ENOMEM, "the translator is out of memory", NULL);
		port_message_deinit(message);
		return;
	}
	*letter = (struct letter){ .message = *message };
	pthread_mutex_lock(&lock);
	list_link_tail(&letters, &letter->link);
	pthread_mutex_unlock(&lock);
	wake();
}

static int
handle_ping(struct rpc_request *request, struct fsys_ping_in *in, struct fsys_ping_out *out)
{
	uint64_t turn = standin_turn();
	bool excused;

	(void)request;
	(void)in;
	out->oldest = req_oldest(&excused);
	if (turn && !excused && (!out->oldest || turn < out->oldest))
		out->oldest = turn;
	out->moved = memory_moved();
	return 0;
}

RPC_SERVER(fsys)

static const struct fsys_server server = { .fsys_ping = handle_ping };
static const struct port_table table = PORT_TABLE(fsys, &server, NULL);
static const struct port_service service = { .tables = &table, .n_tables = 1 };

/* Only portd, which has no task, can say that nobody is left. */
static void
take(struct port_message *message)
{
	if (message->id == ROUTINE_fsys_ping) {
		port_serve_one(&service, message);
	} else if (message->id == PORT_NOTIFY_NO_SENDERS && message->sender_task == 0) {
		set_state(CONTROL_UNWANTED);
		port_message_deinit(message);
	} else {
		queue(message);
	}
}

static void *
listen_on(void *unused)
{
	(void)unused;
	for (;;) {
		struct port_message message;
		int err = port_receive(port, &message, PORT_FOREVER);

		if (err == 0)
			take(&message);
		else if (err < 0) {
			set_state(CONTROL_CUT);
			return NULL;
		} else if (err != PORT_E_RCV_INTERRUPTED && err != PORT_E_RCV_TOO_LARGE)
			return NULL;	/* control_close took the port away */
	}
}

/* Makes the port and starts listening. wake_fd: an eventfd that brings the main
 * thread to control_take and control_state. 0, PORT_E_* or -errno. */
int
control_open(int fd)
{
	port_name_t previous, name;
	int err;

	wake_fd = fd;
	err = port_allocate(PORT_RIGHT_RECEIVE, &name);
	if (err != 0)
		return err;
	port = name;
	err = port_request_notification(port, PORT_NOTIFY_NO_SENDERS, 1, port,
	    PORT_MAKE_SEND_ONCE, &previous);
	if (err == 0)
		err = -pthread_create(&thread, NULL, listen_on, NULL);
	if (err != 0) {
		port_destroy(port);
		port = PORT_NULL;
	}
	return err;
}

/* Takes the port away and waits for the thread; what is still in the queue is
 * never answered, which its senders notice. Harmless when it is not open. */
void
control_close(void)
{
	struct port_message message;

	if (port == PORT_NULL)
		return;
	port_destroy(port);
	pthread_join(thread, NULL);
	port = PORT_NULL;
	while (control_take(&message))
		port_message_destroy(&message);
}

/* The receive right, PORT_NULL when it is not open. */
port_name_t
control_port(void)
{
	return port;
}

/* Whether anybody can still send. */
enum control_state
control_state(void)
{
	enum control_state now;

	pthread_mutex_lock(&lock);
	now = state;
	pthread_mutex_unlock(&lock);
	return now;
}

/* The next request for the main thread; the caller's from now on. false:
 * there is none. */
bool
control_take(struct port_message *message)
{
	struct letter *letter = NULL;

	pthread_mutex_lock(&lock);
	if (!list_is_empty(&letters)) {
		letter = LIST_ENTRY(letters.next, struct letter, link);
		list_unlink(&letter->link);
	}
	pthread_mutex_unlock(&lock);
	if (!letter)
		return false;
	*message = letter->message;
	free(letter);
	return true;
}
