/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state: what is put, in this order: accounts; ports as such; tasks with their connections
 * and names; messages; what refers to these (queues, holders, who waits, registrations,
 * sets); traces that end. Reading goes the same way, so that whatever is referred to is
 * there already. */
#include "portd/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "portd/account.h"
#include "portd/connection.h"
#include "portd/memory.h"
#include "portd/message.h"
#include "portd/notify.h"
#include "portd/set.h"
#include "portd/task.h"
#include "portd/trace.h"
#include "wire/messages.h"

enum {
	OF_DEAD_PORT = 8,	/* beside the kind of a right */
	OUTS_MAX = 64,		/* replies that one connection can have kept */
};

enum port_flags {
	HAS_PAYLOAD = 1,
	GUARDED = 2,
	STRICT = 4,
	REPLY_ONLY = 8,
	KERNEL = 16,
	PORT_FLAGS = 31,
};

static const struct right no_right = { RIGHT_NULL, NULL };

/* Putting ------------------------------------------------------------------------- */

/* A right outside of tables. */
void
state_put_right(struct tape *tape, struct right right)
{
	tape_put_u32(tape, right.kind | (right.port && right.port->dead ? OF_DEAD_PORT : 0u));
	if (right.port)
		tape_put_u64(tape, right.port->number);
}

static void
put_port(struct tape *tape, const struct port *port)
{
	tape_put_u64(tape, port ? port->number : 0);
}

/* What is put: the tape, and how things without a number of their own are called. */
struct putting {
	struct tape *tape;
	struct world *world;
	struct map accounts;		/* account -> number */
	struct map connections;		/* connection -> number */
	bool lost;			/* something was not numbered */
};

static uint32_t
number_of(struct putting *putting, const struct map *map, const void *thing)
{
	void *number = thing ? map_get(map, (uintptr_t)thing) : NULL;

	putting->lost |= thing && !number;
	return (uint32_t)(uintptr_t)number;
}

static void
set_number(struct putting *putting, struct map *map, const void *thing, uint32_t number)
{
	if (map_put(map, (uintptr_t)thing, (void *)(uintptr_t)number) < 0)
		putting->tape->error = -ENOMEM;
}

static void
put_accounts(struct putting *putting)
{
	uint32_t n = 0;

	tape_put_u32(putting->tape, list_length(&putting->world->accounts));
	LIST_FOR_EACH(link, next, &putting->world->accounts) {
		const struct account *account = LIST_ENTRY(link, struct account, link);

		set_number(putting, &putting->accounts, account, ++n);
		tape_put_u32(putting->tape, account->user->uid);
		tape_put_u32(putting->tape, account->closed);
	}
}

static void
put_account(struct putting *putting, const struct account *account)
{
	tape_put_u32(putting->tape, number_of(putting, &putting->accounts, account));
}

static void
put_port_itself(struct putting *putting, const struct port *port)
{
	struct tape *tape = putting->tape;

	tape_put_u64(tape, port->number);
	tape_put_u32(tape, (port->has_payload ? HAS_PAYLOAD : 0u) | (port->guarded ? GUARDED : 0u) |
	    (port->strict ? STRICT : 0u) | (port->reply_only ? REPLY_ONLY : 0u) |
	    (port->deliver ? KERNEL : 0u));
	put_account(putting, port->account);
	tape_put_u32(tape, port->mscount);
	tape_put_u32(tape, port->seqno);
	tape_put_u32(tape, port->qlimit);
	tape_put_u64(tape, port->payload);
	tape_put_u64(tape, port->guard);
}

static void
put_ports(struct putting *putting)
{
	tape_put_u32(putting->tape, list_length(&putting->world->ports));
	LIST_FOR_EACH(link, next, &putting->world->ports)
		put_port_itself(putting, LIST_ENTRY(link, struct port, link));
}

/* What is beside the bytes of a body; descriptors are lent to the tape. */
static void
put_body(struct tape *tape, const struct wire_buf *body)
{
	const struct wire_region *region = body->region;

	tape_put_blob(tape, body->data, body->size);
	tape_put_u32(tape, (uint32_t)body->n_ports);
	for (size_t k = 0; k < body->n_ports; k++) {
		tape_put_u32(tape, body->ports[k].name);
		tape_put_u32(tape, body->ports[k].disposition);
	}
	tape_put_u32(tape, body->fds.n);
	for (uint32_t i = 0; i < body->fds.n; i++)
		tape_put_fd(tape, body->fds.fd[i]);
	tape_put_u32(tape, (uint32_t)body->n_memory);
	for (size_t m = 0; m < body->n_memory; m++) {
		const struct wire_memory *memory = &body->memory[m];

		tape_put_u32(tape, memory->data != NULL);
		if (memory->data)
			tape_put_blob(tape, memory->data, memory->size);
		else
			tape_put_u32(tape, (uint32_t)memory->size);
	}
	tape_put_u32(tape, region != NULL);
	if (region) {
		tape_put_fd(tape, region->file);
		tape_put_fd(tape, region->release);
		tape_put_u32(tape, region->offset);
		tape_put_u32(tape, region->size);
	}
}

