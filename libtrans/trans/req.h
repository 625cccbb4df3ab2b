/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* req: a request that is being answered, now or later.
 *
 * A front door begins one, fills in what was asked, and runs it. run() ends in
 * one of two ways: it got REQ_LATER from somebody and returns, or it claims the
 * request, answers, and gives it back. A request that was put off is run again when
 * it is woken (`again` is set then), answered from any thread, or interrupted.
 *
 * Everything but req_begin, req_claim, req_free, what ends a request before its time and the
 * author's calls is for the main thread. Requests come from a store of spares: serving one takes no memory. */
#ifndef TRANS_REQ_H
#define TRANS_REQ_H

#include <stdbool.h>
#include <stdint.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/list.h"
#include "trans/trans.h"

/* "Not yet": beyond every errno. */
enum { REQ_LATER = -4097 };

/* How a front door answers what is put off; called with the store locked. */
struct req_door {
	void (*error)(struct trans_req *req, int error);
	void (*data)(struct trans_req *req, const void *data, size_t size);
	/* No answer: a successor will get it again. Only what it holds is released. */
	void (*drop)(struct trans_req *req);
};

enum req_state {
	REQ_SPARE,
	REQ_RUNNING,		/* in a callback, on the main thread */
	REQ_ANSWERED,		/* by another thread, before the callback returned */
	REQ_WOKEN,		/* likewise, but to be run again */
	REQ_PUT_OFF,		/* the author has it */
	REQ_WAITING,		/* for the tree */
	REQ_READY,		/* to be run again */
	REQ_INTERRUPTED,	/* answered EINTR; the author still has it */
};

struct trans_req {
	struct list link;
	enum req_state state;
	bool again;
	const struct req_door *door;
	void (*run)(struct trans_req *req);
	/* the door's own */
	void *handle;
	uint64_t unique;
	uint64_t turn;		/* in which it came */
	int64_t since;		/* ms */
	bool cut;		/* answered over the head of the callback that has it */
	bool waits;		/* for what is not ours */
	/* who asked */
	uid_t uid;
	gid_t gid;
	pid_t pid;
	unsigned rights;	/* enum trans_right */
	/* what was asked, as far as it applies */
	trans_node_t node;
	uint64_t id;		/* by which the door's caller knows the node */
	size_t size;
	off_t offset;
	int flags;
	const char *data;	/* of a write; valid in the first run only */
	char *copy;		/* what else was given: a link's target, an attribute's value; or NULL */
	struct stat st;		/* of a change of attributes; mode and device of what is made */
	trans_node_t new_node;	/* the second directory, or file */
	off_t new_offset;	/* in it; or a length */
	bool kills;		/* set-id bits are to go, since the caller may not give them */
	struct recovery_slot *slot;	/* of the journal, or NULL */
	bool known;		/* a predecessor had it, too, and the slot says how far it got */
	bool done;		/* and it had been done */
	trans_node_t made;	/* found or made in an earlier run, 0: not yet */
	trans_node_t given;	/* 0: none; else given_st is of that node */
	char name[NAME_MAX + 1];
	char new_name[NAME_MAX + 1];
	struct stat given_st;
};

void req_deinit(void);
struct trans_req *req_begin(const struct req_door *door, void (*run)(struct trans_req *),
    void *handle, uint64_t unique);
bool req_claim(struct trans_req *req);
void req_free(struct trans_req *req);
int req_wait(struct trans_req *req);
void req_wake_waiting(void);
void req_run_ready(void);
/* False: none that is put off, or waits, has that number. */
bool req_interrupt(uint64_t unique);
/* Somebody else answers a request that is in a callback. False: none is, or that was done. */
bool req_cut(uint64_t unique);
/* Ends what is put off for `allowed` ms or more with ETIMEDOUT. Returns when the next one is due,
 * INT64_MAX: none. */
int64_t req_expire(int64_t now, int64_t allowed);
/* The turn in which the oldest request came that somebody still waits for, 0: none; those that wait
 * for another node do not count. *excusedp: the one in a callback does. */
uint64_t req_oldest(bool *excusedp);
bool req_is_quiet(void);

#endif
