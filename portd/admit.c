/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit: the user's rules, then the administrator's, then the shipped ones.
 *
 * The files lie in users' paths, so a helper reads them, and what it says is taken whole or not
 * at all: with a line that is wrong, what was in force stays so. */
#include "portd/admit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "portd/caller.h"
#include "portd/helper.h"
#include "portd/idle.h"
#include "portd/keeper.h"
#include "portd/node.h"
#include "portd/policy.h"
#include "wire/fusewire.h"
#include "wire/recovery.h"

enum {
	N_FILES = 2,
	FILE_MAX = 7 * 1024,		/* both fit into a helper's answer */
	READ_DEADLINE_MS = 5000,
	N_KNOWN = 16,
	SAY_EVERY_MS = 10 * 1000,	/* a line in a node's log */
};

/* What was decided for a program. */
struct known {
	struct caller_key key;
	uid_t uid;
	const struct policy_rule *rule;
};

struct admit {
	struct keeper *keeper;
	struct policy policy;
	struct text trouble;		/* why the files are not in force; empty: they are */
	char *files[N_FILES];		/* ""; else a path */
	struct known known[N_KNOWN];
	struct helper *helper;
	bool again;			/* when the helper is back: asked meanwhile */
	struct right asked;		/* who waits for that, or NULL */
};

static const struct policy_rule far_root = {
	.pattern = (char *)"root of another namespace", .verdict = POLICY_REFUSE, .file = "",
};

/* Files ----------------------------------------------------------------------------- */

struct files_answer {
	int32_t code[N_FILES];
	uint32_t size[N_FILES];
	char data[];
};
_Static_assert(sizeof(struct files_answer) + N_FILES * FILE_MAX <= HELPER_ANSWER_MAX, "one answer");

static ssize_t
read_file(const char *path, char *data, size_t room)
{
	AUTO_CLOSE int fd = path[0] ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	ssize_t n;

	if (fd < 0)
		return !path[0] || errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	n = sys_read_all(fd, data, room);
	return n == (ssize_t)room ? -EFBIG : n;
}

/* The work of a helper. */
static void
read_files(void *arg)
{
	const struct admit *admit = arg;
	char room[HELPER_ANSWER_MAX] __attribute__((aligned(8)));
	struct files_answer *answer = (void *)room;
	size_t size = 0;

	for (size_t i = 0; i < N_FILES; i++) {
		ssize_t n = read_file(admit->files[i], answer->data + size, FILE_MAX);

		answer->code[i] = n < 0 ? (int32_t)n : 0;
		answer->size[i] = n < 0 ? 0 : (uint32_t)n;
		size += answer->size[i];
	}
	helper_answer(answer, sizeof(*answer) + size, NULL, 0);
}

static int
add_file(struct policy *policy, const char *path, int code, const char *data, size_t size,
    struct text *why)
{
	AUTO_FREE char *text = strndup(data, size);

	if (code == 0)
		return text ? policy_parse(policy, path, text, why) : -ENOMEM;
	text_safe(why, path);
	text_printf(why, ": %s", code == -EFBIG ? "is longer than 7 KiB" : strerror(-code));
	return code;
}

static int
add_files(struct admit *admit, struct policy *policy, const struct helper_answer *from,
    struct text *why)
{
	const struct files_answer *answer = from->data;
	size_t at = 0;
	int err = 0;

	if (from->error || from->size < sizeof(*answer)) {
		text_printf(why, "%s: cannot be read: %s", admit->files[0],
		    from->error == -ETIMEDOUT ? "it does not answer" : "the reading process died");
		return from->error ? from->error : -EIO;
	}
	for (size_t i = 0; i < N_FILES && err == 0; i++) {
		if (answer->size[i] > from->size - sizeof(*answer) - at)
			return -EIO;
		err = add_file(policy, admit->files[i], answer->code[i], answer->data + at,
		    answer->size[i], why);
		at += answer->size[i];
	}
	return err;
}

static void
put_in_force(struct admit *admit, struct policy *policy)
{
	policy_deinit(&admit->policy);
	admit->policy = *policy;
	*policy = (struct policy){ 0 };
	memset(admit->known, 0, sizeof(admit->known));
}

static void
answer_asked(struct admit *admit, int code)
{
	struct right asked = admit->asked;
	struct keeper_policy_out out = { .rules = "", .verdict = "", .trouble = "" };
	struct message *message;

	if (asked.kind == RIGHT_NULL)
		return;
	admit->asked = (struct right){ .kind = RIGHT_NULL };
	message = answer_new(ROUTINE_keeper_policy, code, code ? text_string(&admit->trouble) : "");
	if (!message) {
		right_release(asked);
		return;
	}
	if (code == 0)
		keeper_policy_out_put(&message->body, &out);
	message_send(asked, message, (struct right){ .kind = RIGHT_NULL });
}

