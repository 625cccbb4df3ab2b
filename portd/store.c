/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store: sqlite behind a few functions; no other file knows of it.
 *
 * A rollback journal and synchronous=FULL: a setting is written a few times a
 * day, and must be there after a power cut. */
#include "portd/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { STORE_VERSION = 2 };

enum statement {
	STATEMENT_PUT,
	STATEMENT_DELETE,
	STATEMENT_RENAME,
	STATEMENT_EACH,
	STATEMENT_PUT_SERVICE,
	STATEMENT_DELETE_SERVICE,
	STATEMENT_EACH_SERVICE,
	N_STATEMENTS,
};

static const char *const statement_sql[N_STATEMENTS] = {
	[STATEMENT_PUT] =
	    "INSERT OR REPLACE INTO node (path, kind, nature, program, argv, files, identities,"
	    " attr, run_argv, run_files, run_identities, run_attr, created, restore_mode,"
	    " underlying_path, set_at, generation, needs, grants, run_needs, share,"
	    " idle_ms, deadline_ms)"
	    " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,"
	    "?22,?23)",
	[STATEMENT_DELETE] = "DELETE FROM node WHERE path = ?1",
	[STATEMENT_RENAME] = "UPDATE OR REPLACE node SET path = ?2 WHERE path = ?1",
	[STATEMENT_EACH] =
	    "SELECT path, kind, nature, program, argv, files, identities,"
	    " attr, run_argv, run_files, run_identities, run_attr, created, restore_mode,"
	    " underlying_path, set_at, generation, needs, grants, run_needs,"
	    " share, idle_ms, deadline_ms FROM node ORDER BY path",
	[STATEMENT_PUT_SERVICE] =
	    "INSERT OR REPLACE INTO service (name, program, argv, env) VALUES (?1,?2,?3,?4)",
	[STATEMENT_DELETE_SERVICE] = "DELETE FROM service WHERE name = ?1",
	[STATEMENT_EACH_SERVICE] = "SELECT name, program, argv, env FROM service ORDER BY name",
};

/* Paths are bytes, not text: BLOB affinity keeps any encoding and sorts by memcmp. */
static const char schema[] =
    "CREATE TABLE node ("
    " path BLOB PRIMARY KEY NOT NULL,"
    " kind INTEGER NOT NULL, nature INTEGER NOT NULL,"
    " program BLOB NOT NULL, argv BLOB NOT NULL, files BLOB NOT NULL, identities BLOB NOT NULL,"
    " attr BLOB NOT NULL,"
    " run_argv BLOB NOT NULL, run_files BLOB NOT NULL, run_identities BLOB NOT NULL,"
    " run_attr BLOB NOT NULL, created INTEGER NOT NULL, restore_mode INTEGER NOT NULL,"
    " underlying_path BLOB NOT NULL, set_at INTEGER NOT NULL, generation INTEGER NOT NULL"
    ") WITHOUT ROWID";

/* What a version has that the one before had not, by the version that it makes of that. */
static const char *const schema_steps[STORE_VERSION + 1] = {
	[2] =
	    "ALTER TABLE node ADD COLUMN needs INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE node ADD COLUMN grants INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE node ADD COLUMN run_needs INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE node ADD COLUMN share INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE node ADD COLUMN idle_ms INTEGER NOT NULL DEFAULT 0;"
	    "ALTER TABLE node ADD COLUMN deadline_ms INTEGER NOT NULL DEFAULT 0",
};

/* Beside the nodes; a hird that does not know it leaves it alone. */
static const char service_schema[] =
    "CREATE TABLE IF NOT EXISTS service ("
    " name BLOB PRIMARY KEY NOT NULL, program BLOB NOT NULL, argv BLOB NOT NULL,"
    " env BLOB NOT NULL) WITHOUT ROWID";

struct store {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statements[N_STATEMENTS];
};

/* Releases what a row holds. */
void
store_row_deinit(struct store_row *row)
{
	free(row->path);
	setting_free(row->passive);
	setting_free(row->run);
	free(row->underlying_path);
	memset(row, 0, sizeof(*row));
}

static int
errno_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	}
	return -EIO;
}

