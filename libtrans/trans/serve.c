/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serve: from the handshake with portd to the end of the process.
 *
 * One loop on the main thread: the kernel's requests, what the control thread left,
 * requests that can go on, files that changed, signals, and the clock. It ends in
 * one of few ways, each a value of enum ending. */
#include "trans/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/sys.h"
#include "port/stubs.h"
#include "trans/control.h"
#include "trans/door.h"
#include "trans/fuse.h"
#include "trans/journal.h"
#include "trans/leash.h"
#include "trans/memory.h"
#include "trans/node.h"
#include "trans/notify.h"
#include "trans/opens.h"
#include "trans/req.h"
#include "trans/standin.h"
#include "trans/translator.h"
#include "trans/wake.h"
#include "trans/watch.h"

/* A file that is being written changes many times; a look at the end is enough. */
enum { SETTLE_MS = 200 };

/* What is stale stays so long when its content could not be written out. */
enum { SYNC_AGAIN_MS = 10000 };

/* A successor waits; what is still open is looked at so often. */
enum { HAND_OVER_MS = 10 };

/* Who unmounted us is about to say so. */
enum { FAREWELL_MS = 1000 };

enum ending {
	GOING_ON,
	LEFT,			/* portd let us go, or told us to */
	UNMOUNTED,		/* or nobody wants us */
	CUT_OFF,		/* portd is gone, and its holder */
	TERMINATED,		/* by a signal, with requests open */
	BROKEN,
};

static struct {
	enum ending ending;
	int signal_fd;
	bool guarded;		/* the second thread looks at all but requests */
	uint32_t idle_ms;
	int64_t busy_at;	/* when there last was something to do */
	int64_t gone_at;	/* mount lost: until when to wait for a word; 0: it is there */
	int64_t look_at;	/* when to look at the watched files; 0: no need */
	int64_t expire_at;	/* when a request that is put off is due */
	bool stale;
	bool handing_over;	/* nothing is read any more */
	bool old_names;		/* the kernel remembers names and cannot be told to forget all */
} loop = { .signal_fd = -1, .expire_at = INT64_MAX };

/* Attributes -------------------------------------------------------------- */

static struct wire_attr
attr_of(const struct stat *st)
{
	return (struct wire_attr){
		.valid = 1,
		.mode = st->st_mode,
		.size = st->st_size,
		.blocks = st->st_blocks,
		.atime = st->st_atim.tv_sec,
		.mtime = st->st_mtim.tv_sec,
		.ctime = st->st_ctim.tv_sec,
		.atime_ns = st->st_atim.tv_nsec,
		.mtime_ns = st->st_mtim.tv_nsec,
		.ctime_ns = st->st_ctim.tv_nsec,
		.nlink = st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
	};
}

/* A request of our own: nobody waits for its answer. */
static void
ignore_error(struct trans_req *req, int error)
{
	(void)req;
	(void)error;
}

static void
ignore_data(struct trans_req *req, const void *data, size_t size)
{
	(void)req;
	(void)data;
	(void)size;
}

static void
ignore_drop(struct trans_req *req)
{
	(void)req;
}

static void
ignore(struct trans_req *req)
{
	if (req_claim(req))
		req_free(req);
}

/* See serve.h. Of an author who puts the answer off, none is waited for. */
void
serve_root_attr(struct wire_attr *attr)
{
	static const struct req_door nobody = {
		.error = ignore_error, .data = ignore_data, .drop = ignore_drop,
	};
	struct trans_req *req = req_begin(&nobody, ignore, NULL, 0);
	struct stat st;
	int err;

	memset(attr, 0, sizeof(*attr));
	if (!req)
		return;
	err = node_stat(req, TRANS_ROOT, &st);
	if (err == REQ_LATER)
		return;
	if (err == 0)
		*attr = attr_of(&st);
	ignore(req);
}

/* Leaving ---------------------------------------------------------------- */

static int
sync_content(void)
{
	return translator.ops.sync ? translator.ops.sync() : 0;
}

