/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rpc-value: arguments and answers of a routine, by the types that its port says. */
#ifndef TOOLS_RPC_VALUE_H
#define TOOLS_RPC_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "wire/codec.h"

enum { RPC_FIELDS_MAX = 32 };

/* A routine as its port describes it; all of it points into the description. */
struct rpc_field {
	char *name;
	char *type;
};

struct rpc_routine {
	uint32_t id;
	char *name;
	struct rpc_field in[RPC_FIELDS_MAX], out[RPC_FIELDS_MAX];
	size_t n_in, n_out;
	bool answers;
};

/* Puts a word for each argument. bytes: RPC_FIELDS_MAX of them, which last until the call is
 * made. 0, or a code that was told to the user. */
int rpc_put_arguments(struct wire_buf *body, const struct rpc_routine *routine, char **words,
    struct text *bytes);
/* Prints what stands behind code and text. 0; -EPROTO: it is not what the routine answers. */
int rpc_print_answer(const struct rpc_routine *routine, struct wire_buf *body, bool json);
/* Prints and releases it. */
void rpc_dump(json_t *json);

#endif
