/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keeper: reads requests off its kernel port and gives each to who knows about it. */
#include "portd/keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/arm.h"
#include "portd/change.h"
#include "portd/mounter.h"
#include "portd/node.h"
#include "portd/options.h"
#include "portd/stale.h"
#include "portd/watch.h"
#include "wire/recovery.h"


enum { SWEEP_DEADLINE_MS = 10 * 1000 };

/* Answers ------------------------------------------------------------------- */

/* The answer to request `id`, so far. NULL: no memory. */
struct message *
answer_new(uint32_t id, int code, const char *text)
{
	struct message *message = message_new(id + RPC_REPLY_OFFSET);

	if (!message)
		return NULL;
	wire_put_i32(&message->body, code);
	wire_put_str(&message->body, text);
	return message;
}

/* Answers without fields; eats reply. */
void
answer_send(struct right reply, uint32_t id, int code, const char *text)
{
	struct message *message;

	if (reply.kind == RIGHT_NULL || reply.kind == RIGHT_DEAD) {
		right_release(reply);
		return;
	}
	message = answer_new(id, code, text);
	if (message)
		message_send(reply, message, (struct right){ .kind = RIGHT_NULL });
	else
		right_release(reply);
}

/* "PATH: text" with the code; eats reply. */
static void __attribute__((format(printf, 4, 5)))
answer_error(struct right reply, uint32_t id, int code, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	answer_send(reply, id, code, text);
}

/* Nodes, told ---------------------------------------------------------------- */

static struct node *
find_after(struct keeper *keeper, const char *path)
{
	LIST_FOR_EACH(at, next, &keeper->nodes) {
		struct node *node = LIST_ENTRY(at, struct node, link);

		if (strcmp(node->path, path) > 0)
			return node;
	}
	return NULL;
}

static struct wire_blob
argv_blob(const struct setting *setting, bool files)
{
	if (!setting)
		return (struct wire_blob){ "", 0 };
	if (files)
		return (struct wire_blob){ setting->files.data, setting->files.size };
	return (struct wire_blob){ setting->argv.data, setting->argv.size };
}

/* The recovery memory is the translator's: it is read, and believed only as a number. */
static void
read_recovery(const struct node *node, struct node_get_out *out)
{
	struct recovery head;

	if (!node->mount || pread(node->mount->recovery, &head, sizeof(head), 0) != sizeof(head) ||
	    head.magic != RECOVERY_MAGIC)
		return;
	out->opens_known = head.opens_known == 1;
	out->opens = head.opens;
	if (node->inc && head.progress_pct <= 100)
		out->progress_pct = head.progress_pct;
}

static void
tell_node(struct node *node, struct right reply)
{
	struct setting *setting = node_setting(node);
	const struct setting *active = node->active ? node->active : node->run;
	const struct incarnation *inc = node->inc ? node->inc : change_candidate(node);
	struct message *message = answer_new(ROUTINE_node_get, 0, "");
	struct node_get_out out = {
		.path = node->path,
		.state = node_state(node),
		.kind = setting ? setting->kind : 0,
		.nature = setting ? setting->nature : 0,
		.passive = argv_blob(node->passive, false),
		.active = argv_blob(active ? active : node->inc ? setting : NULL, false),
		.program = setting ? setting->program : "",
		.pid = inc ? (uint32_t)inc->pid : 0,
		.since = inc ? inc->since : 0,
		.set_at = node->set_at,
		.starts = node->starts,
		.crashes = node->crashes,
		.reason = node->reason ? node->reason : "",
		.mount_id = node->mount ? node->mount->id : 0,
		.device = node->mount ? node->mount->device : "",
		.log_path = translog_path(node->log),
		.files = argv_blob(setting, true),
		.underlying_path = node->underlying_path,
	};

	if (!message) {
		right_release(reply);
		return;
	}
	read_recovery(node, &out);
	node_get_out_put(&message->body, &out);
	message_send(reply, message, (struct right){ .kind = RIGHT_NULL });
}

static void
take_get(struct keeper *keeper, struct message *request)
{
	struct right reply = message_take_reply(request);
	struct node_get_in in;
	struct node *node;

	if (node_get_in_get(&request->body, &in) < 0) {
		answer_send(reply, request->id, PORT_E_RPC_BAD_ARGUMENTS, "");
		return;
	}
	node = in.exact ? node_find(keeper, in.path) : NULL;
	if (!node && (in.exact || in.path[0] == '\0'))
		watch_look(keeper->watch);
	node = in.exact ? node_find(keeper, in.path) : find_after(keeper, in.path);
	if (node)
		tell_node(node, reply);
	else
		answer_error(reply, request->id, -ENOENT, "%.900s: no translator is set there",
		    in.path);
}

