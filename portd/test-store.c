/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-store: what is written is there after closing, and a damaged file is said to be one. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/cleanup.h"
#include "portd/store.h"

static char dir[64];
static char path[96];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/hird-test-store.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/nodes.sqlite", dir);
	return 0;
}

/* Nothing but the one file may be left, or less. */
static int
remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static struct store *
open_store(void)
{
	struct text why = { 0 };
	struct store *store = store_open(path, &why);

	assert_string_equal(text_string(&why), "");
	assert_non_null(store);
	text_deinit(&why);
	return store;
}

static void
put(struct store *store, const char *node, const char *word, bool with_run)
{
	struct setting setting = { .kind = NODE_KIND_DIR, .nature = NODE_NATURE_IMMUTABLE,
		.program = (char *)"/usr/libexec/hird/archive", .attr = { .valid = 1, .size = 77 } };
	struct setting run = { .program = (char *)"/usr/libexec/hird/archive" };
	struct store_row row = { .path = (char *)node, .passive = &setting,
		.run = with_run ? &run : NULL, .created = true, .restore_mode = 0755,
		.underlying_path = (char *)"", .set_at = 1234567890123, .generation = 7,
		.idle_ms = NODE_TIME_NEVER, .deadline_ms = 1500 };
	struct text why = { 0 };

	argv_add(&setting.argv, "archive");
	argv_add(&setting.argv, word);
	argv_add(&setting.files, "archive");
	argv_add(&setting.files, "/a b/\xff.tar");
	argv_add(&setting.identities, "1:2:3:4.5");
	argv_add(&run.argv, "archive");
	assert_int_equal(store_put(store, &row, &why), 0);
	argv_deinit(&setting.argv);
	argv_deinit(&setting.files);
	argv_deinit(&setting.identities);
	argv_deinit(&run.argv);
	text_deinit(&why);
}

struct seen {
	size_t n;
	char paths[8][32];
	char words[8][32];
	bool runs[8];
};

static int
see(const struct store_row *row, void *arg)
{
	struct seen *seen = arg;

	assert_true(seen->n < 8);
	assert_int_equal(row->generation, 7);
	assert_int_equal(row->idle_ms, NODE_TIME_NEVER);
	assert_int_equal(row->deadline_ms, 1500);
	assert_int_equal(row->set_at, 1234567890123);
	assert_int_equal(row->restore_mode, 0755);
	assert_true(row->created);
	assert_int_equal(row->passive->kind, NODE_KIND_DIR);
	assert_int_equal(row->passive->attr.size, 77);
	assert_string_equal(argv_word(&row->passive->files, 1), "/a b/\xff.tar");
	assert_string_equal(argv_word(&row->passive->identities, 0), "1:2:3:4.5");
	snprintf(seen->paths[seen->n], 32, "%s", row->path);
	snprintf(seen->words[seen->n], 32, "%s", argv_word(&row->passive->argv, 1));
	seen->runs[seen->n++] = row->run != NULL;
	return 0;
}

static struct seen
read_all(struct store *store)
{
	struct seen seen = { 0 };
	struct text why = { 0 };

	assert_int_equal(store_each(store, see, &seen, &why), 0);
	assert_int_equal(why.size, 0);
	return seen;
}

static void
test_survives_closing(void **state)
{
	struct store *store = open_store();
	struct seen seen;

	(void)state;
	put(store, "/z", "one", false);
	put(store, "/a\xff\n", "two", true);
	put(store, "/z", "three", false);
	store_close(store);
	store = open_store();
	seen = read_all(store);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.paths[0], "/a\xff\n");
	assert_true(seen.runs[0]);
	assert_string_equal(seen.paths[1], "/z");
	assert_string_equal(seen.words[1], "three");
	assert_false(seen.runs[1]);
	store_close(store);
}

static void
test_delete_and_rename(void **state)
{
	struct store *store = open_store();
	struct text why = { 0 };
	struct seen seen;

	(void)state;
	put(store, "/a", "one", false);
	put(store, "/b", "two", false);
	assert_int_equal(store_rename(store, "/a", "/b", &why), 0);
	seen = read_all(store);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.paths[0], "/b");
	assert_string_equal(seen.words[0], "one");
	assert_int_equal(store_delete(store, "/nothing", &why), 0);
	assert_int_equal(store_delete(store, "/b", &why), 0);
	assert_int_equal(read_all(store).n, 0);
	store_close(store);
}

static void
test_damaged_file(void **state)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char rubbish[4096];
	struct text why = { 0 };

	(void)state;
	memset(rubbish, 'x', sizeof(rubbish));
	assert_int_equal(write(fd, rubbish, sizeof(rubbish)), sizeof(rubbish));
	assert_null(store_open(path, &why));
	assert_non_null(strstr(text_string(&why), path));
	text_deinit(&why);
}

