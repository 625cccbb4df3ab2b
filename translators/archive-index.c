/* SPDX-License-Identifier: GPL-2.0-or-later */
/* index: the list of an archive's members, as a tree. */
#include "translators/archive-index.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "translators/archive-zip.h"

enum {
	PLACE_PADDING = 512,	/* more than any format puts behind a member */
	PROBE_SIZE = 4096,
	NAMES_MAX = 1 << 30,	/* bytes of all paths together */
};

/* An iso9660 member above this may lie in several pieces. */
#define ISO_EXTENT_MAX (UINT64_C(0xffffffff) - 2048)

struct index {
	const struct source *source;
	const struct patience *patience;
	struct trans_tree *tree;
	struct index_report *report;
	struct reader *reader;
	struct archive_entry *member;
	uint64_t ordinal;
	uint64_t names;		/* bytes of paths so far */
};

/* The first thing that is wrong ends the list; what came before stays. */
static void
note_damage(struct index *index, const char *why)
{
	struct index_report *report = index->report;

	if (report->is_damaged)
		return;
	report->is_damaged = true;
	report->damage_offset = index->reader->offset;
	text_escape(report->damage, sizeof(report->damage), why, strlen(why));
}

/* Names ------------------------------------------------------------------- */

/* UTF-8 of a name that the locale could not take. */
static char *
wide_name(const wchar_t *wide)
{
	size_t room = wcslen(wide) * 4 + 1, used = 0;
	char *name = malloc(room);

	for (; name && *wide; wide++) {
		uint32_t c = (uint32_t)*wide;

		if (c < 0x80) {
			name[used++] = (char)c;
			continue;
		}
		if (c >= 0x10000) {
			name[used++] = (char)(0xf0 | (c >> 18 & 7));
			name[used++] = (char)(0x80 | (c >> 12 & 0x3f));
		} else if (c >= 0x800) {
			name[used++] = (char)(0xe0 | c >> 12);
		}
		if (c >= 0x800)
			name[used++] = (char)(0x80 | (c >> 6 & 0x3f));
		else
			name[used++] = (char)(0xc0 | c >> 6);
		name[used++] = (char)(0x80 | (c & 0x3f));
	}
	if (name)
		name[used] = '\0';
	return name;
}

typedef const char *name_fn(struct archive_entry *member);
typedef const wchar_t *wide_fn(struct archive_entry *member);

/* A name in whichever form libarchive can give it, bytes first. *copyp is to
 * be freed. NULL: it has none. */
static const char *
member_name(struct archive_entry *member, name_fn *bytes, name_fn *utf8,
    wide_fn *wide, char **copyp)
{
	const wchar_t *text;
	const char *name = bytes(member);

	*copyp = NULL;
	if (!name)
		name = utf8(member);
	if (name)
		return name;
	text = wide(member);
	if (text)
		*copyp = wide_name(text);
	return *copyp;
}

/* The same for its path. A zip may call a name UTF-8 that is not; libarchive
 * has no name for it then, but the bytes are there. */