static void
on_read(struct helper_answer *answer, void *arg)
{
	struct admit *admit = arg;
	struct policy policy = { 0 };
	int err;

	admit->helper = NULL;
	if (admit->again) {
		admit->again = false;
		admit_reload(admit);
		return;
	}
	text_deinit(&admit->trouble);
	err = add_files(admit, &policy, answer, &admit->trouble);
	if (err == 0)
		err = policy_add_defaults(&policy);
	if (err == 0)
		put_in_force(admit, &policy);
	else
		log_error("%s; the rules stay as they were", admit->trouble.size ?
		    text_string(&admit->trouble) : strerror(-err));
	policy_deinit(&policy);
	answer_asked(admit, err);
}

/* Whoever has asked is answered when they are read. */
void
admit_reload(struct admit *admit)
{
	if (admit->helper) {
		admit->again = true;
		return;
	}
	admit->helper = helper_start(admit->keeper->loop, read_files, admit, NULL, 0,
	    READ_DEADLINE_MS, on_read, admit);
	if (admit->helper)
		return;
	text_deinit(&admit->trouble);
	text_printf(&admit->trouble, "no helper process: %s", strerror(errno));
	log_error("%s", text_string(&admit->trouble));
	answer_asked(admit, -EAGAIN);
}

static char *
user_file(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int n;

	if (config && config[0] == '/')
		n = asprintf(&path, "%s/hird/policy", config);
	else if (home && home[0] == '/')
		n = asprintf(&path, "%s/.config/hird/policy", home);
	else
		return strdup("");
	return n < 0 ? NULL : path;
}

/* With the shipped rules; admit_reload reads the others. */
struct admit *
admit_new(struct keeper *keeper)
{
	struct admit *admit = calloc(1, sizeof(*admit));

	if (!admit)
		return NULL;
	admit->keeper = keeper;
	admit->files[0] = user_file();
	admit->files[1] = strdup(POLICY_FILE);
	if (admit->files[0] && admit->files[1] && policy_add_defaults(&admit->policy) == 0)
		return admit;
	admit_free(admit);
	return NULL;
}

/* NULL is harmless. */
void
admit_free(struct admit *admit)
{
	if (!admit)
		return;
	if (admit->helper)
		helper_cancel(admit->helper);
	if (admit->asked.kind != RIGHT_NULL)
		right_release(admit->asked);
	policy_deinit(&admit->policy);
	text_deinit(&admit->trouble);
	for (size_t i = 0; i < N_FILES; i++)
		free(admit->files[i]);
	free(admit);
}

/* Deciding -------------------------------------------------------------------------- */

static bool
is_same_program(const struct known *known, const struct caller_key *key, uid_t uid)
{
	return known->key.pid == key->pid && known->key.started == key->started &&
	    known->uid == uid && strcmp(known->key.name, key->name) == 0;
}

static const struct policy_rule *
judge(const struct admit *admit, pid_t pid, uid_t uid, struct policy_names *names)
{
	caller_names(pid, names);
	if (uid == 0 && !caller_is_near(pid))
		return &far_root;
	return policy_find(&admit->policy, names);
}

/* Looks at each program once. NULL: nothing stands against it. */
static const struct policy_rule *
rule_for(struct admit *admit, pid_t pid, uid_t uid)
{
	struct policy_names names;
	struct caller_key key;
	struct known *known;

	/* What the kernel asks of itself is nobody's; who cannot be seen may be any root. */
	if (pid <= 0 || caller_key(pid, &key) < 0)
		return uid == 0 ? &far_root : NULL;
	if (key.is_kernel)
		return NULL;
	known = &admit->known[(unsigned)pid % N_KNOWN];
	if (!is_same_program(known, &key, uid))
		*known = (struct known){ key, uid, judge(admit, pid, uid, &names) };
	return known->rule;
}

/* Opens are not asked for on this mount, so that what was opened need not have been
 * admitted. */
static bool
has_no_opens(const struct node *node)
{
	struct recovery head;

	return pread(node->mount->recovery, &head, sizeof(head), 0) == sizeof(head) &&
	    head.magic == RECOVERY_MAGIC && head.opens_known == 0;
}

/* What a translator had taken, and what is done with a file that it had opened, goes on. */
static bool
is_newcomer(const struct node *node, const struct fuse_in_header *in)
{
	if (in->unique & FUSEWIRE_UNIQUE_RESENT)
		return false;
	return !fusewire_is_of_open_file(in->opcode) ||
	    (has_no_opens(node) && (in->opcode == FUSE_READ || in->opcode == FUSE_READDIR ||
	    in->opcode == FUSE_READDIRPLUS));
}