static void
test_missing_directory(void **state)
{
	struct text why = { 0 };

	(void)state;
	assert_null(store_open("/nonexistent/nodes.sqlite", &why));
	assert_non_null(strstr(text_string(&why), "/nonexistent/nodes.sqlite"));
	text_deinit(&why);
}

/* A full disk, played by a limit on the size of files: an error with a reason, and
 * what was there stays. */
static void
test_no_room(void **state)
{
	struct store *store = open_store();
	struct rlimit before, small;
	struct setting setting = { .program = (char *)"/p" };
	struct store_row row = { .path = (char *)"/big", .passive = &setting,
		.underlying_path = (char *)"" };
	struct text why = { 0 };
	char word[100000];

	(void)state;
	put(store, "/a", "one", false);
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	argv_add(&setting.argv, word);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 32768;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_true(store_put(store, &row, &why) < 0);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_true(why.size > 0);
	assert_int_equal(read_all(store).n, 1);
	argv_deinit(&setting.argv);
	text_deinit(&why);
	store_close(store);
}

static int
see_share(const struct store_row *row, void *arg)
{
	uint32_t *sharep = arg;

	*sharep = row->passive->share;
	return 0;
}

/* As the first version wrote it. */
static const char version_1[] =
    "CREATE TABLE node ("
    " path BLOB PRIMARY KEY NOT NULL,"
    " kind INTEGER NOT NULL, nature INTEGER NOT NULL,"
    " program BLOB NOT NULL, argv BLOB NOT NULL, files BLOB NOT NULL, identities BLOB NOT NULL,"
    " attr BLOB NOT NULL,"
    " run_argv BLOB NOT NULL, run_files BLOB NOT NULL, run_identities BLOB NOT NULL,"
    " run_attr BLOB NOT NULL, created INTEGER NOT NULL, restore_mode INTEGER NOT NULL,"
    " underlying_path BLOB NOT NULL, set_at INTEGER NOT NULL, generation INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "INSERT INTO node VALUES (CAST('/old' AS BLOB), 1, 2, CAST('/p' AS BLOB), x'707000', x'',"
    " x'', x'', x'', x'', x'', x'', 0, 0, x'', 5, 9);"
    "PRAGMA user_version = 1";

static int
see_old(const struct store_row *row, void *arg)
{
	assert_string_equal(row->path, "/old");
	assert_string_equal(argv_word(&row->passive->argv, 0), "pp");
	assert_int_equal(row->generation, 9);
	assert_int_equal(row->passive->grants, *(unsigned *)arg);
	assert_int_equal(row->passive->needs, *(unsigned *)arg);
	assert_int_equal(row->idle_ms, 0);
	assert_int_equal(row->deadline_ms, 0);
	return 0;
}

/* Its settings stay, with nothing granted; what is granted then is kept. */
static void
test_older_version(void **state)
{
	struct setting setting = { .program = (char *)"/p" };
	struct store_row row = { .path = (char *)"/old", .passive = &setting,
		.underlying_path = (char *)"", .generation = 9 };
	struct text why = { 0 };
	struct store *store;
	unsigned grants = 0;
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, version_1, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	store = open_store();
	assert_int_equal(store_each(store, see_old, &grants, &why), 0);
	setting.grants = setting.needs = grants = 3;
	argv_add(&setting.argv, "pp");
	assert_int_equal(store_put(store, &row, &why), 0);
	argv_deinit(&setting.argv);
	store_close(store);
	store = open_store();
	assert_int_equal(store_each(store, see_old, &grants, &why), 0);
	assert_int_equal(why.size, 0);
	store_close(store);
}

static void
test_share(void **state)
{
	struct setting setting = { .kind = NODE_KIND_DIR, .program = (char *)"/p",
		.share = NODE_SHARE_OTHER };
	struct setting run = { .program = (char *)"/p" };
	struct store_row row = { .path = (char *)"/a", .passive = &setting, .run = &run,
		.underlying_path = (char *)"" };
	struct store *store = open_store();
	struct text why = { 0 };
	uint32_t share = 77;

	(void)state;
	argv_add(&setting.argv, "x");
	argv_add(&run.argv, "x");
	assert_int_equal(store_put(store, &row, &why), 0);
	store_close(store);
	store = open_store();
	assert_int_equal(store_each(store, see_share, &share, &why), 0);
	assert_int_equal(share, NODE_SHARE_OTHER);
	store_close(store);
	argv_deinit(&setting.argv);
	argv_deinit(&run.argv);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_survives_closing, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_delete_and_rename, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_damaged_file, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_missing_directory, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_older_version, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_no_room, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_share, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
