/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kept: what the holder keeps for us of each mount: its descriptors, what is known of its node
 * and not in the store, and the translator that serves it.
 *
 * What is set is not kept: after a crash the store decides, and the table of mounts. */
#ifndef PORTD_KEPT_H
#define PORTD_KEPT_H

struct incarnation;
struct keeper;
struct node;
struct tape;

/* Writes down how a node is now; without a mount there is nothing to keep. */
void kept_node(struct node *node);
/* A mount without a node. */
void kept_orphan(struct incarnation *inc);
/* Everything, once more: by a portd that has taken another one's place. */
void kept_all(struct keeper *keeper);

/* After a crash: makes the nodes that have a mount, before what is set is loaded; 0 or
 * -errno. Then lets each go on: served, at rest, or at its end. */
int kept_read(struct keeper *keeper);
void kept_settle(struct keeper *keeper);

#endif
