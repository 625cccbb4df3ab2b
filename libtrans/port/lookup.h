/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <hird/lookup.h>: rights to the nodes of translators, and what one does with them.
 *
 * A right comes from a descriptor, or from a right to a directory, and is for no more than that
 * one. Its port answers the routines below, and those of the translator's own, which are
 * called like any (<hird/rpc.h>); `hird rpc` shows them. It dies with the process of the
 * translator: PORT_E_SEND_INVALID_DEST, PORT_E_RPC_SERVER_DIED; look it up anew.
 *
 * Everything returns 0, what the translator says (-errno), or a code of <hird/port.h>. */
#ifndef HIRD_LOOKUP_H
#define HIRD_LOOKUP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "port/port.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The node of a path below the file that is open as fd ("": that itself), for `rights`, enum
 * trans_right: what fd is open for (O_PATH: to look up alone), and what modes give to this
 * process. fd stays open. Nodes that cover others are followed, links too. The right is the
 * caller's: port_deallocate.
 *
 *	-EXDEV	no translator of this user's serves fd, or the path leads out of its tree
 *	-EACCES	fd, or a mode, is not for that
 *	-EOPNOTSUPP	this task's bootstrap right does not lead to portd */
int trans_lookup(int fd, const char *path, unsigned rights, port_name_t *nodep);
/* Likewise below a right to a directory, which stays the caller's. */
int trans_lookup_at(port_name_t dir, const char *path, unsigned rights, port_name_t *nodep);

/* Content, from offset on: as many bytes as there are, or go, in *gotp; fewer than size only at the
 * end of the file, or with an error after the first of them. */
int trans_read(port_name_t node, void *buf, size_t size, uint64_t offset, size_t *gotp);
int trans_write(port_name_t node, const void *buf, size_t size, uint64_t offset, size_t *putp);
int trans_stat(port_name_t node, struct stat *st);
/* Each name in a directory, but "." and "..", until `each` returns something else than 0, which is
 * the answer then. */
struct trans_name {
	const char *name;
	mode_t mode;		/* the type bits are right */
	uint64_t ino;
};
int trans_list(port_name_t dir, int (*each)(void *argument, const struct trans_name *name),
    void *argument);

/* Which node of which translator: two rights are to the same one when server and node are the
 * same. */
struct trans_identity {
	uint32_t server;
	uint64_t node;
	unsigned rights;
};
int trans_identity(port_name_t node, struct trans_identity *identity);
/* Another right to the node, for fewer things: 0 for nothing but to see what it is like. */
int trans_restrict(port_name_t node, unsigned rights, port_name_t *nodep);
/* Ends all rights that came of this one, with those that came of them. */
int trans_revoke(port_name_t node);

#ifdef __cplusplus
}
#endif

#endif