static void
put_connection(struct putting *putting, const struct connection *connection)
{
	const struct transfer *transfer = &connection->transfer;
	struct tape *tape = putting->tape;
	bool timed = uv_is_active((const uv_handle_t *)&connection->timer);

	tape_put_fd(tape, connection->fd);
	tape_put_u32(tape, connection->in_use);
	tape_put_u32(tape, connection->waiting);
	tape_put_u64(tape, connection->message ? connection->message->number : 0);
	tape_put_u32(tape, transfer->cookie);
	tape_put_u32(tape, transfer->options);
	tape_put_u32(tape, transfer->rcv_name);
	tape_put_u32(tape, transfer->rcv_size);
	tape_put_u32(tape, transfer->rcv_timeout_ms);
	tape_put_u32(tape, timed);
	tape_put_u32(tape, timed ? (uint32_t)uv_timer_get_due_in(&connection->timer) : 0);
	tape_put_u32(tape, connection->n_out);
	LIST_FOR_EACH(link, next, &connection->out) {
		const struct frame *frame = &LIST_ENTRY(link, struct connection_out, link)->frame;

		tape_put_u32(tape, frame->call);
		tape_put_u32(tape, frame->cookie);
		tape_put_u32(tape, (uint32_t)frame->code);
		put_body(tape, &frame->body);
	}
}

static void
put_entry(struct tape *tape, const struct entry *entry)
{
	tape_put_u32(tape, entry->name);
	tape_put_u32(tape, entry->type);
	tape_put_u32(tape, entry->urefs);
	tape_put_u32(tape, entry->index);
	put_port(tape, entry->port);
}

static void
put_space(struct tape *tape, const struct space *space)
{
	tape_put_u32(tape, space->slots_used);
	for (uint32_t i = 1; i <= space->slots_used; i++) {
		tape_put_u32(tape, space->slots[i].generation);
		tape_put_u32(tape, space->slots[i].entry ? 0 : space->slots[i].next_free);
	}
	tape_put_u32(tape, space->first_free);
	tape_put_u32(tape, space->n_entries);
	LIST_FOR_EACH(link, next, &space->entries)
		put_entry(tape, LIST_ENTRY(link, struct entry, link));
}

static void
put_file(dev_t dev, ino_t ino, void *arg)
{
	tape_put_u64(arg, dev);
	tape_put_u64(arg, ino);
}

static void
put_task(struct putting *putting, struct task *task)
{
	struct tape *tape = putting->tape;

	tape_put_u32(tape, task->id);
	tape_put_u32(tape, (uint32_t)task->pid);
	tape_put_str(tape, task->program);
	tape_put_str(tape, task->node);
	tape_put_u32(tape, task->by_itself);
	tape_put_u32(tape, task->spawned);
	tape_put_u32(tape, task->greeted);
	put_account(putting, task->account);
	tape_put_u32(tape, task->bootstrap);
	put_port(tape, task->port);
	tape_put_fd(tape, task_watch_fd(task));
	tape_put_u32(tape, task->n_memory_files);
	memory_each_file(task, put_file, tape);
	put_space(tape, &task->space);
	tape_put_u32(tape, task->n_connections);
	LIST_FOR_EACH(link, next, &task->connections)
		put_connection(putting, LIST_ENTRY(link, struct connection, link));
}

static void
put_tasks(struct putting *putting)
{
	uint32_t n = 0;

	tape_put_u32(putting->tape, list_length(&putting->world->tasks));
	LIST_FOR_EACH(link, next, &putting->world->tasks) {
		struct task *task = LIST_ENTRY(link, struct task, link);

		put_task(putting, task);
		LIST_FOR_EACH(in, after, &task->connections)
			set_number(putting, &putting->connections,
			    LIST_ENTRY(in, struct connection, link), ++n);
	}
}

static void
put_message(struct putting *putting, const struct message *message)
{
	struct tape *tape = putting->tape;

	tape_put_u64(tape, message->number);
	tape_put_u32(tape, message->id);
	put_body(tape, &message->body);
	tape_put_u32(tape, (uint32_t)message->n_rights);
	for (size_t i = 0; i < message->n_rights; i++)
		state_put_right(tape, message->rights[i]);
	state_put_right(tape, message->dest);
	state_put_right(tape, message->reply);
	tape_put_u32(tape, message->reply_disposition);
	tape_put_u32(tape, (uint32_t)message->pid);
	tape_put_u32(tape, message->uid);
	tape_put_u32(tape, message->gid);
	tape_put_u32(tape, message->task);
	put_account(putting, message->account);
}

static void
put_messages(struct putting *putting)
{
	tape_put_u32(putting->tape, list_length(&putting->world->messages));
	LIST_FOR_EACH(link, next, &putting->world->messages)
		put_message(putting, LIST_ENTRY(link, struct message, world));
}

static void
put_waiting(struct putting *putting, const struct list *list)
{
	tape_put_u32(putting->tape, list_length(list));
	LIST_FOR_EACH(link, next, list)
		tape_put_u32(putting->tape, number_of(putting, &putting->connections,
		    LIST_ENTRY(link, struct connection, wait)));
}

static void
put_contents(struct putting *putting, const struct port *port)
{
	struct tape *tape = putting->tape;

	state_put_right(tape, port->no_senders);
	state_put_right(tape, port->port_destroyed);
	tape_put_u32(tape, port->msgcount);
	LIST_FOR_EACH(link, next, &port->queue)
		tape_put_u64(tape, LIST_ENTRY(link, struct message, link)->number);
	tape_put_u32(tape, list_length(&port->holders));
	LIST_FOR_EACH(link, next, &port->holders) {
		const struct entry *entry = LIST_ENTRY(link, struct entry, holder);

		tape_put_u32(tape, entry->space->task->id);
		tape_put_u32(tape, entry->name);
	}
	put_waiting(putting, &port->senders);
	put_waiting(putting, &port->receivers);
	tape_put_u32(tape, port->srights);
	tape_put_u32(tape, port->sorights);
	tape_put_u32(tape, port->lent_sends);
	tape_put_u32(tape, port->lent_onces);
}

