/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox: a report of base/confine.h, shown. */
#include "tools/sandbox.h"

#include <stdbool.h>
#include <string.h>

#include "base/cgroup.h"
#include "base/cleanup.h"
#include "base/confine.h"
#include "tools/json.h"

static bool
unpack(struct wire_blob blob, struct confine_report *report)
{
	if (blob.size != sizeof(*report))
		return false;
	memcpy(report, blob.data, sizeof(*report));
	return report->state != CONFINE_UNKNOWN;
}

/* "Landlock 6; seccomp; 2048 MiB of memory, 4096 descriptors; no cgroup" */
static void
print_report(struct text *text, const struct confine_report *report)
{
	AUTO_TEXT struct text beyond = { 0 };

	confine_print_landlock(text, report);
	text_puts(text, "; ");
	confine_print_filter(text, report);
	if (report->memory)
		text_printf(text, "; %llu MiB of memory", (unsigned long long)report->memory >> 20);
	else
		text_puts(text, "; memory without a limit");
	text_printf(text, ", %u descriptors; ", report->files);
	confine_print_cgroup(text, report);
	confine_print_grants(&beyond, report->grants);
	if (beyond.size)
		text_printf(text, "; may use: %s", text_string(&beyond));
	if (report->grants & CONFINE_WRITE)
		text_puts(text, "; may write what it was given");
}

/* An error is latched in text. */
void
sandbox_print(struct text *text, struct wire_blob blob)
{
	struct confine_report report;

	if (!unpack(blob, &report))
		return;
	if (report.state == CONFINE_OFF)
		text_puts(text, "off: hird-portd runs with --no-sandbox");
	else
		print_report(text, &report);
}

static void
put_part(json_t *object, const char *key, const struct confine_report *report,
    void (*print)(struct text *, const struct confine_report *))
{
	AUTO_TEXT struct text text = { 0 };

	print(&text, report);
	json_put_string(object, key, text_string(&text));
}

static void
put_controllers(json_t *object, const char *key, unsigned flags)
{
	json_t *array = json_array();

	for (unsigned flag = 1; flag <= CGROUP_CONTROLLERS; flag <<= 1)
		if ((flags & flag) && cgroup_controller_name(flag))
			json_array_append_new(array, json_string(cgroup_controller_name(flag)));
	json_object_set_new(object, key, array);
}

/* Out of memory: the member is missing. */
void
sandbox_put(json_t *object, struct wire_blob blob)
{
	struct confine_report report;
	json_t *sandbox;

	if (!unpack(blob, &report)) {
		json_object_set_new(object, "sandbox", json_null());
		return;
	}
	sandbox = json_object();
	json_object_set_new(sandbox, "on", json_boolean(report.state == CONFINE_ON));
	if (report.state == CONFINE_ON) {
		json_put_number(sandbox, "landlock_abi", report.landlock, report.landlock);
		put_part(sandbox, "landlock", &report, confine_print_landlock);
		put_part(sandbox, "seccomp", &report, confine_print_filter);
		put_part(sandbox, "cgroup", &report, confine_print_cgroup);
		put_controllers(sandbox, "controllers", report.cgroup_flags);
		put_controllers(sandbox, "controllers_missing", ~report.cgroup_flags);
		json_put_number(sandbox, "memory", report.memory, report.memory);
		json_put_number(sandbox, "descriptors", true, report.files);
		json_object_set_new(sandbox, "writes", json_boolean(report.grants & CONFINE_WRITE));
	}
	json_object_set_new(object, "sandbox", sandbox);
}

/* The same. */
void
sandbox_put_grants(json_t *object, unsigned grants)
{
	json_t *array = json_array();

	for (unsigned grant = 1; grant <= CONFINE_ALL; grant <<= 1)
		if ((grants & grant) && confine_grant_name(grant))
			json_array_append_new(array, json_string(confine_grant_name(grant)));
	json_object_set_new(object, "granted", array);
}
