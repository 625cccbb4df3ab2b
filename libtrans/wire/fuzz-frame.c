/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-frame: any bytes, as a record that a peer sent and as the body of each
 * message there is. `make fuzz` builds it; it wants clang. */
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "wire/describe.h"
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Rights for indices to point at; no descriptors, which cost system calls. */
static struct wire_buf
load(const uint8_t *data, size_t size)
{
	struct wire_buf buf = { 0 };

	if (wire_buf_load(&buf, data, size) < 0)
		return buf;
	buf.ports = calloc(4, sizeof(*buf.ports));
	buf.n_ports = buf.ports_room = buf.ports ? 4 : 0;
	return buf;
}

#define TRY(side) do { \
	struct wire_buf buf = load(data, size); \
	struct side value; \
	side##_get(&buf, &value); \
	wire_buf_deinit(&buf); \
} while (0);

static void
try_messages(const uint8_t *data, size_t size)
{
#define CALL(name, number) TRY(name##_in) TRY(name##_out)
#define ONEWAY(name, id) TRY(name##_in)
#include "wire/messages.def"
	fsys_INTERFACE(CALL, ONEWAY)
	inspect_INTERFACE(CALL, ONEWAY)
	names_INTERFACE(CALL, ONEWAY)
	node_INTERFACE(CALL, ONEWAY)
#undef CALL
#undef ONEWAY
	TRY(describe_out)
}

static void
try_frame(const uint8_t *data, size_t size)
{
	struct frame frame;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return;
	if (send(ends[0], data, size, MSG_DONTWAIT) >= 0 && frame_receive(ends[1], &frame, MSG_DONTWAIT) == 0) {
		try_messages(frame.body.data, frame.body.size);
		wire_buf_deinit(&frame.body);
	}
	close(ends[0]);
	close(ends[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_messages(data, size);
	try_frame(data, size);
	return 0;
}
