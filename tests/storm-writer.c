/* SPDX-License-Identifier: GPL-2.0-or-later */
/* storm-writer: changes a directory at random, and looks at once whether it is as it should be.
 *
 *   storm-writer --seconds=N --seed=N --journal=FILE DIR    until the time is over, or SIGTERM
 *   storm-writer --verify --journal=FILE DIR                that all which was noted is there
 *
 * What the journal has was acknowledged. With --lossy a request may end with an error when a
 * translator dies; then a step must have been done or not been done, and is done again when it
 * can be. The last line says how much was done. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "tests/storm.h"

enum { KEPT = 3, PATIENCE_MS = 60 * 1000 };

static struct storm_model model;
static const char *top;
static int dir = -1;
static bool lossy;
static unsigned long n_steps, n_errors;
static volatile sig_atomic_t ending;
static char why[256];

/* Files that stay open over whatever happens to their names, and to translators. */
static struct {
	int fd;
	const struct storm_object *object;
} kept[KEPT];

static void
on_end(int signum)
{
	(void)signum;
	ending = 1;
}

static int
last_error(int result)
{
	return result < 0 ? -errno : 0;
}

/* What --lossy allows: the request was under way, or the connection was, when somebody died. */
static bool
is_loss(int err)
{
	return lossy && (err == -EIO || err == -EINTR || err == -ECONNABORTED || err == -ENOTCONN ||
	    err == -ESTALE || err == -EBADF);
}

