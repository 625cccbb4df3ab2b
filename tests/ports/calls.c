/* SPDX-License-Identifier: GPL-2.0-or-later */
/* calls: the shorthands for what a task does with its names: each has a half that runs in the
 * agent, and one that has it run. */
#include "tests/ports/agent.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"

/* What goes to an agent, and comes back. */
struct call {
	port_name_t task, name, other;
	uint32_t kind, id, sync, disposition, value;
	int32_t delta;
	uint64_t one, two;
	union {
		struct receive_status_out status;
		struct peek_out peeked;
	} out;
	size_t n;
	struct port_entry list[];	/* or port_name_t */
};

enum { LIST_MAX = (RUN_ARG_MAX - sizeof(struct call)) / sizeof(struct port_entry) };

/* Does `in` there; what came back is in the slot until the thread's next call. */
static int
call(struct task *c, long (*function)(void *arg), struct call in, struct call **outp)
{
	struct call *there = (void *)free_slot(c)->arg;
	int code;

	memcpy(there, &in, sizeof(in));
	code = (int)call_slot(c, function);
	if (outp)
		*outp = there;
	return code;
}

#define IN_AGENT(name, expression) \
	static long \
	do_##name(void *arg) \
	{ \
		struct call *c = arg; \
		return expression; \
	}

IN_AGENT(allocate, api->allocate(c->kind, &c->name, c->task))
IN_AGENT(allocate_name, api->allocate_name(c->kind, c->name, c->task))
IN_AGENT(deallocate, api->deallocate(c->name, c->task))
IN_AGENT(destroy, api->destroy(c->name, c->task))
IN_AGENT(mod_refs, api->mod_refs(c->name, c->kind, c->delta, c->task))
IN_AGENT(get_refs, api->get_refs(c->name, c->kind, &c->value, c->task))
IN_AGENT(type, api->type(c->name, &c->value, c->task))
IN_AGENT(rename, api->rename(c->name, c->other, c->task))
IN_AGENT(insert, api->insert_right(c->name, c->other, c->disposition, c->task))
IN_AGENT(extract, api->extract_right(c->task, c->name, c->disposition, &c->other))
IN_AGENT(request, api->request_notification(c->name, c->id, c->sync, c->other, c->disposition,
    &c->value, c->task))
IN_AGENT(move_member, api->move_member(c->name, c->other, c->task))
IN_AGENT(receive_status, api->receive_status(c->name, &c->out.status, c->task))
IN_AGENT(set_qlimit, api->set_qlimit(c->name, c->value, c->task))
IN_AGENT(set_mscount, api->set_mscount(c->name, c->value))
IN_AGENT(set_seqno, api->set_seqno(c->name, c->value))
IN_AGENT(set_payload, api->set_payload(c->name, c->one))
IN_AGENT(clear_payload, api->clear_payload(c->name))
IN_AGENT(peek, api->peek(c->name, &c->out.peeked))
IN_AGENT(construct, api->construct(c->kind, c->value, c->one, &c->name))
IN_AGENT(destruct, api->destruct(c->name, c->delta, c->one))
IN_AGENT(guard, api->guard(c->name, c->one, c->delta))
IN_AGENT(unguard, api->unguard(c->name, c->one))
IN_AGENT(swap_guard, api->swap_guard(c->name, c->one, c->two))
IN_AGENT(task_self, api->task_self(&c->name))

static long
do_names(void *arg)
{
	struct call *c = arg;
	struct port_entry *entries;
	int code = api->names(&entries, &c->n, c->task);

	if (code)
		return code;
	if (c->n > LIST_MAX)
		FAIL("%zu names", c->n);
	memcpy(c->list, entries, c->n * sizeof(*entries));
	free(entries);
	return 0;
}

static long
do_set_status(void *arg)
{
	struct call *c = arg;
	port_name_t *members;
	int code = api->set_status(c->name, &members, &c->n, c->task);

	if (code)
		return code;
	if (c->n > LIST_MAX)
		FAIL("%zu members", c->n);
	memcpy(c->list, members, c->n * sizeof(*members));
	free(members);
	return 0;
}

/* Names and references, in the task that the caller names (PORT_NULL: its own) -------------- */

int
allocate_in(struct task *c, port_name_t task, uint32_t kind, port_name_t *namep)
{
	struct call *out;
	int code = call(c, do_allocate, (struct call){ .task = task, .kind = kind }, &out);

	if (code == 0 && namep)
		*namep = out->name;
	return code;
}

