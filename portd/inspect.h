/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inspect: answers those who look at rights and messages (wire/inspect.def). */
#ifndef PORTD_INSPECT_H
#define PORTD_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

struct message;
struct right;
struct world;

/* Serves a request, if it is one of wire/inspect.def; it stays the caller's. False: it
 * is none. */
bool inspect_serve(struct world *world, struct message *request);
/* enum inspect_kind. */
uint32_t inspect_kind(const struct right *right);

#endif
