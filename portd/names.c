/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names: the names interface, answered for one context or another.
 *
 * Holding a context is what allows to look up, to register and to declare in it;
 * taking a name away takes the right that was its signature. There is no list
 * of who may do what. */
#include "portd/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "portd/dispatch.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/state.h"
#include "portd/world.h"
#include "wire/messages.h"

WIRE_SERVER(names)

static const struct right no_right = { RIGHT_NULL, NULL };

/* Looking ------------------------------------------------------------------------ */

static bool
is_name(const char *name)
{
	size_t size = strlen(name);

	return size > 0 && size <= SERVICE_NAME_MAX;
}

static int
not_a_name(struct rpc_request *request)
{
	return request_fail(request, PORT_E_RPC_BAD_ARGUMENTS, "a name has 1 to %d bytes",
	    SERVICE_NAME_MAX);
}

/* A service of this very context. One whose port died is no more. */
struct service *
names_find(const struct names_context *context, const char *name)
{
	LIST_FOR_EACH(at, next, &context->services) {
		struct service *service = LIST_ENTRY(at, struct service, link);

		if (strcmp(service->name, name) != 0)
			continue;
		if (service_is_live(service))
			return service;
		service_free(service);
		return NULL;
	}
	return NULL;
}

/* Of this context, or of those around it. */
static struct service *
find_upwards(const struct names_context *context, const char *name)
{
	for (; context; context = context->parent) {
		struct service *service = names_find(context, name);

		if (service)
			return service;
	}
	return NULL;
}

/* The routines --------------------------------------------------------------------- */

static struct right
take_send(struct rpc_request *request, struct wire_send right)
{
	return message_take_right(request->message,
	    (struct wire_port){ right.name, right.disposition });
}

/* Puts a right into the answer; eats it. */
static struct wire_port
give(struct rpc_request *request, struct right right)
{
	return message_add_right(request->answer, right);
}

static struct wire_send
give_send(struct rpc_request *request, struct right right)
{
	struct wire_port port = give(request, right);

	return (struct wire_send){ port.name, port.disposition };
}

static int
take_look_up(struct rpc_request *request, struct names_look_up_in *in,
    struct names_look_up_out *out)
{
	struct service *service = find_upwards(request->arg, in->name);

	if (!service)
		return PORT_E_NAMES_UNKNOWN_SERVICE;
	out->service = give_send(request, right_copy_send(&service->send));
	return 0;
}

/* A name that nobody declared: its port is new, and the caller's. */
static int
check_in_new(struct names_context *context, const char *name, struct right signature,
    struct right *receivep)
{
	struct port *port = port_new_kept(context->names->world);
	struct right receive = { RIGHT_RECEIVE, port };

	if (!port) {
		right_release(signature);
		return -ENOMEM;
	}
	if (!service_new(context, name, right_make_send(port), signature)) {
		right_release(receive);
		return -ENOMEM;
	}
	*receivep = receive;
	return 0;
}

static int
take_check_in(struct rpc_request *request, struct names_check_in_in *in,
    struct names_check_in_out *out)
{
	struct service *service = find_upwards(request->arg, in->name);
	struct wire_port port;
	struct right receive;
	int code;

	if (!is_name(in->name))
		return not_a_name(request);
	if (service)
		code = service_check_in(service, request->message->task, &receive);
	else
		code = check_in_new(
		    request->arg, in->name, take_send(request, in->signature), &receive);
	if (code)
		return code;
	port = give(request, receive);
	out->service = (struct wire_receive){ port.name, port.disposition };
	return 0;
}

/* Whether a name can be given anew; else a code. */
static int
check_new(struct rpc_request *request, const char *name)
{
	if (!is_name(name))
		return not_a_name(request);
	return names_find(request->arg, name) ? PORT_E_NAMES_NAME_IN_USE : 0;
}

static int
take_register(struct rpc_request *request, struct names_register_in *in,
    struct names_register_out *out)
{
	int code = check_new(request, in->name);
	struct right send;

	(void)out;
	if (code)
		return code;
	send = take_send(request, in->service);
	if (send.kind != RIGHT_SEND || !right_is_live(&send)) {
		right_release(send);
		return request_fail(request, PORT_E_RPC_BAD_ARGUMENTS,
		    "a service is a send right to a live port");
	}
	return service_new(request->arg, in->name, send, take_send(request, in->signature)) ?
	    0 : -ENOMEM;
}

static int
take_unregister(struct rpc_request *request, struct names_unregister_in *in,
    struct names_unregister_out *out)
{
	struct service *service = names_find(request->arg, in->name);
	struct right signature;
	bool same;