int
allocate_name_in(struct task *c, port_name_t task, uint32_t kind, port_name_t name)
{
	return call(c, do_allocate_name,
	    (struct call){ .task = task, .kind = kind, .name = name }, NULL);
}

int
deallocate_in(struct task *c, port_name_t task, port_name_t name)
{
	return call(c, do_deallocate, (struct call){ .task = task, .name = name }, NULL);
}

int
destroy_in(struct task *c, port_name_t task, port_name_t name)
{
	return call(c, do_destroy, (struct call){ .task = task, .name = name }, NULL);
}

int
mod_refs_in(struct task *c, port_name_t task, port_name_t name, uint32_t kind, int32_t delta)
{
	return call(c, do_mod_refs,
	    (struct call){ .task = task, .name = name, .kind = kind, .delta = delta }, NULL);
}

int
get_refs_in(struct task *c, port_name_t task, port_name_t name, uint32_t kind, uint32_t *urefsp)
{
	struct call *out;
	int code = call(c, do_get_refs,
	    (struct call){ .task = task, .name = name, .kind = kind }, &out);

	if (code == 0)
		*urefsp = out->value;
	return code;
}

int
get_type_in(struct task *c, port_name_t task, port_name_t name, uint32_t *typep)
{
	struct call *out;
	int code = call(c, do_type, (struct call){ .task = task, .name = name }, &out);

	if (code == 0)
		*typep = out->value;
	return code;
}

int
rename_in(struct task *c, port_name_t task, port_name_t name, port_name_t new_name)
{
	return call(c, do_rename,
	    (struct call){ .task = task, .name = name, .other = new_name }, NULL);
}

int
names_in(struct task *c, port_name_t task, size_t *n_namesp)
{
	struct call *out;
	int code = call(c, do_names, (struct call){ .task = task }, &out);

	if (code == 0)
		*n_namesp = out->n;
	return code;
}

int
insert_in(struct task *c, port_name_t task, port_name_t name, port_name_t right,
    uint32_t disposition)
{
	return call(c, do_insert, (struct call){ .task = task, .name = name, .other = right,
	    .disposition = disposition }, NULL);
}

int
extract(struct task *c, port_name_t task, port_name_t name, uint32_t disposition,
    port_name_t *rightp)
{
	struct call *out;
	int code = call(c, do_extract,
	    (struct call){ .task = task, .name = name, .disposition = disposition }, &out);

	if (code == 0 && rightp)
		*rightp = out->other;
	return code;
}

int
request_in(struct task *c, port_name_t task, port_name_t name, uint32_t id, uint32_t sync,
    port_name_t notify, uint32_t disposition, port_name_t *previousp)
{
	struct call *out;
	int code = call(c, do_request, (struct call){ .task = task, .name = name, .id = id,
	    .sync = sync, .other = notify, .disposition = disposition }, &out);

	if (code == 0 && previousp)
		*previousp = out->value;
	return code;
}

int
move_member_in(struct task *c, port_name_t task, port_name_t member, port_name_t set)
{
	return call(c, do_move_member,
	    (struct call){ .task = task, .name = member, .other = set }, NULL);
}

int
set_status_in(struct task *c, port_name_t task, port_name_t set, size_t *n_membersp)
{
	struct call *out;
	int code = call(c, do_set_status, (struct call){ .task = task, .name = set }, &out);

	if (code == 0)
		*n_membersp = out->n;
	return code;
}

int
receive_status_in(struct task *c, port_name_t task, port_name_t name,
    struct receive_status_out *status)
{
	struct call *out;
	int code = call(c, do_receive_status, (struct call){ .task = task, .name = name }, &out);

	if (code == 0)
		*status = out->out.status;
	return code;
}

int
set_qlimit_in(struct task *c, port_name_t task, port_name_t name, uint32_t qlimit)
{
	return call(c, do_set_qlimit,
	    (struct call){ .task = task, .name = name, .value = qlimit }, NULL);
}

/* The same in the task's own space ------------------------------------------------------------ */

int
allocate(struct task *c, uint32_t kind, port_name_t *namep)
{
	return allocate_in(c, PORT_NULL, kind, namep);
}

int
allocate_name(struct task *c, uint32_t kind, port_name_t name)
{
	return allocate_name_in(c, PORT_NULL, kind, name);
}

int
deallocate(struct task *c, port_name_t name)
{
	return deallocate_in(c, PORT_NULL, name);
}

int
destroy(struct task *c, port_name_t name)
{
	return destroy_in(c, PORT_NULL, name);
}