static void
put_set(struct putting *putting, const struct set *set)
{
	struct tape *tape = putting->tape;

	tape_put_u32(tape, set->n_members);
	LIST_FOR_EACH(link, next, &set->members)
		put_port(tape, LIST_ENTRY(link, struct port, member));
	tape_put_u32(tape, list_length(&set->filled));
	LIST_FOR_EACH(link, next, &set->filled)
		put_port(tape, LIST_ENTRY(link, struct port, filled));
	put_waiting(putting, &set->receivers);
}

/* Of each entry: who asked about it; the set that it is. */
static void
put_requests(struct putting *putting)
{
	LIST_FOR_EACH(link, next, &putting->world->tasks) {
		const struct space *space = &LIST_ENTRY(link, struct task, link)->space;

		LIST_FOR_EACH(in, after, &space->entries) {
			const struct entry *entry = LIST_ENTRY(in, struct entry, link);

			state_put_right(putting->tape, entry->dead_name);
			state_put_right(putting->tape, entry->send_possible);
			tape_put_u32(putting->tape, entry->send_possible_armed);
			if (entry->set)
				put_set(putting, entry->set);
		}
	}
}

static void
count_reader(const struct right *reader, void *arg)
{
	(void)reader;
	++*(uint32_t *)arg;
}

static void
put_reader(const struct right *reader, void *arg)
{
	state_put_right(arg, *reader);
}

/* Who waits for a trace hears that it has ended. */
static void
put_traces(struct putting *putting)
{
	uint32_t n = 0;

	trace_each_reader(putting->world, count_reader, &n);
	tape_put_u32(putting->tape, n);
	trace_each_reader(putting->world, put_reader, putting->tape);
}

static bool
is_at_rest(const struct world *world)
{
	if (world->busy || !list_is_empty(&world->dying) || !list_is_empty(&world->broken) ||
	    !list_is_empty(&world->woken) || !list_is_empty(&world->ready))
		return false;
	LIST_FOR_EACH(link, next, &world->messages) {
		const struct message *message = LIST_ENTRY(link, struct message, world);

		if (!list_is_linked(&message->link) && message->dest.kind != RIGHT_SEND)
			return false;	/* with the keeper */
	}
	return true;
}

/* Everything that tasks know of. */
int
state_put(struct tape *tape, struct world *world, struct text *why)
{
	struct putting putting = { .tape = tape, .world = world };

	core_enter(world);
	core_leave(world);
	if (!is_at_rest(world)) {
		text_puts(why, "messages are being handled");
		return -EBUSY;
	}
	tape_put_u32(tape, world->uid);
	tape_put_u32(tape, world->last_task);
	tape_put_u64(tape, world->last_number);
	put_accounts(&putting);
	put_ports(&putting);
	put_tasks(&putting);
	put_messages(&putting);
	LIST_FOR_EACH(link, next, &world->ports)
		put_contents(&putting, LIST_ENTRY(link, struct port, link));
	put_requests(&putting);
	put_traces(&putting);
	state_put_right(tape, world->bootstrap);
	map_deinit(&putting.accounts);
	map_deinit(&putting.connections);
	if (putting.lost && !tape->error)
		tape->error = -EBADMSG;
	return 0;
}

/* Getting ------------------------------------------------------------------------- */

/* Frees what served to find things. */
void
state_deinit(struct state *state)
{
	map_deinit(&state->ports);
	map_deinit(&state->dead);
	map_deinit(&state->messages);
	map_deinit(&state->tasks);
	free(state->accounts);
	free(state->connections);
	free(state->sums);
	*state = (struct state){ 0 };
}

static bool
spoil(struct state *state)
{
	return tape_spoil(state->tape);
}

static bool
is_good(const struct state *state)
{
	return !state->tape->error;
}

static bool
out_of_memory(struct state *state)
{
	if (is_good(state))
		state->tape->error = -ENOMEM;
	return false;
}

/* Remembers a thing by its number, which is there once. */
static bool
know(struct state *state, struct map *map, uint64_t number, void *thing)
{
	int err = number ? map_put(map, number, thing) : -EEXIST;

	if (err == -ENOMEM)
		return out_of_memory(state);
	return err == 0 || spoil(state);
}

static struct port *
get_port(struct state *state)
{
	uint64_t number = tape_get_u64(state->tape);
	struct port *port = number ? map_get(&state->ports, number) : NULL;

	if (number && !port)
		spoil(state);
	return port;
}

/* The husk of a port: it goes with its last right. */
static struct port *
get_dead_port(struct state *state, uint32_t kind)
{
	uint64_t number = tape_get_u64(state->tape);
	struct port *port = map_get(&state->dead, number);
	bool can_be = is_good(state) && kind != RIGHT_RECEIVE && !map_get(&state->ports, number);

	if (port && can_be)
		return port;
	port = can_be ? port_new(state->world) : NULL;
	if (!port || !know(state, &state->dead, number, port)) {
		if (port)
			port_destroy(port);
		spoil(state);
		return NULL;
	}
	list_unlink(&port->link);
	port->number = number;
	port->dead = true;
	return port;
}

/* The receive right of a port is found in one place. */
static bool
take_home(struct state *state, struct port *port)
{
	if (port->dead || port->audit.homes > 0)
		return spoil(state);
	port->audit.homes = 1;
	return true;
}

/* A right, counted. */
static struct right
get_right(struct state *state)
{
	uint32_t word = tape_get_u32(state->tape), kind = word & ~(uint32_t)OF_DEAD_PORT;
	struct right right = { (enum right_kind)kind, NULL };

	if (word == RIGHT_NULL || word == RIGHT_DEAD)
		return right;
	if (kind >= RIGHT_SEND && kind <= RIGHT_RECEIVE)
		right.port = word == kind ? get_port(state) : get_dead_port(state, kind);
	if (!right.port) {
		spoil(state);
		return no_right;
	}
	if (kind == RIGHT_RECEIVE)
		return take_home(state, right.port) ? right : no_right;
	if (kind == RIGHT_SEND)
		right.port->srights++;
	else
		right.port->sorights++;
	return right;
}