/* Before we leave of our own accord: who cannot save its content stays, and tries again later. */
static bool
is_saved(void)
{
	int err;

	translator_forget_error();
	err = sync_content();
	if (err < 0 && !*translator_error())
		log_error("its content cannot be written out: %s", strerror(-err));
	if (err < 0)
		log_error("it stays, not to lose its content");
	return err == 0;
}

/* Nothing of ours would be lost, or answered by nobody. */
static bool
is_quiet(void)
{
	return req_is_quiet() && notify_is_quiet() && standin_is_empty() && door_is_quiet();
}

/* Asks portd to take over. No request is read meanwhile: what comes waits for
 * the successor. */
static void
leave(enum fsys_leave reason)
{
	AUTO_ARGV struct argv argv = { 0 };
	struct wire_attr attr;
	struct port_reply reply;
	struct fsys_leave_out out;
	int err;

	if (translator_argv(&translator.options, &argv) < 0 || !standin_hold())
		return;
	serve_root_attr(&attr);
	err = fsys_leave_call(port_bootstrap(), &(struct fsys_leave_in){
		.reason = reason,
		.argv = { argv.data, argv.size },
		.attr = { &attr, attr.valid ? sizeof(attr) : 0 },
	}, &out, &reply, PORT_FOREVER);
	port_reply_deinit(&reply);
	/* Without a portd for now (-ENOTCONN) we stay: control.c sees to it. */
	if (err == 0)
		loop.ending = LEFT;
	loop.busy_at = sys_now_ms();
	loop.stale = loop.stale && err == -ENOTCONN;
	if (loop.ending == GOING_ON)
		standin_go();
}

/* Makes way for a successor: what is open is finished, and what an author's thread is at. */
static void
hand_over(void)
{
	if (!is_quiet())
		return;
	thread_join_all();
	sync_content();
	leave(FSYS_LEAVE_RESTART);
}

/* A signal asks us to end. With requests open, the way a crash goes: a
 * successor gets them again. */
static void
terminate(void)
{
	sync_content();
	if (is_quiet() && !loop.gone_at)
		leave(FSYS_LEAVE_IDLE);
	if (loop.ending == GOING_ON)
		loop.ending = loop.gone_at ? UNMOUNTED : TERMINATED;
}

/* Control ---------------------------------------------------------------- */

/* Has every cache dropped that the options of before may have filled. */
static void
forget_everything(void)
{
	if (translator.ops.kind == TRANS_DIR && front_forget_names() == -EINVAL)
		loop.old_names = true;
	notify_node(TRANS_ROOT);
}

/* An answer that says why: the author's own words when there are any. */
static int
refuse(struct rpc_request *request, int error, const char *otherwise)
{
	const char *why = translator_error();

	return rpc_fail(request, error, "%s", *why ? why : otherwise);
}

static int
handle_goaway(struct rpc_request *request, struct fsys_goaway_in *in, struct fsys_goaway_out *out)
{
	int err = 0;

	(void)out;
	if (in->flags & FSYS_GOAWAY_RESTART) {
		loop.handing_over = true;
		return 0;
	}
	if (!(in->flags & FSYS_GOAWAY_NOSYNC))
		err = sync_content();
	if (err < 0 && !(in->flags & FSYS_GOAWAY_FORCE))
		return refuse(request, err, "its content cannot be written out");
	loop.ending = LEFT;
	return 0;
}

static int
handle_sync(struct rpc_request *request, struct fsys_syncfs_in *in, struct fsys_syncfs_out *out)
{
	int err = sync_content();

	(void)in;
	(void)out;
	return err < 0 ? refuse(request, err, "its content cannot be written out") : 0;
}

static int
handle_get_options(struct rpc_request *request, struct fsys_get_options_in *in,
    struct fsys_get_options_out *out)
{
	AUTO_ARGV struct argv argv = { 0 };
	char *words = NULL;

