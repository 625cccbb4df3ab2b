/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* profile: where Mach's kernels disagree, and which of them portd follows.
 *
 * One name a topic, so that a test can say by which choice it expects what it
 * expects. A constant is the code that a call answers, or whether something is so. */
#ifndef WIRE_PROFILE_H
#define WIRE_PROFILE_H

#include "wire/codes.h"

enum wire_profile {
	/* deallocate and destroy of PORT_NULL and PORT_DEAD: no names, as any other unknown one */
	PROFILE_D1_RESERVED_NAME = PORT_E_INVALID_NAME,
	/* deallocate of a set: it has no references */
	PROFILE_D2_DEALLOCATE_SET = PORT_E_INVALID_RIGHT,
	/* more user references than there can be, asked for by a call */
	PROFILE_D3_CALL_OVERFLOW = PORT_E_UREFS_OVERFLOW,
	/* the same by a right that arrives: it is received, and released unseen */
	PROFILE_D4_ARRIVAL_PEGS = 1,
	/* mod_refs(RECEIVE, -1) with port-destroyed armed and a send right under the same name:
	 * the name stays a send right of the living port */
	PROFILE_D5_NAME_STAYS_SEND = 1,
	/* a second port-destroyed request replaces the first, which is returned */
	PROFILE_D6_SECOND_REQUEST = 0,
	/* a dead-name request on a dead name: fires at once, with a reference more, if sync is
	 * not 0; else, or to cancel: this */
	PROFILE_D7_DEAD_ALREADY = PORT_E_INVALID_ARGUMENT,
	/* a reply right that is a dead name: sent, and the receiver sees PORT_DEAD */
	PROFILE_D8_DEAD_REPLY = 0,
	/* bits of the header that have no meaning */
	PROFILE_D9_UNKNOWN_BITS = PORT_E_SEND_INVALID_HEADER,
	/* receive on a port that is in a set */
	PROFILE_D10_MEMBER_RECEIVE = PORT_E_RCV_IN_SET,
	/* a port is in one set at most: move_member takes it out of the other */
	PROFILE_D11_SETS_OF_A_PORT = 1,
	/* a receiver waits on a port whose receive right goes */
	PROFILE_D12_WAITER = PORT_E_RCV_PORT_DIED,
	/* messages that SEND_NOTIFY may queue beyond the limit: it arms the send-possible request */
	PROFILE_D13_BEYOND_LIMIT = 0,
	/* what is no plain byte stands beside the body, in order, not in it */
	PROFILE_D14_ITEMS_BESIDE_BODY = 1,
	/* a sender that waited has its place when there is room: nobody overtakes it */
	PROFILE_D15_PLACE_IS_KEPT = 1,
	/* bytes beyond those asked for that travel with memory out of line */
	PROFILE_D16_SLACK_BYTES = 0,
	/* there is rename */
	PROFILE_D17_RENAME = 1,
	/* names() shows a name of a port that died as dead at once, whoever looked at it before */
	PROFILE_D18_DEAD_AT_ONCE = 1,
};

#endif