/* Whom to tell: a send-once right or nothing. */
static struct right
get_notify(struct state *state)
{
	struct right right = get_right(state);

	if (right.kind == RIGHT_NULL || right.kind == RIGHT_SEND_ONCE)
		return right;
	spoil(state);
	if (right.kind != RIGHT_RECEIVE)
		right_drop(right);
	return no_right;
}

static void
get_accounts(struct state *state)
{
	struct tape *tape = state->tape;
	uint32_t n = tape_get_count(tape, 8);

	state->accounts = calloc(n + 1, sizeof(*state->accounts));
	if (!state->accounts) {
		out_of_memory(state);
		return;
	}
	for (uint32_t i = 0; i < n && is_good(state); i++) {
		uid_t uid = tape_get_u32(tape);
		bool closed = tape_get_bool(tape);
		struct account *account = account_new(state->world, uid);

		if (!account) {
			out_of_memory(state);
			return;
		}
		account->closed = closed;
		state->accounts[state->n_accounts++] = account;
	}
}

static struct account *
get_account(struct state *state)
{
	uint32_t number = tape_get_max(state->tape, state->n_accounts);

	return number ? state->accounts[number - 1] : NULL;
}

/* Answers for a port until its owner claims it. */
static void
nobody(struct port *port, struct message *message, void *arg)
{
	(void)port;
	(void)arg;
	message_free(message);
}

static bool
get_port_itself(struct state *state)
{
	struct tape *tape = state->tape;
	uint64_t number = tape_get_u64(tape);
	uint32_t flags = tape_get_max(tape, PORT_FLAGS);
	struct account *account = get_account(state);
	struct port *port = is_good(state) ? port_new(state->world) : NULL;

	if (!port)
		return out_of_memory(state);
	port->number = number;
	port->has_payload = flags & HAS_PAYLOAD;
	port->guarded = flags & GUARDED;
	port->strict = flags & STRICT;
	port->reply_only = flags & REPLY_ONLY;
	if (flags & KERNEL) {
		port->deliver = nobody;
		port->audit.homes = 1;
	}
	port->account = account;
	account_add(account, ACCOUNT_PORTS, 1);
	port->mscount = tape_get_u32(tape);
	port->seqno = tape_get_u32(tape);
	port->qlimit = tape_get_max(tape, PORT_QLIMIT_MAX);
	port->payload = tape_get_u64(tape);
	port->guard = tape_get_u64(tape);
	return know(state, &state->ports, number, port);
}

static void
get_ports(struct state *state)
{
	uint32_t n = tape_get_count(state->tape, 44);

	state->sums = calloc(n + 1, sizeof(*state->sums));
	if (!state->sums)
		out_of_memory(state);
	for (uint32_t i = 0; i < n && is_good(state); i++)
		if (get_port_itself(state))
			state->sums[state->n_ports++].port =
			    LIST_ENTRY(state->world->ports.prev, struct port, link);
}

/* Bodies -------------------------------------------------------------------------- */

static bool
get_elements(struct state *state, struct wire_buf *body)
{
	uint32_t n = tape_get_count(state->tape, 8);

	if (n > WIRE_ITEMS_MAX)
		return spoil(state);
	body->ports = n ? calloc(n, sizeof(*body->ports)) : NULL;
	if (n && !body->ports)
		return out_of_memory(state);
	body->n_ports = body->ports_room = n;
	for (uint32_t k = 0; k < n; k++) {
		body->ports[k].name = tape_get_u32(state->tape);
		body->ports[k].disposition = tape_get_u32(state->tape);
		if ((body->ports[k].disposition & (uint32_t)WIRE_ITEM_MASK) == WIRE_ITEM_PORTS &&
		    body->ports[k].name > n - k - 1)
			return spoil(state);
	}
	return is_good(state);
}

static bool
get_fds(struct state *state, struct wire_buf *body)
{
	uint32_t n = tape_get_max(state->tape, PORT_MSG_FDS_MAX);

	for (uint32_t i = 0; i < n && is_good(state); i++)
		body->fds.fd[body->fds.n++] = tape_get_some_fd(state->tape);
	return is_good(state);
}

/* One after another in one block, as they came. */
static bool
get_memory(struct state *state, struct wire_buf *body)
{
	struct tape *tape = state->tape;
	uint32_t n = tape_get_max(tape, WIRE_MEMORY_MAX);
	size_t begin = tape->at, total = 0;

	body->memory = n ? calloc(n, sizeof(*body->memory)) : NULL;
	if (n && !body->memory)
		return out_of_memory(state);
	body->n_memory = n;
	for (uint32_t m = 0; m < n; m++) {
		bool here = tape_get_bool(tape);

		body->memory[m].size = here ? tape_get_blob(tape).size : tape_get_u32(tape);
		total += here ? body->memory[m].size : 0;
	}
	if (!is_good(state) || n == 0)
		return is_good(state);
	body->store = malloc(total + 1);
	if (!body->store)
		return out_of_memory(state);
	tape->at = begin;
	total = 0;
	for (uint32_t m = 0; m < n; m++) {
		struct wire_blob bytes;

		if (!tape_get_bool(tape)) {
			tape_get_u32(tape);
			continue;
		}
		bytes = tape_get_blob(tape);
		memcpy(body->store + total, bytes.data, bytes.size);
		body->memory[m].data = body->store + total;
		total += bytes.size;
	}
	return true;
}

