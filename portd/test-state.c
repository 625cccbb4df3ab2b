/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit tests of the state that one portd hands to the next: a world with some of
 * everything is written, read into a second world, compared, and goes on there; what was
 * tampered with is refused. */
#include "portd/test-case.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "portd/connection.h"
#include "portd/set.h"
#include "portd/state.h"
#include "portd/test-pidfd.h"

enum { SOME_TIME_MS = 60 * 1000 };

/* The names of a world with some of everything. */
struct scene {
	port_name_t plain, reply, full, member, set, dead, guarded, kept, chosen;
	struct client sender, receiver, set_receiver, slow;
};

static struct port *kernel_port, *kept_port;
static struct right lent;

static void
ignore(struct port *port, struct message *message, void *arg)
{
	(void)port;
	++*(int *)arg;
	message_free(message);
}

static int n_kernel;

static port_name_t
enter(struct client *c, struct right right)
{
	port_name_t name = PORT_NULL;

	core_enter(world);
	right_reclaim(&right);
	OK(right_enter(space_of(c), right, &name));
	core_leave(world);
	return name;
}

/* A message with rights of each kind, and a descriptor. */
static void
send_rich(struct client *c, port_name_t to)
{
	port_name_t carried = new_port_rs(c), mine = new_port_rs(c);
	struct wire_port ports[] = {
		{ carried, MR }, { mine, CS }, { mine, KSO }, { PORT_NULL, CS }, { PORT_DEAD, CS },
	};
	struct letter l = letter(to, CS, 77);

	OK(send_plain(c, carried, CS, 5));
	ask(c, carried, PORT_NOTIFY_DEAD_NAME, 0, mine);
	l.body = (struct wire_blob){ "hello", 5 };
	l.ports = ports;
	l.n_ports = ARRAY_SIZE(ports);
	l.local = mine;
	l.local_disposition = KSO;
	l.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	OK(client_exchange(c, &l, NULL));
}

static void
set_ports(struct scene *s)
{
	port_name_t n;

	s->plain = new_port_rs(&T);
	s->reply = new_port_rs(&T);
	OK(mod_refs(&T, s->plain, SEND, 5));
	send_rich(&T, s->plain);
	OK(send_reply(&T, s->plain, CS, s->reply, KSO));
	ask(&T, s->plain, PORT_NOTIFY_NO_SENDERS, 9, s->reply);
	ask(&T, s->reply, PORT_NOTIFY_PORT_DESTROYED, 0, new_port(&T));
	s->dead = new_dead_name(&T, 3);
	n = new_port_rs(&V);
	give(&V, n, KSO, &T);
	give(&V, n, CS, &T);
	deallocate(&T, new_port_rs(&T));	/* a free slot, and one that was used */
	s->chosen = 0x1234567;
	OK(client_allocate_name(&T,
	    (struct allocate_name_in){ .kind = RECEIVE, .name = s->chosen }, NULL));
	s->guarded = new_port(&U);
	OK(client_guard(&U, (struct guard_in){ .name = s->guarded, .guard = 42, .strict = 1 }, NULL));
	(void)give_task_port(&T, &U);
	(void)give_task_port(&U, &U);
}

/* Some who wait: for room, for a message, at a set; with and without a limit of time. */
static void
set_waiters(struct scene *s)
{
	struct allocate_out out = { 0 };
	struct letter l;

	s->full = new_port_rs(&U);
	fill(&U, s->full, PORT_QLIMIT_DEFAULT);
	s->sender = new_thread(&U);
	post_send(&s->sender, s->full, CS, 99);
	s->receiver = new_thread(&T);
	l = wish(s->chosen);
	l.rcv_timeout_ms = SOME_TIME_MS;
	client_post(&s->receiver, &l);
	OK(client_allocate(&V, (struct allocate_in){ .kind = PORT_RIGHT_PORT_SET }, &out));
	s->set = out.name;
	s->member = new_port_rs(&V);
	OK(client_move_member(&V, (struct move_member_in){ .member = s->member, .set = s->set }, NULL));
	s->set_receiver = new_thread(&V);
	post_receive(&s->set_receiver, s->set);
	assert_false(client_has_reply(&s->receiver));
}

