/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* deposit: descriptors left with portd for a successor. */
#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "port/port.h"
#include "port/stubs.h"
#include "trans/trans.h"

_Static_assert((int)TRANS_DEPOSITS_MAX == (int)FSYS_DEPOSITS_MAX,
    "the author is told what portd keeps");

/* What is no errno is an error of the connection. */
static int
error_of(int err)
{
	return err > 0 ? -EIO : err;
}

/* See trans.h. */
int
trans_deposit(uint64_t key, int fd)
{
	struct fsys_deposit_in in = { .key = key, .file = fcntl(fd, F_DUPFD_CLOEXEC, 3) };
	struct fsys_deposit_out out;
	struct port_reply reply;
	int err;

	if (in.file < 0)
		return -errno;
	err = fsys_deposit_call(port_bootstrap(), &in, &out, &reply, PORT_FOREVER);
	port_reply_deinit(&reply);
	return error_of(err);
}

/* See trans.h. */
int
trans_deposited(uint64_t key)
{
	struct fsys_reclaim_out out = { .file = -1 };
	struct port_reply reply;
	int err = fsys_reclaim_call(port_bootstrap(), &(struct fsys_reclaim_in){ .key = key }, &out,
	    &reply, PORT_FOREVER);
	int fd = err == 0 ? fd_steal(&out.file) : error_of(err);

	port_reply_deinit(&reply);
	return fd == -1 ? -EIO : fd;
}

/* See trans.h. */
void
trans_withdraw(uint64_t key)
{
	struct fsys_withdraw_out out;
	struct port_reply reply;

	fsys_withdraw_call(port_bootstrap(), &(struct fsys_withdraw_in){ .key = key }, &out, &reply,
	    PORT_FOREVER);
	port_reply_deinit(&reply);
}