static bool
get_region(struct state *state, struct wire_buf *body)
{
	struct tape *tape = state->tape;
	struct wire_region *region;

	if (!tape_get_bool(tape))
		return is_good(state);
	region = calloc(1, sizeof(*region));
	if (!region)
		return out_of_memory(state);
	body->region = region;
	region->file = region->release = -1;
	region->file = tape_get_some_fd(tape);
	region->release = tape_get_some_fd(tape);
	region->offset = tape_get_u32(tape);
	region->size = tape_get_u32(tape);
	return is_good(state);
}

/* The elements that are memory, one after another, are the memory that there is. */
static bool
memory_fits(const struct wire_buf *body)
{
	size_t m = 0;

	for (size_t k = 0; k < body->n_ports; k++) {
		const struct wire_port *item = &body->ports[k];
		uint32_t kind = item->disposition & (uint32_t)WIRE_ITEM_MASK;

		if (kind == WIRE_ITEM_REGION && !body->region)
			return false;
		if (kind != WIRE_ITEM_REGION && kind != WIRE_ITEM_MEMORY)
			continue;
		if (m == body->n_memory || (kind == WIRE_ITEM_REGION && body->memory[m].data))
			return false;
		if (kind == WIRE_ITEM_MEMORY && item->name != (body->memory[m].data ?
		    body->memory[m].size : 0))
			return false;
		m++;
	}
	return m == body->n_memory;
}

static bool
get_body(struct state *state, struct wire_buf *body)
{
	struct wire_blob bytes = tape_get_blob(state->tape);

	if (!is_good(state) || wire_buf_load(body, bytes.data, bytes.size) < 0)
		return spoil(state);
	if (!get_elements(state, body) || !get_fds(state, body) || !get_memory(state, body) ||
	    !get_region(state, body))
		return false;
	return memory_fits(body) || spoil(state);
}

/* Tasks --------------------------------------------------------------------------- */

static bool
get_outs(struct state *state, struct connection *connection)
{
	uint32_t n = tape_get_max(state->tape, OUTS_MAX);

	for (uint32_t i = 0; i < n && is_good(state); i++) {
		struct frame frame = {
			.call = tape_get_u32(state->tape),
			.cookie = tape_get_u32(state->tape),
			.code = (int32_t)tape_get_u32(state->tape),
		};

		if (!get_body(state, &frame.body)) {
			wire_buf_deinit(&frame.body);
			return false;
		}
		if (!connection_keep(connection, &frame))	/* eats the body */
			return out_of_memory(state);
	}
	return is_good(state);
}

static bool
know_connection(struct state *state, const struct state_wait *wait)
{
	uint32_t n = state->n_connections, room = n ? 2 * n : 16;
	struct state_wait *more = state->connections;

	if ((n & (n - 1)) == 0 && (n == 0 || n >= 16))
		more = realloc(more, room * sizeof(*more));
	if (!more)
		return out_of_memory(state);
	state->connections = more;
	more[state->n_connections++] = *wait;
	return true;
}

/* Where and for which message it waits is said later. */
static bool
get_connection(struct state *state, struct task *task)
{
	struct tape *tape = state->tape;
	int fd = tape_get_some_fd(tape);
	struct connection *connection = fd < 0 ? NULL : connection_adopt(task, fd);	/* eats fd */
	struct state_wait wait = { .connection = connection };
	struct transfer *transfer;
	uint32_t due;
	bool timed;

	if (!connection)
		return spoil(state);
	transfer = &connection->transfer;
	connection->in_use = tape_get_bool(tape);
	wait.waiting = tape_get_max(tape, WAITING_TO_RECEIVE);
	wait.message = tape_get_u64(tape);
	transfer->cookie = tape_get_u32(tape);
	transfer->options = tape_get_u32(tape);
	transfer->rcv_name = tape_get_u32(tape);
	transfer->rcv_size = tape_get_u32(tape);
	transfer->rcv_timeout_ms = tape_get_u32(tape);
	timed = tape_get_bool(tape);
	due = tape_get_u32(tape);
	if (timed && is_good(state))
		connection_set_timer(connection, due);
	return get_outs(state, connection) && know_connection(state, &wait);
}

static bool
type_is_sane(const struct entry *like)
{
	switch (like->type) {
	case TYPE_SEND:
	case TYPE_SEND | TYPE_RECEIVE:
		return like->port && like->urefs >= 1 && like->urefs <= PORT_UREFS_SEND_MAX;
	case TYPE_RECEIVE:
		return like->port && like->urefs == 0;
	case TYPE_SEND_ONCE:
		return like->port && like->urefs == 1;
	case TYPE_PORT_SET:
		return !like->port && like->urefs == 0;
	case TYPE_DEAD_NAME:
		return !like->port && like->urefs >= 1 && like->urefs <= PORT_UREFS_DEAD_MAX;
	default:
		return false;
	}
}

static bool
count_entry(struct state *state, struct entry *entry)
{
	if (entry->type & TYPE_SEND)
		entry->port->srights++;
	if (entry->type & TYPE_SEND_ONCE)
		entry->port->sorights++;
	if (entry->type & TYPE_RECEIVE)
		entry->port->holder = entry;
	if (entry->type & TYPE_PORT_SET) {
		entry->set = set_new();
		if (!entry->set)
			return out_of_memory(state);
		entry->set->holder = entry;
	}
	return true;
}

