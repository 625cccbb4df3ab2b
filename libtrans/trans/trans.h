/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <hird/trans.h>: write a translator.
 *
 * A translator is one table of callbacks and a main that hands it to
 * trans_main. The library knows FUSE, ports, offsets, open modes, options,
 * caching, node ids, going away, coming back after a crash, and start-up. An
 * empty slot has a defined answer, given by the library.
 *
 * Callbacks run one at a time, on one thread. One that must wait calls
 * trans_later and answers when it can, from any thread. They return 0 or a
 * count, or -errno.
 *
 * Sizes and offsets are bytes. Errors are negative errno values. Structs that
 * a translator fills start with their own size, so that a later library knows
 * which slots an earlier translator has. */
#ifndef HIRD_TRANS_H
#define HIRD_TRANS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A node of this translator, chosen by its author: an index, a hash; never a
 * pointer, because a successor gets requests for it after a crash. The root is
 * TRANS_ROOT. */
typedef uint64_t trans_node_t;
#define TRANS_ROOT ((trans_node_t)1)

/* A request that is being answered. */
struct trans_req;

enum trans_kind {
	TRANS_FILE = 1,
	TRANS_DIR = 2,
};

/* What the content is like; decides all caching. */
enum trans_nature {
	TRANS_IMMUTABLE = 1,	/* changes only when the files that the options name do */
	TRANS_OURS = 2,		/* changes only through this translator */
	TRANS_ELSEWHERE = 3,	/* changes behind its back */
	TRANS_GENERATED = 4,	/* made for each read; has no size */
};

/* Options ----------------------------------------------------------------
 *
 * One table serves the command line, fsysopts at run time, printing the
 * options back, and --help. An option is --NAME=VALUE (or --NAME VALUE), -C
 * VALUE, and, without name, a positional argument (NAME is then only shown). */

enum trans_option_type {
	TRANS_OPTION_END,
	TRANS_OPTION_STRING,	/* const char ** */
	TRANS_OPTION_NUMBER,	/* int64_t *, decimal or 0x, may be negative */
	TRANS_OPTION_SIZE,	/* uint64_t *, bytes; suffixes k M G T (powers of 1024) */
	TRANS_OPTION_FLAG,	/* int *: --name sets 1, --no-name sets 0 */
	TRANS_OPTION_FILE,	/* struct trans_file *: a file to read */
	TRANS_OPTION_DIR,	/* struct trans_file *: a directory */
	TRANS_OPTION_PATH,	/* struct trans_file *: a directory, or a regular file for its own sake */
	TRANS_OPTION_LIST,	/* const char *const **: each --name=VALUE adds one, --no-name drops
				 * all; ends with NULL, or is NULL: none */
};

/* A file that an option names. fd is open for reading (O_PATH for a
 * directory; fstat tells them apart), -1 when the option was not given; path is absolute and for messages only:
 * a translator may not be allowed to open it. */
struct trans_file {
	const char *path;
	int fd;
};

enum {
	TRANS_OPTION_POSITIONAL = 1,	/* an argument, in the order of the table */
	TRANS_OPTION_REQUIRED = 2,
};

struct trans_option {
	enum trans_option_type type;
	const char *name;
	char letter;		/* 0: none */
	unsigned flags;
	void *value;		/* where it goes; holds the default before trans_main */
	const char *help;	/* a few words, lower case */
};

#define TRANS_STRING(name, letter, value, help) \
	{ TRANS_OPTION_STRING, name, letter, 0, value, help }
#define TRANS_NUMBER(name, letter, value, help) \
	{ TRANS_OPTION_NUMBER, name, letter, 0, value, help }
#define TRANS_SIZE(name, letter, value, help) \
	{ TRANS_OPTION_SIZE, name, letter, 0, value, help }
#define TRANS_FLAG(name, letter, value, help) \
	{ TRANS_OPTION_FLAG, name, letter, 0, value, help }
#define TRANS_LIST(name, letter, value, help) \
	{ TRANS_OPTION_LIST, name, letter, 0, value, help }
