/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy: hird policy, which shows who may start a translator by looking. */
#ifndef TOOLS_POLICY_H
#define TOOLS_POLICY_H

/* argv[0] is the word itself. An exit status. */
int policy_word(int argc, char **argv);

#endif