static const char *
member_path(struct index *index, char **copyp)
{
	struct archive *archive = index->reader->archive;
	const char *path = member_name(index->member, archive_entry_pathname,
	    archive_entry_pathname_utf8, archive_entry_pathname_w, copyp);
	struct zip_local local = { 0 };

	if (path || reader_filter(index->reader) ||
	    (archive_format(archive) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_ZIP ||
	    zip_local_init(&local, index->source,
	    (uint64_t)archive_filter_bytes(archive, 0)) < 0)
		return path;
	*copyp = local.name;	/* the caller's to free */
	return local.name;
}

static const char *
member_target(struct archive_entry *member, char **copyp)
{
	return member_name(member, archive_entry_symlink, archive_entry_symlink_utf8,
	    archive_entry_symlink_w, copyp);
}

static const char *
member_hardlink(struct archive_entry *member, char **copyp)
{
	return member_name(member, archive_entry_hardlink, archive_entry_hardlink_utf8,
	    archive_entry_hardlink_w, copyp);
}

/* Content ----------------------------------------------------------------- */

/* Whether it is ARCHIVE_OK. After a fatal error libarchive may go on as if the
 * archive had ended. */
static bool
went_well(struct index *index, int result)
{
	if (result == ARCHIVE_FATAL)
		note_damage(index, reader_why(index->reader));
	return result == ARCHIVE_OK;
}

/* Whether what libarchive gives first is what stands at its position in the
 * file: then the member is neither compressed nor elsewhere. */
static bool
iso_is_in_place(struct index *index, uint64_t size, uint64_t *offsetp)
{
	struct archive *archive = index->reader->archive;
	char here[PROBE_SIZE];
	const void *block;
	int64_t offset;
	size_t length;

	if (size > ISO_EXTENT_MAX ||
	    !went_well(index, archive_read_data_block(archive, &block, &length, &offset)) ||
	    offset != 0)
		return false;
	*offsetp = (uint64_t)archive_filter_bytes(archive, 0);
	if (length > sizeof(here))
		length = sizeof(here);
	return source_pread(index->source, here, length, *offsetp) == 0 &&
	    memcmp(here, block, length) == 0;
}

/* Whether as many bytes as the member has lie between its header and the next. */
static bool
body_is_in_place(struct index *index, uint64_t size, uint64_t offset)
{
	struct archive *archive = index->reader->archive;
	uint64_t after;

	if (archive_entry_sparse_count(index->member) > 0 ||
	    !went_well(index, archive_read_data_skip(archive)))
		return false;
	after = (uint64_t)archive_filter_bytes(archive, 0);
	return after >= offset && after - offset >= size &&
	    after - offset - size < PLACE_PADDING;
}

/* Where the content is. Called with the reader right behind the header. */
static uint64_t
member_cookie(struct index *index, uint64_t size)
{
	struct archive *archive = index->reader->archive;
	uint64_t offset = (uint64_t)archive_filter_bytes(archive, 0);
	const char *format = archive_format_name(archive);

	if (archive_entry_is_encrypted(index->member))
		return cookie_make(STORED_LOCKED, 0);
	if (size == 0)
		return cookie_make(STORED_NOT, 0);
	if (reader_filter(index->reader))
		return cookie_make(STORED_STREAM, 0);
	switch (archive_format(archive) & ARCHIVE_FORMAT_BASE_MASK) {
	case ARCHIVE_FORMAT_ZIP:
		if (format && strstr(format, "(uncompressed)"))
			return cookie_make(STORED_PLACE, offset);
		if (format && strstr(format, "(deflation)"))
			return cookie_make(STORED_DEFLATE, offset);
		break;
	case ARCHIVE_FORMAT_ISO9660:
		if (iso_is_in_place(index, size, &offset))
			return cookie_make(STORED_PLACE, offset);
		break;
	case ARCHIVE_FORMAT_TAR:
	case ARCHIVE_FORMAT_CPIO:
	case ARCHIVE_FORMAT_AR:
		if (body_is_in_place(index, size, offset))
			return cookie_make(STORED_PLACE, offset);
		break;
	}
	return cookie_make(STORED_STREAM, 0);
}

/* The size of a member whose header does not say it, by reading it. */
static uint64_t
member_measure(struct index *index)
{
	const void *block;
	uint64_t size = 0;
	int64_t offset;
	size_t length;

	while (!patience_is_over(index->patience) &&
	    went_well(index, archive_read_data_block(index->reader->archive, &block,
	    &length, &offset)))
		if (offset >= 0 && (uint64_t)offset + length > size)
			size = (uint64_t)offset + length;
	return size;
}

static void
member_content(struct index *index, struct trans_entry *entry)
{
	struct archive_entry *member = index->member;
	uint64_t size = 0;
	bool known = archive_entry_size_is_set(member);

	if (known && archive_entry_size(member) > 0)
		size = (uint64_t)archive_entry_size(member);
	if (!known)
		size = 1;	/* so that its place is looked for */
	entry->cookie = member_cookie(index, size);
	if (!known && cookie_storage(entry->cookie) != STORED_LOCKED)
		size = member_measure(index);
	entry->size = size;
	if (cookie_storage(entry->cookie) == STORED_LOCKED)
		index->report->locked++;
}

/* Filling ----------------------------------------------------------------- */

static void
leave_out(struct index *index, const char *path, size_t length)
{
	if (index->report->left_out++ == 0)
		text_escape(index->report->example, sizeof(index->report->example),
		    path, length);
}

/* What a member shows; true when it has content of its own. The owner may
 * always read and pass, and nobody becomes somebody else. */
static bool
member_entry(struct index *index, const char *path, size_t length,
    struct trans_entry *entry)
{
	struct archive_entry *member = index->member;
	mode_t type = archive_entry_filetype(member);
	bool dated = archive_entry_mtime_is_set(member);

	if (type == 0)
		type = length > 0 && path[length - 1] == '/' ? S_IFDIR : S_IFREG;
	*entry = (struct trans_entry){
		.size_of = sizeof(*entry),
		.mode = type | (archive_entry_perm(member) & 0777) |
		    (S_ISDIR(type) ? 0500 : 0400),
		.mtime = dated ? archive_entry_mtime(member) : index->source->mtime,
		.mtime_ns = dated ? (uint32_t)archive_entry_mtime_nsec(member) :
		    index->source->mtime_ns,
		.uid = (uint32_t)archive_entry_uid(member),
		.gid = (uint32_t)archive_entry_gid(member),
		.aux = (uint32_t)index->ordinal,
	};
	return S_ISREG(type);
}

/* A second name. Some formats have the content beside the last name only. */
static int
add_link(struct index *index, const char *path, size_t length,
    const char *target, struct trans_entry *entry)
{
	bool content = archive_entry_size_is_set(index->member) &&
	    archive_entry_size(index->member) > 0;
	int r;

	r = trans_tree_link(index->tree, path, length, target, strlen(target));
	if (!content || !S_ISREG(entry->mode))
		return r;
	member_content(index, entry);
	if (r == -ENOENT)
		return trans_tree_add(index->tree, path, length, entry);
	if (r == 0)
		trans_tree_update(index->tree, path, length, entry);
	return r;
}

/* Puts the member that the reader is at into the tree. Returns 0 also when it
 * is left out, -ENOMEM or -ENOSPC. */
static int
add_member(struct index *index)
{
	char *path_copy, *target_copy, *link_copy;
	const char *path = member_path(index, &path_copy);
	const char *target = member_target(index->member, &target_copy);
	const char *hardlink = member_hardlink(index->member, &link_copy);
	size_t length = path ? strlen(path) : 0;
	struct trans_entry entry;
	int r = -EINVAL;
	bool has_content;

	index->names += length;
	has_content = member_entry(index, path, length, &entry);
	entry.target = target;
	if (index->names > NAMES_MAX) {
		r = -ENOSPC;
	} else if (path && hardlink) {
		r = add_link(index, path, length, hardlink, &entry);
	} else if (path) {
		if (has_content)
			member_content(index, &entry);
		r = trans_tree_add(index->tree, path, length, &entry);
	}
	if (r == 0)
		index->report->members++;
	else if (r != -ENOMEM && r != -ENOSPC)
		leave_out(index, path ? path : "", length);
	free(path_copy);
	free(target_copy);
	free(link_copy);
	return r == -ENOMEM || r == -ENOSPC ? r : 0;
}

/* Goes through all headers. A damaged one ends it; what came before stays. */
static int
add_members(struct index *index)
{
	struct archive *archive = index->reader->archive;
	int r;

	for (;; index->ordinal++) {
		if (index->ordinal > UINT32_MAX) {
			note_damage(index, "too many members");
			return 0;
		}
		r = archive_read_next_header2(archive, index->member);
		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN) {
			if (patience_is_over(index->patience))
				return -EINTR;
			note_damage(index, reader_why(index->reader));
			return 0;
		}
		/* A zip is entered at its end: what came before says nothing. */
		index->reader->shows_progress = true;
		r = add_member(index);
		if (r == -ENOSPC)
			note_damage(index, "more names than are kept");
		else if (r < 0)
			return r;
		if (patience_is_over(index->patience))
			return -EINTR;
		if (index->report->is_damaged)
			return 0;
	}
}