	(void)in;
	if (translator_argv(&translator.options, &argv) == 0)
		words = rpc_alloc(request, argv.size);
	if (!words)
		return refuse(request, -ENOMEM, "out of memory");
	if (argv.size)
		memcpy(words, argv.data, argv.size);
	out->argv = (struct wire_blob){ words, argv.size };
	return 0;
}

/* Gives the set the files that came with a request. */
static int
adopt_files(struct option_set *set, struct fsys_set_options_in *in, struct text *why)
{
	AUTO_ARGV struct argv files = { 0 };
	const char *option = NULL, *path;
	uint32_t i = 0;
	int err = in->files.size ? argv_copy(&files, in->files.data, in->files.size) : 0;

	if (err == 0 && argv_count(&files) != 2 * (size_t)in->fds.n)
		err = -EINVAL;
	while (err == 0 && (option = argv_next(&files, option))) {
		path = argv_next(&files, option);
		err = option_set_adopt(set, option, path, fd_steal(&in->fds.fd[i++]), why);
		option = path;
	}
	return err == 0 ? option_set_adopted(set, why) : err;
}

/* Parses what is to change into a copy of what is. */
static int
stage_options(struct option_set *set, struct fsys_set_options_in *in, struct text *why)
{
	AUTO_ARGV struct argv words = { 0 };
	int err = option_set_copy(set, &translator.options);

	if (err == 0 && in->options.size)
		err = argv_copy(&words, in->options.data, in->options.size);
	if (err == 0)
		err = option_set_parse(set, &words, 0, why);
	if (err > 0) {
		text_puts(why, "--help and --version change nothing");
		return -EINVAL;
	}
	return err == 0 ? adopt_files(set, in, why) : err;
}

/* Makes a staged set the one in force; the author may still refuse, and then
 * the old one is back. Eats nothing on failure. */
static int
enforce_options(struct option_set *staged, struct text *why)
{
	struct option_set old = translator.options;
	bool other_files = !option_set_files_equal(staged, &old);
	int err;

	if (!translator.ops.changed && other_files) {
		text_puts(why, "this translator cannot change its files while it runs: "
		    "set it anew with settrans");
		return -EOPNOTSUPP;
	}
	option_set_install(staged);
	err = translator.ops.changed ? translator.ops.changed() : 0;
	if (err < 0) {
		option_set_install(&old);
		text_puts(why, translator_error());
		return err;
	}
	translator.options = *staged;
	*staged = (struct option_set){ 0 };
	option_set_deinit(&old);
	if (other_files)
		watch_open(&translator.options);
	return 0;
}

/* What an answer to set_options waits with. */
struct answer {
	struct rpc_later later;
	uint32_t attachment;
	struct argv argv;
	struct wire_attr attr;
};

static void
send_answer(void *argument)
{
	struct answer *answer = argument;

	if (control_keep(answer->attachment)) {
		fsys_set_options_reply(&answer->later, 0, "", &(struct fsys_set_options_out){
			.argv = { answer->argv.data, answer->argv.size },
			.attr = { &answer->attr, answer->attr.valid ? sizeof(answer->attr) : 0 },
		});
		control_release();
	}
	argv_deinit(&answer->argv);
	free(answer);
}

/* Answers once no cache has anything of the old options any more: whoever set
 * them and looks then sees the new. */
static int
answer_when_forgotten(struct rpc_request *request)
{
	struct answer *answer = calloc(1, sizeof(*answer));

	if (!answer || translator_argv(&translator.options, &answer->argv) < 0) {
		if (answer)
			argv_deinit(&answer->argv);
		free(answer);
		return -ENOMEM;
	}
	serve_root_attr(&answer->attr);
	memory_turn(&answer->argv);
	node_on_ready();
	forget_everything();
	answer->later = rpc_later(request);
	answer->attachment = control_attachment();
	if (notify_then(send_answer, answer) < 0)
		send_answer(answer);
	return 0;
}

static int
handle_set_options(struct rpc_request *request, struct fsys_set_options_in *in,
    struct fsys_set_options_out *out)
{
	AUTO_OPTIONS struct option_set staged = { 0 };
	AUTO_TEXT struct text why = { 0 };
	int err = stage_options(&staged, in, &why);