int
mod_refs(struct task *c, port_name_t name, uint32_t kind, int32_t delta)
{
	return mod_refs_in(c, PORT_NULL, name, kind, delta);
}

int
get_refs(struct task *c, port_name_t name, uint32_t kind, uint32_t *urefsp)
{
	return get_refs_in(c, PORT_NULL, name, kind, urefsp);
}

int
get_type(struct task *c, port_name_t name, uint32_t *typep)
{
	return get_type_in(c, PORT_NULL, name, typep);
}

int
rename_name(struct task *c, port_name_t name, port_name_t new_name)
{
	return rename_in(c, PORT_NULL, name, new_name);
}

int
insert(struct task *c, port_name_t name, port_name_t right, uint32_t disposition)
{
	return insert_in(c, PORT_NULL, name, right, disposition);
}

int
request(struct task *c, port_name_t name, uint32_t id, uint32_t sync, port_name_t notify,
    uint32_t disposition, port_name_t *previousp)
{
	return request_in(c, PORT_NULL, name, id, sync, notify, disposition, previousp);
}

int
move_member(struct task *c, port_name_t member, port_name_t set)
{
	return move_member_in(c, PORT_NULL, member, set);
}

int
get_status(struct task *c, port_name_t name, struct receive_status_out *status)
{
	return receive_status_in(c, PORT_NULL, name, status);
}

int
set_qlimit(struct task *c, port_name_t name, uint32_t qlimit)
{
	return set_qlimit_in(c, PORT_NULL, name, qlimit);
}

int
set_mscount(struct task *c, port_name_t name, uint32_t mscount)
{
	return call(c, do_set_mscount, (struct call){ .name = name, .value = mscount }, NULL);
}

int
set_seqno(struct task *c, port_name_t name, uint32_t seqno)
{
	return call(c, do_set_seqno, (struct call){ .name = name, .value = seqno }, NULL);
}

int
set_payload(struct task *c, port_name_t name, uint64_t payload)
{
	return call(c, do_set_payload, (struct call){ .name = name, .one = payload }, NULL);
}

int
clear_payload(struct task *c, port_name_t name)
{
	return call(c, do_clear_payload, (struct call){ .name = name }, NULL);
}

int
peek(struct task *c, port_name_t name, struct peek_out *peeked)
{
	struct call *out;
	int code = call(c, do_peek, (struct call){ .name = name }, &out);

	if (code == 0)
		*peeked = out->out.peeked;
	return code;
}

int
construct(struct task *c, uint32_t flags, uint32_t qlimit, uint64_t context, port_name_t *namep)
{
	struct call *out;
	int code = call(c, do_construct,
	    (struct call){ .kind = flags, .value = qlimit, .one = context }, &out);

	if (code == 0 && namep)
		*namep = out->name;
	return code;
}

int
destruct(struct task *c, port_name_t name, int32_t send_delta, uint64_t guard)
{
	return call(c, do_destruct,
	    (struct call){ .name = name, .delta = send_delta, .one = guard }, NULL);
}

int
guard(struct task *c, port_name_t name, uint64_t guard, int strict)
{
	return call(c, do_guard,
	    (struct call){ .name = name, .one = guard, .delta = strict }, NULL);
}

int
unguard(struct task *c, port_name_t name, uint64_t guard)
{
	return call(c, do_unguard, (struct call){ .name = name, .one = guard }, NULL);
}

int
swap_guard(struct task *c, port_name_t name, uint64_t old_guard, uint64_t new_guard)
{
	return call(c, do_swap_guard,
	    (struct call){ .name = name, .one = old_guard, .two = new_guard }, NULL);
}

int
task_self(struct task *c, port_name_t *taskp)
{
	struct call *out;
	int code = call(c, do_task_self, (struct call){ 0 }, &out);

	if (code == 0)
		*taskp = out->name;
	return code;
}

int
set_status(struct task *c, port_name_t set, port_name_t *members, size_t room, size_t *n_membersp)
{
	struct call *out;
	int code = call(c, do_set_status, (struct call){ .name = set }, &out);

	if (code)
		return code;
	if (members)
		memcpy(members, out->list, (out->n < room ? out->n : room) * sizeof(*members));
	if (n_membersp)
		*n_membersp = out->n;
	return 0;
}

struct port_entry *
names(struct task *c, size_t *n_namesp)
{
	struct call *out;
	struct port_entry *entries;

	OK(call(c, do_names, (struct call){ 0 }, &out));
	entries = calloc(out->n + 1, sizeof(*entries));
	if (!entries)
		FAIL("no memory");
	memcpy(entries, out->list, out->n * sizeof(*entries));
	*n_namesp = out->n;
	return entries;
}

