/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flood: millions of random frames against the rights core, in one process.
 *
 * Some tasks have some connections each. Frames go out in batches, the loop is run, and
 * the answers are read, but for those of connections that do not listen for a while; names
 * in answers are used in later frames. A shop, the bootstrap right of all, exchanges
 * rights between tasks. A connection that the core ends is replaced. The world is
 * checked now and then; at the end nothing may be left. The same seed, the same run. */
#include <assert.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "portd/core.h"
#include "portd/message.h"
#include "portd/port.h"
#include "portd/task.h"
#include "portd/world.h"
#include "tests/ports/frames.h"
#include "wire/messages.h"

enum {
	LINES = 24,		/* connections */
	TASKS = LINES + 1,	/* there is always one that has none */
	SHELVES = 16,
	CODES = 128,
	BATCH = 32,
	DAMAGED = 128,		/* one in so many */
	CHECKED = 20000,
	ENDED = 8000,		/* a task with all its connections */
	FORKED = 20000,
	DEAF = 2000,		/* one frame in so many begins to be unread */
	YOUNG = 12,		/* names that a task learns before it does anything else */
	SECOND = 200,		/* a second request while one waits */
	OPENED = 64,		/* an empty line becomes a new task, else it waits for a thread call */
};

/* A connection of a task. */
struct line {
	int fd;			/* -1: none */
	uint32_t task;
	uint32_t waiting;	/* requests without an answer yet */
	bool greeted;		/* a hello was sent */
	bool stuck;		/* its answers were read, and one has not come */
	uint32_t deaf;		/* frames until its answers are read again */
};

static struct settings {
	uint64_t frames, seed, seconds;
} settings = { 200000, 1, 0 };

static struct {
	uint64_t sent, unsent, answers, ended, tasks, forks, checks;
	size_t n_codes;
	struct { int32_t code; uint64_t n; } codes[CODES];
} count;

static uv_loop_t loop;
static struct world *world;
static struct port *shop;
static struct right shelf[SHELVES];
static struct line lines[LINES];
static struct frames_names names[TASKS];
static struct frames_record record;

static void
count_code(int32_t code)
{
	size_t i = 0;

	while (i < count.n_codes && count.codes[i].code != code)
		i++;
	if (i == CODES)
		return;
	if (i == count.n_codes)
		count.codes[count.n_codes++].code = code;
	count.codes[i].n++;
}

/* Who brings a right finds another one in the answer, some other time. */
static void
on_shop(struct port *port, struct message *request, void *arg)
{
	struct right *place = &shelf[frames_random() % SHELVES], brought = { RIGHT_NULL, NULL };
	struct message *answer = message_new(request->id);

	(void)arg;
	assert(answer);
	if (frames_chance(8))
		wire_put_port(&answer->body, message_add_right(answer, right_make_send(port)));
	for (size_t i = 0; i < request->body.n_ports && brought.kind == RIGHT_NULL; i++)
		if (!(request->body.ports[i].disposition & (uint32_t)WIRE_ITEM_MASK))
			brought = message_take_right(request, request->body.ports[i]);
	if (right_is_live(place))
		wire_put_port(&answer->body, message_add_right(answer, *place));
	else
		right_release(*place);
	*place = brought;
	message_send(message_take_reply(request), answer, (struct right){ RIGHT_NULL, NULL });
	message_free(request);
}

static int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void
pump(int turns)
{
	while (turns-- > 0)
		uv_run(&loop, UV_RUN_NOWAIT);
}

/* The core has ended it, or it hangs up. */
static void
end_line(struct line *line)
{
	fd_close(&line->fd);
	line->waiting = line->deaf = 0;
	line->stuck = false;
}

static void
end_task(uint32_t task)
{
	for (int i = 0; i < LINES; i++)
		if (lines[i].fd >= 0 && lines[i].task == task)
			end_line(&lines[i]);
}

static void
use_line(struct line *line, int fd, uint32_t task, bool greeted)
{
	*line = (struct line){ .fd = fd, .task = task, .greeted = greeted };
}

static struct line *
empty_line(void)
{
	for (int i = 0; i < LINES; i++)
		if (lines[i].fd < 0)
			return &lines[i];
	return NULL;
}

static uint32_t
unused_task(void)
{
	bool used[TASKS] = { false };
	uint32_t task = 0;

	for (int i = 0; i < LINES; i++)
		if (lines[i].fd >= 0)
			used[lines[i].task] = true;
	while (used[task])
		task++;
	names[task].n = 0;
	count.tasks++;
	return task;
}

static void
open_line(struct line *line)
{
	int fds[2];

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	assert(world_accept(world, fds[0]) == 0);
	use_line(line, fds[1], unused_task(), false);
}

/* Answers --------------------------------------------------------------------------- */

