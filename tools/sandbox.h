/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox: what holds a running translator, for people and for programs. */
#ifndef TOOLS_SANDBOX_H
#define TOOLS_SANDBOX_H

#include <jansson.h>

#include "base/text.h"
#include "wire/codec.h"

/* In one line; adds nothing when nothing runs. report: a struct confine_report. */
void sandbox_print(struct text *text, struct wire_blob report);
/* As the member "sandbox", null when nothing runs. */
void sandbox_put(json_t *object, struct wire_blob report);
/* As the member "granted", an array of words. */
void sandbox_put_grants(json_t *object, unsigned grants);

#endif
