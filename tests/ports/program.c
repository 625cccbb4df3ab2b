/* SPDX-License-Identifier: GPL-2.0-or-later */
/* program: see program.h. A line an operation: its serial number, its thread, the call, and
 * what is not 0 of its arguments. A name is NULL, DEAD, bad, @k (chosen by a task) or
 * s.k (number k of those that operation s gave out). */
#include "tests/ports/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const char *const calls[] = {
#define OPERATION(name) #name,
#include "tests/ports/operations.def"
#undef OPERATION
};

enum field_type { NUMBER, SIGNED, LONG, NAME, DISPOSITION, OPTIONS };

struct field {
	const char *key;
	enum field_type type;
	size_t offset;
};

#define FIELD(member, kind_) { #member, kind_, offsetof(struct operation, member) }
static const struct field fields[] = {
	FIELD(task, NAME),
	FIELD(name, NAME),
	FIELD(other, NAME),
	FIELD(kind, NUMBER),
	FIELD(disposition, DISPOSITION),
	FIELD(value, SIGNED),
	FIELD(value2, LONG),
	FIELD(options, OPTIONS),
	FIELD(bits, NUMBER),
	FIELD(remote, NAME),
	FIELD(remote_disposition, DISPOSITION),
	FIELD(local, NAME),
	FIELD(local_disposition, DISPOSITION),
	FIELD(id, NUMBER),
	FIELD(size, NUMBER),
	FIELD(rcv_name, NAME),
	FIELD(rcv_size, NUMBER),
	FIELD(n_items, NUMBER),
};

struct word {
	uint32_t value;
	const char *text;
};

static const struct word dispositions[] = {
	{ PORT_MOVE_RECEIVE, "MR" }, { PORT_MOVE_SEND, "MS" }, { PORT_MOVE_SEND_ONCE, "MSO" },
	{ PORT_COPY_SEND, "CS" }, { PORT_MAKE_SEND, "KS" }, { PORT_MAKE_SEND_ONCE, "KSO" },
};

static const struct word options[] = {
	{ PORT_MSG_SEND, "SEND" }, { PORT_MSG_RCV, "RCV" },
	{ PORT_MSG_SEND_TIMEOUT, "SEND_TIMEOUT" }, { PORT_MSG_RCV_TIMEOUT, "RCV_TIMEOUT" },
	{ PORT_MSG_SEND_NOTIFY, "SEND_NOTIFY" }, { PORT_MSG_RCV_LARGE, "RCV_LARGE" },
};

static const struct word codes[] = {
	{ 0, "SUCCESS" },
#define CODE(name) { PORT_E_##name, #name }
	CODE(NO_SPACE), CODE(INVALID_ARGUMENT), CODE(FAILURE), CODE(RESOURCE_SHORTAGE),
	CODE(ALREADY_IN_SET), CODE(NOT_IN_SET), CODE(NAME_EXISTS), CODE(INVALID_NAME),
	CODE(INVALID_TASK), CODE(INVALID_RIGHT), CODE(INVALID_VALUE), CODE(UREFS_OVERFLOW),
	CODE(INVALID_CAPABILITY), CODE(RIGHT_EXISTS), CODE(SEND_INVALID_DATA),
	CODE(SEND_INVALID_DEST), CODE(SEND_TIMED_OUT), CODE(SEND_INTERRUPTED),
	CODE(SEND_MSG_TOO_SMALL), CODE(SEND_INVALID_REPLY), CODE(SEND_INVALID_RIGHT),
	CODE(SEND_INVALID_MEMORY), CODE(SEND_NO_BUFFER), CODE(SEND_TOO_LARGE),
	CODE(SEND_INVALID_TYPE), CODE(SEND_INVALID_HEADER), CODE(RCV_INVALID_NAME),
	CODE(RCV_TIMED_OUT), CODE(RCV_TOO_LARGE), CODE(RCV_INTERRUPTED), CODE(RCV_PORT_CHANGED),
	CODE(RCV_INVALID_DATA), CODE(RCV_PORT_DIED), CODE(RCV_IN_SET), CODE(RCV_HEADER_ERROR),
	CODE(RCV_BODY_ERROR),
};

