/* SPDX-License-Identifier: GPL-2.0-or-later */
/* setting: made of what a tool sent, copied, released. */
#include "portd/setting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/confine.h"
#include "wire/describe.h"

/* Releases a setting; NULL is harmless. */
void
setting_free(struct setting *setting)
{
	if (!setting)
		return;
	free(setting->program);
	argv_deinit(&setting->argv);
	argv_deinit(&setting->files);
	argv_deinit(&setting->identities);
	free(setting);
}

/* A copy of its own memory. */
struct setting *
setting_copy(const struct setting *setting)
{
	struct setting *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	copy->kind = setting->kind;
	copy->nature = setting->nature;
	copy->needs = setting->needs;
	copy->grants = setting->grants;
	copy->share = setting->share;
	copy->attr = setting->attr;
	copy->program = strdup(setting->program ? setting->program : "");
	if (!copy->program ||
	    argv_copy(&copy->argv, setting->argv.data, setting->argv.size) < 0 ||
	    argv_copy(&copy->files, setting->files.data, setting->files.size) < 0 ||
	    argv_copy(&copy->identities, setting->identities.data, setting->identities.size) < 0) {
		setting_free(copy);
		return NULL;
	}
	return copy;
}

/* "http reaches the network: allow it with --grant=network" */
static int
check_grants(const struct describe_out *out, uint32_t grants, struct text *why)
{
	uint32_t missing = out->needs & CONFINE_GRANTED & ~grants;
	AUTO_TEXT struct text list = { 0 };

	if (!missing)
		return 0;
	confine_print_grants(&list, missing);
	text_safe(why, out->argv.size > 0 ? (const char *)out->argv.data : "this translator");
	text_puts(why, missing == CONFINE_NETWORK ? " needs the network" :
	    missing == CONFINE_EXEC ? " runs other programs" :
	    " needs the network and runs other programs");
	text_printf(why, ": allow it with --grant=%s", text_string(&list));
	return -EPERM;
}

static int
check_description(const struct describe_out *out, struct text *why)
{
	if (out->magic != DESCRIBE_MAGIC || out->version != WIRE_VERSION) {
		text_puts(why, "its translator was made for another hird");
		return -EPROTO;
	}
	if ((out->kind != NODE_KIND_FILE && out->kind != NODE_KIND_DIR) ||
	    out->nature < NODE_NATURE_IMMUTABLE || out->nature > NODE_NATURE_GENERATED ||
	    (out->needs & ~(uint32_t)CONFINE_ALL)) {
		text_puts(why, "its translator describes itself badly");
		return -EINVAL;
	}
	return 0;
}

static int
fill_setting(struct setting *setting, struct wire_blob argv, const char *program,
    const struct describe_out *out)
{
	setting->kind = out->kind;
	setting->nature = out->nature;
	setting->needs = out->needs;
	setting->program = strdup(program);
	if (out->attr.size == sizeof(setting->attr))
		memcpy(&setting->attr, out->attr.data, sizeof(setting->attr));
	if (!setting->program || argv_copy(&setting->argv, argv.data, argv.size) < 0 ||
	    argv_copy(&setting->files, out->files.data, out->files.size) < 0 ||
	    argv_copy(&setting->identities, out->identities.data, out->identities.size) < 0)
		return -ENOMEM;
	return 0;
}

/* What a tool says of a translator, checked. */
struct setting *
setting_new(struct wire_blob argv, const char *program, struct wire_blob description,
    uint32_t grants, struct text *why)
{
	AUTO_WIRE struct wire_buf buf = { 0 };
	struct setting *setting = calloc(1, sizeof(*setting));
	struct describe_out out;

	if (setting && program[0] == '/' && argv.size > 0 &&
	    wire_buf_load(&buf, description.data, description.size) == 0 &&
	    describe_out_get(&buf, &out) == 0) {
		if (check_description(&out, why) == 0 && check_grants(&out, grants, why) == 0 &&
		    fill_setting(setting, argv, program, &out) == 0) {
			setting->grants = grants & CONFINE_GRANTED;
			return setting;
		}
	}
	if (why->size == 0)
		text_puts(why, "its description is missing or damaged");
	setting_free(setting);
	return NULL;
}

/* Of enum confine_grant. */
uint32_t
setting_permits(const struct setting *setting)
{
	return setting->needs & (setting->grants | ~(uint32_t)CONFINE_GRANTED);
}
