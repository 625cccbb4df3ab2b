/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup: whether this process may divide its share of the machine further. */
#ifndef BASE_CGROUP_H
#define BASE_CGROUP_H

#include <stdbool.h>

/* Whether its control group (version 2) is its user's to divide. */
bool cgroup_is_delegated(void);

#endif