/* A connection for a thread or a child finds a place, or is closed. */
static void
take_connection(struct frame *frame, uint32_t task, bool greeted)
{
	struct line *line = empty_line();

	if (line && frame->body.fds.n == 1)
		use_line(line, fd_steal(&frame->body.fds.fd[0]), task, greeted);
}

static void
learn_all(struct frame *frame, struct frames_names *known)
{
	struct msg_out out;
	uint32_t name;

	for (size_t i = 0; i < frame->body.n_ports; i++)
		if (!(frame->body.ports[i].disposition & (uint32_t)WIRE_ITEM_MASK))
			frames_learn(known, frame->body.ports[i].name);
	if (frame->call == CALL_msg) {
		if (frame->body.size == 0 || msg_out_get(&frame->body, &out) < 0)
			return;
		frames_learn(known, out.remote);
		frames_learn(known, out.local);
	} else if (frame->body.size == sizeof(name)) {
		memcpy(&name, frame->body.data, sizeof(name));
		frames_learn(known, le32toh(name));
	}
}

static void
take_answer(struct line *line, struct frame *frame)
{
	struct hello_out hello;

	count.answers++;
	count_code(frame->code);
	if (line->waiting)
		line->waiting--;
	if (frame->call == CALL_thread && frame->code == 0)
		take_connection(frame, line->task, true);
	else if (frame->call == CALL_spawn && frame->code == 0)
		take_connection(frame, unused_task(), false);
	else if (frame->call == CALL_hello && hello_out_get(&frame->body, &hello) == 0)
		frames_learn(&names[line->task], hello.bootstrap);
	else if (frame->code == 0 || frame->call == CALL_msg)
		learn_all(frame, &names[line->task]);
}

static void
drain(struct line *line)
{
	struct frame frame = { 0 };
	int err;

	while (line->fd >= 0) {
		err = frame_receive(line->fd, &frame, MSG_DONTWAIT);
		line->stuck = line->waiting > 0;
		if (err == -EAGAIN)
			return;
		assert(err == 0 || err == -EPIPE);
		if (err) {
			count.ended++;
			end_line(line);
			return;
		}
		take_answer(line, &frame);
		wire_buf_deinit(&frame.body);
	}
}

/* Frames ---------------------------------------------------------------------------- */