	(void)out;
	if (err == 0)
		err = enforce_options(&staged, &why);
	if (err == 0)
		err = answer_when_forgotten(request);
	if (err < 0)
		return rpc_fail(request, err, "%s", why.size ? text_string(&why) : strerror(-err));
	return RPC_NO_REPLY;
}

RPC_SERVER(fsys)

static const struct fsys_server server = {
	.fsys_goaway = handle_goaway,
	.fsys_set_options = handle_set_options,
	.fsys_get_options = handle_get_options,
	.fsys_syncfs = handle_sync,
	.fsys_getfile = door_getfile,
	.fsys_covers = door_covers,
};

static const struct port_table table = PORT_TABLE(fsys, &server, NULL);
static const struct port_service service = { .tables = &table, .n_tables = 1 };

static void
answer_control(void)
{
	struct port_message message;

	while (loop.ending == GOING_ON && control_take(&message)) {
		translator_forget_error();
		if (message.local == control_port())
			port_serve_one(&service, &message);
		else
			door_serve(&message);
		control_release();
		if (door_run())
			loop.busy_at = sys_now_ms();
	}
	if (loop.ending != GOING_ON)
		return;
	if (door_run())
		loop.busy_at = sys_now_ms();
	if (control_state() == CONTROL_CUT)
		loop.ending = CUT_OFF;
	else if (control_state() == CONTROL_UNWANTED)
		loop.ending = UNMOUNTED;
}

/* The loop --------------------------------------------------------------- */

static void
drain(int fd)
{
	char buf[1024];

	while (read(fd, buf, sizeof(buf)) == (ssize_t)sizeof(buf))
		;
}

/* The tree may have been finished: who waits for it can go on. */
static void
look_at_tree(void)
{
	if (node_is_pending())
		return;
	req_wake_waiting();
	if (loop.old_names)
		notify_root_names();
	loop.old_names = false;
}

/* Deals with what front_receive returned. */
static void
serve_received(ssize_t size, int64_t now)
{
	loop.busy_at = now;
	if (size > 0) {
		front_serve((size_t)size);
	} else if (size == -ENODEV) {
		loop.gone_at = loop.busy_at + FAREWELL_MS;
	} else if (size < 0) {
		log_error("cannot read requests: %s", strerror((int)-size));
		loop.ending = BROKEN;
	}
}

/* How long the loop may sleep; -1: until something happens. */
static int
sleep_ms(int64_t now)
{
	int64_t until = INT64_MAX;

	if (loop.gone_at)
		return loop.gone_at > now ? (int)(loop.gone_at - now) : 0;
	if (!standin_is_empty())
		return 0;
	if (loop.handing_over)
		return HAND_OVER_MS;
	if (loop.look_at)
		until = loop.look_at;
	if (loop.expire_at < until)
		until = loop.expire_at;
	if (loop.idle_ms && loop.busy_at + loop.idle_ms < until)
		until = loop.busy_at + loop.idle_ms;
	if (loop.stale)
		until = now + SETTLE_MS;
	if (until == INT64_MAX)
		return -1;
	if (until <= now)
		return 0;
	return until - now > INT_MAX ? INT_MAX : (int)(until - now);
}

static void
look_at_clock(int64_t now)
{
	if (loop.gone_at) {
		if (now >= loop.gone_at)
			loop.ending = UNMOUNTED;
		return;
	}
	if (translator.ops.deadline_ms)
		loop.expire_at = req_expire(now, translator.ops.deadline_ms);
	if (loop.handing_over) {
		hand_over();
		return;
	}
	if (loop.look_at && now >= loop.look_at) {
		loop.look_at = 0;
		loop.stale = watch_is_stale();
	}
	if (loop.stale && is_quiet()) {
		if (is_saved()) {
			leave(FSYS_LEAVE_STALE);
		} else {
			loop.stale = false;
			loop.look_at = sys_now_ms() + SYNC_AGAIN_MS;
		}
		return;
	}
	if (!loop.idle_ms || now < loop.busy_at + loop.idle_ms)
		return;
	/* Who has a right to a node would lose it; what the kernel has open it does not. */
	if (is_quiet() && thread_is_quiet() && !door_is_held() && is_saved())
		leave(FSYS_LEAVE_IDLE);
	else
		loop.busy_at = sys_now_ms();
}

