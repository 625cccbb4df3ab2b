/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options: asks the running translator first; what it took, or would take, is
 * remembered over its end, and written into the setting on request. */
#include "portd/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "portd/change.h"
#include "portd/circle.h"
#include "portd/kept.h"
#include "portd/node.h"
#include "portd/stale.h"

struct options {
	struct keeper *keeper;
	struct node *node;
	struct right reply;
	struct setting *setting;	/* what is to be in force */
	bool save;
};

static void __attribute__((format(printf, 3, 4)))
finish(struct options *options, int code, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	answer_send(options->reply, ROUTINE_node_set_options, code, text);
	if (options->node)
		options->node->options = NULL;
	setting_free(options->setting);
	free(options);
}

static void
put(struct setting **slotp, struct setting *setting)
{
	setting_free(*slotp);
	*slotp = setting;
}

/* Makes them what is in force; puts it back when it cannot be written. */
static int
keep(struct options *options, struct text *why)
{
	struct node *node = options->node;
	struct setting *passive = node->passive;
	struct setting *run = node->run;
	int err;

	if (options->save) {
		node->passive = setting_copy(options->setting);
		node->run = NULL;
	} else if (!node->active) {
		node->run = setting_copy(options->setting);
	}
	err = node_store(node, why);
	if (err < 0) {
		if (node->passive != passive)
			put(&node->passive, passive);
		if (node->run != run)
			put(&node->run, run);
		return err;
	}
	if (node->passive != passive)
		setting_free(passive);
	if (node->run != run)
		setting_free(run);
	if (node->active)
		put(&node->active, STEAL_PTR(options->setting));
	kept_node(node);
	return 0;
}

static void
keep_and_finish(struct options *options, bool served)
{
	struct node *node = options->node;
	AUTO_TEXT struct text why = { 0 };
	int err = keep(options, &why);

	if (err < 0) {
		finish(options, err, "%s: %s", node->path, text_string(&why));
		return;
	}
	if (!served) {
		node_changed(node);
		stale_end(node);
		stale_begin(node);
	}
	finish(options, 0, "%s", "");
}

/* The translator has answered, or will not (NULL). */
static void
on_reply(struct incarnation *inc, struct message *reply, void *arg)
{
	struct options *options = arg;
	struct fsys_set_options_out out;
	const char *text;
	int code;

	if (!reply) {
		finish(options, -EIO, "%s: %s ended before it answered", options->node->path, inc->name);
		return;
	}
	code = wire_get_i32(&reply->body);
	text = wire_get_str(&reply->body);
	if (code != 0) {
		finish(options, code, "%s: %s", options->node->path, text);
	} else if (fsys_set_options_out_get(&reply->body, &out) < 0) {
		finish(options, -EPROTO, "%s: %s answered rubbish", options->node->path, inc->name);
	} else {
		if (out.attr.size == sizeof(options->setting->attr))
			memcpy(&options->setting->attr, out.attr.data, out.attr.size);
		if (out.argv.size > 0)
			argv_copy(&options->setting->argv, out.argv.data, out.argv.size);
		keep_and_finish(options, true);
	}
	message_free(reply);
}

/* Eats the descriptors in `in`. */
static void
forward(struct options *options, struct node_set_options_in *in)
{
	struct fsys_set_options_in ask = { .options = in->options, .files = in->files,
		.fds = in->fds };
	struct message *message = message_new(ROUTINE_fsys_set_options);

	in->fds.n = 0;
	if (message)
		fsys_set_options_in_put(&message->body, &ask);
	if (!message || !incarnation_options(options->node->inc, message, on_reply, options))
		finish(options, -EBUSY, "%s: %s is not ready; try again", options->node->path,
		    node_who(options->node));
}

static bool
has_path(const struct argv *files, const char *path)
{
	const char *option = NULL, *named;

	while ((option = argv_next(files, option)) && (named = argv_next(files, option))) {
		if (strcmp(named, path) == 0)
			return true;
		option = named;
	}
	return false;
}

/* A sandbox that is on cannot be widened. A file comes as a descriptor, which is as good as
 * any; of a directory only the path beneath it would help, and that is what O_PATH tells. */
static bool
needs_wider_sandbox(const struct incarnation *inc, const struct setting *now,
    const struct setting *wanted, const struct node_set_options_in *in)
{
	AUTO_ARGV struct argv files = { 0 };

	if (inc->sandbox.state != CONFINE_ON)
		return false;
	if (setting_permits(wanted) & ~inc->sandbox.grants)
		return true;
	if (inc->sandbox.landlock == 0 || argv_copy(&files, in->files.data, in->files.size) < 0)
		return false;
	for (uint32_t i = 0; i < in->fds.n && 2 * i + 1 < argv_count(&files); i++)
		if ((fcntl(in->fds.fd[i], F_GETFL) & O_PATH) &&
		    !has_path(&now->files, argv_word(&files, 2 * i + 1)))
			return true;
	return false;
}

static void
begin(struct options *options, struct node_set_options_in *in)
{
	struct node *node = node_find(options->keeper, in->path);
	const struct setting *now = node ? node_setting(node) : NULL;
	AUTO_TEXT struct text why = { 0 };

	if (!now) {
		finish(options, -ENOENT, "%s: no translator is set there", in->path);
		return;
	}
	if (node->change || node->options || node->restart) {
		finish(options, -EBUSY, "%s: is being changed by another program", in->path);
		return;
	}
	options->node = node;
	node->options = options;
	options->setting = setting_new(in->argv, now->program, in->description,
	    now->grants, &why);
	if (options->setting)
		options->setting->share = now->share;
	if (!options->setting)
		finish(options, -EINVAL, "%s: %s", in->path, text_string(&why));
	else if (circle_find(options->keeper, in->path, options->setting))
		finish(options, -ELOOP, "%s: would be served from itself", in->path);
	else if (options->setting->kind != now->kind)
		finish(options, -EINVAL, "%s: these options make a %s of it; set it anew with settrans",
		    in->path, options->setting->kind == NODE_KIND_DIR ? "directory" : "file");
	else if (node->inc && needs_wider_sandbox(node->inc, now, options->setting, in))
		finish(options, -EPERM, "%s: %s cannot reach more than it was started with; "
		    "set it anew with settrans", in->path, node_who(node));
	else if (node->inc)
		forward(options, in);
	else
		keep_and_finish(options, false);
}

/* node_set_options. */
int
options_begin(struct rpc_request *request, struct node_set_options_in *in,
    struct node_set_options_out *out)
{
	struct options *options = calloc(1, sizeof(*options));

	(void)out;
	if (!options)
		return request_fail(request, -ENOMEM, "%s: out of memory", in->path);
	options->keeper = request->arg;
	options->reply = request_later(request);
	options->save = in->save;
	begin(options, in);
	for (uint32_t i = 0; i < in->fds.n; i++)
		fd_close(&in->fds.fd[i]);
	return RPC_NO_REPLY;
}
