/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* messages: the functions that messages.def makes. */
#include "wire/messages.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "wire/describe.h"

/* Releases what a value of each type owns, when a get fails half-way. */
static void
drop_fd(int *fd)
{
	fd_close(fd);
}

static void
drop_fds(struct wire_fds *fds)
{
	for (uint32_t i = 0; i < fds->n; i++)
		fd_close(&fds->fd[i]);
	fds->n = 0;
}

#define drop_u32(p) ((void)(p))
#define drop_i32(p) ((void)(p))
#define drop_u64(p) ((void)(p))
#define drop_str(p) ((void)(p))
#define drop_blob(p) ((void)(p))
#define drop_argv(p) ((void)(p))
#define drop_port(p) ((void)(p))

#define PUT_FIELD(type, name) wire_put_##type(buf, value->name);
#define GET_FIELD(type, name) got.name = wire_get_##type(buf);
#define DROP_FIELD(type, name) drop_##type(&got.name);

#define WIRE_SIDE(side, fields) \
	void \
	side##_put(struct wire_buf *buf, const struct side *value) \
	{ \
		(void)value; \
		(void)buf; \
		fields(PUT_FIELD) \
	} \
	int \
	side##_get(struct wire_buf *buf, struct side *value) \
	{ \
		struct side got = { 0 }; \
		int err; \
		fields(GET_FIELD) \
		err = wire_buf_finish(buf); \
		if (err < 0) { \
			fields(DROP_FIELD) \
			memset(value, 0, sizeof(*value)); \
			return err; \
		} \
		*value = got; \
		return 0; \
	}

#define BOTH_SIDES(name) \
	WIRE_SIDE(name##_in, name##_IN) \
	WIRE_SIDE(name##_out, name##_OUT)

#define CALL(name, number) BOTH_SIDES(name)
#define ROUTINE(name, id) BOTH_SIDES(name)
#include "wire/messages.def"
#undef CALL
#undef ROUTINE

WIRE_SIDE(describe_out, describe_OUT)

const char *
wire_call_name(uint32_t number)
{
	switch (number) {
#define CALL(name, number) case number: return #name;
#define ROUTINE(name, id)
#include "wire/messages.def"
#undef CALL
#undef ROUTINE
	}
	return NULL;
}

const char *
wire_routine_name(uint32_t id)
{
	switch (id) {
#define CALL(name, number)
#define ROUTINE(name, id) case id: return #name;
#include "wire/messages.def"
#undef CALL
#undef ROUTINE
	}
	return NULL;
}