/* What comes now may hold us up. */
static void
begin(int64_t now)
{
	memory_at_work(true);
	standin_begin(now);
}

static void
end(void)
{
	standin_end();
	memory_at_work(false);
}

/* Whether nothing is due soon but requests. */
static bool
is_calm(void)
{
	return !loop.gone_at && !loop.handing_over && !loop.stale && !loop.look_at &&
	    loop.expire_at == INT64_MAX && standin_is_empty();
}

static void
guard(bool on)
{
	const int fds[STANDIN_GUARDED] = { loop.signal_fd, watch_fd() };

	if (on == loop.guarded)
		return;
	loop.guarded = on;
	if (on)
		standin_guard(fds, loop.idle_ms ? loop.busy_at + loop.idle_ms : INT64_MAX);
	else
		standin_unguard();
}

/* Waits for a request and serves it. False: there is something else, or may be. */
static bool
receive_calmly(void)
{
	ssize_t size;
	int64_t now;

	guard(true);
	if (!wake_begin_read(front_fd()))
		return false;
	size = front_receive();
	wake_end_read();
	if (size == 0)
		return false;
	begin(now = sys_now_ms());
	serve_received(size, now);
	look_at_clock(now);
	end();
	return true;
}

/* Looks at all that there can be. */
static void
turn(void)
{
	struct pollfd polled[] = {
		{ .fd = wake_fd(), .events = POLLIN },
		{ .fd = loop.signal_fd, .events = POLLIN },
		{ .fd = watch_fd(), .events = POLLIN },
		{ .fd = loop.gone_at || loop.handing_over ? -1 : front_fd(), .events = POLLIN },
	};
	int n = poll(polled, ARRAY_SIZE(polled), sleep_ms(sys_now_ms()));

	if (n < 0 && errno != EINTR) {
		log_error("cannot wait for requests: %s", strerror(errno));
		loop.ending = BROKEN;
		return;
	}
	begin(sys_now_ms());
	if (n > 0 && polled[0].revents) {
		wake_drain();
		standin_serve();
		look_at_tree();
		req_run_ready();
		answer_control();
	}
	if (n > 0 && polled[2].revents) {
		watch_drain();
		loop.look_at = sys_now_ms() + SETTLE_MS;
	}
	if (n > 0 && polled[3].revents && loop.ending == GOING_ON)
		serve_received(front_receive(), sys_now_ms());
	if (n > 0 && polled[1].revents && loop.ending == GOING_ON) {
		drain(loop.signal_fd);
		terminate();
	}
	if (loop.ending == GOING_ON)
		look_at_clock(sys_now_ms());
	end();
}

/* From start to end ------------------------------------------------------- */

static int
open_loop(void)
{
	sigset_t mask;
	int err;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	/* Before any thread is made: none of them is to be interrupted. */
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	err = wake_open();
	loop.signal_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (err == 0 && loop.signal_fd < 0)
		err = -errno;
	return err < 0 ? err : standin_open();
}

/* What portd gave in the handshake. */
struct given {
	struct port_reply reply;
	struct fsys_startup_out out;
};

static int
shake_hands(const struct argv *argv, struct given *given)
{
	struct fsys_startup_in in = {
		.control = { control_port(), PORT_MAKE_SEND },
		.kind = translator.ops.kind,
		.nature = translator.ops.nature,
		.argv = { argv->data, argv->size },
		.version = VERSION,
	};
	/* However long: a start may be paused. */
	int err = fsys_startup_call(port_bootstrap(), &in, &given->out, &given->reply,
	    PORT_FOREVER);

	if (err != 0)
		log_error("portd does not take this translator: %s",
		    *given->reply.text ? given->reply.text : port_error_text(err));
	return err;
}