const char *
program_code(int code)
{
	static char text[4][16];
	static unsigned at;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].value == (uint32_t)code)
			return codes[i].text;
	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]), "%#x", (unsigned)code);
	return text[at];
}

const char *
program_call(uint32_t call)
{
	return calls[call];
}

/* text: room for 32. */
const char *
program_name(port_name_t name, char *text)
{
	if (name == PORT_NULL)
		return "NULL";
	if (name == PORT_DEAD)
		return "DEAD";
	if (name == PROGRAM_BAD_NAME)
		return "bad";
	if (name < MODEL_FRESH)
		snprintf(text, 32, "@%u", name - PROGRAM_CHOSEN);
	else
		snprintf(text, 32, "%u.%u", (name - MODEL_FRESH) / MODEL_BIRTHS,
		    (name - MODEL_FRESH) % MODEL_BIRTHS);
	return text;
}

static bool
read_name(const char *text, port_name_t *name)
{
	unsigned serial, birth;

	if (strcmp(text, "NULL") == 0)
		*name = PORT_NULL;
	else if (strcmp(text, "DEAD") == 0)
		*name = PORT_DEAD;
	else if (strcmp(text, "bad") == 0)
		*name = PROGRAM_BAD_NAME;
	else if (sscanf(text, "@%u", &birth) == 1)
		*name = PROGRAM_CHOSEN + birth;
	else if (sscanf(text, "%u.%u", &serial, &birth) == 2)
		*name = MODEL_FRESH + serial * MODEL_BIRTHS + birth;
	else
		return false;
	return true;
}

static const char *
print_disposition(uint32_t disposition, char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(dispositions); i++)
		if (dispositions[i].value == disposition)
			return dispositions[i].text;
	snprintf(text, 32, "%u", disposition);
	return text;
}

static uint32_t
read_disposition(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(dispositions); i++)
		if (strcmp(dispositions[i].text, text) == 0)
			return dispositions[i].value;
	return (uint32_t)strtoul(text, NULL, 0);
}

static const char *
print_options(uint32_t value, char *text)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (value & options[i].value)
			n += (size_t)snprintf(text + n, 96 - n, "%s%s", n ? "|" : "", options[i].text);
	return text;
}

static uint32_t
read_options(char *text)
{
	uint32_t value = 0;
	char *at = NULL;

	for (char *word = strtok_r(text, "|", &at); word; word = strtok_r(NULL, "|", &at))
		for (size_t i = 0; i < ARRAY_SIZE(options); i++)
			if (strcmp(options[i].text, word) == 0)
				value |= options[i].value;
	return value;
}

static const char *
print_field(const struct field *field, const struct operation *op, char *text)
{
	const void *p = (const uint8_t *)op + field->offset;
	uint32_t number;

	if (field->type == SIGNED || field->type == LONG) {
		int64_t value;

		memcpy(&value, p, sizeof(value));
		snprintf(text, 96, "%lld", (long long)value);
		return value ? text : NULL;
	}
	memcpy(&number, p, sizeof(number));
	if (number == 0)
		return NULL;
	switch (field->type) {
	case NAME:
		return program_name(number, text);
	case DISPOSITION:
		return print_disposition(number, text);
	case OPTIONS:
		return print_options(number, text);
	default:
		snprintf(text, 96, "%u", number);
		return text;
	}
}

static bool
read_field(const struct field *field, struct operation *op, char *text)
{
	void *p = (uint8_t *)op + field->offset;
	uint32_t number = 0;

	if (field->type == SIGNED || field->type == LONG) {
		int64_t value = strtoll(text, NULL, 0);

		memcpy(p, &value, sizeof(value));
		return true;
	}
	if (field->type == NAME) {
		if (!read_name(text, &number))
			return false;
	} else if (field->type == DISPOSITION) {
		number = read_disposition(text);
	} else if (field->type == OPTIONS) {
		number = read_options(text);
	} else {
		number = (uint32_t)strtoul(text, NULL, 0);
	}
	memcpy(p, &number, sizeof(number));
	return true;
}

static size_t
print_item(const struct item *item, char *text, size_t size)
{
	char name[32], disposition[32];

	if (item->type != WIRE_ITEM_PORT)
		return (size_t)snprintf(text, size, " item=%u:%s:%#x", item->name,
		    print_disposition(item->disposition, disposition), item->type);
	return (size_t)snprintf(text, size, " item=%s:%s", program_name(item->name, name),
	    print_disposition(item->disposition, disposition));
}

