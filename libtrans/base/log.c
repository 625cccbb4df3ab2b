/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log: each line is written by one call, so that lines of several processes
 * on one descriptor do not mix. */
#include "base/log.h"

#include <errno.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/text.h"

static const char *prefix = "hird";
static bool verbose;

/* Sets what lines start with; name must stay. */
void
log_name(const char *name)
{
	prefix = name;
}

/* Sets whether log_debug says anything. */
void
log_verbose(bool on)
{
	verbose = on;
}

static void
say(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void
say(const char *format, va_list args)
{
	AUTO_TEXT struct text raw = { 0 };
	AUTO_TEXT struct text line = { 0 };
	int saved = errno;

	text_vprintf(&raw, format, args);
	text_printf(&line, "%s: ", prefix);
	text_safe(&line, raw.error ? "no memory for what should stand here" : text_string(&raw));
	text_puts(&line, "\n");
	if (line.size)
		sys_write_all(STDERR_FILENO, line.data, line.size);
	errno = saved;
}

/* Says what went wrong; errno stays as it was, here and below. */
void
log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

/* Says what happened. */
void
log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

/* Says what somebody who looks for a fault wants to know. */
void
log_debug(const char *format, ...)
{
	va_list args;

	if (!verbose)
		return;
	va_start(args, format);
	say(format, args);
	va_end(args);
}
