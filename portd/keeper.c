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
#include "portd/admit.h"
#include "portd/arm.h"
#include "portd/change.h"
#include "portd/groups.h"
#include "portd/kept.h"
#include "portd/inspect.h"
#include "portd/lookup.h"
#include "portd/mounter.h"
#include "portd/node.h"
#include "portd/options.h"
#include "portd/replace.h"
#include "portd/restart.h"
#include "portd/stale.h"
#include "portd/state.h"
#include "portd/watch.h"
#include "portd/watchdog.h"
#include "wire/recovery.h"

enum { SWEEP_DEADLINE_MS = 10 * 1000 };

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
tell_node(struct node *node, struct node_get_out *out)
{
	struct setting *setting = node_setting(node);
	const struct setting *active = node->active ? node->active : node->run;
	const struct incarnation *inc = node->inc ? node->inc : change_candidate(node);

	*out = (struct node_get_out){
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
		.needs = setting ? setting->needs : 0,
		.grants = setting ? setting->grants : 0,
		.sandbox = { "", 0 },
		.share = setting ? setting->share : 0,
		.refusals = node->refusals,
		.refused = node->refused ? node->refused : "",
		.idle_ms = node->idle_ms,
		.deadline_ms = node->deadline_ms,
		.rests = node->rests,
		.retry_ms = node_retry_ms(node),
	};
	if (inc)
		out->sandbox = (struct wire_blob){ &inc->sandbox, sizeof(inc->sandbox) };
	read_recovery(node, out);
}

/* Handlers of the node interface ----------------------------------------------- */

static int
nothing_set(struct rpc_request *request, const char *path)
{
	return request_fail(request, -ENOENT, "%.900s: no translator is set there", path);
}

static int
handle_get(struct rpc_request *request, struct node_get_in *in, struct node_get_out *out)
{
	struct keeper *keeper = request->arg;
	struct node *node = in->exact ? node_find(keeper, in->path) : NULL;

	if (!node && (in->exact || in->path[0] == '\0'))
		watch_look(keeper->watch);
	node = in->exact ? node_find(keeper, in->path) : find_after(keeper, in->path);
	if (!node)
		return nothing_set(request, in->path);
	tell_node(node, out);
	return 0;
}

static int
handle_control(struct rpc_request *request, struct node_control_in *in,
    struct node_control_out *out)
{
	struct node *node = node_find(request->arg, in->path);

	if (!node)
		return nothing_set(request, in->path);
	if (!node->inc || !right_is_live(&node->inc->control))
		return request_fail(request, -ESRCH, "%.900s: its translator does not run",
		    in->path);
	out->control = message_add_right(request->answer, right_copy_send(&node->inc->control));
	return 0;
}

static uint32_t
count_running(const struct keeper *keeper)
{
	uint32_t n = 0;

	LIST_FOR_EACH(at, next, &keeper->nodes)
		n += LIST_ENTRY(at, struct node, link)->inc != NULL;
	return n;
}

/* Of the kernel's, what is made use of; and of ours, what is not. */
static const char *
features(const struct keeper *keeper)
{
	if (keeper->no_sandbox)
		return keeper->resend ? "resend, no sandbox" : "no sandbox";
	return keeper->resend ? "resend" : "";
}

static int
handle_info(struct rpc_request *request, struct keeper_info_in *in, struct keeper_info_out *out)
{
	struct keeper *keeper = request->arg;

	(void)in;
	*out = (struct keeper_info_out){
		.version = VERSION,
		.pid = (uint32_t)getppid(),	/* the holder's: it lasts, and hands signals on */
		.since = keeper->since,
		.nodes = keeper->n_nodes,
		.running = count_running(keeper),
		.tasks = world_tasks(keeper->world),
		.state_dir = keeper->state_dir,
		.features = features(keeper),
		.restarts = keeper->hold.restarts,
	};
	return 0;
}

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
	if (!node->restart)
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

static int
handle_arm(struct rpc_request *request, struct keeper_arm_in *in, struct keeper_arm_out *out)
{
	struct keeper *keeper = request->arg;
	struct asked *asked;
	struct arm_batch *batch;

	(void)out;
	if (in->path[0] && !node_find(keeper, in->path))
		return nothing_set(request, in->path);
	asked = calloc(1, sizeof(*asked));
	batch = asked ? arm_batch_new(on_armed, asked) : NULL;
	if (!batch) {
		free(asked);
		return request_fail(request, -ENOMEM, "out of memory");
	}
	asked->reply = request_later(request);
	arm_asked(keeper, in->path, batch);
	return RPC_NO_REPLY;
}

/* Answered before it starts. */
static int
handle_stop(struct rpc_request *request, struct keeper_stop_in *in, struct keeper_stop_out *out)
{
	struct keeper *keeper = request->arg;

	(void)in;
	(void)out;
	answer_send(request_later(request), ROUTINE_keeper_stop, 0, "");
	keeper->stop(keeper->stop_arg);
	return RPC_NO_REPLY;
}

/* The disk first: what is answered stays. */
static int
handle_service(struct rpc_request *request, struct keeper_service_in *in,
    struct keeper_service_out *out)
{
	struct keeper *keeper = request->arg;
	AUTO_TEXT struct text why = { 0 };
	struct store_service row = {
		.name = (char *)in->name,
		.program = (char *)in->program,
		.argv = { (char *)in->argv.data, in->argv.size },
		.env = { (char *)in->env.data, in->env.size },
	};
	int code;

