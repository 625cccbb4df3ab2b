/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rows: an array in the memory, and beside it, made anew at each start, a hash by file and the
 * list of free rows.
 *
 * A kill may fall anywhere: a row changes as a whole, by way of a copy in the head that a
 * successor applies once more. Names that do not fit into a row stand in cells of their own, which
 * are filled before a row says that it has them. */
#include "translators/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
	MAGIC = 0x73776f72,	/* "rows" */
	VERSION_1 = 1,
	ROOT = 1,		/* row 0 is none */
	CELL_SIZE = 256,
	ROWS_PER_CELL = 16,
	INDEX_BITS = 24,
	PART_BITS = 20,		/* of uses and of the epoch in an id */
	SWEEP_AFTER_S = 30,
};

#define INDEX_MASK ((1u << INDEX_BITS) - 1)
#define PART_MASK ((1u << PART_BITS) - 1)

struct head {
	uint32_t magic, version;
	uint32_t epoch;		/* drawn when this was new */
	uint32_t n;		/* rows below it were in use some time */
	uint32_t redo;		/* the row that is about to become redo_row; 0: none */
	uint32_t spare;
	struct row redo_row;
};

static struct head *head;
static struct row *rows;
static char *cells;
static uint32_t n_rows, n_cells;	/* how many there can be */

static uint32_t *heads, *nexts;		/* by hash; by row: the next with that hash, or the next free */
static uint8_t *old;			/* by row: a predecessor's, and not asked for since */
static uint32_t n_heads, n_nexts;
static uint32_t free_row, free_cell;
static uint32_t *cell_nexts;
static uint32_t n_cells_used;

static struct {
	uint32_t *gone;			/* rows that the kernel does not know */
	uint32_t n;
	int ready;
} swept;