static bool
get_entry(struct state *state, struct space *space)
{
	struct tape *tape = state->tape;
	struct entry like = {
		.name = tape_get_u32(tape),
		.type = tape_get_u32(tape),
		.urefs = tape_get_u32(tape),
		.index = tape_get_u32(tape),
	};
	struct entry *entry;

	like.port = get_port(state);
	if (!is_good(state) || !type_is_sane(&like))
		return spoil(state);
	if (like.type & (TYPE_SEND | TYPE_RECEIVE) && space_find(space, like.port))
		return spoil(state);
	if (like.type & TYPE_RECEIVE && !take_home(state, like.port))
		return false;
	if (space_restore(space, &like, &entry) != 0)
		return spoil(state);
	return count_entry(state, entry);
}

static bool
get_space(struct state *state, struct space *space)
{
	struct tape *tape = state->tape;
	uint32_t n = tape_get_count(tape, 8);

	if (!space_restore_slots(space, n))
		return spoil(state);
	for (uint32_t i = 1; i <= n; i++) {
		space->slots[i].generation = (uint8_t)tape_get_max(tape, 255);
		space->slots[i].next_free = tape_get_max(tape, n);
	}
	space->first_free = tape_get_max(tape, n);
	n = tape_get_count(tape, 24);
	for (uint32_t i = 0; i < n && is_good(state); i++)
		get_entry(state, space);
	if (is_good(state) && !space_slots_are_sane(space))
		spoil(state);
	return is_good(state);
}

static bool
get_files(struct state *state, struct task *task)
{
	uint32_t n = tape_get_count(state->tape, 16);

	for (uint32_t i = 0; i < n && is_good(state); i++) {
		dev_t dev = tape_get_u64(state->tape);
		ino_t ino = tape_get_u64(state->tape);

		if (is_good(state) && !memory_restore(task, dev, ino))
			spoil(state);
	}
	return is_good(state);
}

static bool
get_string(struct state *state, char *to, size_t room)
{
	const char *string = tape_get_str(state->tape);

	if (strlen(string) >= room)
		return spoil(state);
	memcpy(to, string, strlen(string) + 1);
	return true;
}

static bool
has_task(const struct world *world, const struct account *account)
{
	LIST_FOR_EACH(link, next, &world->tasks)
		if (LIST_ENTRY(link, struct task, link)->account == account)
			return true;
	return false;
}

/* Its account is there already. */
static bool
take_account(struct state *state, struct task *task)
{
	struct account *account = get_account(state);

	if (!account || account->closed)
		return spoil(state);
	if (has_task(state->world, account))
		return spoil(state);
	account_close(task->account);
	task->account = account;
	return true;
}

static bool
get_watch(struct state *state, struct task *task, pid_t pid)
{
	int pidfd = tape_get_fd(state->tape);

	if ((pidfd < 0) != (pid == 0)) {
		fd_close(&pidfd);
		return spoil(state);
	}
	if (pidfd < 0)
		return is_good(state);
	return task_bind_fd(task, pid, pidfd) == 0 || spoil(state);	/* eats pidfd */
}

static bool
get_task_itself(struct state *state, struct task *task)
{
	struct tape *tape = state->tape;
	pid_t pid;

	task->id = tape_get_u32(tape);
	pid = (pid_t)tape_get_max(tape, INT32_MAX);
	if (!know(state, &state->tasks, task->id, task) ||
	    !get_string(state, task->program, sizeof(task->program)) ||
	    !get_string(state, task->node, sizeof(task->node)))
		return false;
	task->by_itself = tape_get_bool(tape);
	task->spawned = tape_get_bool(tape);
	task->greeted = tape_get_bool(tape);
	if (task->by_itself && !task->greeted)
		state->world->n_strangers++;
	if (!take_account(state, task))
		return false;
	task->bootstrap = tape_get_u32(tape);
	task_claim_port(task, state_get_kernel(state, nobody, NULL));
	return get_watch(state, task, pid) && get_files(state, task) &&
	    get_space(state, &task->space);
}

static void
get_tasks(struct state *state)
{
	uint32_t n = tape_get_count(state->tape, 64);

	for (uint32_t i = 0; i < n && is_good(state); i++) {
		struct task *task = task_new(state->world);
		uint32_t n_connections;

		if (!task) {
			out_of_memory(state);
			return;
		}
		if (!get_task_itself(state, task))
			return;
		n_connections = tape_get_count(state->tape, 48);
		for (uint32_t k = 0; k < n_connections && is_good(state); k++)
			get_connection(state, task);
	}
}

/* Messages ------------------------------------------------------------------------ */

/* What travels refers to a right that is there. */
static bool
indexes_fit(const struct message *message)
{
	for (size_t k = 0; k < message->body.n_ports; k++) {
		const struct wire_port *item = &message->body.ports[k];

		if (item->disposition & (uint32_t)WIRE_ITEM_MASK || item->name == PORT_DEAD)
			continue;
		if (item->name > message->n_rights)
			return false;
	}
	return true;
}

static bool
get_rights(struct state *state, struct message *message)
{
	uint32_t n = tape_get_count(state->tape, 4);

	if (n > WIRE_ITEMS_MAX)
		return spoil(state);
	if (message_reserve(message, n) < 0)
		return out_of_memory(state);
	for (uint32_t i = 0; i < n && is_good(state); i++)
		message_set_right(message, i, get_right(state));
	return is_good(state) && (indexes_fit(message) || spoil(state));
}

/* The right it travels by, and the reply right: no receive rights. */
static bool
get_header_right(struct state *state, struct right *rightp)
{
	struct right right = get_right(state);

	if (right.kind == RIGHT_RECEIVE)
		return spoil(state);
	*rightp = right;
	return is_good(state);
}

