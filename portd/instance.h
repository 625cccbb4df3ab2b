/* SPDX-License-Identifier: GPL-2.0-or-later */
/* instance: one portd a user: its lock, its socket, its life in the background. */
#ifndef PORTD_INSTANCE_H
#define PORTD_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

struct hold;

struct instance {
	int lock_fd;
	int listen_fd;
	int ready_fd;		/* a parent waits for a byte here, or -1 */
	char *socket_path;
};

#define INSTANCE_NONE { .lock_fd = -1, .listen_fd = -1, .ready_fd = -1 }

/* Standard input, output and error are open from now on, if to nothing. */
void instance_open_standard(void);
/* Returns in a child; the parent waits for instance_ready and exits. */
void instance_enter_background(struct instance *instance);
/* Becomes a holder, which starts this program again with these arguments: `limit` times a minute at
 * most when it dies. Returns an exit status when it cannot. */
int instance_become_holder(struct instance *instance, const char *program, char *const argv[],
    unsigned limit);
/* What such a holder gave a process of ours. */
enum { INSTANCE_HOLDER_FD = 3, INSTANCE_READY_FD = 4 };
void instance_join_holder(struct instance *instance, int fd, struct hold *hold);
/* Becomes the only one, or says on standard error which one is there. 0 or -errno. */
int instance_lock(struct instance *instance, const char *runtime_dir);
/* Listens; what is accepted signs its words. 0 or -errno, said on standard error. */
int instance_listen(struct instance *instance, const char *runtime_dir);
/* Lets the waiting parent go; what is said from now on goes into log_dir. False: nobody
 * waited. */
bool instance_ready(struct instance *instance, const char *log_dir);
/* Has the holder keep both; since: when the first of us began. From there: false when there is
 * nothing; then both are ours. */
void instance_deposit(const struct instance *instance, struct hold *hold, uint64_t since);
bool instance_withdraw(struct instance *instance, struct hold *hold, uint64_t *sincep);
/* The lock and the socket are another one's, who has become this one. 0 or -errno. */
int instance_take_over(struct instance *instance, const char *runtime_dir);
/* Nobody can connect any more. */
void instance_unlisten(struct instance *instance);
void instance_deinit(struct instance *instance);

#endif