static void
take_control(struct keeper *keeper, struct message *request)
{
	struct right reply = message_take_reply(request);
	struct node_control_out out = { 0 };
	struct node_control_in in;
	struct message *message;
	struct node *node;

	if (node_control_in_get(&request->body, &in) < 0) {
		answer_send(reply, request->id, PORT_E_RPC_BAD_ARGUMENTS, "");
		return;
	}
	node = node_find(keeper, in.path);
	if (!node || !node->inc || !right_is_live(&node->inc->control)) {
		answer_error(reply, request->id, node ? -ESRCH : -ENOENT, "%.900s: %s", in.path,
		    node ? "its translator does not run" : "no translator is set there");
		return;
	}
	message = answer_new(request->id, 0, "");
	if (!message) {
		right_release(reply);
		return;
	}
	out.control = message_add_right(message, right_copy_send(&node->inc->control));
	node_control_out_put(&message->body, &out);
	message_send(reply, message, (struct right){ .kind = RIGHT_NULL });
}

static uint32_t
count_running(const struct keeper *keeper)
{
	uint32_t n = 0;

	LIST_FOR_EACH(at, next, &keeper->nodes)
		n += LIST_ENTRY(at, struct node, link)->inc != NULL;
	return n;
}

static void
take_info(struct keeper *keeper, struct message *request)
{
	struct right reply = message_take_reply(request);
	struct message *message = answer_new(request->id, 0, "");
	struct keeper_info_out out = {
		.version = VERSION,
		.pid = (uint32_t)getpid(),
		.since = keeper->since,
		.nodes = keeper->n_nodes,
		.running = count_running(keeper),
		.tasks = world_tasks(keeper->world),
		.state_dir = keeper->state_dir,
		.features = keeper->resend ? "resend" : "",
	};

	if (!message) {
		right_release(reply);
		return;
	}
	keeper_info_out_put(&message->body, &out);
	message_send(reply, message, (struct right){ .kind = RIGHT_NULL });
}

/* Arming --------------------------------------------------------------------- */

struct asked {
	struct right reply;
};

static void
on_armed(int code, const char *text, void *arg)
{
	struct asked *asked = arg;

	answer_send(asked->reply, ROUTINE_keeper_arm, code, text);
	free(asked);
}

static void
arm_again(struct node *node, struct arm_batch *batch)
{
	node_forgive(node);
	arm_node(node, batch);
}

static void
arm_asked(struct keeper *keeper, const char *path, struct arm_batch *batch)
{
	LIST_FOR_EACH(at, next, &keeper->nodes) {
		struct node *node = LIST_ENTRY(at, struct node, link);

		if (path[0] == '\0' || strcmp(path, node->path) == 0)
			arm_again(node, batch);
	}
	arm_batch_close(batch);
}

static void
take_arm(struct keeper *keeper, struct message *request)
{
	struct right reply = message_take_reply(request);
	struct keeper_arm_in in;
	struct asked *asked;
	struct arm_batch *batch;

	if (keeper_arm_in_get(&request->body, &in) < 0) {
		answer_send(reply, request->id, PORT_E_RPC_BAD_ARGUMENTS, "");
		return;
	}
	if (in.path[0] && !node_find(keeper, in.path)) {
		answer_error(reply, request->id, -ENOENT, "%.900s: no translator is set there",
		    in.path);
		return;
	}
	asked = calloc(1, sizeof(*asked));
	batch = asked ? arm_batch_new(on_armed, asked) : NULL;
	if (!batch) {
		free(asked);
		right_release(reply);
		return;
	}
	asked->reply = reply;
	arm_asked(keeper, in.path, batch);
}

static void
take_stop(struct keeper *keeper, struct message *request)
{
	answer_send(message_take_reply(request), request->id, 0, "");
	keeper->stop(keeper->stop_arg);
}

/* Dispatch -------------------------------------------------------------------- */

static const struct routine {
	uint32_t id;
	void (*take)(struct keeper *keeper, struct message *request);
} routines[] = {
	{ ROUTINE_node_set, change_begin },
	{ ROUTINE_node_resume, change_resume },
	{ ROUTINE_node_get, take_get },
	{ ROUTINE_node_set_options, options_begin },
	{ ROUTINE_node_control, take_control },
	{ ROUTINE_keeper_info, take_info },
	{ ROUTINE_keeper_arm, take_arm },
	{ ROUTINE_keeper_stop, take_stop },
};