/* The top has the date of the archive, unless the archive has one for it. */
static int
add_root(struct index *index)
{
	struct trans_entry entry = {
		.size_of = sizeof(entry),
		.mode = S_IFDIR | 0755,
		.mtime = index->source->mtime,
		.mtime_ns = index->source->mtime_ns,
	};

	return trans_tree_add(index->tree, "", 0, &entry);
}

/* Fills the tree, which is not made ready. Returns 0, also for an archive
 * that is damaged but for which something can be shown; -EIO when nothing
 * can, -EINTR when patience ended, -ENOMEM. The report is filled in any case. */
int
index_fill(const struct source *source, const struct patience *patience,
    struct trans_tree *tree, struct index_report *report)
{
	struct index index = {
		.source = source, .patience = patience, .tree = tree, .report = report,
	};
	int r;

	*report = (struct index_report){ 0 };
	index.member = archive_entry_new();
	if (!index.member)
		return -ENOMEM;
	r = reader_new(source, patience, false, &index.reader);
	if (r == -EINVAL)
		note_damage(&index, reader_why(index.reader));
	if (r == 0 && (r = add_root(&index)) == 0)
		r = add_members(&index);
	if (r == -EINVAL || (r == 0 && report->is_damaged && report->members == 0))
		r = -EIO;
	index.reader = reader_free(index.reader);
	archive_entry_free(index.member);
	return r;
}