static int
fail(struct store *store, int rc, struct text *why)
{
	int err = errno_of(rc);

	text_printf(why, "%s: %s; ", store->path, sqlite3_errmsg(store->db));
	if (err == -ENOSPC)
		text_puts(why, "free some space on that disk");
	else if (err == -EACCES)
		text_puts(why, "make that file and its directory writable for you");
	else if (err == -EBUSY)
		text_puts(why, "another program holds it open");
	else
		text_puts(why, "if it stays so, move the file away (its settings are lost then)");
	return err;
}

static int
exec(struct store *store, const char *sql, struct text *why)
{
	int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail(store, rc, why);
}

static int
read_version(struct store *store, int *versionp, struct text *why)
{
	sqlite3_stmt *statement;
	int rc = sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement, NULL);

	if (rc != SQLITE_OK)
		return fail(store, rc, why);
	rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		*versionp = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return rc == SQLITE_ROW ? 0 : fail(store, rc, why);
}

static int
write_version(struct store *store, int version, struct text *why)
{
	char sql[48];

	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version);
	return exec(store, sql, why);
}

/* From any version before, 0 being an empty file, to this one: whole, or not at all. */
static int
raise_schema(struct store *store, int version, struct text *why)
{
	int err = exec(store, "BEGIN IMMEDIATE", why);

	if (err == 0 && version == 0) {
		err = exec(store, schema, why);
		version = 1;
	}
	while (err == 0 && version < STORE_VERSION)
		err = exec(store, schema_steps[++version], why);
	if (err == 0)
		err = write_version(store, STORE_VERSION, why);
	if (err == 0)
		err = exec(store, "COMMIT", why);
	return err;
}

static int
check_schema(struct store *store, struct text *why)
{
	int version = 0;
	int err = read_version(store, &version, why);

	if (err < 0)
		return err;
	if (version == STORE_VERSION)
		return 0;
	if (version >= 0 && version < STORE_VERSION)
		return raise_schema(store, version, why);
	text_printf(why, "%s: written by another hird (format %d, this one knows %d); "
	    "use that one, or move the file away", store->path, version, STORE_VERSION);
	return -EPROTO;
}

static int
prepare(struct store *store, struct text *why)
{
	int err = exec(store, "PRAGMA journal_mode = DELETE", why);

	if (err == 0)
		err = exec(store, "PRAGMA synchronous = FULL", why);
	if (err == 0)
		err = check_schema(store, why);
	if (err == 0)
		err = exec(store, service_schema, why);
	for (size_t i = 0; err == 0 && i < N_STATEMENTS; i++) {
		int rc = sqlite3_prepare_v3(store->db, statement_sql[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL);

		if (rc != SQLITE_OK)
			err = fail(store, rc, why);
	}
	return err;
}

/* Opens the store, making it when it is missing. NULL with the reason in *why. */
struct store *
store_open(const char *path, struct text *why)
{
	struct store *store = calloc(1, sizeof(*store));
	int rc;

	if (!store || !(store->path = strdup(path))) {
		free(store);
		text_puts(why, "out of memory");
		return NULL;
	}
	rc = sqlite3_open_v2(path, &store->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		fail(store, rc, why);
		store_close(store);
		return NULL;
	}
	sqlite3_busy_timeout(store->db, 2000);
	if (prepare(store, why) < 0) {
		store_close(store);
		return NULL;
	}
	return store;
}

/* Closes it; NULL is harmless. */
void
store_close(struct store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->db);
	free(store->path);
	free(store);
}

/* Runs a prepared write to its end and forgets its bindings. */
static int
run(struct store *store, enum statement which, struct text *why)
{
	sqlite3_stmt *statement = store->statements[which];
	int rc = sqlite3_step(statement);
	int err = rc == SQLITE_DONE ? 0 : fail(store, rc, why);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return err;
}

static void
bind_bytes(sqlite3_stmt *statement, int at, const void *data, size_t size)
{
	if (size == 0)
		sqlite3_bind_zeroblob(statement, at, 0);
	else
		sqlite3_bind_blob64(statement, at, data, size, SQLITE_STATIC);
}

static void
bind_string(sqlite3_stmt *statement, int at, const char *string)
{
	bind_bytes(statement, at, string, string ? strlen(string) : 0);
}