	(void)out;
	if (!service)
		return PORT_E_NAMES_UNKNOWN_SERVICE;
	signature = take_send(request, in->signature);
	same = right_is_live(&signature) && signature.port == service->signature.port;
	right_release(signature);
	if (!same)
		return PORT_E_NAMES_NOT_PRIVILEGED;
	service_free(service);
	return 0;
}

static bool
is_program(const char *program, const struct argv *argv)
{
	return program[0] == '/' && argv->size > 0;
}

static struct argv
as_argv(struct wire_blob blob)
{
	return (struct argv){ (char *)blob.data, blob.size };
}

static int
take_create(struct rpc_request *request, struct names_create_in *in,
    struct names_create_out *out)
{
	const struct argv argv = as_argv(in->argv), env = as_argv(in->env);
	int code = check_new(request, in->name);

	(void)out;
	if (code)
		return code;
	if (!is_program(in->program, &argv))
		return request_fail(request, PORT_E_RPC_BAD_ARGUMENTS,
		    "a service needs the absolute path of a program, and its arguments");
	return service_declare(request->arg, in->name, in->program, &argv, &env,
	    take_send(request, in->signature)) ? 0 : -ENOMEM;
}

/* The first live one after a name. */
static struct service *
find_after(struct names_context *context, const char *name)
{
	LIST_FOR_EACH(at, next, &context->services) {
		struct service *service = LIST_ENTRY(at, struct service, link);

		if (strcmp(service->name, name) <= 0)
			continue;
		if (service_is_live(service))
			return service;
		service_free(service);
	}
	return NULL;
}

static int
take_get(struct rpc_request *request, struct names_get_in *in, struct names_get_out *out)
{
	struct service *service = in->exact ? names_find(request->arg, in->name)
					    : find_after(request->arg, in->name);

	if (!service)
		return PORT_E_NAMES_UNKNOWN_SERVICE;
	*out = (struct names_get_out){
		.name = service->name,
		.state = service_state(service),
		.program = service->program ? service->program : "",
		.argv = { service->argv.data, service->argv.size },
		.stored = service->stored,
		.queued = port_queued(service->send.port),
		.starts = service->starts,
		.failures = service->failures,
		.reason = service->why,
	};
	out->pid = (uint32_t)service_pid(service, &out->since);
	return 0;
}

/* Contexts ------------------------------------------------------------------------- */

static void on_message(struct port *port, struct message *message, void *arg);

static struct names_context *
context_new(struct names *names, struct names_context *parent)
{
	struct names_context *context = calloc(1, sizeof(*context));

	if (!context)
		return NULL;
	context->names = names;
	context->parent = parent;
	list_init(&context->services);
	context->port = port_new_kernel(names->world, on_message, context);
	if (!context->port) {
		free(context);
		return NULL;
	}
	list_link_tail(&names->contexts, &context->link);
	return context;
}

/* Names within go; contexts within come to the parent. */
static void
context_free(struct names_context *context)
{
	LIST_FOR_EACH(at, next, &context->names->contexts) {
		struct names_context *other = LIST_ENTRY(at, struct names_context, link);

		if (other->parent == context)
			other->parent = context->parent;
	}
	while (!list_is_empty(&context->services))
		service_free(LIST_ENTRY(context->services.next, struct service, link));
	list_unlink(&context->link);
	port_kill(context->port);
	free(context);
}

static int
take_subset(struct rpc_request *request, struct names_subset_in *in,
    struct names_subset_out *out)
{
	struct names_context *outer = request->arg;
	struct names_context *context = context_new(outer->names, outer);

	(void)in;
	if (!context)
		return -ENOMEM;
	out->context = give_send(request, right_make_send(context->port));
	/* One right was made: when it is gone, or never arrives, nobody is left. */
	port_arm_no_senders(context->port, 1);
	return 0;
}

static const struct names_server server = {
	.names_look_up = take_look_up,
	.names_check_in = take_check_in,
	.names_register = take_register,
	.names_unregister = take_unregister,
	.names_create = take_create,
	.names_subset = take_subset,
	.names_get = take_get,
};

static bool
serve(struct names_context *context, struct message *message)
{
	return dispatch(&names_interface, names_handle, &server, message, context);
}

/* Of a context's own port. Only portd can say that nobody is left. */
static void
on_message(struct port *port, struct message *message, void *arg)
{
	struct names_context *context = arg;
	bool unwanted = message->id == PORT_NOTIFY_NO_SENDERS && message->task == 0;

	(void)port;
	if (!unwanted && !serve(context, message))
		answer_send(message_take_reply(message), message->id, PORT_E_RPC_BAD_ID, "");
	message_free(message);
	if (unwanted && context->parent)
		context_free(context);
}

bool
names_serve(struct names *names, struct message *message)
{
	return serve(names->root, message);
}

/* The user's own ---------------------------------------------------------------------- */

