/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot: fetching, finding, adding up. See snapshot.h. */

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "port/stubs.h"
#include "tools/snapshot.h"
#include "tools/tool.h"

enum { TAKE_TIMEOUT_MS = 30 * 1000 };

/* Of a zeroed struct: harmless. */
void
snapshot_deinit(struct snapshot *snapshot)
{
	if (snapshot->data)
		munmap((void *)(uintptr_t)snapshot->data, snapshot->size);
	map_deinit(&snapshot->tasks);
	map_deinit(&snapshot->ports);
	map_deinit(&snapshot->messages);
	*snapshot = (struct snapshot){ 0 };
}

/* How many rows a table has. */
size_t
snapshot_count(const struct snapshot *snapshot, enum inspect_table table)
{
	return snapshot->head->table[table].n;
}

/* One of them. */
const void *
snapshot_row(const struct snapshot *snapshot, enum inspect_table table, size_t i)
{
	const struct inspect_extent *extent = &snapshot->head->table[table];

	return snapshot->data + extent->offset + i * extent->size;
}

static int
check_extents(const struct snapshot *snapshot)
{
	if (snapshot->size < sizeof(*snapshot->head) || snapshot->head->magic != INSPECT_MAGIC ||
	    snapshot->head->tables < INSPECT_TABLES)
		return -EPROTO;
	for (enum inspect_table i = 0; i < INSPECT_TABLES; i++) {
		const struct inspect_extent *extent = &snapshot->head->table[i];
		uint64_t bytes = (uint64_t)extent->n * extent->size;

		if (extent->size < inspect_record_size(i) || extent->size % 8 ||
		    extent->offset % 8 || extent->offset > snapshot->size ||
		    bytes > snapshot->size - extent->offset)
			return -EPROTO;
	}
	return 0;
}

/* The last row of a number counts: there is but one. */
static int
note(struct map *map, uint64_t key, const void *row)
{
	int err = map_put(map, key, (void *)(uintptr_t)row);

	return err == -EEXIST ? 0 : err;
}

static int
make_index(struct snapshot *snapshot)
{
	int err = 0;

	SNAPSHOT_EACH(snapshot, TASKS, task, task)
		err |= note(&snapshot->tasks, task->id, task);
	SNAPSHOT_EACH(snapshot, PORTS, port, port)
		err |= note(&snapshot->ports, port->number, port);
	SNAPSHOT_EACH(snapshot, MESSAGES, message, message)
		err |= note(&snapshot->messages, message->number, message);
	return err ? -ENOMEM : 0;
}