static void
bind_setting(sqlite3_stmt *statement, int at, const struct setting *setting)
{
	bind_bytes(statement, at, setting->argv.data, setting->argv.size);
	bind_bytes(statement, at + 1, setting->files.data, setting->files.size);
	bind_bytes(statement, at + 2, setting->identities.data, setting->identities.size);
	bind_bytes(statement, at + 3, &setting->attr, sizeof(setting->attr));
}

/* Writes a row over the one with its path, if any. */
int
store_put(struct store *store, const struct store_row *row, struct text *why)
{
	static const struct setting none;
	sqlite3_stmt *statement = store->statements[STATEMENT_PUT];

	bind_string(statement, 1, row->path);
	sqlite3_bind_int64(statement, 2, row->passive->kind);
	sqlite3_bind_int64(statement, 3, row->passive->nature);
	bind_string(statement, 4, row->passive->program);
	bind_setting(statement, 5, row->passive);
	bind_setting(statement, 9, row->run ? row->run : &none);
	sqlite3_bind_int64(statement, 13, row->created);
	sqlite3_bind_int64(statement, 14, row->restore_mode);
	bind_string(statement, 15, row->underlying_path);
	sqlite3_bind_int64(statement, 16, (sqlite3_int64)row->set_at);
	sqlite3_bind_int64(statement, 17, row->generation);
	sqlite3_bind_int64(statement, 18, row->passive->needs);
	sqlite3_bind_int64(statement, 19, row->passive->grants);
	sqlite3_bind_int64(statement, 20, row->run ? row->run->needs : 0);
	sqlite3_bind_int64(statement, 21, row->passive->share);
	sqlite3_bind_int64(statement, 22, row->idle_ms);
	sqlite3_bind_int64(statement, 23, row->deadline_ms);
	return run(store, STATEMENT_PUT, why);
}

/* Removes a row; that there is none is no error. */
int
store_delete(struct store *store, const char *path, struct text *why)
{
	bind_string(store->statements[STATEMENT_DELETE], 1, path);
	return run(store, STATEMENT_DELETE, why);
}

/* Gives a row another path; one that has it already is replaced. */
int
store_rename(struct store *store, const char *path, const char *to, struct text *why)
{
	bind_string(store->statements[STATEMENT_RENAME], 1, path);
	bind_string(store->statements[STATEMENT_RENAME], 2, to);
	return run(store, STATEMENT_RENAME, why);
}

static char *
column_string(sqlite3_stmt *statement, int at)
{
	const void *data = sqlite3_column_blob(statement, at);
	size_t size = (size_t)sqlite3_column_bytes(statement, at);

	return strndup(data ? data : "", size);
}

static int
column_argv(sqlite3_stmt *statement, int at, struct argv *argv)
{
	const void *data = sqlite3_column_blob(statement, at);

	return argv_copy(argv, data, (size_t)sqlite3_column_bytes(statement, at));
}

/* Four columns from `at` on: argv, files, identities, attr. */
static struct setting *
column_setting(sqlite3_stmt *statement, int at)
{
	struct setting *setting = calloc(1, sizeof(*setting));

	if (!setting)
		return NULL;
	setting->kind = (uint32_t)sqlite3_column_int64(statement, 1);
	setting->nature = (uint32_t)sqlite3_column_int64(statement, 2);
	setting->program = column_string(statement, 3);
	if (!setting->program || column_argv(statement, at, &setting->argv) < 0 ||
	    column_argv(statement, at + 1, &setting->files) < 0 ||
	    column_argv(statement, at + 2, &setting->identities) < 0) {
		setting_free(setting);
		return NULL;
	}
	if (sqlite3_column_bytes(statement, at + 3) == (int)sizeof(setting->attr))
		memcpy(&setting->attr, sqlite3_column_blob(statement, at + 3),
		    sizeof(setting->attr));
	return setting;
}

