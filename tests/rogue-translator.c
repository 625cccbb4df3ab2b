/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rogue-translator: tries what its sandbox forbids, one thing per file of its directory.
 *
 * Reading n/NAME makes the attempt NAME; the content, and a line of the log, is how it ended:
 * "refused: " and why, or "done". With --start the first of them are made at start already;
 * with --raw it answers the kernel with forged data instead (rogue-fuse.c). Built for
 * tests/sandbox.sh, installed nowhere. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "port/lookup.h"
#include "port/stubs.h"
#include "tests/rogue-translator.h"
#include "trans/fuse.h"
#include "trans/trans.h"

enum {
	CALL_TIMEOUT_MS = 10000,
	MEMORY_STEP = 16 << 20,
	MEMORY_MAX = 1 << 30,	/* who gets so much was not limited */
	FORKS_MAX = 20,
	BOMB_FORKS = 600,	/* above CONFINE_TASKS */
	BOMB_EATERS = 8,
	BOMB_BYTES = 128 << 20,	/* below --memory of the case */
	THREADS_MAX = 8,	/* these are allowed, and tried to see that they are */
};

static const char *key, *home, *socket_path;
static int64_t neighbour, keeper;
static int at_start, raw;
#ifdef ROGUE_NEEDS
enum { NEEDS = ROGUE_NEEDS };
#else
enum { NEEDS = 0 };
#endif

static const struct trans_option options[] = {
	TRANS_STRING("key", 0, &key, "a file that is none of its business"),
	TRANS_STRING("home", 0, &home, "a directory, likewise"),
	TRANS_STRING("socket", 0, &socket_path, "where portd listens"),
	TRANS_NUMBER("neighbour", 0, &neighbour, "pid of another translator"),
	TRANS_NUMBER("portd", 0, &keeper, "pid of portd"),
	TRANS_FLAG("start", 0, &at_start, "misbehave at start, too"),
	TRANS_FLAG("raw", 0, &raw, "answer the kernel with forged data"),
	TRANS_OPTIONS_END
};

/* 0: it could be done; else -errno. */
static int
result(long value)
{
	return value < 0 ? -errno : 0;
}

/* Opens, and closes again. */
static int
try_open(const char *path, int flags)
{
	AUTO_CLOSE int fd = open(path, flags | O_CLOEXEC, 0600);

	return result(fd);
}

static int
try_proc(int64_t pid, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return try_open(path, flags);
}

static int
try_beneath(const char *dir, const char *name, int flags)
{
	AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	return try_open(path, flags);
}

/* Files ------------------------------------------------------------------------ */

static int
ssh_key(void)
{
	return try_open(key, O_RDONLY);
}

static int
list_home(void)
{
	DIR *dir = opendir(home);
	int err = result(dir ? 0 : -1);

	if (dir)
		closedir(dir);
	return err;
}

static int
write_home(void)
{
	return try_beneath(home, "rogue-was-here", O_WRONLY | O_CREAT);
}

static int
write_tmp(void)
{
	return try_open("/tmp/rogue-was-here", O_WRONLY | O_CREAT);
}

static int
write_key(void)
{
	return try_open(key, O_WRONLY);
}

static int
truncate_key(void)
{
	return result(truncate(key, 0));
}

static int
remove_key(void)
{
	return result(unlink(key));
}

static int
rename_key(void)
{
	AUTO_FREE char *to = NULL;

	if (asprintf(&to, "%s.stolen", key) < 0)
		return -ENOMEM;
	return result(rename(key, to));
}

static int
open_key_to_all(void)
{
	return result(chmod(key, 0644));
}

static int
touch_key(void)
{
	return result(utimensat(AT_FDCWD, key, NULL, 0));
}

static int
read_passwd(void)
{
	return try_open("/etc/passwd", O_RDONLY);
}

/* Others ------------------------------------------------------------------------- */

