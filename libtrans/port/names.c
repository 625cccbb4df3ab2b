/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* names: the two requests of the names interface that everybody needs. */
#include "port/names.h"

#include "port/stubs.h"

/* Looks a service up. PORT_E_NAMES_*; also what port_call says. */
int
port_look_up(port_name_t context, const char *name, port_name_t *servicep)
{
	struct names_look_up_in in = { .name = name };
	struct names_look_up_out out;
	struct port_reply reply;
	int err = names_look_up_call(context, &in, &out, &reply, PORT_FOREVER);

	if (err == 0)
		*servicep = out.service.name;
	port_reply_deinit(&reply);
	return err;
}

/* Takes the receive right of a service. PORT_E_NAMES_*; also what port_call says. */
int
port_check_in(port_name_t context, const char *name, port_name_t *servicep)
{
	struct names_check_in_in in = { .name = name };
	struct names_check_in_out out;
	struct port_reply reply;
	int err = names_check_in_call(context, &in, &out, &reply, PORT_FOREVER);

	if (err == 0)
		*servicep = out.service.name;
	port_reply_deinit(&reply);
	return err;
}