static void
in_order(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static uint32_t
number(const struct row *row)
{
	return (uint32_t)(row - rows);
}

/* Changing a row ------------------------------------------------------------ */

static void
set_row(uint32_t i, const struct row *row)
{
	head->redo_row = *row;
	in_order();
	head->redo = i;
	in_order();
	rows[i] = *row;
	in_order();
	head->redo = 0;
}

/* Room for the rows below n beside the memory. */
static int
reach(uint32_t n)
{
	uint32_t more = n_nexts ? n_nexts : 1024;
	uint32_t *grown;
	uint8_t *flags;

	while (more < n)
		more *= 2;
	if (more == n_nexts)
		return 0;
	grown = realloc(nexts, more * sizeof(*nexts));
	if (!grown)
		return -ENOMEM;
	nexts = grown;
	flags = realloc(old, more);
	if (!flags)
		return -ENOMEM;
	old = flags;
	memset(nexts + n_nexts, 0, (more - n_nexts) * sizeof(*nexts));
	memset(old + n_nexts, 0, more - n_nexts);
	n_nexts = more;
	return 0;
}

/* The hash ------------------------------------------------------------------ */

static uint32_t
hash(const struct row_id *id)
{
	uint64_t h = (id->inode ^ id->device << 40 ^ (uint64_t)id->born) * 0x9e3779b97f4a7c15;

	return (uint32_t)(h >> 32) & (n_heads - 1);
}

static bool
is_same(const struct row_id *a, const struct row_id *b)
{
	return a->device == b->device && a->inode == b->inode && a->born == b->born;
}

static void
link_row(uint32_t i)
{
	uint32_t h = hash(&rows[i].id);

	nexts[i] = heads[h];
	heads[h] = i;
}

static void
unlink_row(uint32_t i)
{
	uint32_t *at = &heads[hash(&rows[i].id)];

	while (*at != i && *at != 0)
		at = &nexts[*at];
	if (*at == i)
		*at = nexts[i];
}

/* See rows.h. */
struct row *
rows_find(const struct row_id *id)
{
	for (uint32_t i = heads[hash(id)]; i != 0; i = nexts[i])
		if (is_same(&rows[i].id, id))
			return &rows[i];
	return NULL;
}

static void
rehash(void)
{
	uint32_t *more = calloc(n_heads * 4, sizeof(*more));

	if (!more)
		return;		/* slower, no more */
	free(heads);
	heads = more;
	n_heads *= 4;
	for (uint32_t i = ROOT; i < head->n; i++)
		if (rows[i].flags & ROW_USED)
			link_row(i);
}

/* Names --------------------------------------------------------------------- */

static const char *
name_bytes(const struct row *row)
{
	return row->name_size > ROW_NAME_INLINE ? cells + (size_t)row->cell * CELL_SIZE : row->name;
}

/* See rows.h. */
const char *
rows_name(const struct row *row)
{
	static char name[ROW_NAME_MAX + 1];

	memcpy(name, name_bytes(row), row->name_size);
	name[row->name_size] = '\0';
	return name;
}

static uint32_t
take_cell(void)
{
	uint32_t cell = free_cell;

	if (cell != 0)
		free_cell = cell_nexts[cell];
	else if (n_cells_used < n_cells)
		cell = n_cells_used++;
	return cell;
}

static void
give_cell(uint32_t cell)
{
	if (cell == 0)
		return;
	cell_nexts[cell] = free_cell;
	free_cell = cell;
}

/* Gives a row that is being made a name. false: no cell is left. */
static bool
set_name(struct row *row, const char *name)
{
	size_t size = strlen(name);

	row->cell = 0;
	row->name_size = (uint32_t)size;
	memset(row->name, 0, sizeof(row->name));
	if (size > ROW_NAME_INLINE) {
		row->cell = take_cell();
		if (row->cell == 0)
			return false;
		memcpy(cells + (size_t)row->cell * CELL_SIZE, name, size);
		in_order();
	} else {
		memcpy(row->name, name, size);
	}
	return true;
}

static bool
name_is_sane(const struct row *row)
{
	const char *bytes;

	if (row->name_size == 0 || row->name_size > ROW_NAME_MAX)
		return false;
	if (row->name_size > ROW_NAME_INLINE && (row->cell == 0 || row->cell >= n_cells))
		return false;
	bytes = name_bytes(row);
	if (memchr(bytes, '/', row->name_size) || memchr(bytes, '\0', row->name_size))
		return false;
	return bytes[0] != '.' || (row->name_size > 1 && bytes[1] != '.') || row->name_size > 2;
}

/* Giving out and taking back ------------------------------------------------- */

static uint32_t
take_row(void)
{
	uint32_t i = free_row;

	if (i != 0) {
		free_row = nexts[i];
		return i;
	}
	if (head->n >= n_rows || reach(head->n + 1) < 0)
		return 0;
	i = head->n;
	head->n = i + 1;
	if (i > n_heads * 2)
		rehash();
	return i;
}

static void
give_row(uint32_t i)
{
	nexts[i] = free_row;
	free_row = i;
}

static void
end_row(struct row *row)
{
	uint32_t i = number(row), cell = row->cell;
	struct row none = { .uses = row->uses };

	if (row->flags & ROW_DEPOSITED)
		trans_withdraw(rows_node(row));
	unlink_row(i);
	set_row(i, &none);
	give_cell(cell);
	old[i] = 0;
	give_row(i);
}

static void
end_if_unused(struct row *row)
{
	if (row->lookups == 0 && !(row->flags & ROW_OPEN) && !rows_is_root(row))
		end_row(row);
}

/* See rows.h. */
bool
rows_is_at(const struct row *row, const struct row *parent, const char *name)
{
	return !(row->flags & ROW_LOST) && row->parent == number(parent) &&
	    row->name_size == strlen(name) && memcmp(name_bytes(row), name, row->name_size) == 0;
}

static struct row *
move_row(struct row *row, const struct row *parent, const char *name)
{
	struct row changed = *row;
	uint32_t cell = row->cell;

	if (rows_is_root(row) || rows_is_at(row, parent, name))
		return row;
	changed.parent = number(parent);
	changed.flags &= ~(uint32_t)ROW_LOST;
	if (!set_name(&changed, name))
		return NULL;
	set_row(number(row), &changed);
	give_cell(cell);
	return row;
}

/* See rows.h. */
struct row *
rows_put(const struct row_id *id, const struct row *parent, const char *name)
{
	struct row *row = rows_find(id);
	struct row made = { .id = *id, .flags = ROW_USED, .parent = number(parent) };
	uint32_t i;

	if (row) {
		old[number(row)] = 0;
		return move_row(row, parent, name);
	}
	i = take_row();
	if (i == 0)
		return NULL;
	made.uses = rows[i].uses + 1;
	if (!set_name(&made, name)) {
		give_row(i);
		return NULL;
	}
	set_row(i, &made);
	old[i] = 0;
	link_row(i);
	return &rows[i];
}

/* See rows.h. */
void
rows_set_root(const struct row_id *id)
{
	struct row root = { .id = *id, .flags = ROW_USED, .parent = ROOT, .lookups = 1 };

	if (is_same(&rows[ROOT].id, id))
		return;
	unlink_row(ROOT);
	set_row(ROOT, &root);
	link_row(ROOT);
}

/* See rows.h. */
void
rows_flag(struct row *row, uint32_t set, uint32_t clear)
{
	row->flags = (row->flags & ~clear) | set;
	end_if_unused(row);
}

/* See rows.h. */
void
rows_lose(struct row *row, bool last)
{
	struct row lost = *row;

	if (rows_is_root(row))
		return;
	lost.flags |= ROW_LOST;
	if (last)
		lost.id = (struct row_id){ .inode = rows_node(row) };
	unlink_row(number(row));
	set_row(number(row), &lost);
	link_row(number(row));
	end_if_unused(row);
}

/* See rows.h. */
void
rows_tell(struct row *row)
{
	row->lookups++;
}

/* See rows.h. */
void
rows_forget(struct row *row, uint64_t n)
{
	if (rows_is_root(row))
		return;
	row->lookups -= n < row->lookups ? n : row->lookups;
	end_if_unused(row);
}

/* Ids ----------------------------------------------------------------------- */

/* See rows.h. */
bool
rows_is_root(const struct row *row)
{
	return number(row) == ROOT;
}

/* See rows.h. */
trans_node_t
rows_node(const struct row *row)
{
	if (rows_is_root(row))
		return TRANS_ROOT;
	return number(row) | (uint64_t)(row->uses & PART_MASK) << INDEX_BITS |
	    (uint64_t)(head->epoch & PART_MASK) << (INDEX_BITS + PART_BITS);
}

/* See rows.h. */
struct row *
rows_get(trans_node_t node)
{
	uint32_t i = node & INDEX_MASK;
	struct row *row = i >= ROOT && i < head->n ? &rows[i] : NULL;

	if (!row || !(row->flags & ROW_USED) || rows_node(row) != node)
		return NULL;
	return row;
}

/* See rows.h. */
struct row *
rows_parent(const struct row *row)
{
	struct row *parent = &rows[row->parent];

	return parent->flags & ROW_USED ? parent : NULL;
}

/* From start to end ---------------------------------------------------------- */

static bool
row_is_sane(const struct row *row)
{
	if (!(row->flags & ROW_USED) || row->parent < ROOT || row->parent >= head->n)
		return false;
	return rows_is_root(row) || name_is_sane(row);
}

static void
begin(void)
{
	uint32_t epoch;

	if (getrandom(&epoch, sizeof(epoch), GRND_NONBLOCK) != sizeof(epoch))
		epoch = (uint32_t)time(NULL);
	*head = (struct head){ .version = VERSION_1, .epoch = epoch, .n = ROOT + 1 };
	rows[ROOT] = (struct row){ .flags = ROW_USED, .parent = ROOT, .lookups = 1 };
	in_order();
	head->magic = MAGIC;
}

static int
mark_cell(uint8_t *used, const struct row *row)
{
	if (row->name_size <= ROW_NAME_INLINE)
		return 0;
	if (used[row->cell])
		return -EEXIST;
	used[row->cell] = 1;
	if (row->cell >= n_cells_used)
		n_cells_used = row->cell + 1;
	return 0;
}

/* Links what makes sense; the rest is free. */
static void
take_over(uint8_t *used)
{
	for (uint32_t i = head->n - 1; i >= ROOT; i--) {
		struct row *row = &rows[i];

		row->flags &= ROW_FLAGS;
		if (row_is_sane(row) && !rows_find(&row->id) &&
		    (rows_is_root(row) || mark_cell(used, row) == 0)) {
			old[i] = 1;
			link_row(i);
		} else if (i != ROOT) {
			rows[i] = (struct row){ .uses = row->uses };
			give_row(i);
		}
	}
	for (uint32_t i = 1; i < n_cells_used; i++)
		if (!used[i])
			give_cell(i);
}

/* See rows.h. */
int
rows_open(void *memory, size_t size)
{
	size_t room = size - 4096;
	uint8_t *used;

	head = memory;
	rows = (struct row *)((char *)memory + 4096);
	n_cells = (uint32_t)(room / (ROWS_PER_CELL * sizeof(struct row) + CELL_SIZE));
	n_rows = n_cells * ROWS_PER_CELL;
	cells = (char *)(rows + n_rows);
	if (n_rows > INDEX_MASK)
		n_rows = INDEX_MASK;
	if (head->magic != MAGIC || head->version != VERSION_1 || head->n <= ROOT || head->n > n_rows)
		begin();
	if (head->redo > 0 && head->redo < head->n)
		rows[head->redo] = head->redo_row;
	head->redo = 0;
	n_heads = 1024;
	while (n_heads < head->n / 2)
		n_heads *= 4;
	n_cells_used = 1;
	heads = calloc(n_heads, sizeof(*heads));
	cell_nexts = calloc(n_cells, sizeof(*cell_nexts));
	used = calloc(n_cells, 1);
	if (heads && cell_nexts && used && reach(head->n) == 0) {
		take_over(used);
		free(used);
		return 0;
	}
	free(used);
	rows_close();
	return -ENOMEM;
}

/* See rows.h. */
void
rows_close(void)
{
	free(heads);
	free(nexts);
	free(old);
	free(cell_nexts);
	free(swept.gone);
	heads = nexts = cell_nexts = swept.gone = NULL;
	old = NULL;
	n_heads = n_nexts = free_row = free_cell = 0;
	swept.n = 0;
	swept.ready = 0;
}

/* Sweeping ------------------------------------------------------------------ */

/* An answer that a predecessor wrote just before its end may still be on its way to whoever
 * asked: later is better, and what comes too late is known for stale by its id. */
static bool
sleep_a_while(void)
{
	for (int i = 0; i < SWEEP_AFTER_S * 10 && !trans_leaving(); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000 * 1000 }, NULL);
	return !trans_leaving();
}