static void
remember(struct node *node, pid_t pid, const struct policy_rule *rule)
{
	AUTO_TEXT struct text text = { 0 };
	struct policy_names names;
	int64_t now = sys_now_ms();

	node->refusals++;
	caller_names(pid, &names);
	text_safe(&text, names.thread[0] ? names.thread : "a program");
	text_printf(&text, " (pid %ld): ", (long)pid);
	if (rule == &far_root) {
		text_puts(&text, rule->pattern);
	} else {
		policy_print_rule(&text, rule);
		text_puts(&text, ", ");
		policy_print_place(&text, rule);
	}
	if (text.error)
		return;
	free(node->refused);
	node->refused = strdup(text.data);
	if (node->refused_at != 0 && now - node->refused_at < SAY_EVERY_MS)
		return;
	node->refused_at = now;
	text_printf(&text, "; not started (%u times by now)", node->refusals);
	translog_line(node->log, getpid(), text_string(&text), text.size);
	if (!node->inc)
		translog_rest(node->log);
}

/* The answer is written when it may not. */
bool
admit_request(struct node *node, const void *request, size_t size)
{
	const struct policy_rule *rule = NULL;
	char answer[IDLE_ANSWER_MAX];
	struct fuse_in_header in;
	size_t n = 0;

	memcpy(&in, request, sizeof(in));
	if (is_newcomer(node, &in))
		rule = rule_for(node->keeper->admit, (pid_t)in.pid, in.uid);
	if (!rule || rule->verdict == POLICY_START)
		return true;
	remember(node, (pid_t)in.pid, rule);
	if (rule->verdict == POLICY_EMPTY)
		n = idle_empty(request, size, answer);
	if (n == 0)
		n = idle_error(request, size, -EAGAIN, answer);
	mount_write(node->mount, answer, n);
	return false;
}

/* Telling --------------------------------------------------------------------------- */

static void
print_rules(const struct admit *admit, struct text *text)
{
	for (size_t i = 0; i < admit->policy.n; i++) {
		policy_print_rule(text, &admit->policy.rules[i]);
		text_puts(text, "\t# ");
		policy_print_place(text, &admit->policy.rules[i]);
		text_puts(text, "\n");
	}
}

static const struct policy_rule *
rule_for_name(const struct admit *admit, const char *name)
{
	struct policy_names names = { 0 };
	const char *slash = strrchr(name, '/');

	name = slash ? slash + 1 : name;
	snprintf(names.thread, sizeof(names.thread), "%.15s", name);
	snprintf(names.program, sizeof(names.program), "%.255s", name);
	return policy_find(&admit->policy, &names);
}

static int
try_out(const struct admit *admit, struct rpc_request *request, const char *who, struct text *text)
{
	const struct policy_rule *rule;
	struct policy_names names;
	uid_t uid;

	if (who[strspn(who, "0123456789")] == '\0') {
		pid_t pid = (pid_t)strtol(who, NULL, 10);

		if (!caller_uid(pid, &uid))
			return request_fail(request, -ESRCH, "%.20s: no such process", who);
		rule = judge(admit, pid, uid, &names);
	} else {
		rule = rule_for_name(admit, who);
	}
	text_puts(text, policy_verdict_name(rule ? rule->verdict : POLICY_START));
	if (rule == &far_root) {
		text_printf(text, ": %s", rule->pattern);
	} else if (rule) {
		text_puts(text, ": ");
		policy_print_rule(text, rule);
		text_puts(text, ", ");
		policy_print_place(text, rule);
	} else {
		text_puts(text, ": no rule fits");
	}
	return text->error;
}

/* keeper_policy. */
int
admit_serve(struct rpc_request *request, struct keeper_policy_in *in,
    struct keeper_policy_out *out)
{
	struct admit *admit = ((struct keeper *)request->arg)->admit;
	static struct text rules, verdict;	/* until the answer is on its way */
	int code = 0;

	text_deinit(&rules);
	text_deinit(&verdict);
	if (in->reload) {
		if (admit->asked.kind != RIGHT_NULL)
			return request_fail(request, -EBUSY, "the rules are being read; try again");
		admit->asked = request_later(request);
		admit_reload(admit);
		return RPC_NO_REPLY;
	}
	if (in->test[0])
		code = try_out(admit, request, in->test, &verdict);
	else
		print_rules(admit, &rules);
	*out = (struct keeper_policy_out){
		.rules = text_string(&rules), .verdict = text_string(&verdict),
		.trouble = text_string(&admit->trouble),
	};
	return code ? code : rules.error;
}