/* What portd's keeper has. */
static void
set_keeper(struct scene *s)
{
	core_enter(world);
	kernel_port = port_new_kernel(world, ignore, &n_kernel);
	kept_port = port_new_kept(world);
	lent = right_make_send_once(kept_port);
	core_leave(world);
	world_set_bootstrap(world, right_make_send(kernel_port));
	s->kept = enter(&U, right_make_send(kept_port));
	OK(send_plain(&U, s->kept, CS, 321));
}

static void
set_scene(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	set_ports(s);
	set_waiters(s);
	set_keeper(s);
	client_pump(&T);
	world_check(world);
}

/* Writing and reading ---------------------------------------------------------------- */

static void
put_keeper(struct tape *tape)
{
	tape_put_u64(tape, kernel_port->number);
	tape_put_u64(tape, kept_port->number);
	state_put_right(tape, lent);
}

static void
get_keeper(struct state *state)
{
	kernel_port = state_get_kernel(state, ignore, &n_kernel);
	kept_port = state_get_kept(state, true);
	lent = state_get_lent(state);
}

/* The descriptors are the second world's own then. */
static void
write_state(struct tape *tape)
{
	AUTO_TEXT struct text why = { 0 };

	OK(state_put(tape, world, &why));
	put_keeper(tape);
	OK(tape->error);
	for (size_t i = 0; i < tape->n_fds; i++)
		tape->fds[i] = dup(tape->fds[i]);
	tape->owns = true;
}

static uint64_t
sum_of(const struct tape *tape)
{
	uint64_t sum = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < tape->size; i++)
		sum = (sum ^ tape->data[i]) * 0x100000001b3ull;
	return sum;
}

/* The same state as the second world would write it. */
static uint64_t
sum_of_world(struct world *of)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_TAPE struct tape tape = { 0 };

	OK(state_put(&tape, of, &why));
	put_keeper(&tape);
	OK(tape.error);
	return sum_of(&tape);
}

/* A second world out of what the first one has written; the first one stands still from
 * now on. */
static struct world *
read_state(const struct tape *written, uv_loop_t *to)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_TAPE struct tape tape = { 0 };
	AUTO_STATE struct state state = { 0 };
	struct world *second = world_new(to, getuid());
	int fd = -1;

	second->checked = true;
	OK(tape_write(written, &fd));
	OK(tape_open(&tape, fd, &why));
	assert_true(state_get(&state, &tape, second));
	get_keeper(&state);
	if (state_finish(&state, &why) != 0)
		fail_msg("%s", text_string(&why));
	state_resume(&state);
	world_check(second);
	return second;
}

static void
free_world(struct world *of, uv_loop_t *on)
{
	of->checked = false;
	world_free(of);
	uv_run(on, UV_RUN_DEFAULT);
}

/* The tests --------------------------------------------------------------------------- */

static struct scene scene;
static uv_loop_t second_loop;
static struct world *first_world;
static struct port *first_kept;
static struct right first_lent;

static void
use_loop(struct scene *s, uv_loop_t *to)
{
	T.loop = U.loop = V.loop = to;
	s->sender.loop = s->receiver.loop = s->set_receiver.loop = to;
}

/* Which needs a pidfd for each of its tasks. */
static void
need_second_world(void)
{
	if (!has_pidfds()) {
		teardown(NULL);
		skip();
	}
}

/* Every test ends with two worlds, of which the first one has gone nowhere. */
static void
move_over(void)
{
	struct tape tape = { 0 };

	need_second_world();
	set_scene(&scene);
	write_state(&tape);
	uv_loop_init(&second_loop);
	first_world = world;
	first_kept = kept_port;
	first_lent = lent;
	tape.owns = false;	/* the second world eats them */
	world = read_state(&tape, &second_loop);
	tape_deinit(&tape);
	use_loop(&scene, &second_loop);
}

static void
end_world(struct world *of, uv_loop_t *on)
{
	free_world(of, on);
	OK(uv_loop_close(on));
}

/* Everybody goes, with what portd itself had in the world where they are. */
static void
end_clients(void)
{
	client_close(&scene.sender);
	client_close(&scene.receiver);
	client_close(&scene.set_receiver);
	client_close(&T);
	client_close(&U);
	client_close(&V);
	right_release(lent);
	right_release((struct right){ RIGHT_RECEIVE, kept_port });
}