#define TRANS_FILE_OPTION(name, letter, value, help) \
	{ TRANS_OPTION_FILE, name, letter, 0, value, help }
#define TRANS_DIR_OPTION(name, letter, value, help) \
	{ TRANS_OPTION_DIR, name, letter, 0, value, help }
#define TRANS_FILE_ARG(name, value, help) \
	{ TRANS_OPTION_FILE, name, 0, TRANS_OPTION_POSITIONAL | TRANS_OPTION_REQUIRED, value, help }
#define TRANS_DIR_ARG(name, value, help) \
	{ TRANS_OPTION_DIR, name, 0, TRANS_OPTION_POSITIONAL | TRANS_OPTION_REQUIRED, value, help }
#define TRANS_OPTIONS_END \
	{ TRANS_OPTION_END, NULL, 0, 0, NULL, NULL }

/* Trees ------------------------------------------------------------------
 *
 * A ready-made read-only directory tree for content that is a list of
 * entries, compact in memory. Fill it, from any one thread, then call trans_tree_ready; until
 * then whoever looks waits (and can be interrupted). */

struct trans_tree;

struct trans_entry {
	size_t size_of;		/* sizeof(struct trans_entry) */
	mode_t mode;		/* type and permissions; S_IFREG, S_IFDIR, S_IFLNK, or S_IFIFO/CHR/BLK/SOCK */
	uint64_t size;		/* bytes; of a symlink: ignored */
	int64_t mtime;		/* seconds since 1970 */
	uint32_t mtime_ns;
	uint32_t uid, gid;	/* kept; what is shown is the user of the node */
	uint64_t cookie;	/* the author's: where the content is */
	uint32_t aux;		/* the author's too: how it is stored */
	const char *target;	/* of a symlink, NUL-terminated */
};

struct trans_tree *trans_tree_new(void);
void trans_tree_free(struct trans_tree *tree);
/* Adds `path` (bytes, any encoding, length given: it may not be trusted to be
 * a string). Leading "/" and "./" and empty components are dropped; missing
 * parents are made (0555); a path that is already there is replaced, a
 * directory keeping its children. Returns 0, or -EINVAL for a path that has
 * "..", a NUL or a component over 255 bytes, -ENOTDIR when a parent is no
 * directory any more (it is made one: the later entry wins, so this never
 * happens to a directory over a file), -ENOSPC over 2^31 entries, -ENOMEM. */
int trans_tree_add(struct trans_tree *tree, const char *path, size_t length,
    const struct trans_entry *entry);
/* The same content again under another name (a hard link): shares cookie,
 * attributes and inode, counts in st_nlink. -ENOENT: no such target; -EPERM: it is a directory. */
int trans_tree_link(struct trans_tree *tree, const char *path, size_t length,
    const char *target, size_t target_length);
/* Says anew what the file at `path` is, for all of its names at once (a format
 * that has the content beside the last of them). -ENOENT; -EPERM: it is no
 * regular file, or is to be none. */
int trans_tree_update(struct trans_tree *tree, const char *path, size_t length,
    const struct trans_entry *entry);
void trans_tree_ready(struct trans_tree *tree, int error);	/* error: 0, or the -errno that everybody gets */
/* What trans_tree_add was given, by node. 0 or -ESTALE. */
int trans_tree_entry(struct trans_tree *tree, trans_node_t node,
    struct trans_entry *entry);
/* entries, bytes of memory in use, names included. */
void trans_tree_size(struct trans_tree *tree, uint64_t *entriesp, uint64_t *bytesp);

/* The table --------------------------------------------------------------- */

struct port_table;
struct rpc_request;

struct trans_dirent {
	const char *name;
	trans_node_t node;
	mode_t mode;		/* the type bits are enough */
};

/* Adds an entry to a directory listing; returns 0, or 1 when no more fit: return then. */
struct trans_dir;
int trans_dir_add(struct trans_dir *dir, const struct trans_dirent *entry, off_t next);

