/* SPDX-License-Identifier: GPL-2.0-or-later */
/* space: names given out, looked up and given back.
 *
 * A slot is one index; each time it is given out its generation steps on,
 * from 1 to 255 and round, so the same integer comes back after 255 uses of
 * its slot at the earliest. */
#include "portd/space.h"

#include <stdlib.h>

#include "portd/port.h"
#include "portd/task.h"

enum {
	NAME_GENERATION_BITS = 8,
	NAME_GENERATIONS = 255,
	NAME_INDEX_MAX = (1 << 24) - 2,	/* one below all ones: PORT_DEAD is never made */
	FIRST_SLOTS = 16,
};

static uint64_t
port_key(const struct port *port)
{
	return (uintptr_t)port;
}

/* An empty space of a task. */
void
space_init(struct space *space, struct task *task)
{
	*space = (struct space){ .task = task };
	list_init(&space->entries);
}

/* Frees the tables of a space without entries. */
void
space_deinit(struct space *space)
{
	map_deinit(&space->chosen);
	map_deinit(&space->ports);
	free(space->slots);
	space->slots = NULL;
}

/* The entry of a name, or NULL. */
struct entry *
space_lookup(const struct space *space, port_name_t name)
{
	uint32_t index = name >> NAME_GENERATION_BITS;

	if (index > 0 && index <= space->slots_used) {
		struct entry *entry = space->slots[index].entry;

		if (entry && entry->name == name)
			return entry;
	}
	return map_get(&space->chosen, name);
}

/* The one entry that holds a send or receive right of port, or NULL. */
struct entry *
space_find(const struct space *space, const struct port *port)
{
	if (port->holder && port->holder->space == space)
		return port->holder;
	return map_get(&space->ports, port_key(port));
}

/* An index that is in no name, or 0. */
static uint32_t
take_index(struct space *space)
{
	uint32_t index = space->first_free;
	uint32_t room = space->n_slots ? space->n_slots * 2 : FIRST_SLOTS;
	struct space_slot *slots;

	if (index) {
		space->first_free = space->slots[index].next_free;
		return index;
	}
	if (space->slots_used >= NAME_INDEX_MAX)
		return 0;
	if (space->slots_used + 1 >= space->n_slots) {
		slots = realloc(space->slots, room * sizeof(*slots));
		if (!slots)
			return 0;
		space->slots = slots;
		space->n_slots = room;
	}
	index = ++space->slots_used;
	space->slots[index] = (struct space_slot){ 0 };
	return index;
}

static void
give_index(struct space *space, uint32_t index)
{
	if (!index)
		return;
	space->slots[index].entry = NULL;
	space->slots[index].next_free = space->first_free;
	space->first_free = index;
}

/* A name that is not in use. An index whose names the task has all taken by
 * hand is passed over for good. */
static port_name_t
fresh_name(struct space *space, uint32_t *indexp)
{
	uint32_t index;

	while ((index = take_index(space)) != 0) {
		struct space_slot *slot = &space->slots[index];

		for (int i = 0; i < NAME_GENERATIONS; i++) {
			port_name_t name;

			slot->generation = slot->generation % NAME_GENERATIONS + 1;
			name = index << NAME_GENERATION_BITS | slot->generation;
			if (!space_lookup(space, name)) {
				*indexp = index;
				return name;
			}
		}
	}
	return PORT_NULL;
}

static int
link_entry(struct space *space, struct entry *entry)
{
	bool coalesces = entry->type & (TYPE_SEND | TYPE_RECEIVE);

	if (!entry->index && map_put(&space->chosen, entry->name, entry) < 0)
		return PORT_E_RESOURCE_SHORTAGE;
	if (coalesces && map_put(&space->ports, port_key(entry->port), entry) < 0) {
		if (!entry->index)
			map_remove(&space->chosen, entry->name);
		return PORT_E_RESOURCE_SHORTAGE;
	}
	if (entry->index)
		space->slots[entry->index].entry = entry;
	list_link_tail(&space->entries, &entry->link);
	if (entry->port)
		list_link_tail(&entry->port->holders, &entry->holder);
	space->n_entries++;
	account_add(space->task->account, ACCOUNT_RIGHTS, 1);
	if (entry->type & TYPE_RECEIVE)
		space->n_receives++;
	return 0;
}

/* Adds an entry under `name`, or under a fresh one for PORT_NULL. The counts of
 * the port are the caller's matter. 0, NAME_EXISTS, NO_SPACE, RESOURCE_SHORTAGE. */