static bool
read_item(struct item *item, char *text)
{
	char *at = NULL, *name = strtok_r(text, ":", &at), *disposition = strtok_r(NULL, ":", &at);
	char *type = strtok_r(NULL, ":", &at);

	if (!name || !disposition)
		return false;
	item->disposition = read_disposition(disposition);
	item->type = type ? (uint32_t)strtoul(type, NULL, 0) : 0;
	if (!type)
		return read_name(name, &item->name);
	item->name = (uint32_t)strtoul(name, NULL, 0);
	return true;
}

const char *
program_operation(const struct operation *op, char *text, size_t size)
{
	size_t n = (size_t)snprintf(text, size, "%u %u %s", op->serial, op->thread, calls[op->call]);
	char value[96];

	for (size_t i = 0; i < ARRAY_SIZE(fields) && n < size; i++) {
		const char *printed = print_field(&fields[i], op, value);

		if (printed && strcmp(fields[i].key, "n_items") != 0)
			n += (size_t)snprintf(text + n, size - n, " %s=%s", fields[i].key, printed);
	}
	for (uint32_t i = 0; i < op->n_items && n < size; i++)
		n += print_item(&op->items[i], text + n, size - n);
	return text;
}

void
program_print(const struct program *program, FILE *file)
{
	char text[512];

	fprintf(file, "threads");
	for (uint32_t i = 0; i < program->n_threads; i++)
		fprintf(file, " %u", program->task_of[i]);
	fprintf(file, "\n");
	for (uint32_t i = 0; i < program->n_operations; i++)
		fprintf(file, "%s\n", program_operation(&program->operations[i], text, sizeof(text)));
}

static bool
read_argument(struct operation *op, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return false;
	*value++ = '\0';
	if (strcmp(word, "item") == 0)
		return op->n_items < MODEL_ITEMS && read_item(&op->items[op->n_items++], value);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strcmp(fields[i].key, word) == 0)
			return read_field(&fields[i], op, value);
	return false;
}

static bool
read_operation(struct program *program, char *line)
{
	struct operation *op = &program->operations[program->n_operations];
	char *at = NULL, *serial = strtok_r(line, " \n", &at), *thread = strtok_r(NULL, " \n", &at);
	char *call = strtok_r(NULL, " \n", &at);

	if (!call || program->n_operations == PROGRAM_MAX)
		return false;
	*op = (struct operation){ .serial = (uint32_t)atoi(serial),
		.thread = (uint32_t)atoi(thread), .call = OP_CALLS };
	for (uint32_t c = 0; c < OP_CALLS; c++)
		if (strcmp(calls[c], call) == 0)
			op->call = c;
	if (op->call == OP_CALLS || op->serial >= MODEL_OPERATIONS - MODEL_TASKS ||
	    op->thread >= program->n_threads)
		return false;
	for (char *word; (word = strtok_r(NULL, " \n", &at));)
		if (!read_argument(op, word))
			return false;
	program->n_operations++;
	return op->size <= PROGRAM_BODY_MAX;
}

static bool
read_threads(struct program *program, char *line)
{
	char *at = NULL;

	strtok_r(line, " \n", &at);
	for (char *word; (word = strtok_r(NULL, " \n", &at));) {
		uint32_t task = (uint32_t)atoi(word);

		if (program->n_threads == MODEL_THREADS || task >= MODEL_TASKS)
			return false;
		program->task_of[program->n_threads++] = task;
	}
	return program->n_threads > 0;
}

int
program_read(struct program *program, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];
	int n = 0;
	bool good = file;

	*program = (struct program){ 0 };
	while (good && fgets(line, sizeof(line), file)) {
		n++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		good = program->n_threads ? read_operation(program, line) : read_threads(program, line);
	}
	if (file)
		fclose(file);
	return good ? 0 : n ? n : 1;
}

/* Simpler ------------------------------------------------------------------------- */