	(void)out;
	code = names_may_declare(&keeper->names, row.name, row.program, &row.argv);
	if (code)
		return request_fail(request, code, "%s: %s", row.name, port_error_text(code));
	code = row.argv.size > 0 ? store_put_service(keeper->store, &row, &why)
				 : store_delete_service(keeper->store, row.name, &why);
	if (code)
		return request_fail(request, code, "%s", text_string(&why));
	return names_declare(&keeper->names, row.name, row.program, &row.argv, &row.env);
}

WIRE_SERVER(node)

static const struct node_server server = {
	.node_set = change_begin,
	.node_resume = change_resume,
	.node_get = handle_get,
	.node_set_options = options_begin,
	.node_control = handle_control,
	.node_restart = restart_begin,
	.node_abort = restart_abort,
	.keeper_info = handle_info,
	.keeper_arm = handle_arm,
	.keeper_stop = handle_stop,
	.keeper_replace = replace_serve,
	.keeper_service = handle_service,
	.keeper_policy = admit_serve,
};

static void
on_message(struct port *port, struct message *message, void *arg)
{
	struct keeper *keeper = arg;

	(void)port;
	if (!dispatch(&node_interface, node_handle, &server, message, arg) &&
	    !lookup_serve(keeper, NULL, message) && !names_serve(&keeper->names, message) && !inspect_serve(keeper->world, message))
		answer_send(message_take_reply(message), message->id, PORT_E_RPC_BAD_ID, "");
	message_free(message);
}

/* Beginning ------------------------------------------------------------------- */

static int
load_service(const struct store_service *service, void *arg)
{
	struct keeper *keeper = arg;
	int code = names_declare(&keeper->names, service->name, service->program,
	    &service->argv, &service->env);

	if (code)
		log_error("service %s cannot be declared: %s", service->name,
		    port_error_text(code));
	return 0;
}

static int
load_row(const struct store_row *row, void *arg)
{
	struct node *node = node_find(arg, row->path);	/* it was there when portd died */

	if (!node)
		node = node_new(arg, row->path);
	if (!node)
		return -ENOMEM;
	node->passive = setting_copy(row->passive);
	node->run = row->run ? setting_copy(row->run) : NULL;
	free(node->underlying_path);
	node->underlying_path = strdup(row->underlying_path);
	node->created = row->created;
	node->restore_mode = row->restore_mode;
	node->set_at = row->set_at;
	if (row->generation > node->generation)
		node->generation = row->generation;
	node->idle_ms = row->idle_ms;
	node->deadline_ms = row->deadline_ms;
	if (!node->passive || !node->underlying_path || (row->run && !node->run))
		return -ENOMEM;
	return 0;
}

static int
open_port(struct keeper *keeper)
{
	keeper->port = port_new_kernel(keeper->world, on_message, keeper);
	if (!keeper->port)
		return -ENOMEM;
	world_set_bootstrap(keeper->world, right_make_send(keeper->port));
	return 0;
}

/* The port that there was before. */
bool
keeper_claim_port(struct keeper *keeper, struct state *state)
{
	keeper->port = state_get_kernel(state, on_message, keeper);
	return keeper->port || tape_spoil(state->tape);
}

static int
open_watches(struct keeper *keeper, struct text *why)
{
	keeper->watch = watch_new(keeper);
	keeper->stale = stale_new(keeper);
	keeper->admit = admit_new(keeper);
	keeper->watchdog = watchdog_new(keeper);
	if (keeper->watch && keeper->stale && keeper->admit && keeper->watchdog)
		return 0;
	text_printf(why, "the mount table and files cannot be watched: %s; "
	    "fs.inotify.max_user_instances may be too small", strerror(errno));
	return -EIO;
}

/* Takes the configuration. */
int
keeper_open(struct keeper *keeper, const struct keeper_config *config, struct text *why)
{
	*keeper = (struct keeper){
		.loop = config->loop, .world = config->world, .store = config->store,
		.runtime_dir = config->runtime_dir, .state_dir = config->state_dir,
		.log_dir = config->log_dir, .idle_ms = config->idle_ms,
		.deadline_ms = config->deadline_ms,
		.no_resend = config->no_resend, .no_sandbox = config->no_sandbox,
		.memory = config->memory, .self = config->self,
		.stop = config->stop, .stop_arg = config->stop_arg, .returned = config->returned,
		.hold = config->hold,
		.since = (uint64_t)time(NULL),
	};
	list_init(&keeper->nodes);
	list_init(&keeper->mounts);
	list_init(&keeper->incarnations);
	list_init(&keeper->arms);
	if (!keeper->world || !keeper->store || !keeper->log_dir)
		return -ENOMEM;
	return open_watches(keeper, why);
}

/* Takes the configuration and loads the settings. */
int
keeper_init(struct keeper *keeper, const struct keeper_config *config, struct text *why)
{
	AUTO_TEXT struct text damage = { 0 };
	int err = keeper_open(keeper, config, why);

	if (err == 0)
		err = open_port(keeper);
	if (err < 0)
		return err;
	err = names_init(&keeper->names, keeper->world, keeper->loop, keeper->log_dir);
	if (err == 0)
		err = store_each_service(keeper->store, load_service, keeper, &damage);
	if (err == 0)
		err = kept_read(keeper);
	if (err == 0)
		err = store_each(keeper->store, load_row, keeper, &damage);
	/* When it is known which translators there are, and nothing is started yet. */
	if (err == 0)
		keeper->groups = groups_new(keeper);
	if (err == 0)
		kept_settle(keeper);
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

	admit_reload(keeper->admit);
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
	names_deinit(&keeper->names);
	watch_free(keeper->watch);
	stale_free(keeper->stale);
	admit_free(STEAL_PTR(keeper->admit));
	watchdog_free(STEAL_PTR(keeper->watchdog));
	groups_free(STEAL_PTR(keeper->groups));
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