static int
kill_neighbour(void)
{
	return result(kill((pid_t)neighbour, SIGKILL));
}

static int
kill_portd(void)
{
	return result(kill((pid_t)keeper, SIGCONT));
}

static int
kill_all(void)
{
	return result(kill(-1, 0));
}

static int
signal_by_pidfd(void)
{
	AUTO_CLOSE int fd = sys_pidfd_open((pid_t)neighbour);

	return fd < 0 ? fd : sys_pidfd_send_signal(fd, 0);
}

/* A file that is ready sends its owner a signal of choice. */
static int
signal_by_file(void)
{
	AUTO_CLOSE int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	return result(fcntl(fd, F_SETOWN, (int)neighbour));
}

static int
ptrace_neighbour(void)
{
	return result(ptrace(PTRACE_SEIZE, (pid_t)neighbour, NULL, NULL));
}

static int
ptrace_portd(void)
{
	return result(ptrace(PTRACE_SEIZE, (pid_t)keeper, NULL, NULL));
}

static int
peek_neighbour(void)
{
	char byte;
	struct iovec local = { &byte, 1 }, remote = { &local, 1 };
	ssize_t n = process_vm_readv((pid_t)neighbour, &local, 1, &remote, 1, 0);

	/* That nothing is at this address is an answer that only the allowed get. */
	return n < 0 && errno == EFAULT ? 0 : result(n);
}

static int
read_memory(void)
{
	return try_proc(neighbour, "mem", O_RDWR);
}

static int
read_environment(void)
{
	return try_proc(keeper, "environ", O_RDONLY);
}

static int
list_descriptors(void)
{
	return try_proc(keeper, "fd", O_RDONLY | O_DIRECTORY);
}

static int
limit_neighbour(void)
{
	struct rlimit none = { 0, 0 };

	return result(prlimit((pid_t)neighbour, RLIMIT_CORE, &none, NULL));
}

static int
renice_neighbour(void)
{
	return result(setpriority(PRIO_PROCESS, (id_t)neighbour, 19));
}

static int
shared_memory(void)
{
	int id = shmget(IPC_PRIVATE, 4096, 0600);

	if (id < 0)
		return -errno;
	shmctl(id, IPC_RMID, NULL);
	return 0;
}

/* Sockets ------------------------------------------------------------------------ */

static int
try_socket(int family, int type)
{
	AUTO_CLOSE int fd = socket(family, type | SOCK_CLOEXEC, 0);

	return result(fd);
}

static int
tcp(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : result(bind(fd, (struct sockaddr *)&address, sizeof(address)));
}

static int
udp(void)
{
	return try_socket(AF_INET, SOCK_DGRAM);
}

static int
abstract_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0rogue" };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : result(bind(fd, (struct sockaddr *)&address, sizeof(address)));
}

static int
call_portd(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	return result(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

static int
datagrams(void)
{
	int pair[2];
	int err = result(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair));

	if (err == 0) {
		close(pair[0]);
		close(pair[1]);
	}
	return err;
}

static int
netlink(void)
{
	return try_socket(AF_NETLINK, SOCK_RAW);
}

/* Processes, memory, the kernel ------------------------------------------------------ */

/* Without end, were it not for our own kindness. */
static int
fork_without_end(void)
{
	int err = 0;

	for (int i = 0; i < FORKS_MAX && err == 0; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			poll(NULL, 0, 60000);
			_exit(0);
		}
		err = result(pid);
	}
	return err;
}

static int
clone_raw(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return result(pid);
}

#ifdef __x86_64__
static sigjmp_buf no_such_gate;

static void
on_fault(int sig)
{
	siglongjmp(no_such_gate, sig);
}
#endif