int
space_add(struct space *space, port_name_t name, uint32_t type, struct port *port,
    struct entry **entryp)
{
	struct entry *entry;
	uint32_t index = 0;
	int code;

	if (name != PORT_NULL && space_lookup(space, name))
		return PORT_E_NAME_EXISTS;
	if (!account_allows(space->task->account, ACCOUNT_RIGHTS, 1))
		return PORT_E_NO_SPACE;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return PORT_E_RESOURCE_SHORTAGE;
	if (name == PORT_NULL)
		name = fresh_name(space, &index);
	*entry = (struct entry){
		.name = name, .type = type, .index = index, .port = port, .space = space
	};
	code = name == PORT_NULL ? PORT_E_NO_SPACE : link_entry(space, entry);
	if (code) {
		give_index(space, index);
		free(entry);
		return code;
	}
	*entryp = entry;
	return 0;
}

/* Slots 1 to n of an empty space, to be filled by the caller. */
bool
space_restore_slots(struct space *space, uint32_t n)
{
	uint32_t room = FIRST_SLOTS;

	if (n > NAME_INDEX_MAX)
		return false;
	while (room <= n + 1)
		room *= 2;
	space->slots = calloc(room, sizeof(*space->slots));
	if (!space->slots)
		return false;
	space->n_slots = room;
	space->slots_used = n;
	return true;
}

static bool
name_is_restorable(const struct space *space, const struct entry *like)
{
	const struct space_slot *slot = &space->slots[like->index];

	if (like->name == PORT_NULL || like->name == PORT_DEAD || space_lookup(space, like->name))
		return false;
	if (!like->index)
		return true;
	return !slot->entry && like->name == (like->index << NAME_GENERATION_BITS | slot->generation);
}

/* An entry with the name, type, references, index and port of another one. 0, INVALID_NAME,
 * RESOURCE_SHORTAGE. */
int
space_restore(struct space *space, const struct entry *like, struct entry **entryp)
{
	struct entry *entry;

	if (like->index > space->slots_used || !name_is_restorable(space, like))
		return PORT_E_INVALID_NAME;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return PORT_E_RESOURCE_SHORTAGE;
	*entry = (struct entry){
		.name = like->name, .type = like->type, .urefs = like->urefs,
		.index = like->index, .port = like->port, .space = space
	};
	if (link_entry(space, entry) != 0) {
		free(entry);
		return PORT_E_RESOURCE_SHORTAGE;
	}
	*entryp = entry;
	return 0;
}

/* The chain of free slots ends, and nobody has one of them. */
bool
space_slots_are_sane(const struct space *space)
{
	uint32_t index = space->first_free, n = 0;

	for (; index && n <= space->slots_used; n++) {
		if (space->slots[index].entry)
			return false;
		index = space->slots[index].next_free;
	}
	return index == 0;
}

static void
unlink_port(struct entry *entry)
{
	struct space *space = entry->space;

	if (entry->type & (TYPE_SEND | TYPE_RECEIVE))
		map_remove(&space->ports, port_key(entry->port));
	if (entry->type & TYPE_RECEIVE)
		space->n_receives--;
	list_unlink(&entry->holder);
	entry->port = NULL;
}

/* Takes an entry out of its space and frees it. */
void
space_remove(struct entry *entry)
{
	struct space *space = entry->space;

	unlink_port(entry);
	if (!entry->index)
		map_remove(&space->chosen, entry->name);
	list_unlink(&entry->link);
	space->n_entries--;
	account_return(space->task->account, ACCOUNT_RIGHTS, 1);
	give_index(space, entry->index);
	free(entry);
}

/* Makes an entry a dead name in place. */
void
space_bury(struct entry *entry)
{
	unlink_port(entry);
	entry->type = TYPE_DEAD_NAME;
}

/* Gives an entry another name. 0, NAME_EXISTS, RESOURCE_SHORTAGE. */
int
space_rename(struct entry *entry, port_name_t name)
{
	struct space *space = entry->space;

	if (space_lookup(space, name))
		return PORT_E_NAME_EXISTS;
	if (map_put(&space->chosen, name, entry) < 0)
		return PORT_E_RESOURCE_SHORTAGE;
	if (!entry->index)
		map_remove(&space->chosen, entry->name);
	give_index(space, entry->index);
	entry->index = 0;
	entry->name = name;
	return 0;
}