static void
end_both(void)
{
	end_clients();
	right_release(first_lent);
	right_release((struct right){ RIGHT_RECEIVE, first_kept });
	end_world(world, &second_loop);
	end_world(first_world, &loop);
	IS(count_fds(), fds_before);
}

/* The time that is left is never the same. */
static void
stop_timers(struct world *of)
{
	LIST_FOR_EACH(link, next, &of->tasks) {
		struct task *task = LIST_ENTRY(link, struct task, link);

		LIST_FOR_EACH(in, after, &task->connections)
			connection_stop_timer(LIST_ENTRY(in, struct connection, link));
	}
}

/* What a second world writes is what the first one has written, bit by bit. */
static void
same_again(void **state)
{
	(void)state;
	move_over();
	stop_timers(world);
	stop_timers(first_world);
	assert_true(sum_of_world(world) == sum_of_world(first_world));
	end_both();
}

/* Everybody goes on: names, counts, queues, those who wait. */
static void
goes_on(void **state)
{
	struct mail mail;

	(void)state;
	move_over();
	IS(refs(&T, scene.plain, SEND), 6);
	IS(type_of(&T, scene.plain), TYPE_SEND | TYPE_RECEIVE);
	IS(refs(&T, scene.dead, DEAD_NAME), 3);
	IS(status(&T, scene.plain).msgcount, 2);
	OK(receive(&T, scene.plain, &mail));
	IS(mail.out.id, 77);
	IS(mail.out.size, 5);
	assert_memory_equal(mail.out.body.data, "hello", 5);
	IS(mail.n_ports, 5);
	IS(mail.ports[4].name, PORT_DEAD);
	assert_true(mail.fd >= 0);
	close(mail.fd);
	expect_message(&T, mail.ports[0].name, 5);
	expect_message(&T, scene.plain, 1);
	/* The receiver with a limit still waits, and gets what comes now. */
	assert_false(client_has_reply(&scene.receiver));
	OK(insert(&T, scene.chosen, scene.chosen, KS));
	OK(send_plain(&T, scene.chosen, CS, 12));
	OK(client_fetch(&scene.receiver, &mail));
	IS(mail.out.id, 12);
	/* So does the one at the set. */
	OK(send_plain(&V, scene.member, CS, 13));
	OK(client_fetch(&scene.set_receiver, &mail));
	IS(mail.out.id, 13);
	/* The sender is let in by the first receive. */
	assert_false(client_has_reply(&scene.sender));
	expect_message(&U, scene.full, 0);
	OK(client_fetch(&scene.sender, NULL));
	for (uint32_t i = 1; i < PORT_QLIMIT_DEFAULT; i++)
		expect_message(&U, scene.full, i);
	expect_message(&U, scene.full, 99);
	IS(port_queued(kept_port), 1);
	end_both();
}

/* New names, tasks and numbers do not collide with old ones. */
static void
new_things(void **state)
{
	struct client other;

	(void)state;
	move_over();
	client_open(&other, world, &second_loop);
	assert_true(other.task > V.task);
	for (int i = 0; i < 100; i++)
		assert_int_not_equal(new_port(&T), scene.plain);
	kill_port(&T, scene.reply);
	client_close(&other);
	end_both();
}

/* What is damaged ------------------------------------------------------------------------ */

/* Reads a state that may be anything: it is refused, or it holds together. */
static bool
try_state(const struct tape *written)
{
	AUTO_TEXT struct text why = { 0 };
	AUTO_STATE struct state state = { 0 };
	struct tape tape = *written;
	uv_loop_t on;
	struct world *second;
	struct port *kernel_before = kernel_port, *kept_before = kept_port;
	struct right lent_before = lent;
	bool good;

	tape.fds = calloc(written->n_fds + 1, sizeof(*tape.fds));
	for (size_t i = 0; i < written->n_fds; i++)
		tape.fds[i] = dup(written->fds[i]);
	tape.owns = true;
	tape.at = 0;
	tape.data = malloc(written->size + 1);
	memcpy(tape.data, written->data, written->size);
	uv_loop_init(&on);
	second = world_new(&on, getuid());
	lent = (struct right){ RIGHT_NULL, NULL };
	if (state_get(&state, &tape, second))
		get_keeper(&state);
	good = state_finish(&state, &why) == 0;
	right_release(lent);
	state_discard(&state);
	free_world(second, &on);
	OK(uv_loop_close(&on));
	tape_deinit(&tape);
	kernel_port = kernel_before;
	kept_port = kept_before;
	lent = lent_before;
	return good;
}