/* 0 or -errno. */
static int
send_record(int fd)
{
	union {
		struct cmsghdr align;
		char data[CMSG_SPACE(FRAMES_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { record.data, record.size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t size = (size_t)record.n_fds * sizeof(int);

	if (record.n_fds > 0) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(&control.align), record.fd, size);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(size);
	}
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Another process sends what is in hand by the connection of this one. */
static int
send_by_child(int fd)
{
	int status;
	pid_t child = fork();

	assert(child >= 0);
	if (child == 0)
		_exit(send_record(fd) != 0);
	assert(waitpid(child, &status, 0) == child);
	count.forks++;
	return status == 0 ? 0 : -EAGAIN;
}

static void
make_record(const struct line *line)
{
	if (!line->greeted && !frames_chance(DAMAGED))
		frames_hello(&record);
	else if (line->stuck && !frames_chance(SECOND))
		frames_call(&record, CALL_interrupt, &names[line->task]);
	else if (names[line->task].n < YOUNG && frames_chance(2))
		frames_call(&record, frames_chance(3) ? CALL_construct : CALL_allocate,
		    &names[line->task]);
	else if (empty_line() && frames_chance(4))
		frames_call(&record, CALL_thread, &names[line->task]);
	else
		frames_any(&record, &names[line->task]);
	if (frames_chance(DAMAGED))
		frames_damage(&record);
}

static void
send_one(struct line *line)
{
	int err;

	make_record(line);
	if (line->deaf)
		line->deaf--;
	else if (frames_chance(DEAF))
		line->deaf = frames_random() % DEAF;
	err = frames_chance(FORKED) ? send_by_child(line->fd) : send_record(line->fd);
	line->greeted = true;
	if (err) {
		count.unsent++;
		if (err == -EPIPE || err == -ECONNRESET)
			line->deaf = 0;
		return;
	}
	count.sent++;
	line->waiting += record.call != CALL_interrupt;
}

/* Not all at once: lines come to those that are left by thread calls, too. */
static void
fill_lines(void)
{
	struct line *line = empty_line();
	uint32_t open = 0;

	for (int i = 0; i < LINES; i++)
		open += lines[i].fd >= 0;
	if (line && (open < LINES / 4 || frames_chance(OPENED)))
		open_line(line);
}

static void
do_batch(void)
{
	for (int i = 0; i < BATCH; i++) {
		struct line *line = &lines[frames_random() % LINES];

		fill_lines();
		if (line->fd >= 0 && (!line->waiting || line->stuck || frames_chance(SECOND)))
			send_one(line);
	}
	pump(2);
	for (int i = 0; i < LINES; i++)
		if (!lines[i].deaf)
			drain(&lines[i]);
	if (frames_chance(ENDED / BATCH))
		end_task(frames_random() % TASKS);
}

/* A child that was greeted stays known until its process ends: here it does. */
static void
bury_children(void)
{
	core_enter(world);
	LIST_FOR_EACH(link, next, &world->tasks) {
		struct task *task = LIST_ENTRY(link, struct task, link);

		if (task->n_connections > 0)
			continue;
		assert(task->spawned && task->space.n_entries == 0);
		task_kill(task);
	}
	core_leave(world);
}

static void
check(void)
{
	world_check(world);
	bury_children();
	world_check(world);
	count.checks++;
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Returns how long it took. */
static double
run(void)
{
	double start = now();
	uint64_t checked = 0;

	while (count.sent + count.unsent < settings.frames) {
		do_batch();
		if (count.sent - checked < CHECKED)
			continue;
		check();
		checked = count.sent;
		if (settings.seconds && now() - start > (double)settings.seconds)
			break;
	}
	return now() - start;
}

/* The beginning, the end, the report ------------------------------------------------- */

static void
begin(void)
{
	struct rlimit limit;

	assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
	assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	uv_loop_init(&loop);
	world = world_new(&loop, getuid());
	assert(world);
	world->checked = false;		/* not after each of millions */
	shop = port_new_kernel(world, on_shop, NULL);
	assert(shop);
	world_set_bootstrap(world, right_make_send(shop));
	for (int i = 0; i < LINES; i++)
		lines[i].fd = -1;
	frames_begin(settings.seed);
}

static int
left(const char *what, size_t n)
{
	if (n > 0)
		printf("not ok: left behind: %zu %s\n", n, what);
	return n > 0;
}

/* All tasks end; what is left then is left behind. */
static int
end(int fds_before)
{
	int n = 0;

	for (int i = 0; i < LINES; i++)
		end_line(&lines[i]);
	pump(16);
	for (int i = 0; i < SHELVES; i++)
		right_release(shelf[i]);
	world_set_bootstrap(world, (struct right){ RIGHT_NULL, NULL });
	port_kill(shop);
	pump(16);
	check();
	n += left("tasks", list_length(&world->tasks));
	n += left("ports", list_length(&world->ports));
	n += left("messages, regions with them", list_length(&world->messages));
	n += left("accounts", list_length(&world->accounts));
	n += left("users", list_length(&world->users));
	n += left("memory files", world->memory_files.n_values);
	n += left("strangers", world->n_strangers);
	world_free(world);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert(uv_loop_close(&loop) == 0);
	frames_end();
	return n + left("descriptors", (size_t)(count_fds() - fds_before));
}

static int
by_code(const void *a, const void *b)
{
	const int32_t *left_code = a, *right_code = b;

	return (*left_code > *right_code) - (*left_code < *right_code);
}

static void
report(double seconds)
{
	printf("seed %llu: %llu frames in %.1f s, %.0f a second; %llu not sent; %llu answers\n",
	    (unsigned long long)settings.seed, (unsigned long long)count.sent, seconds,
	    (double)count.sent / seconds, (unsigned long long)count.unsent,
	    (unsigned long long)count.answers);
	printf("%llu connections ended by portd, %llu tasks, %llu frames of another process, "
	    "%llu checks\n", (unsigned long long)count.ended, (unsigned long long)count.tasks,
	    (unsigned long long)count.forks, (unsigned long long)count.checks);
	qsort(count.codes, count.n_codes, sizeof(count.codes[0]), by_code);
	for (size_t i = 0; i < count.n_codes; i++)
		printf("%12llu  %#10x  %s\n", (unsigned long long)count.codes[i].n,
		    (unsigned)count.codes[i].code, port_error_text(count.codes[i].code));
}

static bool
take_option(const char *arg)
{
	static const struct { const char *name; uint64_t *valuep; } options[] = {
		{ "--frames=", &settings.frames },
		{ "--seed=", &settings.seed },
		{ "--seconds=", &settings.seconds },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		size_t length_of_name = strlen(options[i].name);

		if (strncmp(arg, options[i].name, length_of_name) != 0)
			continue;
		*options[i].valuep = strtoull(arg + length_of_name, NULL, 0);
		return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	int fds_before, failed;
	double seconds;

	for (int i = 1; i < argc; i++) {
		if (!take_option(argv[i])) {
			fprintf(stderr, "usage: flood [--frames=N] [--seed=N] [--seconds=N]\n");
			return 2;
		}
	}
	/* libuv keeps some descriptors from its first loop on. */
	uv_loop_init(&loop);
	uv_loop_close(&loop);
	fds_before = count_fds();
	begin();
	seconds = run();
	failed = end(fds_before);
	report(seconds);
	return failed ? 1 : 0;
}
