/* SPDX-License-Identifier: GPL-2.0-or-later */
/* circle: whether a node would be served from itself. */
#ifndef PORTD_CIRCLE_H
#define PORTD_CIRCLE_H

#include "portd/keeper.h"
#include "portd/setting.h"

/* The file, named by a setting, by which a node at path with this setting would lead back to
 * itself, over other nodes perhaps; NULL: there is none. Good as long as the settings are. */
const char *circle_find(const struct keeper *keeper, const char *path,
    const struct setting *setting);

#endif
