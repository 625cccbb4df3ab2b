/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log: one line an event, on standard error.
 *
 * "NAME: text". A line from a hostile source stays one line: control
 * characters are escaped. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

void log_name(const char *name);	/* the prefix; static storage */
void log_verbose(bool on);		/* whether log_debug says anything */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