static void
drop_item(struct operation *op, uint32_t at)
{
	if (at >= op->n_items)
		return;
	memmove(&op->items[at], &op->items[at + 1], (op->n_items - at - 1) * sizeof(op->items[0]));
	op->items[--op->n_items] = (struct item){ 0 };
}

int
program_simplify(const struct operation *op, int how, struct operation *simpler)
{
	*simpler = *op;
	switch (how) {
	case 0:
		simpler->task = PORT_NULL;
		break;
	case 1:
		simpler->local = PORT_NULL;
		simpler->local_disposition = 0;
		break;
	case 2:
		simpler->options &= ~(uint32_t)(PORT_MSG_RCV | PORT_MSG_RCV_TIMEOUT | PORT_MSG_RCV_LARGE);
		simpler->rcv_name = PORT_NULL;
		simpler->rcv_size = 0;
		break;
	case 3:
		simpler->options &= ~(uint32_t)PORT_MSG_RCV_LARGE;
		break;
	case 4:
		simpler->size = 0;
		break;
	case 5:
		simpler->value = simpler->call == OP_give ? op->value : 0;
		break;
	case 6:
		simpler->value2 = 0;
		break;
	case 7:
		simpler->options &= ~(uint32_t)PORT_MSG_SEND_NOTIFY;
		break;
	case 8:
		simpler->options |= simpler->options & PORT_MSG_SEND ? PORT_MSG_SEND_TIMEOUT : 0;
		break;
	case 9:
		simpler->options |= simpler->options & PORT_MSG_RCV ? PORT_MSG_RCV_TIMEOUT : 0;
		break;
	case 10:
		simpler->rcv_size = simpler->options & PORT_MSG_RCV ? PROGRAM_BODY_MAX : 0;
		break;
	default:
		if (how - 11 >= MODEL_ITEMS)
			return -1;
		drop_item(simpler, (uint32_t)(how - 11));
	}
	return 0;
}

static void
rename_in(struct operation *op, port_name_t from, port_name_t to, bool births)
{
	port_name_t *names[] = { &op->task, &op->name, &op->other, &op->remote, &op->local,
		&op->rcv_name };

	for (size_t i = 0; i < ARRAY_SIZE(names) + op->n_items; i++) {
		port_name_t *name = i < ARRAY_SIZE(names) ? names[i] :
		    &op->items[i - ARRAY_SIZE(names)].name;

		if (births ? *name >= from && *name < from + MODEL_BIRTHS : *name == from)
			*name = to;
	}
}

void
program_bypass(struct program *program, uint32_t at)
{
	struct operation gone = program->operations[at];

	program->n_operations--;
	memmove(&program->operations[at], &program->operations[at + 1],
	    (program->n_operations - at) * sizeof(gone));
	for (uint32_t i = at; i < program->n_operations; i++) {
		struct operation *op = &program->operations[i];

		if (gone.call == OP_rename)
			rename_in(op, gone.other, gone.name, false);
		else if (gone.call == OP_insert_right)
			rename_in(op, gone.name, gone.other, false);
		else
			rename_in(op, MODEL_FRESH + gone.serial * MODEL_BIRTHS, gone.name, true);
	}
}

/* Tasks are numbered by their first threads. */
static void
number_tasks(struct program *program)
{
	uint32_t map[MODEL_TASKS], n = 0;

	memset(map, 0xff, sizeof(map));
	for (uint32_t i = 0; i < program->n_threads; i++) {
		if (map[program->task_of[i]] == ~0u)
			map[program->task_of[i]] = n++;
		program->task_of[i] = map[program->task_of[i]];
	}
}

bool
program_drop_thread(struct program *program, uint32_t thread)
{
	for (uint32_t i = 0; i < program->n_operations; i++) {
		struct operation *op = &program->operations[i];

		if (op->thread == thread || (op->call == OP_give && op->value == thread))
			return false;
	}
	for (uint32_t i = 0; i < program->n_operations; i++) {
		struct operation *op = &program->operations[i];

		op->thread -= op->thread > thread;
		op->value -= op->call == OP_give && op->value > thread;
	}
	program->n_threads--;
	memmove(&program->task_of[thread], &program->task_of[thread + 1],
	    (program->n_threads - thread) * sizeof(program->task_of[0]));
	number_tasks(program);
	return program->n_threads > 0;
}