/* By another word size's numbers: fork is 2 there. A kernel may have no gate for them. */
static int
fork_32(void)
{
#ifdef __x86_64__
	volatile long value;

	signal(SIGSEGV, on_fault);
	if (sigsetjmp(no_such_gate, 1))
		return -ENOSYS;
	__asm__ volatile("int $0x80" : "=a"(value) : "a"(2L) : "memory", "r8", "r9", "r10", "r11");
	if (value == 0)
		_exit(0);
	signal(SIGSEGV, SIG_DFL);
	return value < 0 ? (int)value : 0;
#else
	return -EPERM;
#endif
}

static int
fork_x32(void)
{
#ifdef __x86_64__
	long pid = syscall(0x40000000 + SYS_fork);

	if (pid == 0)
		_exit(0);
	return result(pid);
#else
	return -EPERM;
#endif
}

static int
new_namespace(void)
{
	return result(unshare(CLONE_NEWUSER));
}

/* In the place of this process: who asked gets no answer when it succeeds. */
static int
shell(void)
{
	execl("/bin/sh", "sh", "-c", "exit 7", NULL);
	return -errno;
}

/* The loader can be told which program to load. */
static int
shell_by_loader(void)
{
	execl("/lib64/ld-linux-x86-64.so.2", "ld.so", "/bin/sh", "-c", "exit 7", NULL);
	return -errno;
}

static int
mount_something(void)
{
	return result(mount("none", "/tmp", "tmpfs", 0, NULL));
}

static int
io_uring(void)
{
	char parameters[256] = { 0 };

	return result(syscall(SYS_io_uring_setup, 1, parameters));
}

static int
outlive_portd(void)
{
	return result(prctl(PR_SET_PDEATHSIG, 0));
}

static int
eat(int flags)
{
	size_t eaten = 0;
	char *list = NULL;
	int err = 0;

	while (eaten < MEMORY_MAX) {
		char *block = mmap(NULL, MEMORY_STEP, PROT_READ | PROT_WRITE, flags, -1, 0);

		if (block == MAP_FAILED) {
			err = -errno;
			break;
		}
		*(char **)block = list;
		list = block;
		eaten += MEMORY_STEP;
	}
	while (list) {
		char *next = *(char **)list;

		munmap(list, MEMORY_STEP);
		list = next;
	}
	return err;
}

static int
eat_memory(void)
{
	return eat(MAP_PRIVATE | MAP_ANONYMOUS);
}

static int
eat_shared_memory(void)
{
	return eat(MAP_SHARED | MAP_ANONYMOUS);
}

/* portd ---------------------------------------------------------------------------- */

static int
startup_again(void)
{
	struct port_reply reply = { 0 };
	struct fsys_startup_out out = { .fuse = -1, .underlying = -1, .recovery = -1 };
	port_name_t name = PORT_NULL;
	int err = port_allocate(PORT_RIGHT_RECEIVE, &name);

	if (err == 0)
		err = fsys_startup_call(port_bootstrap(), &(struct fsys_startup_in){
			.control = { name, PORT_MAKE_SEND }, .version = "rogue",
		}, &out, &reply, CALL_TIMEOUT_MS);
	port_reply_deinit(&reply);
	port_mod_refs(name, PORT_RIGHT_RECEIVE, -1);
	return err > 0 ? -EPROTO : err;
}

/* What only the tools may ask, and what nobody knows. */
static int
ask(uint32_t id)
{
	struct wire_buf body = { 0 };
	struct port_reply reply = { 0 };
	int err;

	for (uint32_t i = 0; i < 40; i++)
		wire_put_u32(&body, i * 2654435761u);
	err = port_call(port_bootstrap(), id, &body, &reply, CALL_TIMEOUT_MS);
	port_reply_deinit(&reply);
	return err > 0 ? -EPROTO : err;
}

static int
ask_keeper(void)
{
	int err = ask(ROUTINE_node_set);

	return err < 0 && ask(ROUTINE_keeper_stop) < 0 ? err : 0;
}