static bool
get_message(struct state *state)
{
	struct tape *tape = state->tape;
	struct message *message = message_new(0);
	uint64_t number;

	if (!message)
		return out_of_memory(state);
	message_adopt(message, state->world, NULL);
	number = tape_get_u64(tape);
	if (!know(state, &state->messages, number, message)) {
		message_free(message);
		return false;
	}
	message->number = number;
	message->id = tape_get_u32(tape);
	if (!get_body(state, &message->body) || !get_rights(state, message) ||
	    !get_header_right(state, &message->dest) || !get_header_right(state, &message->reply))
		return false;
	message->reply_disposition = tape_get_max(tape, PORT_MAKE_SEND_ONCE);
	message->pid = (pid_t)tape_get_max(tape, INT32_MAX);
	message->uid = tape_get_u32(tape);
	message->gid = tape_get_u32(tape);
	message->task = tape_get_u32(tape);
	message_adopt(message, state->world, get_account(state));
	return is_good(state);
}

static void
get_messages(struct state *state)
{
	uint32_t n = tape_get_count(state->tape, 80);

	for (uint32_t i = 0; i < n && is_good(state); i++)
		get_message(state);
}

/* A message that is nowhere yet. */
static struct message *
get_idle_message(struct state *state, uint64_t number)
{
	struct message *message = number ? map_remove(&state->messages, number) : NULL;

	if (!message)
		spoil(state);
	return message;
}

/* What refers to others ------------------------------------------------------------- */

static void
get_queue(struct state *state, struct port *port)
{
	uint32_t n = tape_get_count(state->tape, 8);

	if (n > PORT_QUEUE_MAX || (n > 0 && port->deliver))
		spoil(state);
	for (uint32_t i = 0; i < n && is_good(state); i++) {
		struct message *message = get_idle_message(state, tape_get_u64(state->tape));

		if (!message)
			return;
		list_link_tail(&port->queue, &message->link);
		port->msgcount++;
		if (message->dest.port != port)
			spoil(state);
	}
}

/* They are linked already; this is their order. */
static void
get_holders(struct state *state, struct port *port)
{
	uint32_t n = tape_get_count(state->tape, 8);

	if (n != list_length(&port->holders))
		spoil(state);
	for (uint32_t i = 0; i < n && is_good(state); i++) {
		struct task *task = map_get(&state->tasks, tape_get_u32(state->tape));
		port_name_t name = tape_get_u32(state->tape);
		struct entry *entry = task ? space_lookup(&task->space, name) : NULL;

		if (!entry || entry->port != port) {
			spoil(state);
			return;
		}
		list_unlink(&entry->holder);
		list_link_tail(&port->holders, &entry->holder);
	}
}

static bool
wait_with_message(struct state *state, const struct state_wait *wait, const struct port *port)
{
	struct message *message = get_idle_message(state, wait->message);

	wait->connection->message = message;
	return message && (message->dest.port == port || spoil(state));
}

/* Connections that wait in a list; each in one. port: they are senders. */
static void
get_waiting(struct state *state, struct list *list, enum waiting waiting, const struct port *port)
{
	uint32_t n = tape_get_count(state->tape, 4);

	for (uint32_t i = 0; i < n && is_good(state); i++) {
		uint32_t number = tape_get_max(state->tape, state->n_connections);
		struct state_wait *wait = number ? &state->connections[number - 1] : NULL;

		if (!wait || wait->connection->waiting != WAITING_NOT || wait->waiting != waiting) {
			spoil(state);
			return;
		}
		if (port)
			wait_with_message(state, wait, port);
		wait->connection->waiting = waiting;
		list_link_tail(list, &wait->connection->wait);
	}
}

static void
get_contents(struct state *state, struct state_sums *sums)
{
	struct tape *tape = state->tape;
	struct port *port = sums->port;

	port->no_senders = get_notify(state);
	port->port_destroyed = get_notify(state);
	get_queue(state, port);
	get_holders(state, port);
	get_waiting(state, &port->senders, WAITING_TO_SEND, port);
	get_waiting(state, &port->receivers, WAITING_TO_RECEIVE, NULL);
	sums->srights = tape_get_u32(tape);
	sums->sorights = tape_get_u32(tape);
	sums->lent_sends = tape_get_u32(tape);
	sums->lent_onces = tape_get_u32(tape);
}

static void
get_set(struct state *state, struct set *set)
{
	uint32_t n = tape_get_count(state->tape, 8);

	for (uint32_t i = 0; i < n && is_good(state); i++) {
		struct port *port = get_port(state);

		if (!port || port->set || !port->holder || port->holder->space != set->holder->space) {
			spoil(state);
			return;
		}
		port->set = set;
		list_link_tail(&set->members, &port->member);
		set->n_members++;
	}
	n = tape_get_count(state->tape, 8);
	for (uint32_t i = 0; i < n && is_good(state); i++) {
		struct port *port = get_port(state);

		if (!port || port->set != set || list_is_linked(&port->filled)) {
			spoil(state);
			return;
		}
		list_link_tail(&set->filled, &port->filled);
	}
	get_waiting(state, &set->receivers, WAITING_TO_RECEIVE, NULL);
}

static void
get_requests_of(struct state *state, struct entry *entry)
{
	entry->dead_name = get_notify(state);
	entry->send_possible = get_notify(state);
	if (tape_get_bool(state->tape)) {
		if (!entry->port || entry->send_possible.kind == RIGHT_NULL)
			spoil(state);
		else
			right_arm(entry);
	}
	if (entry->set)
		get_set(state, entry->set);
}

static void
get_requests(struct state *state)
{
	LIST_FOR_EACH(link, next, &state->world->tasks) {
		struct space *space = &LIST_ENTRY(link, struct task, link)->space;

		LIST_FOR_EACH(in, after, &space->entries)
			if (is_good(state))
				get_requests_of(state, LIST_ENTRY(in, struct entry, link));
	}
}