/* It looks at rows without a lock; what it finds is looked at again by rows_swept. */
static void
ask_kernel(void *n_old)
{
	uint32_t n = (uint32_t)(uintptr_t)n_old;

	if (!sleep_a_while())
		return;
	for (uint32_t i = ROOT + 1; i < n && !trans_leaving(); i++)
		if ((rows[i].flags & ROW_USED) && trans_is_known(rows_node(&rows[i])) == 0)
			swept.gone[swept.n++] = i;
	__atomic_store_n(&swept.ready, 1, __ATOMIC_RELEASE);
}

/* See rows.h. */
int
rows_sweep(void)
{
	uint32_t n = head->n;

	if (n <= ROOT + 1)
		return 0;
	swept.gone = malloc(n * sizeof(*swept.gone));
	return swept.gone ? trans_thread(ask_kernel, (void *)(uintptr_t)n) : -ENOMEM;
}

/* See rows.h. */
void
rows_swept(void)
{
	if (!__atomic_load_n(&swept.ready, __ATOMIC_ACQUIRE))
		return;
	for (uint32_t k = 0; k < swept.n; k++) {
		struct row *row = &rows[swept.gone[k]];

		if (!old[swept.gone[k]] || !(row->flags & ROW_USED))
			continue;
		row->lookups = 0;
		rows_flag(row, 0, ROW_OPEN);
	}
	swept.n = 0;
	swept.ready = 0;
}
