/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list: intrusive, circular, doubly linked.
 *
 * A zeroed link is on no list; unlinking it is harmless. A list head must be
 * initialised. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct list {
	struct list *prev;
	struct list *next;
};

static inline void
list_init(struct list *head)
{
	head->prev = head->next = head;
}

static inline bool
list_is_empty(const struct list *head)
{
	return head->next == head || head->next == NULL;
}

/* Walks it. */
static inline uint32_t
list_length(const struct list *head)
{
	uint32_t n = 0;

	for (const struct list *link = head->next; link && link != head; link = link->next)
		n++;
	return n;
}

static inline bool
list_is_linked(const struct list *link)
{
	return link->next != NULL;
}

static inline void
list_link_before(struct list *pos, struct list *link)
{
	link->prev = pos->prev;
	link->next = pos;
	pos->prev->next = link;
	pos->prev = link;
}

static inline void
list_link_tail(struct list *head, struct list *link)
{
	list_link_before(head, link);
}

static inline void
list_link_head(struct list *head, struct list *link)
{
	list_link_before(head->next, link);
}

static inline void
list_unlink(struct list *link)
{
	if (!link->next)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
}

#define LIST_ENTRY(link, type, member) CONTAINER_OF(link, type, member)

/* Walks a list; the entry in hand may be unlinked or freed. */
#define LIST_FOR_EACH(pos, next_, head) \
	for (struct list *pos = (head)->next, *next_ = pos->next; \
	     pos != (head); pos = next_, next_ = pos->next)

#endif