static void
on_message(struct port *port, struct message *message, void *arg)
{
	const struct routine *routine = routines;
	const struct routine *end = routines + ARRAY_SIZE(routines);

	(void)port;
	while (routine < end && routine->id != message->id)
		routine++;
	if (routine < end)
		routine->take(arg, message);
	else
		answer_send(message_take_reply(message), message->id, PORT_E_RPC_BAD_ID, "");
	message_free(message);
}

/* Beginning ------------------------------------------------------------------- */

static int
load_row(const struct store_row *row, void *arg)
{
	struct node *node = node_new(arg, row->path);

	if (!node)
		return -ENOMEM;
	node->passive = setting_copy(row->passive);
	node->run = row->run ? setting_copy(row->run) : NULL;
	free(node->underlying_path);
	node->underlying_path = strdup(row->underlying_path);
	node->created = row->created;
	node->restore_mode = row->restore_mode;
	node->set_at = row->set_at;
	node->generation = row->generation;
	if (!node->passive || !node->underlying_path || (row->run && !node->run))
		return -ENOMEM;
	return 0;
}

static int
open_port(struct keeper *keeper, struct text *why)
{
	keeper->port = port_new_kernel(keeper->world, on_message, keeper);
	keeper->watch = watch_new(keeper);
	keeper->stale = stale_new(keeper);
	if (keeper->port && keeper->watch && keeper->stale) {
		world_set_bootstrap(keeper->world, right_make_send(keeper->port));
		return 0;
	}
	text_printf(why, "the mount table and files cannot be watched: %s; "
	    "fs.inotify.max_user_instances may be too small", strerror(errno));
	return -EIO;
}

/* Takes the configuration and loads the settings. */
int
keeper_init(struct keeper *keeper, const struct keeper_config *config, struct text *why)
{
	AUTO_TEXT struct text damage = { 0 };
	int err;

	*keeper = (struct keeper){
		.loop = config->loop, .world = config->world, .store = config->store,
		.runtime_dir = config->runtime_dir, .state_dir = config->state_dir,
		.log_dir = config->log_dir, .idle_ms = config->idle_ms,
		.no_resend = config->no_resend,
		.stop = config->stop, .stop_arg = config->stop_arg,
		.since = (uint64_t)time(NULL),
	};
	list_init(&keeper->nodes);
	list_init(&keeper->mounts);
	list_init(&keeper->incarnations);
	list_init(&keeper->arms);
	if (!keeper->world || !keeper->store || !keeper->log_dir)
		return -ENOMEM;
	err = open_port(keeper, why);
	if (err < 0)
		return err;
	err = store_each(keeper->store, load_row, keeper, &damage);
	if (damage.size > 0)
		log_error("%s", text_string(&damage));
	if (err < 0)
		text_printf(why, "%s", damage.size ? text_string(&damage) : strerror(-err));
	return err;
}

static void
on_swept(struct helper_answer *answer, void *arg)
{
	(void)arg;
	if (answer->error)
		log_error("a mount that a dead hird-portd left does not answer");
}

/* Sweeps, and arms. */
void
keeper_begin(struct keeper *keeper)
{
	AUTO_ARGV struct argv paths = { 0 };
	int err = 0;

	LIST_FOR_EACH(at, next, &keeper->nodes)
		err |= argv_add(&paths, LIST_ENTRY(at, struct node, link)->path);
	if (err != 0 || !helper_start(keeper->loop, mounter_sweep, &paths, NULL, 0,
	    SWEEP_DEADLINE_MS, on_swept, keeper))
		log_error("no helper process: %s", strerror(errno));
	LIST_FOR_EACH(armed, after, &keeper->nodes)
		arm_node(LIST_ENTRY(armed, struct node, link), NULL);
}

/* Releases what keeper_init took. */
void
keeper_deinit(struct keeper *keeper)
{
	LIST_FOR_EACH(at, next, &keeper->nodes)
		node_free(LIST_ENTRY(at, struct node, link));
	LIST_FOR_EACH(at, next, &keeper->mounts)
		mount_free(LIST_ENTRY(at, struct mount, link));
	watch_free(keeper->watch);
	stale_free(keeper->stale);
	keeper->stale = NULL;
	keeper->watch = NULL;
	if (keeper->port)
		port_kill(keeper->port);
	keeper->port = NULL;
	store_close(STEAL_PTR(keeper->store));
	free(STEAL_PTR(keeper->runtime_dir));
	free(STEAL_PTR(keeper->state_dir));
	free(STEAL_PTR(keeper->log_dir));
}