/* Maps what the descriptor holds, which stays the caller's. */
int
snapshot_load(struct snapshot *snapshot, int fd)
{
	struct snapshot new = { 0 };
	struct stat st;
	void *data;
	int err;

	if (fstat(fd, &st) < 0)
		return -errno;
	new.size = (size_t)st.st_size;
	data = mmap(NULL, new.size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	new.data = data;
	new.head = data;
	err = check_extents(&new);
	if (!err)
		err = make_index(&new);
	if (err)
		snapshot_deinit(&new);
	else
		*snapshot = new;
	return err;
}

/* Needs tool_connect. */
int
snapshot_take(struct snapshot *snapshot, struct text *why)
{
	const struct inspect_world_in in = { 0 };
	struct inspect_world_out out = { .snapshot = -1 };
	struct port_reply reply;
	int err = inspect_world_call(port_bootstrap(), &in, &out, &reply, TAKE_TIMEOUT_MS);

	if (err != 0) {
		tool_rpc_text(why, err, reply.text, NULL);
		port_reply_deinit(&reply);
		return err < 0 ? err : -EIO;
	}
	err = snapshot_load(snapshot, out.snapshot);
	if (err < 0)
		text_printf(why, "what portd says cannot be read: %s", strerror(-err));
	fd_close(&out.snapshot);
	port_reply_deinit(&reply);
	return err;
}

/* Finding ------------------------------------------------------------------------ */

/* By its number with portd. */
const struct inspect_task *
snapshot_task(const struct snapshot *snapshot, uint32_t id)
{
	return map_get(&snapshot->tasks, id);
}

/* A live port. */
const struct inspect_port *
snapshot_port(const struct snapshot *snapshot, uint64_t number)
{
	return map_get(&snapshot->ports, number);
}

/* One that somebody can still receive, or that portd is about to answer. */
const struct inspect_message *
snapshot_message(const struct snapshot *snapshot, uint64_t number)
{
	return map_get(&snapshot->messages, number);
}

/* What a name of a task means. */
const struct inspect_entry *
snapshot_entry(const struct snapshot *snapshot, uint32_t task, uint32_t name)
{
	SNAPSHOT_EACH(snapshot, ENTRIES, entry, entry)
		if (entry->task == task && entry->name == name)
			return entry;
	return NULL;
}

/* By its task port. */
const struct inspect_task *
snapshot_task_of_port(const struct snapshot *snapshot, uint64_t number)
{
	SNAPSHOT_EACH(snapshot, TASKS, task, task)
		if (number != 0 && task->port == number)
			return task;
	return NULL;
}

/* Goes from message to message until a table is reached. */
const struct inspect_task *
snapshot_owner(const struct snapshot *snapshot, const struct inspect_port *port)
{
	size_t steps = snapshot_count(snapshot, INSPECT_PORTS);

	while (port && port->place == INSPECT_IN_MESSAGE && steps-- > 0) {
		const struct inspect_message *message = snapshot_message(snapshot, port->message);

		port = message ? snapshot_port(snapshot, message->port) : NULL;
	}
	return port && port->place == INSPECT_IN_SPACE ? snapshot_task(snapshot, port->task) : NULL;
}

static bool
is_meant(const struct inspect_task *task, const char *word, unsigned long number)
{
	if (word[0] == '#')
		return number != 0 && task->id == number;
	if (number != 0)
		return task->pid > 0 && (unsigned long)task->pid == number;
	return strcmp(task->program, word) == 0 ||
	    (word[0] == '/' && strcmp(task->node, word) == 0);
}

/* A whole word that is a decimal number, or 0. */
static unsigned long
read_number(const char *word)
{
	char *end;
	unsigned long number = strtoul(word, &end, 10);

	return *end || end == word || number > UINT_MAX ? 0 : number;
}

/* Of several processes of one name, none is meant. */
const struct inspect_task *
snapshot_find(const struct snapshot *snapshot, const char *word, struct text *why)
{
	const struct inspect_task *found = NULL;
	unsigned long number = read_number(word[0] == '#' ? word + 1 : word);

	SNAPSHOT_EACH(snapshot, TASKS, task, task) {
		if (!is_meant(task, word, number))
			continue;
		if (found) {
			text_printf(why, "is the name of several tasks, of process %d and %d"
			    " among others; give the pid", found->pid, task->pid);
			return NULL;
		}
		found = task;
	}
	if (!found)
		text_puts(why, "no task of portd's is that; see portinfo");
	return found;
}

static const struct inspect_port *
find_named_port(const struct snapshot *snapshot, const char *word, const char *colon,
    struct text *why)
{
	AUTO_FREE char *of = strndup(word, (size_t)(colon - word));
	const struct inspect_task *task = of ? snapshot_find(snapshot, of, why) : NULL;
	const struct inspect_entry *entry;
	const struct inspect_port *port = NULL;
	char *end;
	unsigned long name = strtoul(colon + 1, &end, 0);

	if (!task)
		return NULL;
	entry = *end || name > UINT_MAX ? NULL : snapshot_entry(snapshot, task->id, (uint32_t)name);
	if (entry)
		port = snapshot_port(snapshot, entry->port);
	if (!port)
		text_puts(why, entry ? "that name is of no port" : "the task has no such name");
	return port;
}

/* A name may be decimal, or hexadecimal with 0x. */
const struct inspect_port *
snapshot_find_port(const struct snapshot *snapshot, const char *word, struct text *why)
{
	const struct inspect_port *port;
	const char *colon = strrchr(word, ':');

	if (colon)
		return find_named_port(snapshot, word, colon, why);
	port = snapshot_port(snapshot, read_number(word));
	if (!port)
		text_puts(why, "is no port of now; give a number, or TASK:NAME, from portinfo");
	return port;
}

/* Adding up ------------------------------------------------------------------------ */

struct sums {
	uint32_t sends, onces, receives;
};

static void
add_entry(struct sums *sums, const struct inspect_entry *entry)
{
	sums->sends += (entry->type & PORT_TYPE(PORT_RIGHT_SEND)) != 0;
	sums->onces += (entry->type & PORT_TYPE(PORT_RIGHT_SEND_ONCE)) != 0;
	sums->receives += (entry->type & PORT_TYPE(PORT_RIGHT_RECEIVE)) != 0;
}

static void
add_right(struct sums *sums, const struct inspect_right *right)
{
	sums->sends += right->kind == INSPECT_SEND;
	sums->onces += right->kind == INSPECT_SEND_ONCE;
	sums->receives += right->kind == INSPECT_RECEIVE;
}

static size_t
row_of(const struct snapshot *snapshot, uint64_t number)
{
	const struct inspect_extent *extent = &snapshot->head->table[INSPECT_PORTS];
	const char *row = (const char *)snapshot_port(snapshot, number);

	return row ? (size_t)(row - snapshot->data - extent->offset) / extent->size : SIZE_MAX;
}

static bool
agrees(const struct inspect_port *port, const struct sums *sums, uint32_t queued, struct text *text)
{
	uint32_t receives = sums->receives + (port->place == INSPECT_WITH_PORTD);

	if (port->srights == sums->sends + port->lent_sends &&
	    port->sorights == sums->onces + port->lent_onces && receives == 1 &&
	    port->msgcount == queued)
		return true;
	text_printf(text, "port %" PRIu64 ": %u of %u send rights, %u of %u send-once rights, "
	    "%u of 1 receive rights, %u of %u messages are found\n", port->number,
	    sums->sends + port->lent_sends, port->srights, sums->onces + port->lent_onces,
	    port->sorights, receives, queued, port->msgcount);
	return false;
}

/* Slow on purpose: it believes nothing but the rows. */
bool
snapshot_check(const struct snapshot *snapshot, struct text *text)
{
	size_t n = snapshot_count(snapshot, INSPECT_PORTS), row;
	AUTO_FREE struct sums *sums = calloc(n + 1, sizeof(*sums));
	AUTO_FREE uint32_t *queued = calloc(n + 1, sizeof(*queued));
	bool good = sums && queued;

	if (!good)
		return false;
	SNAPSHOT_EACH(snapshot, ENTRIES, entry, entry)
		if ((row = row_of(snapshot, entry->port)) < n)
			add_entry(&sums[row], entry);
	SNAPSHOT_EACH(snapshot, RIGHTS, right, right)
		if ((row = row_of(snapshot, right->port)) < n)
			add_right(&sums[row], right);
	SNAPSHOT_EACH(snapshot, MESSAGES, message, message)
		if (message->state == INSPECT_QUEUED && (row = row_of(snapshot, message->port)) < n)
			queued[row]++;
	SNAPSHOT_EACH(snapshot, PORTS, port, port)
		good &= agrees(port, &sums[port_i], queued[port_i], text);
	return good;
}