static int
ask_nonsense(void)
{
	int err = 0;

	for (uint32_t id = 22000; id < 22120 && err <= 0; id++)
		if (id != ROUTINE_fsys_leave && id != ROUTINE_fsys_startup)
			err = id < 22100 ? ask(id) : err;
	return err;
}

/* Answers that nobody asked for, and notices that only portd gives: they must not be taken
 * for such. Whether they are taken at all is no matter. */
static int
forge_replies(void)
{
	static const uint32_t ids[] = {
		ROUTINE_fsys_set_options + RPC_REPLY_OFFSET, ROUTINE_fsys_goaway + RPC_REPLY_OFFSET,
		PORT_NOTIFY_NO_SENDERS, PORT_NOTIFY_SEND_ONCE, PORT_NOTIFY_DEAD_NAME,
	};

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct port_message message = {
			.remote = port_bootstrap(), .remote_disposition = PORT_COPY_SEND, .id = ids[i],
		};

		wire_put_i32(&message.body, 0);
		wire_put_str(&message.body, "forged");
		port_send(&message, CALL_TIMEOUT_MS);
		port_message_deinit(&message);
	}
	return -EPROTO;
}

/* Leaves, and leaves again: the second word must not reach anybody. */
static int
leave_twice(void)
{
	for (int i = 0; i < 2; i++) {
		struct port_reply reply = { 0 };
		struct fsys_leave_out out;
		int err = fsys_leave_call(port_bootstrap(), &(struct fsys_leave_in){
			.reason = 77 }, &out, &reply, CALL_TIMEOUT_MS);

		port_reply_deinit(&reply);
		trans_log("leaving for the %d. time: %d", i + 1, err);
	}
	_exit(0);
}

/* Rights to nodes ---------------------------------------------------------------------- */

/* What it stands on is no translator's, and what lies beside that no path leads to. */
static int
right_beneath(void)
{
	port_name_t node;
	int err = trans_lookup(trans_underlying(), "", 0, &node);

	if (err != 0)
		err = trans_lookup(trans_underlying(), "../.ssh/id_rsa", TRANS_RIGHT_READ, &node);
	return err > 0 ? -EPROTO : err;
}

/* The neighbour's node, by its path: the way of whoever may open it. */
static int
right_to_neighbour(void)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;
	port_name_t node;
	int err;

	if (asprintf(&path, "%s/neighbour", home) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? -errno : trans_lookup(fd, "", TRANS_RIGHT_READ, &node);
	return err > 0 ? -EPROTO : err;
}

/* Without a descriptor there is no way in. */
static int
right_to_nothing(void)
{
	struct lookup_node_out out;
	struct port_reply reply;
	int err = lookup_node_call(port_bootstrap(), &(struct lookup_node_in){
		.file = -1, .rights = TRANS_RIGHT_ALL }, &out, &reply, CALL_TIMEOUT_MS);

	port_reply_deinit(&reply);
	return err > 0 ? -EPROTO : err;
}

/* By each descriptor that it has, the connections to the kernel and to portd among them. */
static int
right_by_any(void)
{
	int err = -EBADF;

	for (int fd = 0; fd < 64 && err != 0; fd++) {
		port_name_t node;

		if (fcntl(fd, F_GETFD) >= 0)
			err = trans_lookup(fd, "", 0, &node);
	}
	return err > 0 ? -EPROTO : err;
}

/* Says that somebody came to a node of its own which another one's covers, and is
 * himself the one who waits for the answer. */
static int
right_across(void)
{
	struct port_message answer = { 0 };
	port_name_t reply;
	int err = port_allocate(PORT_RIGHT_RECEIVE, &reply);

	for (uint64_t id = 0; id < 4 && err == 0; id++) {
		err = lookup_cross_send(port_bootstrap(), &(struct lookup_cross_in){
			.id = id, .rights = TRANS_RIGHT_ALL, .rest = "",
			.reply = { reply, PORT_MAKE_SEND_ONCE } }, CALL_TIMEOUT_MS);
		if (err == 0)
			err = port_receive(reply, &answer, CALL_TIMEOUT_MS);
		if (err == 0 && wire_get_i32(&answer.body) == 0)
			return 0;
		port_message_destroy(&answer);
	}
	port_destroy(reply);
	return err ? err : -EXDEV;
}