static void
open_top(void)
{
	fd_close(&dir);
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Files that stay open ------------------------------------------------------- */

static int
kept_fd(const struct storm_object *object)
{
	for (unsigned i = 0; i < KEPT; i++)
		if (kept[i].fd >= 0 && kept[i].object == object)
			return kept[i].fd;
	return -1;
}

static void
keep(int fd, const struct storm_object *object, uint64_t seed)
{
	unsigned i = (unsigned)(seed / 7 % KEPT);

	fd_close(&kept[i].fd);
	kept[i].fd = fd;
	kept[i].object = object;
}

static bool
has_name(const struct storm_object *object)
{
	for (unsigned i = 0; i < STORM_FILES; i++)
		if (model.name[i] == object)
			return true;
	return false;
}

static void
drop_nameless(void)
{
	for (unsigned i = 0; i < KEPT; i++)
		if (kept[i].fd >= 0 && !has_name(kept[i].object))
			fd_close(&kept[i].fd);
}

static void
drop_kept(void)
{
	for (unsigned i = 0; i < KEPT; i++)
		fd_close(&kept[i].fd);
}

/* Steps ---------------------------------------------------------------------- */

static int
write_all(int fd, const unsigned char *data, size_t size, off_t offset)
{
	while (size > 0) {
		ssize_t n = pwrite(fd, data, size, offset);

		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
		offset += n;
	}
	return 0;
}

static int
do_write(const struct storm_step *step, const char *path)
{
	static unsigned char data[STORM_SIZE_MAX];
	const struct storm_object *object = model.name[step->name];
	int err, known = kept_fd(object);
	AUTO_CLOSE int fd = known >= 0 ? -1 : openat(dir, path, O_RDWR | O_CLOEXEC);

	if (known < 0 && fd < 0)
		return -errno;
	storm_fill(step, data);
	err = write_all(known >= 0 ? known : fd, data, step->size, step->offset);
	if (err == 0 && step->seed % 3 == 0)
		err = last_error(fsync(known >= 0 ? known : fd));
	if (err == 0 && known < 0 && step->seed % 5 == 0)
		keep(fd_steal(&fd), object, step->seed);
	return err;
}

static int
do_create(const struct storm_step *step, const char *path)
{
	AUTO_CLOSE int fd = openat(dir, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
	    step->seed % 2 ? 0644 : 0600);

	if (fd < 0)
		return -errno;
	return step->seed % 3 == 0 ? last_error(fsync(fd)) : 0;
}

static int
do_truncate(const struct storm_step *step, const char *path)
{
	int known = kept_fd(model.name[step->name]);
	AUTO_CLOSE int fd = -1;

	if (known >= 0)
		return last_error(ftruncate(known, step->size));
	fd = openat(dir, path, O_RDWR | O_CLOEXEC | (step->size == 0 ? O_TRUNC : 0));
	return last_error(fd < 0 ? fd : ftruncate(fd, step->size));
}

/* The bytes of a file that has no name any more. */
static int
check_nameless(int fd, const struct storm_object *object)
{
	static unsigned char data[STORM_SIZE_MAX + 1];
	ssize_t n = pread(fd, data, sizeof(data), 0);

	if (n < 0)
		return -errno;
	if (n == (ssize_t)object->size && memcmp(data, object->data, object->size) == 0)
		return 0;
	snprintf(why, sizeof(why), "a file that was removed while it was open is not what it was");
	return 1;
}

static int
do_unlink(const struct storm_step *step, const char *path)
{
	static const char last_words[] = "written after the last name was gone";
	const struct storm_object *object = model.name[step->name];
	bool follow = object->type == STORM_FILE && step->seed % 2;
	AUTO_CLOSE int fd = follow ? openat(dir, path, O_RDWR | O_CLOEXEC) : -1;
	char got[sizeof(last_words)];
	int err;

	if (follow && fd < 0)
		return -errno;
	if (unlinkat(dir, path, 0) < 0)
		return -errno;
	err = follow ? check_nameless(fd, object) : 0;
	if (err != 0 || !follow || object->n_links > 1)
		return is_loss(err) ? 0 : err;
	if (pwrite(fd, last_words, sizeof(got), 0) != sizeof(got) || fsync(fd) < 0 ||
	    pread(fd, got, sizeof(got), 0) != sizeof(got))
		return is_loss(-errno) ? 0 : -errno;
	if (memcmp(got, last_words, sizeof(got)) == 0)
		return 0;
	snprintf(why, sizeof(why), "a file without a name does not have what was written to it");
	return 1;
}

static int
do_rename(const struct storm_step *step, const char *path, const char *new_path)
{
	unsigned flags = step->kind == STORM_EXCHANGE ? RENAME_EXCHANGE :
	    model.name[step->new_name] ? 0 : RENAME_NOREPLACE;

	return last_error(renameat2(dir, path, dir, new_path, flags));
}

static int
do_step(const struct storm_step *step)
{
	char path[STORM_PATH_MAX], new_path[STORM_PATH_MAX], target[STORM_PATH_MAX];

	storm_path(step->name, path);
	storm_path(step->new_name, new_path);
	switch (step->kind) {
	case STORM_CREATE: return do_create(step, path);
	case STORM_WRITE: return do_write(step, path);
	case STORM_TRUNCATE: return do_truncate(step, path);
	case STORM_LINK: return last_error(linkat(dir, path, dir, new_path, 0));
	case STORM_UNLINK: return do_unlink(step, path);
	case STORM_MKDIR: return last_error(mkdirat(dir, path, 0755));
	case STORM_RMDIR: return last_error(unlinkat(dir, path, AT_REMOVEDIR));
	case STORM_SYMLINK:
		storm_target(step->seed, target);
		return last_error(symlinkat(target, dir, path));
	default: return do_rename(step, path, new_path);
	}
}

static int
sync_directory(unsigned which)
{
	char path[STORM_PATH_MAX];
	AUTO_CLOSE int fd = -1;

	storm_dir(which, path);
	fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return last_error(fd < 0 ? fd : fsync(fd));
}

/* Checks ---------------------------------------------------------------------- */

static int
check_names(const struct storm_step *step, bool content)
{
	int err = storm_check(&model, dir, step->name, content, why, sizeof(why));

	if (err == 0 && step->new_name != step->name)
		err = storm_check(&model, dir, step->new_name, content, why, sizeof(why));
	return err;
}

/* The same, for as long as errors are to be expected. */
static int
check_patiently(const struct storm_step *step, bool content)
{
	int64_t until = sys_now_ms() + PATIENCE_MS;
	int err;

	while (is_loss(err = check_names(step, content)) && sys_now_ms() < until) {
		usleep(10000);
		open_top();
	}
	return err;
}

/* A step ended with an error that is allowed. What can be repeated is; the rest was done, or not. */
static int
settle(const struct storm_step *step, bool *donep)
{
	int64_t until = sys_now_ms() + PATIENCE_MS;
	int err = -EIO;

	n_errors++;
	drop_kept();
	if (step->kind == STORM_WRITE || step->kind == STORM_TRUNCATE) {
		while (is_loss(err) && sys_now_ms() < until) {
			usleep(10000);
			open_top();
			err = do_step(step);
			drop_kept();
		}
		*donep = true;
		return err;
	}
	err = check_patiently(step, true);
	*donep = err > 0;
	return err > 0 ? 0 : err;
}

static int
complain(const struct storm_step *step, int err)
{
	char path[STORM_PATH_MAX], new_path[STORM_PATH_MAX];

	storm_path(step->name, path);
	storm_path(step->new_name, new_path);
	fprintf(stderr, "storm-writer: step %lu, %s %s %s (%u at %u): %s\n", n_steps,
	    storm_kind_name(step->kind), path, new_path, step->size, step->offset,
	    err < 0 ? strerror(-err) : why);
	return 1;
}

/* One step, noted when it was acknowledged. 0 or 1. */
static int
take_step(uint64_t *random, FILE *journal)
{
	struct storm_step step = storm_choose(&model, random), other = step;
	bool done = true;
	int err = do_step(&step);

	if (is_loss(err))
		err = settle(&step, &done);
	if (err != 0)
		return complain(&step, err);
	if (done) {
		storm_apply(&model, &step);
		storm_put(journal, &step);
		drop_nameless();
	}
	n_steps++;
	if (step.seed % 11 == 0 && (err = sync_directory(step.name)) < 0 && !is_loss(err))
		return complain(&step, err);
	err = check_patiently(&step, step.seed % 4 == 0);
	if (err != 0)
		return complain(&step, err);
	other.name = other.new_name = (unsigned)(storm_random(random) % STORM_NAMES);
	err = check_patiently(&other, true);
	return err == 0 ? 0 : complain(&other, err);
}

static int
check_everything(void)
{
	int64_t until = sys_now_ms() + PATIENCE_MS;
	int err;

	while (is_loss(err = storm_check_all(&model, dir, why, sizeof(why))) &&
	    sys_now_ms() < until)
		open_top();
	if (err == 0)
		return 0;
	fprintf(stderr, "storm-writer: after %lu steps: %s\n", n_steps,
	    err < 0 ? strerror(-err) : why);
	return 1;
}

/* The whole --------------------------------------------------------------------- */

static int
make_directories(void)
{
	char path[STORM_PATH_MAX];

	for (unsigned i = 0; i < STORM_DIRS; i++) {
		storm_dir(i, path);
		while (mkdirat(dir, path, 0755) < 0) {
			if (errno == EEXIST)
				break;
			if (!is_loss(-errno)) {
				fprintf(stderr, "storm-writer: %s/%s: %s\n", top, path,
				    strerror(errno));
				return 1;
			}
			open_top();
		}
	}
	return 0;
}

static int
write_on(uint64_t seed, int64_t seconds, FILE *journal)
{
	int64_t until = sys_now_ms() + seconds * 1000;
	int status = make_directories();

	while (status == 0 && !ending && sys_now_ms() < until)
		status = take_step(&seed, journal);
	if (status == 0)
		status = check_everything();
	return status;
}

static int
verify(FILE *journal)
{
	struct storm_step step;

	while (storm_get(journal, &step)) {
		n_steps++;
		if (!storm_apply(&model, &step)) {
			fprintf(stderr, "storm-writer: line %lu makes no sense\n", n_steps);
			return 1;
		}
	}
	return check_everything();
}

static int
usage(void)
{
	fprintf(stderr, "usage: storm-writer --journal=FILE [--seed=N] [--seconds=N] [--lossy] "
	    "[--verify] DIR\n");
	return 64;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "journal", required_argument, NULL, 'j' },
		{ "seed", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "lossy", no_argument, NULL, 'l' },
		{ "verify", no_argument, NULL, 'v' },
		{ 0 },
	};
	const char *path = NULL;
	bool verifies = false;
	uint64_t seed = 1;
	int64_t seconds = 1;
	FILE *journal;
	int c, status;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'j': path = optarg; break;
		case 'r': seed = strtoull(optarg, NULL, 0); break;
		case 's': seconds = atoll(optarg); break;
		case 'l': lossy = true; break;
		case 'v': verifies = true; break;
		default: return usage();
		}
	}
	if (optind + 1 != argc || !path)
		return usage();
	top = argv[optind];
	open_top();
	journal = fopen(path, verifies ? "re" : "we");
	if (dir < 0 || !journal) {
		fprintf(stderr, "storm-writer: %s: %s\n", journal ? top : path, strerror(errno));
		return 1;
	}
	for (unsigned i = 0; i < KEPT; i++)
		kept[i].fd = -1;
	signal(SIGTERM, on_end);
	status = verifies ? verify(journal) : write_on(seed, seconds, journal);
	printf("%lu steps, %lu errors\n", n_steps, n_errors);
	drop_kept();
	fd_close(&dir);
	storm_deinit(&model);
	fclose(journal);
	return status;
}
