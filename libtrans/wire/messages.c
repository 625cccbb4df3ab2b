/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* messages: the shapes of all messages, and who has which number. */
#include "wire/messages.h"

#include <stddef.h>

#include "base/cleanup.h"
#include "wire/describe.h"

#define CALL(name, number) WIRE_DEFINE_ROUTINE(name, number)
#include "wire/messages.def"
#undef CALL

WIRE_DEFINE(fs)
WIRE_DEFINE(fsys)
WIRE_DEFINE(inspect)
WIRE_DEFINE(io)
WIRE_DEFINE(lookup)
WIRE_DEFINE(names)
WIRE_DEFINE(node)

WIRE_SHAPE(describe_out, describe_OUT, )

static const struct wire_interface *const interfaces[] = {
	&fs_interface, &fsys_interface, &inspect_interface, &io_interface, &lookup_interface,
	&names_interface, &node_interface,
};

const char *
wire_call_name(uint32_t number)
{
	switch (number) {
#define CALL(name, number) case number: return #name;
#include "wire/messages.def"
#undef CALL
	}
	return NULL;
}

const struct wire_routine *
wire_routine_find(uint32_t id)
{
	const struct wire_routine *found = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(interfaces) && !found; i++)
		found = wire_interface_find(interfaces[i], id);
	return found;
}

const char *
wire_routine_name(uint32_t id)
{
	const struct wire_routine *routine = wire_routine_find(id);

	return routine ? routine->name : NULL;
}