/* What nodes' ports answer, portd's does not. */
static int
ask_as_node(void)
{
	int err = 0;

	for (uint32_t id = 20000; id < 20030 && err <= 0; id++)
		err = ask(id);
	for (uint32_t id = 21000; id < 21010 && err < 0; id++)
		err = ask(id);
	return err;
}

/* What must work ------------------------------------------------------------------- */

static void
note(void *arg)
{
	*(int *)arg = 1;
}

static void *
be_thread(void *arg)
{
	note(arg);
	return NULL;
}

static int
threads(void)
{
	int done[THREADS_MAX] = { 0 }, n = 0;
	pthread_t thread[THREADS_MAX];

	for (int i = 0; i < THREADS_MAX; i++) {
		int err = pthread_create(&thread[i], NULL, be_thread, &done[i]);

		if (err)
			return -err;
		pthread_join(thread[i], NULL);
		n += done[i];
	}
	return n == THREADS_MAX ? 0 : -EIO;
}

static int
signal_self(void)
{
	return result(kill(getpid(), 0));
}

static int
run_program(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "exit 7", NULL);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : -EPERM;
}

/* More than the sandbox counts, where it counts. */
static int
fork_bomb(void)
{
	int err = 0;

	for (int i = 0; i < BOMB_FORKS && err == 0; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			poll(NULL, 0, -1);
			_exit(0);
		}
		err = pid < 0 ? -errno : 0;
	}
	return err;
}

/* Each may have so much; together it is more than one may. */
static int
eat_as_many(void)
{
	for (int i = 0; i < BOMB_EATERS; i++)
		if (fork() == 0) {
			memset(malloc(BOMB_BYTES), i + 1, BOMB_BYTES);
			poll(NULL, 0, -1);
		}
	poll(NULL, 0, -1);
	return 0;
}

/* A process that is in no session and no process group of ours any more. */
static int
leave_behind(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		if (fork() == 0) {
			setsid();
			poll(NULL, 0, -1);
		}
		_exit(0);
	}
	return pid < 0 || waitpid(pid, NULL, 0) != pid ? -errno : 0;
}

/* The table --------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*attempt)(void);
} attempts[] = {
	{ "ssh-key", ssh_key },
	{ "list-home", list_home },
	{ "tcp", tcp },
	{ "fork", fork_without_end },
	/* --start makes those above. */
	{ "write-home", write_home },
	{ "write-tmp", write_tmp },
	{ "write-key", write_key },
	{ "truncate-key", truncate_key },
	{ "rename-key", rename_key },
	{ "chmod-key", open_key_to_all },
	{ "touch-key", touch_key },
	{ "remove-key", remove_key },
	{ "passwd", read_passwd },
	{ "kill-neighbour", kill_neighbour },
	{ "kill-portd", kill_portd },
	{ "kill-all", kill_all },
	{ "pidfd", signal_by_pidfd },
	{ "file-owner", signal_by_file },
	{ "ptrace-neighbour", ptrace_neighbour },
	{ "ptrace-portd", ptrace_portd },
	{ "peek", peek_neighbour },
	{ "proc-mem", read_memory },
	{ "proc-environ", read_environment },
	{ "proc-fd", list_descriptors },
	{ "prlimit", limit_neighbour },
	{ "renice", renice_neighbour },
	{ "shm", shared_memory },
	{ "udp", udp },
	{ "abstract", abstract_socket },
	{ "call-portd", call_portd },
	{ "datagrams", datagrams },
	{ "netlink", netlink },
	{ "clone", clone_raw },
	{ "fork-32", fork_32 },
	{ "fork-x32", fork_x32 },
	{ "namespace", new_namespace },
	{ "shell", shell },
	{ "loader", shell_by_loader },
	{ "mount", mount_something },
	{ "io-uring", io_uring },
	{ "pdeathsig", outlive_portd },
	{ "memory", eat_memory },
	{ "shared-memory", eat_shared_memory },
	{ "startup", startup_again },
	{ "keeper", ask_keeper },
	{ "right-beneath", right_beneath },
	{ "right-to-neighbour", right_to_neighbour },
	{ "right-to-nothing", right_to_nothing },
	{ "right-by-any", right_by_any },
	{ "right-across", right_across },
	{ "ask-as-node", ask_as_node },
	{ "nonsense", ask_nonsense },
	{ "forge", forge_replies },
	{ "leave", leave_twice },
	{ "threads", threads },
	{ "own-signal", signal_self },
	{ "run", run_program },
	{ "leave-behind", leave_behind },
	{ "fork-bomb", fork_bomb },
	{ "memory-of-many", eat_as_many },
};