static int
open_mount(struct given *given, const struct argv *argv)
{
	struct fsys_startup_out *out = &given->out;
	AUTO_CLOSE int fuse = fd_steal(&out->fuse);
	AUTO_CLOSE int recovery = fd_steal(&out->recovery);
	struct wire_init init;
	bool changed;
	int err, flags = fcntl(fuse, F_GETFL);

	/* We go on when portd dies, and end when the leash does. */
	leash_open(fd_steal(&out->leash));
	if (prctl(PR_SET_PDEATHSIG, 0) < 0)
		return -errno;
	translator.underlying = fd_steal(&out->underlying);
	loop.idle_ms = out->idle_ms;
	if (fuse < 0 || out->init.size != sizeof(init))
		return -EPROTO;
	memcpy(&init, out->init.data, sizeof(init));
	if (flags < 0 || fcntl(fuse, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	err = memory_open(recovery, out->generation, argv, &changed);
	if (err == 0) {
		opens_open();
		journal_open(out->resent);
		err = front_open(fd_steal(&fuse), &init, out->share);
	}
	if (err == 0 && changed)
		forget_everything();
	return err;
}

static int
start(struct given *given)
{
	struct fsys_startup_out *out = &given->out;
	int err;

	/* First, so that what the author reads from now on is what we compare with. */
	watch_open(&translator.options);
	begin(sys_now_ms());
	err = translator.ops.start ? translator.ops.start() : 0;
	if (err < 0) {
		if (!*translator_error())
			log_error("cannot start: %s", strerror(-err));
		return err;
	}
	node_on_ready();
	loop.busy_at = sys_now_ms();
	if (out->pending.size && front_process(out->pending.data, out->pending.size) < 0)
		log_error("portd handed over a request that is none: it is dropped");
	end();
	return 0;
}

static void
run(void)
{
	while (loop.ending == GOING_ON) {
		if (is_calm() && receive_calmly())
			continue;
		guard(false);
		turn();
	}
	if (loop.ending == CUT_OFF)
		log_error("portd is gone: ending, and the mount with it");
	if (loop.ending == TERMINATED)
		log_error("ended by a signal while requests were open");
	if (loop.ending == UNMOUNTED || loop.ending == CUT_OFF)
		sync_content();
}

static void
close_all(int status)
{
	standin_close();
	control_close();
	thread_join_all();
	if (translator.ops.stop)
		translator.ops.stop();
	/* The notifying thread may be held up in the kernel with the session. */
	if (!notify_stop())
		_exit(status);
	watch_close();
	req_deinit();
	door_close();
	front_close();
	journal_close();
	memory_close();
	fd_close(&translator.underlying);
	port_detach();
	wake_close();
	fd_close(&loop.signal_fd);
}

static int
serve_attached(void)
{
	AUTO_ARGV struct argv argv = { 0 };
	struct given given = { .reply = { .text = "" } };
	int err = translator_argv(&translator.options, &argv);

	if (err == 0)
		err = shake_hands(&argv, &given);
	if (err == 0) {
		err = open_mount(&given, &argv);
		if (err < 0)
			log_error("cannot serve this mount: %s", strerror(-err));
	}
	if (err == 0)
		err = start(&given);
	port_reply_deinit(&given.reply);
	if (err != 0)
		return 1;
	run();
	return loop.ending == LEFT || loop.ending == UNMOUNTED ? 0 : 1;
}

/* Serves over this connection to portd (eaten) until the end. The options are
 * in force. Returns the exit status. */
int
serve(int port_fd)
{
	int status = 1, err = open_loop();

	if (err == 0)
		err = door_open();
	if (err == 0)
		err = port_attach(port_fd, translator.name);
	if (err == 0)
		err = control_open(translator.name);
	if (err != 0)
		log_error("cannot talk to portd: %s", port_error_text(err));
	else
		status = serve_attached();
	close_all(status);
	return status;
}