/* Opens a reader and reads one header: 0 also when there is none since the
 * archive is empty. *readerp as of reader_new. */
static int
probe(const struct source *source, bool in_front, struct reader **readerp)
{
	struct archive_entry *member;
	int r = reader_new(source, NULL, in_front, readerp);

	if (r < 0)
		return r;
	r = archive_read_next_header((*readerp)->archive, &member);
	return r == ARCHIVE_OK || r == ARCHIVE_WARN || r == ARCHIVE_EOF ? 0 : -EINVAL;
}

static bool
probe_zip(const struct source *source)
{
	struct reader *reader = NULL;
	char start[4];
	int r = -EINVAL;

	if (source_pread(source, start, sizeof(start), 0) == 0 &&
	    memcmp(start, "PK\3\4", 4) == 0)
		r = probe(source, true, &reader);
	reader_free(reader);
	return r == 0;
}

static void
probe_explain(const struct reader *reader, char *why, size_t room)
{
	const char *text = reader_why(reader), *filter = reader_filter(reader);
	char words[160];

	text_escape(words, sizeof(words), text, strlen(text));
	if (reader_is_recognized(reader))
		snprintf(why, room, "damaged or cut off at its beginning (%s); get it anew",
		    words);
	else if (filter)
		snprintf(why, room, "compressed (%s), but what is inside is no archive (%s); "
		    "uncompress it with the program for that", filter, words);
	else
		snprintf(why, room, "not an archive (formats: tar, zip, iso9660, cpio, 7z, "
		    "rar, ar, cab, lha, xar, warc; also compressed)");
}

/* Whether this is an archive at all, judged by its first header, quickly: 0,
 * or -errno with the reason in `why`, one line. */
int
index_probe(const struct source *source, char *why, size_t room)
{
	struct reader *reader = NULL;
	int r;

	if (source->size == 0) {
		snprintf(why, room, "the file is empty, which no archive is");
		return -EINVAL;
	}
	if (probe_zip(source))
		return 0;
	r = probe(source, false, &reader);
	if (r == -EINVAL)
		probe_explain(reader, why, room);
	else if (r < 0)
		snprintf(why, room, "%s", strerror(-r));
	reader_free(reader);
	return r;
}