struct trans_ops {
	size_t size;		/* sizeof(struct trans_ops); the TRANS_OPS macro fills it */
	const char *name;	/* NULL: the program's name */
	const char *summary;	/* one line: "a file that says hello" */
	enum trans_kind kind;	/* default TRANS_FILE */
	enum trans_nature nature;	/* default TRANS_OURS */
	const struct trans_option *options;
	struct trans_tree **tree;	/* answers lookup, readdir, stat and readlink when not NULL */

	/* Arguments are parsed and their files open: can this work? Called when a
	 * setting is made and before start. On failure say why with trans_error. */
	int (*check)(void);
	/* Before the first request. Must be quick: long work belongs into a
	 * thread (trans_thread), with readers waiting on the tree or on trans_later. */
	int (*start)(void);
	/* The options were changed at run time (the values are in place). */
	int (*changed)(void);
	/* Bring content where it outlives the node: before this process leaves, and for fsync(2)
	 * without a slot. An error keeps it from leaving. */
	int (*sync)(void);
	/* The end of this process: free what valgrind would miss. */
	void (*stop)(void);

	/* st comes filled in: type, permissions, owner, times (from the underlying node), nlink, and
	 * st_ino, which is the node unless it is set to something else.
	 * Without a start slot it is also asked, after check, when a setting is made. */
	int (*stat)(struct trans_req *req, trans_node_t node, struct stat *st);
	ssize_t (*read)(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset);
	ssize_t (*write)(struct trans_req *req, trans_node_t node, const char *buf, size_t size, off_t offset);
	int (*truncate)(struct trans_req *req, trans_node_t node, off_t size);

	int (*lookup)(struct trans_req *req, trans_node_t dir, const char *name, trans_node_t *nodep);
	/* offset: 0, or the `next` of the last entry that was taken. "." and ".." are the library's. */
	int (*readdir)(struct trans_req *req, trans_node_t node, off_t offset, struct trans_dir *dir);
	ssize_t (*readlink)(struct trans_req *req, trans_node_t node, char *buf, size_t size);

	/* Trees that can be written. A name is one component, never "." or "..", at most 255
	 * bytes. Modes are as the caller asked, his umask applied. After a crash the library
	 * runs what was under way once more and finds out whether it had been done: callbacks need
	 * not. */
	/* A regular file, fifo, socket or device (rdev), by the type in mode. -EEXIST. */
	int (*create)(struct trans_req *req, trans_node_t dir, const char *name, mode_t mode,
	    dev_t rdev, trans_node_t *nodep);
	int (*mkdir)(struct trans_req *req, trans_node_t dir, const char *name, mode_t mode,
	    trans_node_t *nodep);
	int (*symlink)(struct trans_req *req, trans_node_t dir, const char *name,
	    const char *target, trans_node_t *nodep);
	int (*link)(struct trans_req *req, trans_node_t node, trans_node_t dir, const char *name);
	/* Of a file that is open the content stays until its last close. */
	int (*unlink)(struct trans_req *req, trans_node_t dir, const char *name);
	int (*rmdir)(struct trans_req *req, trans_node_t dir, const char *name);
	/* flags: of renameat2(2), RENAME_NOREPLACE and RENAME_EXCHANGE. */
	int (*rename)(struct trans_req *req, trans_node_t dir, const char *name,
	    trans_node_t new_dir, const char *new_name, unsigned flags);
	/* what: TRANS_SET_*; times may be UTIME_NOW. Sizes go to truncate. Without it touch(1) says
	 * nothing where something can be written. */
	int (*change)(struct trans_req *req, trans_node_t node, const struct stat *st, int what);
	/* flags: of open(2); O_CREAT: it was made by this very request. Regular files only. close:
	 * the last of these is gone; after a crash it may be said twice. Without them all opens
	 * succeed. */
	int (*open)(struct trans_req *req, trans_node_t node, int flags);
	void (*close)(trans_node_t node);
	int (*fsync)(struct trans_req *req, trans_node_t node, int data_only);
	int (*statfs)(struct trans_req *req, struct statvfs *st);
	/* As getxattr(2) and its kin: size 0 asks for the size; -ERANGE, -ENODATA. */
	ssize_t (*getxattr)(struct trans_req *req, trans_node_t node, const char *name, char *value,
	    size_t size);
	int (*setxattr)(struct trans_req *req, trans_node_t node, const char *name,
	    const char *value, size_t size, int flags);
	ssize_t (*listxattr)(struct trans_req *req, trans_node_t node, char *list, size_t size);
	int (*removexattr)(struct trans_req *req, trans_node_t node, const char *name);
	/* The kernel has forgotten n of the lookups (creations, too) that gave it this node. A
	 * crash may swallow some: nothing but memory may depend on it. */
	void (*forget)(trans_node_t node, uint64_t n);

