/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rights: words for tasks, messages and rights, as portinfo and rpctrace show them. */
#ifndef TOOLS_RIGHTS_H
#define TOOLS_RIGHTS_H

#include "base/text.h"
#include "wire/inspect.h"

const char *rights_message_name(uint32_t id);
/* Whose routine an id is: "fsys"; "notify" for notifications; NULL for what is unknown. */
const char *rights_interface_name(uint32_t id);
void rights_put_task(struct text *text, const struct inspect_task *task);
void rights_put_id(struct text *text, uint32_t id);
void rights_put_type(struct text *text, uint32_t type);
const char *rights_kind_name(uint32_t kind);

#endif