/* A descriptor of its own for each: what a broken world says goes to nobody. */
static void
detach_fds(struct tape *tape)
{
	for (size_t i = 0; i < tape->n_fds; i++) {
		close(tape->fds[i]);
		tape->fds[i] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	}
}

static void
end_first(void)
{
	end_clients();
	end_world(world, &loop);
	IS(count_fds(), fds_before);
}

/* Any one bit, with a right sum: no crash, nothing lost. */
static void
flipped(void **state)
{
	struct tape tape = { 0 };
	unsigned n_good = 0, n = 0;
	const char *every = getenv("HIRD_TEST_EVERY");
	size_t step = every ? (size_t)atoi(every) : 37;

	(void)state;
	need_second_world();
	set_scene(&scene);
	write_state(&tape);
	detach_fds(&tape);
	assert_true(try_state(&tape));
	for (size_t bit = 0; bit < tape.size * 8; bit += step, n++) {
		tape.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		n_good += try_state(&tape);
		tape.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	print_message("%u states with one bit flipped: %u are states, too\n", n, n_good);
	assert_true(n_good < n / 2);
	tape_deinit(&tape);
	end_first();
}

/* Cut off anywhere, or with bytes from elsewhere. */
static void
cut_off(void **state)
{
	struct tape tape = { 0 };
	size_t size;

	(void)state;
	need_second_world();
	set_scene(&scene);
	write_state(&tape);
	detach_fds(&tape);
	size = tape.size;
	srand(1);
	for (tape.size = 0; tape.size < size; tape.size += 7)
		assert_false(try_state(&tape));
	tape.size = size;
	for (int i = 0; i < 2000; i++) {
		size_t to = (size_t)rand() % (size - 8), from = (size_t)rand() % (size - 8);
		uint8_t before[8];

		memcpy(before, tape.data + to, 8);
		memmove(tape.data + to, tape.data + from, 8);
		(void)try_state(&tape);
		memcpy(tape.data + to, before, 8);
	}
	tape_deinit(&tape);
	end_first();
}

/* The file itself. */
static void
damaged_file(void **state)
{
	AUTO_TEXT struct text why = { 0 };
	struct tape tape = { 0 }, got;
	uint8_t *bytes;
	off_t size;
	int fd = -1;

	(void)state;
	set_scene(&scene);
	write_state(&tape);
	OK(tape_write(&tape, &fd));
	size = lseek(fd, 0, SEEK_END);
	IS(pwrite(fd, "x", 1, 40), -1);	/* sealed */
	bytes = malloc((size_t)size);
	IS(pread(fd, bytes, (size_t)size, 0), size);
	close(fd);
	for (off_t at = 0; at < size; at += 11) {
		fd = memfd_create("damaged", MFD_CLOEXEC);
		bytes[at] ^= 0x10;
		IS(write(fd, bytes, (size_t)size), size);
		bytes[at] ^= 0x10;
		IS(tape_open(&got, fd, &why), -EBADMSG);
	}
	for (off_t end = 0; end < size; end += 97) {
		fd = memfd_create("damaged", MFD_CLOEXEC);
		IS(write(fd, bytes, (size_t)end), end);
		IS(tape_open(&got, fd, &why), -EBADMSG);
	}
	free(bytes);
	tape_deinit(&tape);
	end_first();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(same_again, setup),
		cmocka_unit_test_setup(goes_on, setup),
		cmocka_unit_test_setup(new_things, setup),
		cmocka_unit_test_setup(flipped, setup),
		cmocka_unit_test_setup(cut_off, setup),
		cmocka_unit_test_setup(damaged_file, setup),
	};

	return RUN(tests);
}