	/* A request that has no answer after so many milliseconds gets -ETIMEDOUT from the
	 * library, whether it was put off or its callback blocks; the late answer goes nowhere.
	 * 0: never. For what asks a network. */
	uint32_t deadline_ms;
	unsigned needs;		/* enum trans_needs, whatever the options say */

	/* A regular file without a name, which is open already; link may give it one. */
	int (*tmpfile)(struct trans_req *req, trans_node_t dir, mode_t mode, trans_node_t *nodep);
	/* As fallocate(2); mode: 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE, or
	 * FALLOC_FL_PUNCH_HOLE with FALLOC_FL_KEEP_SIZE. -EOPNOTSUPP, also by an empty slot: the caller
	 * does without. */
	int (*fallocate)(struct trans_req *req, trans_node_t node, int mode, off_t offset,
	    off_t length);
	/* As lseek(2) with SEEK_DATA or SEEK_HOLE. Without it there are no holes. */
	off_t (*seek)(struct trans_req *req, trans_node_t node, off_t offset, int whence);
	/* As copy_file_range(2); it may copy less. Without it the kernel reads and writes. */
	ssize_t (*copy)(struct trans_req *req, trans_node_t from, off_t from_offset, trans_node_t to,
	    off_t to_offset, size_t size);
	/* As ioctl(2), of a command that says its sizes (_IOR, _IOW, _IOWR): in_size bytes come,
	 * out_size bytes go, zero at first; 0 or more is what the caller's ioctl returns. Without it
	 * -ENOTTY. */
	int (*ioctl)(struct trans_req *req, trans_node_t node, unsigned command, const void *in,
	    size_t in_size, void *out, size_t out_size);
	/* What of POLLIN, POLLOUT ... is so now; trans_poll_changed when that changes. Without it
	 * a file is always ready. */
	int (*poll)(struct trans_req *req, trans_node_t node);
	/* Routines of its own, which the ports of its nodes answer beside the library's: n_tables of
	 * PORT_TABLE (<hird/rpc.h>), handlers like callbacks. trans_rpc_caller says of which node. They
	 * return an answer; rpc_later is not for them. */
	const struct port_table *tables;
	size_t n_tables;
};

/* What a translator cannot do without beyond its sandbox, which lets it read its libraries and
 * what its options and its node name. The first two the user has to allow, with
 * `settrans --grant`; a translator that needs what is not allowed cannot be set. */
enum trans_needs {
	TRANS_NEEDS_NETWORK = 1,	/* TCP and UDP */
	TRANS_NEEDS_EXEC = 2,		/* to run programs of the system */
	TRANS_NEEDS_WRITE = 4,		/* to change what its directory options or its node name */
};

enum {
	TRANS_SET_MODE = 1,
	TRANS_SET_UID = 2,
	TRANS_SET_GID = 4,
	TRANS_SET_ATIME = 8,	/* st_atim */
	TRANS_SET_MTIME = 16,
};

#define TRANS_OPS .size = sizeof(struct trans_ops)

/* Parses the arguments, connects, serves until it is told to go. Returns the
 * exit status of main: 0; 1 it could not start; 64 usage. */
int trans_main(const struct trans_ops *ops, int argc, char **argv);

/* Helpers ----------------------------------------------------------------- */

/* The read of content that is one block of memory: the bytes from offset on, at most size. */
ssize_t trans_copy(char *buf, size_t size, off_t offset, const void *content, size_t content_size);

