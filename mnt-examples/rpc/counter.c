/* SPDX-License-Identifier: 0BSD */
/* counter: a file that shows a number, and a routine that adds to it. */
#include <errno.h>
#include <hird/trans.h>
#include <stdio.h>
#include "counter.def"

static int sum;

static ssize_t
read_sum(struct trans_req *req, trans_node_t node, char *buf, size_t size, off_t offset)
{
	char line[32];
	int n = snprintf(line, sizeof(line), "%d\n", sum);

	(void)req;
	(void)node;
	return trans_copy(buf, size, offset, line, (size_t)n);
}

/* Who may only look may not add. */
static int
add(struct rpc_request *request, struct counter_add_in *in, struct counter_add_out *out)
{
	struct trans_caller caller = { .size = sizeof(caller) };
	int err = trans_rpc_caller(request, &caller);

	if (err == 0 && !(caller.rights & TRANS_RIGHT_READ))
		err = -EBADF;
	if (err < 0)
		return rpc_fail(request, err, "only who may read may count");
	if (__builtin_add_overflow(sum, in->number, &out->sum))
		return rpc_fail(request, -ERANGE, "that is too much");
	sum = out->sum;
	return 0;
}

static int
who(struct rpc_request *request, struct counter_who_in *in, struct counter_who_out *out)
{
	struct trans_caller caller = { .size = sizeof(caller) };
	int err = trans_rpc_caller(request, &caller);

	(void)in;
	out->uid = caller.uid;
	out->rights = caller.rights;
	return err;
}

int
main(int argc, char **argv)
{
	static const struct counter_server server = { .counter_add = add, .counter_who = who };
	static const struct port_table table = PORT_TABLE(counter, &server, NULL);
	static const struct trans_ops ops = {
		TRANS_OPS,
		.name = "counter",
		.summary = "a number that can be added to",
		.nature = TRANS_GENERATED,
		.read = read_sum,
		.tables = &table,
		.n_tables = 1,
	};

	return trans_main(&ops, argc, argv);
}
