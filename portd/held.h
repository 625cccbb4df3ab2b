/* SPDX-License-Identifier: GPL-2.0-or-later */
/* held: what the holder keeps for us of each mount: its descriptors, what is known of its node
 * and not in the store, and the translator that serves it.
 *
 * What is set is not held: after a crash the store decides, and the table of mounts. */
#ifndef PORTD_HELD_H
#define PORTD_HELD_H

struct incarnation;
struct keeper;
struct node;
struct tape;

/* Writes down how a node is now; without a mount there is nothing to keep. */
void held_node(struct node *node);
/* A mount without a node. */
void held_orphan(struct incarnation *inc);
/* Everything, once more: by a portd that has taken another one's place. */
void held_all(struct keeper *keeper);

/* After a crash: makes the nodes that have a mount, before what is set is loaded; 0 or
 * -errno. Then lets each go on: served, at rest, or at its end. */
int held_read(struct keeper *keeper);
void held_settle(struct keeper *keeper);

#endif