int
names_may_declare(struct names *names, const char *name, const char *program,
    const struct argv *argv)
{
	struct service *service = names_find(names->root, name);

	if (!is_name(name))
		return PORT_E_RPC_BAD_ARGUMENTS;
	if (service && !service->stored)
		return PORT_E_NAMES_NAME_IN_USE;
	if (argv->size == 0)
		return service ? 0 : PORT_E_NAMES_UNKNOWN_SERVICE;
	return is_program(program, argv) ? 0 : PORT_E_RPC_BAD_ARGUMENTS;
}

int
names_declare(struct names *names, const char *name, const char *program,
    const struct argv *argv, const struct argv *env)
{
	struct service *service;
	int code = names_may_declare(names, name, program, argv);

	if (code)
		return code;
	service = names_find(names->root, name);
	if (service)
		service_free(service);
	if (argv->size == 0)
		return 0;
	service = service_declare(names->root, name, program, argv, env, no_right);
	if (!service)
		return -ENOMEM;
	service->stored = true;
	return 0;
}

/* The whole ---------------------------------------------------------------------------- */

int
names_init(struct names *names, struct world *world, uv_loop_t *loop, const char *log_dir)
{
	*names = (struct names){ .world = world, .loop = loop, .log_dir = log_dir };
	list_init(&names->contexts);
	list_init(&names->runs);
	names->root = context_new(names, NULL);
	return names->root ? 0 : -ENOMEM;
}

void
names_deinit(struct names *names)
{
	if (!names->world)
		return;
	service_end_runs(names);
	while (!list_is_empty(&names->contexts))
		context_free(LIST_ENTRY(names->contexts.next, struct names_context, link));
	*names = (struct names){ 0 };
}

bool
names_is_busy(const struct names *names)
{
	LIST_FOR_EACH(at, next, &names->contexts) {
		const struct names_context *context = LIST_ENTRY(at, struct names_context, link);

		LIST_FOR_EACH(in, after, &context->services)
			if (service_is_busy(LIST_ENTRY(in, struct service, link)))
				return true;
	}
	return false;
}

/* Handing over -------------------------------------------------------------------------- */

/* The place of a context among the others, from 1; 0: none. */
static uint32_t
number_of(const struct names *names, const struct names_context *context)
{
	uint32_t n = 0;

	LIST_FOR_EACH(at, next, &names->contexts) {
		n++;
		if (LIST_ENTRY(at, struct names_context, link) == context)
			return n;
	}
	return 0;
}

static struct names_context *
context_of(const struct names *names, uint32_t number)
{
	uint32_t n = 0;

	LIST_FOR_EACH(at, next, &names->contexts)
		if (++n == number)
			return LIST_ENTRY(at, struct names_context, link);
	return NULL;
}

/* A context comes after its parent; the first one is the outermost. */
void
names_put(struct tape *tape, const struct names *names)
{
	uint32_t n = 0;

	LIST_FOR_EACH(at, next, &names->contexts)
		n++;
	tape_put_u32(tape, n);
	LIST_FOR_EACH(at, next, &names->contexts) {
		const struct names_context *context = LIST_ENTRY(at, struct names_context, link);

		tape_put_u32(tape, number_of(names, context->parent));
		tape_put_u64(tape, context->port->number);
		service_put_all(tape, context);
	}
	service_put_runs(tape, names);
}

static bool
get_context(struct state *state, struct names *names)
{
	struct names_context *context = calloc(1, sizeof(*context));
	uint32_t parent = tape_get_u32(state->tape);

	if (!context)
		return tape_spoil(state->tape);
	context->names = names;
	list_init(&context->services);
	context->parent = context_of(names, parent);
	context->port = state_get_kernel(state, on_message, context);
	if (!context->port || (context->parent == NULL) != (names->root == NULL)) {
		free(context);
		return tape_spoil(state->tape);
	}
	if (!names->root)
		names->root = context;
	list_link_tail(&names->contexts, &context->link);
	return service_get_all(state, context);
}

bool
names_get(struct state *state, struct names *names, struct world *world, uv_loop_t *loop,
    const char *log_dir)
{
	uint32_t n = tape_get_count(state->tape, 16);

	*names = (struct names){ .world = world, .loop = loop, .log_dir = log_dir };
	list_init(&names->contexts);
	list_init(&names->runs);
	for (uint32_t i = 0; i < n; i++)
		if (!get_context(state, names))
			return false;
	return names->root ? service_get_runs(state, names) : tape_spoil(state->tape);
}

void
names_resume(struct names *names)
{
	LIST_FOR_EACH(at, next, &names->contexts)
		LIST_FOR_EACH(in, after, &LIST_ENTRY(at, struct names_context, link)->services)
			service_resume(LIST_ENTRY(in, struct service, link));
}