/* Says why, in one line without newline: on stderr before serving, in the
 * node's log afterwards. Returns -errnum, so that `return trans_error(EINVAL, ...)` works. */
int trans_error(int errnum, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void trans_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* From check: with these options it needs this, too (enum trans_needs). */
void trans_needs(unsigned needs);
/* From check: with these options it is of this kind, whatever the table says. */
void trans_kind(enum trans_kind kind);

/* Keeps the request open: return what this returns, and answer later, from
 * any thread, exactly once. What the callback was given (buf, name) is good until it
 * returns only. */
int trans_later(struct trans_req *req);
/* -errno is the answer. 0: of a write or truncate, it is done, in full; of
 * anything else, the callback is asked once more, on its own thread. */
void trans_reply_error(struct trans_req *req, int error);
/* The bytes of a read, or the target of a readlink. */
void trans_reply_data(struct trans_req *req, const void *data, size_t size);
/* In lookup, or where a name is made: the attributes of the node that it gives, as stat would, when they
 * are known just then. stat is not called for it then. */
void trans_give_stat(struct trans_req *req, trans_node_t node, const struct stat *st);
/* Whether whoever asked has gone or was interrupted (its answer is EINTR then, given by the library). */
int trans_req_interrupted(struct trans_req *req);

/* Who asks: a program by the kernel, or one who has a right to the node (trans_lookup(3)). rights: what
 * that is for, enum trans_right of <hird/port.h>; the kernel's may do all that the mode lets them. The second
 * is for handlers of routines of one's own. 0, or -EINVAL outside of one. */
struct trans_caller {
	size_t size;		/* sizeof(struct trans_caller), filled in before */
	unsigned rights;
	trans_node_t node;
	uid_t uid;
	gid_t gid;
	pid_t pid;
};
int trans_caller(struct trans_req *req, struct trans_caller *caller);
int trans_rpc_caller(struct rpc_request *request, struct trans_caller *caller);

/* Runs work beside the requests; joined before the process ends. The
 * function looks at trans_leaving() now and then. 0 or -errno. */
int trans_thread(void (*function)(void *), void *argument);
int trans_leaving(void);
/* This request waits for what is not this translator's, another node for example, until it
 * is answered: it is no reason to take the translator for stuck. To be said before a callback blocks. */
void trans_waits(struct trans_req *req);
/* Progress of work that readers wait for, 0 to 100; lstrans shows it. Who calls this now and then
 * is not stuck. */
void trans_progress(unsigned percent);
/* The node that this translator covers: O_PATH, or -1. */
int trans_underlying(void);
/* Memory that a successor finds as it was left, also after a crash in the middle of
 * anything: what is in it is checked before it is believed. All zero at first, and after
 * two crashes in a row. *sizep: bytes; pages cost nothing until they are written. From start on. */
void *trans_memory(size_t *sizep);
/* Leaves an open descriptor (fd stays the caller's) with portd for a successor, under a number;
 * for what cannot be opened again, as a file that is unlinked while it is open. At most
 * TRANS_DEPOSITS_MAX. trans_deposited: a descriptor of one's own, or -ENOENT. */
enum { TRANS_DEPOSITS_MAX = 256 };
int trans_deposit(uint64_t key, int fd);
int trans_deposited(uint64_t key);
void trans_withdraw(uint64_t key);
/* Whether the kernel knows this node (1 or 0): a crash may have swallowed the word that it forgot it.
 * The kernel may wait for requests before it answers: on a thread (trans_thread). */
int trans_is_known(trans_node_t node);
/* Whether a regular file is open (1 or 0), for a table with a close slot, else -EINVAL; 1, too, when more
 * than 65536 nodes are. Its close is still to come then. From start on, in callbacks alone; a
 * removed file for which it says 0 can be freed. */
int trans_is_open(trans_node_t node);
/* The content of a node changed other than through a request: caches are
 * dropped. TRANS_ROOT drops everything. */
void trans_invalidate(trans_node_t node);
/* Whoever waits in poll(2) for this node asks again. Any thread. */
void trans_poll_changed(trans_node_t node);

#ifdef __cplusplus
}
#endif

#endif