/* 0; -EBADMSG for a row that no hird wrote. */
static int
read_row(sqlite3_stmt *statement, struct store_row *row)
{
	row->path = column_string(statement, 0);
	row->underlying_path = column_string(statement, 14);
	row->passive = column_setting(statement, 4);
	if (!row->path || !row->underlying_path || !row->passive ||
	    row->path[0] != '/' || row->passive->argv.size == 0)
		return -EBADMSG;
	if (sqlite3_column_bytes(statement, 8) > 0 &&
	    !(row->run = column_setting(statement, 8)))
		return -EBADMSG;
	row->passive->needs = (uint32_t)sqlite3_column_int64(statement, 17);
	row->passive->grants = (uint32_t)sqlite3_column_int64(statement, 18);
	if (row->run) {
		row->run->needs = (uint32_t)sqlite3_column_int64(statement, 19);
		row->run->grants = row->passive->grants;
	}
	row->passive->share = (uint32_t)sqlite3_column_int64(statement, 20);
	if (row->passive->share > NODE_SHARE_OTHER)
		return -EBADMSG;
	if (row->run)
		row->run->share = row->passive->share;
	row->created = sqlite3_column_int(statement, 12) != 0;
	row->restore_mode = (uint32_t)sqlite3_column_int64(statement, 13);
	row->set_at = (uint64_t)sqlite3_column_int64(statement, 15);
	row->generation = (uint32_t)sqlite3_column_int64(statement, 16);
	row->idle_ms = (uint32_t)sqlite3_column_int64(statement, 21);
	row->deadline_ms = (uint32_t)sqlite3_column_int64(statement, 22);
	return 0;
}

/* Walks all rows in path order; one that cannot be read is skipped and named in *why. */
int
store_each(struct store *store, int (*each)(const struct store_row *row, void *arg),
    void *arg, struct text *why)
{
	sqlite3_stmt *statement = store->statements[STATEMENT_EACH];
	int result = 0;
	int rc;

	while ((rc = sqlite3_step(statement)) == SQLITE_ROW && result == 0) {
		struct store_row row = { 0 };

		if (read_row(statement, &row) < 0)
			text_printf(why, "%s: a row of it is damaged and left out", store->path);
		else
			result = each(&row, arg);
		store_row_deinit(&row);
	}
	if (result == 0 && rc != SQLITE_DONE)
		result = fail(store, rc, why);
	sqlite3_reset(statement);
	return result;
}

/* Writes a service over the one with its name, if any. */
int
store_put_service(struct store *store, const struct store_service *service, struct text *why)
{
	sqlite3_stmt *statement = store->statements[STATEMENT_PUT_SERVICE];

	bind_string(statement, 1, service->name);
	bind_string(statement, 2, service->program);
	bind_bytes(statement, 3, service->argv.data, service->argv.size);
	bind_bytes(statement, 4, service->env.data, service->env.size);
	return run(store, STATEMENT_PUT_SERVICE, why);
}

/* Removes one; that there is none is no error. */
int
store_delete_service(struct store *store, const char *name, struct text *why)
{
	bind_string(store->statements[STATEMENT_DELETE_SERVICE], 1, name);
	return run(store, STATEMENT_DELETE_SERVICE, why);
}

/* 0; -EBADMSG for a row that no hird wrote. */
static int
read_service(sqlite3_stmt *statement, struct store_service *service)
{
	service->name = column_string(statement, 0);
	service->program = column_string(statement, 1);
	if (!service->name || !service->program || column_argv(statement, 2, &service->argv) < 0 ||
	    column_argv(statement, 3, &service->env) < 0)
		return -EBADMSG;
	return service->name[0] && service->argv.size > 0 ? 0 : -EBADMSG;
}

/* Walks all services; one that cannot be read is skipped and named in *why. */
int
store_each_service(struct store *store,
    int (*each)(const struct store_service *service, void *arg), void *arg, struct text *why)
{
	sqlite3_stmt *statement = store->statements[STATEMENT_EACH_SERVICE];
	int result = 0;
	int rc;

	while ((rc = sqlite3_step(statement)) == SQLITE_ROW && result == 0) {
		struct store_service service = { 0 };

		if (read_service(statement, &service) < 0)
			text_printf(why, "%s: a service in it is damaged and left out", store->path);
		else
			result = each(&service, arg);
		free(service.name);
		free(service.program);
		argv_deinit(&service.argv);
		argv_deinit(&service.env);
	}
	if (result == 0 && rc != SQLITE_DONE)
		result = fail(store, rc, why);
	sqlite3_reset(statement);
	return result;
}
