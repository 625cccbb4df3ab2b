/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch: a stop-watch for commands and for reads.
 *
 *   watch run COMMAND [ARGUMENT...]	microseconds that the command took
 *   watch each FILE...			microseconds of open, read to the end, close, a line each
 *   watch all LIST			microseconds for all the files that LIST names, a line each
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static int
run(char **argv)
{
	int64_t begin = now_us();
	int status;
	pid_t child = fork();

	if (child < 0)
		return 1;
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDOUT_FILENO);
		execvp(argv[0], argv);
		fprintf(stderr, "watch: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	waitpid(child, &status, 0);
	printf("%lld\n", (long long)(now_us() - begin));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void
read_file(const char *path)
{
	char data[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		while ((n = read(fd, data, sizeof(data))) > 0)
			;
		close(fd);
	}
	if (n < 0) {
		fprintf(stderr, "watch: %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

static int
each(char **files)
{
	for (; *files; files++) {
		int64_t begin = now_us();

		read_file(*files);
		printf("%lld\n", (long long)(now_us() - begin));
	}
	return 0;
}

static int
all(const char *list)
{
	FILE *names = fopen(list, "re");
	char name[4096];
	int64_t begin = now_us();

	if (!names) {
		fprintf(stderr, "watch: %s: %s\n", list, strerror(errno));
		return 1;
	}
	while (fgets(name, sizeof(name), names)) {
		name[strcspn(name, "\n")] = '\0';
		read_file(name);
	}
	fclose(names);
	printf("%lld\n", (long long)(now_us() - begin));
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "run") == 0)
		return run(argv + 2);
	if (argc >= 3 && strcmp(argv[1], "each") == 0)
		return each(argv + 2);
	if (argc == 3 && strcmp(argv[1], "all") == 0)
		return all(argv[2]);
	fprintf(stderr, "usage: watch run COMMAND... | each FILE... | all LIST\n");
	return 64;
}
