/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zip: the header in front of each member of a zip, which libarchive reads
 * but does not show. */
#ifndef TRANSLATORS_ARCHIVE_ZIP_H
#define TRANSLATORS_ARCHIVE_ZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "translators/archive-source.h"

enum { ZIP_DEFLATED = 8 };

struct zip_local {
	unsigned method;
	bool is_locked;
	bool has_descriptor;	/* sizes and checksum follow the data */
	uint32_t checksum;
	size_t name_length;
	char *name;		/* bytes, with a NUL behind them */
};

int zip_local_init(struct zip_local *local, const struct source *source, uint64_t offset);
void zip_local_deinit(struct zip_local *local);
int zip_checksum(const struct zip_local *local, const struct source *source,
    uint64_t end, uint32_t *checksump);

#endif
