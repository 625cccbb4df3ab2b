/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy: asks portd, which has the rules. See policy.h. */

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/text.h"
#include "port/stubs.h"
#include "tools/policy.h"
#include "tools/tool.h"

enum {
	OPTION_RELOAD = 256,
	OPTION_TEST,
	ASK_TIMEOUT_MS = 30 * 1000,
};

static const char help[] =
"Usage: hird policy [--reload | --test PID|NAME]\n"
"Show the rules on who may start a translator by looking at its node.\n"
"\n"
"      --reload              read the files anew\n"
"      --test=PID|NAME       what this program would get\n"
"  -?, --help                this text\n";

static const struct option options[] = {
	{ "reload", no_argument, NULL, OPTION_RELOAD },
	{ "test", required_argument, NULL, OPTION_TEST },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void
print(const struct keeper_policy_in *in, const struct keeper_policy_out *out)
{
	if (in->reload)
		return;
	if (out->trouble[0])
		tool_error(NULL, "the files are not in force: %s", out->trouble);
	if (in->test[0])
		printf("%s\n", out->verdict);
	else
		fputs(out->rules, stdout);
}

static int
ask(const struct keeper_policy_in *in)
{
	struct port_reply reply = { 0 };
	AUTO_TEXT struct text why = { 0 };
	struct keeper_policy_out out;
	int code = tool_connect(TOOL_START, &why);

	if (code == 0) {
		code = keeper_policy_call(port_bootstrap(), in, &out, &reply, ASK_TIMEOUT_MS);
		if (code == 0)
			print(in, &out);
		else
			tool_rpc_text(&why, code, reply.text, NULL);
		port_reply_deinit(&reply);
	}
	if (code != 0)
		tool_error(NULL, "%s", text_string(&why));
	return code == 0 ? 0 : 1;
}

/* hird policy. */
int
policy_word(int argc, char **argv)
{
	struct keeper_policy_in in = { .test = "" };
	int c;

	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (c == OPTION_RELOAD) {
			in.reload = true;
		} else if (c == OPTION_TEST) {
			in.test = optarg;
		} else if (c == 'h' || tool_wants_help(c)) {
			fputs(help, stdout);
			return 0;
		} else {
			return tool_bad_option(c, argv);
		}
	}
	if (optind < argc)
		return tool_usage("policy takes no argument but those of its options");
	if (in.reload && in.test[0])
		return tool_usage("--reload and --test are two things");
	return ask(&in);
}
