/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runtime: where portd's socket, lock and state are, for this user and machine.
 *
 * Runtime directory: $XDG_RUNTIME_DIR/hird, else /run/user/UID/hird, else
 * /tmp/hird-UID; made with mode 0700, and refused (with a line that says what
 * to do) unless it is a directory of this user that nobody else can enter.
 * State directory: $XDG_STATE_HOME/hird/MACHINE, else
 * ~/.local/state/hird/MACHINE; MACHINE is a hash of /etc/machine-id, else of
 * the host name: home directories are shared between machines. */
#ifndef WIRE_RUNTIME_H
#define WIRE_RUNTIME_H

#include "base/text.h"

/* Each returns a heap string, or NULL with one line in *why. The directory
 * exists and was checked afterwards (create = 1), or may be missing. */
char *runtime_dir(int create, struct text *why);
char *runtime_state_dir(int create, struct text *why);

/* In the runtime directory. Its listener has SO_PASSCRED set before it listens:
 * accepted sockets inherit that, and a first frame sent before they had it would
 * come without its sender's credentials. */
#define RUNTIME_SOCKET "portd"
#define RUNTIME_LOCK "portd.lock"	/* holds portd's pid, and while it lives its F_OFD lock */
#define RUNTIME_STORE "nodes.sqlite"	/* in the state directory */
#define RUNTIME_LOGS "log"		/* in the state directory */

/* Directories of translators, in the order they are looked up, and portd's
 * program: HIRD_TRANSLATOR_DIR and HIRD_PORTD override them (run does). */
char *runtime_translator(const char *name, struct text *why);	/* bare name, /hurd/NAME or a path -> absolute path */
const char *runtime_portd(void);

#endif