/* They hear that nobody will answer. */
static void
get_traces(struct state *state)
{
	uint32_t n = tape_get_max(state->tape, STATE_READERS_MAX);

	for (uint32_t i = 0; i < n && is_good(state); i++) {
		struct right reader = state_get_lent(state);

		if (reader.kind == RIGHT_SEND_ONCE) {
			state->readers[state->n_readers++] = reader;
		} else if (reader.kind != RIGHT_NULL) {
			right_release(reader);
			spoil(state);
		}
	}
}

/* Reads what state_put has put. */
bool
state_get(struct state *state, struct tape *tape, struct world *world)
{
	uint32_t last_task;
	uint64_t last_number;

	*state = (struct state){ .tape = tape, .world = world };
	if (tape_get_u32(tape) != world->uid)
		return spoil(state);
	last_task = tape_get_u32(tape);
	last_number = tape_get_u64(tape);
	core_enter(world);	/* until state_resume */
	get_accounts(state);
	get_ports(state);
	get_tasks(state);
	get_messages(state);
	for (uint32_t i = 0; i < state->n_ports && is_good(state); i++)
		get_contents(state, &state->sums[i]);
	get_requests(state);
	get_traces(state);
	world->bootstrap = get_right(state);
	if (world->bootstrap.kind > RIGHT_SEND)
		spoil(state);
	world->last_task = last_task;
	world->last_number = last_number;
	return is_good(state);
}

/* For the keeper ------------------------------------------------------------------ */

/* A right that the keeper takes from here. */
struct right
state_get_lent(struct state *state)
{
	struct right right = get_right(state);

	right_lend(&right);
	return right;
}

/* A port of portd's own that nobody has claimed yet. */
struct port *
state_get_kernel(struct state *state, port_deliver_fn *deliver, void *arg)
{
	struct port *port = get_port(state);

	if (!port)
		return NULL;
	if (port->deliver != nobody) {
		spoil(state);
		return NULL;
	}
	port->deliver = deliver;
	port->arg = arg;
	return port;
}

/* A port that the keeper has made; home: its receive right is with the keeper. */
struct port *
state_get_kept(struct state *state, bool home)
{
	struct port *port = get_port(state);

	if (!port || port->deliver || (home && !take_home(state, port))) {
		spoil(state);
		return NULL;
	}
	return port;
}

struct task *
state_get_task(struct state *state)
{
	uint32_t id = tape_get_u32(state->tape);
	struct task *task = id ? map_get(&state->tasks, id) : NULL;

	if (id && !task)
		spoil(state);
	return task;
}

/* The end ------------------------------------------------------------------------- */

static bool
sums_fit(const struct state_sums *sums)
{
	const struct port *port = sums->port;

	return port->audit.homes == 1 && port->srights == sums->srights &&
	    port->sorights == sums->sorights && port->lent_sends == sums->lent_sends &&
	    port->lent_onces == sums->lent_onces;
}

/* An account that is open has a task, and a closed one something on it. */
static bool
accounts_are_sane(const struct world *world)
{
	uint32_t n_open = 0;

	LIST_FOR_EACH(link, next, &world->accounts) {
		const struct account *account = LIST_ENTRY(link, struct account, link);
		size_t used = 0;

		for (int kind = 0; kind < ACCOUNT_KINDS; kind++)
			used |= account->used[kind];
		if (account->closed && used == 0)
			return false;
		n_open += !account->closed;
	}
	return n_open == list_length(&world->tasks);
}

/* The first thing that is not as it should be, or NULL. */
static const char *
find_fault(const struct state *state)
{
	const struct tape *tape = state->tape;
	size_t n_open = 0;

	if (tape->error)
		return tape->error == -ENOMEM ? "needs more memory than there is" : "makes no sense";
	for (size_t i = 0; i < tape->n_fds; i++)
		n_open += tape->fds[i] >= 0;
	if (tape->at != tape->size || n_open > 0)
		return "has more in it than is known";
	if (state->messages.n_values > 0)
		return "has a message that is nowhere";
	for (uint32_t i = 0; i < state->n_connections; i++)
		if (state->connections[i].connection->waiting != state->connections[i].waiting)
			return "has a thread that waits nowhere";
	for (uint32_t i = 0; i < state->n_ports; i++)
		if (!sums_fit(&state->sums[i]))
			return "has rights that do not add up";
	if (!accounts_are_sane(state->world))
		return "has an account that is nobody's";
	return world_audit(state->world);
}

/* Judges what was read. */
int
state_finish(struct state *state, struct text *why)
{
	const char *fault = find_fault(state);

	if (!fault)
		return 0;
	text_printf(why, "the state that was handed over %s", fault);
	return -EBADMSG;
}

/* Everything goes on. */
void
state_resume(struct state *state)
{
	for (uint32_t i = 0; i < state->n_readers; i++)
		right_release(state->readers[i]);
	state->n_readers = 0;
	for (uint32_t i = 0; i < state->n_ports; i++)
		if (!state->sums[i].port->dead && state->sums[i].port->deliver == nobody)
			port_kill(state->sums[i].port);
	core_leave(state->world);
}

/* Accounts and messages that nothing refers to go; a world can be freed then. */
void
state_discard(struct state *state)
{
	size_t cursor = 0;
	uint64_t number;
	struct message *message;

	for (uint32_t i = 0; i < state->n_accounts; i++)
		if (!has_task(state->world, state->accounts[i]))
			account_close(state->accounts[i]);
	while ((message = map_next(&state->messages, &cursor, &number)))
		message_free(message);
	for (uint32_t i = 0; i < state->n_readers; i++)
		right_release(state->readers[i]);
	state->world->checked = false;
	core_leave(state->world);
}