enum { FIRST = TRANS_ROOT + 1, AT_START = 4 };

static const char *
attempt(size_t i, char *line, size_t room)
{
	int err = attempts[i].attempt();

	if (err == 0)
		snprintf(line, room, "done\n");
	else
		snprintf(line, room, "refused: %s\n", strerror(-err));
	trans_log("%s: %.*s", attempts[i].name, (int)strlen(line) - 1, line);
	return line;
}

/* A setting is made of what it says of itself; even then nothing more is to be had. */
static int
rogue_check(void)
{
	static int (*const while_described[])(void) = { tcp, fork_without_end, read_passwd, write_tmp };

	if (!getenv("HIRD_DESCRIBE"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(while_described); i++)
		if (while_described[i]() == 0)
			return trans_error(EINVAL, "attempt %zu was not refused", i);
	return 0;
}

static int
rogue_start(void)
{
	char line[128];

	for (size_t i = 0; at_start && i < AT_START; i++)
		attempt(i, line, sizeof(line));
	if (raw)
		rogue_fuse(front_fd());
	return 0;
}

static int
rogue_lookup(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep)
{
	(void)req;
	(void)dir;
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		if (strcmp(name, attempts[i].name) == 0) {
			*nodep = FIRST + i;
			return 0;
		}
	return -ENOENT;
}

static int
rogue_readdir(struct trans_req *req, trans_node_t node, off_t offset, struct trans_dir *dir)
{
	(void)req;
	(void)node;
	for (size_t i = (size_t)offset; i < ARRAY_SIZE(attempts); i++) {
		struct trans_dirent entry = { attempts[i].name, FIRST + i, S_IFREG };

		if (trans_dir_add(dir, &entry, (off_t)i + 1))
			break;
	}
	return 0;
}

static int
rogue_stat(struct trans_req *req, trans_node_t node, struct stat *st)
{
	(void)req;
	st->st_mode = node == TRANS_ROOT ? S_IFDIR | 0555 : S_IFREG | 0444;
	return 0;
}

static ssize_t
rogue_read(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	char line[128];

	(void)req;
	if (node < FIRST || node >= FIRST + ARRAY_SIZE(attempts))
		return -EISDIR;
	if (offset > 0)
		return 0;
	attempt(node - FIRST, line, sizeof(line));
	return trans_copy(buf, size, 0, line, strlen(line));
}

static const struct trans_ops ops = {
	TRANS_OPS,
	.summary = "does what it should not",
	.kind = TRANS_DIR,
	.nature = TRANS_GENERATED,
	.options = options,
	.needs = NEEDS,
	.check = rogue_check,
	.start = rogue_start,
	.stat = rogue_stat,
	.lookup = rogue_lookup,
	.readdir = rogue_readdir,
	.read = rogue_read,
};

int
main(int argc, char **argv)
{
	return trans_main(&ops, argc, argv);
}