/* What must succeed --------------------------------------------------------------------------- */

port_name_t
new_port(struct task *c)
{
	port_name_t name = PORT_NULL;

	OK(allocate(c, RECEIVE, &name));
	return name;
}

port_name_t
new_port_rs(struct task *c)
{
	port_name_t n = new_port(c);

	OK(insert(c, n, n, KS));
	return n;
}

port_name_t
new_set(struct task *c)
{
	port_name_t name = PORT_NULL;

	OK(allocate(c, PORT_SET, &name));
	return name;
}

port_name_t
new_dead_name(struct task *c, int urefs)
{
	port_name_t name = PORT_NULL;

	OK(allocate(c, DEAD_NAME, &name));
	if (urefs > 1)
		OK(mod_refs(c, name, DEAD_NAME, urefs - 1));
	return name;
}

port_name_t
give(struct task *from, port_name_t name, uint32_t disposition, struct task *to)
{
	struct world_answer answer;

	if (api == &backend_fd)
		return toy_give(from, name, disposition, to);
	answer = world_ask(WORLD_GIVE,
	    (uint32_t[4]){ id_of(from), name, disposition, id_of(to) });
	check_is(__FILE__, __LINE__, "give()", answer.code, 0);
	return answer.name;
}

void
kill_port(struct task *c, port_name_t name)
{
	OK(mod_refs(c, name, RECEIVE, -1));
}

uint32_t
refs(struct task *c, port_name_t name, uint32_t kind)
{
	uint32_t urefs = 0;

	OK(get_refs(c, name, kind, &urefs));
	return urefs;
}

uint32_t
type_of(struct task *c, port_name_t name)
{
	uint32_t type = 0;
	int code = get_type(c, name, &type);

	if (code)
		IS(code, PORT_E_INVALID_NAME);
	return type;
}

size_t
count_names(struct task *c)
{
	size_t n = 0;

	OK(names_in(c, PORT_NULL, &n));
	return n;
}

struct receive_status_out
status(struct task *c, port_name_t name)
{
	struct receive_status_out out = { 0 };

	OK(get_status(c, name, &out));
	return out;
}

void
ask(struct task *c, port_name_t name, uint32_t id, uint32_t sync, port_name_t notify)
{
	port_name_t previous = UNKNOWN;

	OK(request(c, name, id, sync, notify, KSO, &previous));
	IS(previous, PORT_NULL);
}

bool
set_is(struct task *c, port_name_t set, ...)
{
	port_name_t members[64], wanted;
	size_t n = 0, n_wanted = 0;
	va_list args;

	OK(set_status(c, set, members, ARRAY_SIZE(members), &n));
	va_start(args, set);
	while ((wanted = va_arg(args, port_name_t)) != PORT_NULL) {
		bool found = false;

		for (size_t i = 0; i < n && i < ARRAY_SIZE(members); i++)
			found |= members[i] == wanted;
		n_wanted += found ? 1 : ARRAY_SIZE(members);
	}
	va_end(args);
	return n == n_wanted;
}

/* The notation ------------------------------------------------------------------------ */

static void
describe(struct task *c, port_name_t name, uint32_t type, char *text, size_t room)
{
	uint32_t kinds = type & ~(PORT_TYPE_DNREQUEST | PORT_TYPE_SPREQUEST);

	if (kinds == 0)
		snprintf(text, room, "-");
	else if (kinds == TYPE_RECEIVE)
		snprintf(text, room, "R");
	else if (kinds == TYPE_SEND)
		snprintf(text, room, "S%u", refs(c, name, SEND));
	else if (kinds == (TYPE_RECEIVE | TYPE_SEND))
		snprintf(text, room, "RS%u", refs(c, name, SEND));
	else if (kinds == TYPE_SEND_ONCE)
		snprintf(text, room, "SO");
	else if (kinds == TYPE_PORT_SET)
		snprintf(text, room, "PS");
	else if (kinds == TYPE_DEAD_NAME)
		snprintf(text, room, "D%u", refs(c, name, DEAD_NAME));
	else
		snprintf(text, room, "type %#x", type);
}

void
check_entry(const char *file, int line, const char *what, struct task *task, port_name_t name,
    const char *wanted)
{
	char text[32];

	describe(task, name, type_of(task, name), text, sizeof(text));
	if (strcmp(text, wanted) != 0)
		case_fail(file, line, "%s is %s, not %s", what, text, wanted);
}
