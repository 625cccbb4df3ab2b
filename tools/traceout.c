/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traceout: lines like those of strace. See traceout.h.
 *
 * A request and its answer are two messages; what ties them together is the port of the
 * send-once right that the request carried. The line of a request stays open until
 * something else is to be said. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "tools/json.h"
#include "tools/rights.h"
#include "tools/table.h"
#include "tools/traceout.h"
#include "wire/messages.h"

struct call {
	uint32_t id;
	int32_t pid;		/* of who asked */
	uint64_t message;
	uint64_t when_ns;
	bool shown;
};

struct tally {
	uint32_t id;
	uint32_t calls, errors, answers;
	uint64_t total_ns, most_ns;
};

/* What an event is ---------------------------------------------------------------- */

enum meaning {
	REQUEST,		/* somebody waits for its answer */
	MESSAGE,
	ANSWER,			/* of call, which may be unknown */
	NOTIFICATION,
};

struct seen {
	const struct event *event;
	enum meaning meaning;
	uint32_t id;		/* of the routine, also for an answer */
	const struct wire_routine *routine;	/* NULL: unknown */
	struct call *call;
	uint64_t duration_ns;
};

static const struct wire_routine *
find_routine(uint32_t id)
{
	const struct wire_routine *routine = wire_routine_find(id);

	return routine && routine->name ? routine : NULL;
}

static bool
is_notification(const struct inspect_event *head)
{
	return head->sender == 0 && head->dest_kind == INSPECT_SEND_ONCE &&
	    rights_message_name(head->id) && !find_routine(head->id);
}

/* An unused reply right says so in place of the answer. */
static bool
answers(const struct call *call, const struct inspect_event *head)
{
	return call &&
	    (head->id == call->id + RPC_REPLY_OFFSET || head->id == PORT_NOTIFY_SEND_ONCE);
}

static void
understand(const struct traceout *out, const struct event *event, struct seen *seen)
{
	const struct inspect_event *head = &event->head;
	struct call *call = NULL;

	*seen = (struct seen){ .event = event, .meaning = MESSAGE, .id = head->id };
	if (head->dest_kind == INSPECT_SEND_ONCE)
		call = map_get(&out->calls, head->port);
	if (answers(call, head)) {
		seen->meaning = ANSWER;
		seen->call = call;
		seen->id = call->id;
		seen->duration_ns = head->when_ns - call->when_ns;
	} else if (is_notification(head)) {
		seen->meaning = NOTIFICATION;
	} else if (head->dest_kind == INSPECT_SEND_ONCE && head->id >= RPC_REPLY_OFFSET &&
	    find_routine(head->id - RPC_REPLY_OFFSET)) {
		seen->meaning = ANSWER;
		seen->id = head->id - RPC_REPLY_OFFSET;
	} else if (head->reply_kind == INSPECT_SEND_ONCE) {
		seen->meaning = REQUEST;
	}
	seen->routine = find_routine(seen->id);
}

/* The code of an answer. */
static int
code_of(const struct seen *seen, const char **textp, size_t *atp)
{
	int code;

	*textp = "";
	*atp = 0;
	if (seen->event->head.id == PORT_NOTIFY_SEND_ONCE)
		return PORT_E_RPC_SERVER_DIED;
	if (content_read_answer(seen->event, &code, textp, atp) < 0)
		return PORT_E_RPC_TYPE_ERROR;
	return code;
}

/* Lines ---------------------------------------------------------------------------- */

static void
end_open(struct traceout *out)
{
	if (out->open)
		fputs(" <unfinished ...>\n", out->file);
	out->open = 0;
}

/* What the clock of events is behind the clock on the wall. */
static int64_t
wall_offset_ns(void)
{
	struct timespec wall, mono;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	return (wall.tv_sec - mono.tv_sec) * INT64_C(1000000000) + wall.tv_nsec - mono.tv_nsec;
}

static void
put_time(struct text *text, uint64_t when_ns)
{
	uint64_t wall_ns = when_ns + (uint64_t)wall_offset_ns();
	time_t seconds = (time_t)(wall_ns / 1000000000);
	char buf[16] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(buf, sizeof(buf), "%H:%M:%S", &tm);
	text_printf(text, "%s.%06u ", buf, (unsigned)(wall_ns % 1000000000 / 1000));
}

static void
put_pid(struct text *text, uint32_t task, int32_t pid)
{
	if (task == 0 && pid == 0)
		text_puts(text, "nobody");
	else if (task == 0)
		text_puts(text, "portd");
	else
		text_printf(text, "%d", pid);
}

static void
put_start(const struct traceout *out, struct text *text, const struct inspect_event *head)
{
	if (out->times)
		put_time(text, head->when_ns);
	put_pid(text, head->sender, head->sender_pid);
	if (out->verbose && head->kind != INSPECT_EVENT_REFUSED) {
		text_puts(text, " -> ");
		put_pid(text, head->receiver, head->receiver_pid);
	}
	text_puts(text, " ");
}

static void
put_notification(struct text *text, const struct event *event)
{
	static const struct wire_field name_fields[] = {
		{ 0, WIRE_TYPE_u32, 0, "name" }, { 0, 0, 0, NULL },
	};
	static const struct wire_field count_fields[] = {
		{ 0, WIRE_TYPE_u32, 0, "mscount" }, { 0, 0, 0, NULL },
	};
	static const struct wire_shape name = { name_fields, 0 }, count = { count_fields, 0 };

	if (event->head.id == PORT_NOTIFY_NO_SENDERS)
		content_put(text, event, &count, 0, 0);
	else if (event->head.id == PORT_NOTIFY_PORT_DESTROYED)
		content_put_raw(text, event);
	else if (event->head.id != PORT_NOTIFY_SEND_ONCE)
		content_put(text, event, &name, 0, 0);
}

/* "node_get(path="/x", exact=1)" */
static void
put_message(const struct traceout *out, struct text *text, const struct seen *seen)
{
	rights_put_id(text, seen->event->head.id);
	text_puts(text, "(");
	if (seen->event->head.kind != INSPECT_EVENT_SENT)
		text_printf(text, "%u bytes", seen->event->head.bytes);
	else if (seen->meaning == NOTIFICATION)
		put_notification(text, seen->event);
	else if (seen->routine)
		content_put(text, seen->event, seen->routine->in, 0, out->shown);
	else
		content_put_raw(text, seen->event);
	text_puts(text, ")");
}

/* " = 0 {fields} <0.000031>" */
static void
put_answer(const struct traceout *out, struct text *text, const struct seen *seen)
{
	const struct event *event = seen->event;
	const char *line;
	size_t at;
	int code = code_of(seen, &line, &at);

	if (!seen->routine && event->head.id != PORT_NOTIFY_SEND_ONCE) {
		text_printf(text, " = 0x%x(", event->head.id);
		content_put_raw(text, event);
		text_puts(text, ")");
	} else if (code == 0) {
		text_puts(text, " = 0 {");
		if (seen->routine && seen->routine->out)
			content_put(text, event, seen->routine->out, at, out->shown);
		text_puts(text, "}");
	} else {
		text_printf(text, code < 0 ? " = %d (" : " = 0x%x (", code);
		text_safe(text, *line ? line : port_error_text(code));
		text_puts(text, ")");
	}
	if (out->durations && seen->call)
		text_printf(text, " <%" PRIu64 ".%06u>", seen->duration_ns / 1000000000,
		    (unsigned)(seen->duration_ns % 1000000000 / 1000));
}

static void
say(struct traceout *out, const struct text *text, const char *end)
{
	fputs(text_string(text), out->file);
	fputs(end, out->file);
}

static void
print_answer(struct traceout *out, const struct seen *seen)
{
	const struct inspect_event *head = &seen->event->head;
	AUTO_TEXT struct text text = { 0 };

	if (!out->open || out->open != head->port) {
		end_open(out);
		if (out->times)
			put_time(&text, head->when_ns);
		put_pid(&text, head->receiver, seen->call ? seen->call->pid : head->receiver_pid);
		text_puts(&text, " <... ");
		rights_put_id(&text, seen->id);
		text_puts(&text, " resumed>");
	}
	out->open = 0;
	put_answer(out, &text, seen);
	say(out, &text, "\n");
}

static void
print_sent(struct traceout *out, const struct seen *seen)
{
	AUTO_TEXT struct text text = { 0 };

	if (seen->meaning == ANSWER) {
		print_answer(out, seen);
		return;
	}
	end_open(out);
	put_start(out, &text, &seen->event->head);
	put_message(out, &text, seen);
	if (seen->meaning == REQUEST)
		out->open = seen->event->head.reply_port;
	say(out, &text, out->open ? "" : "\n");
}

static void
print_other(struct traceout *out, const struct seen *seen)
{
	const struct inspect_event *head = &seen->event->head;
	AUTO_TEXT struct text text = { 0 };

	end_open(out);
	put_start(out, &text, head);
	put_message(out, &text, seen);
	if (head->kind == INSPECT_EVENT_REFUSED)
		text_printf(&text, " is not sent: 0x%x (%s)", head->code,
		    port_error_text(head->code));
	else if (head->kind == INSPECT_EVENT_RECEIVED)
		text_printf(&text, " is received, seqno %u", head->seqno);
	else
		text_puts(&text, " is destroyed unread");
	say(out, &text, "\n");
}

/* JSON -------------------------------------------------------------------------------- */

static const char *
event_name(uint32_t kind)
{
	static const char *const names[] = {
		[INSPECT_EVENT_SENT] = "sent", [INSPECT_EVENT_REFUSED] = "refused",
		[INSPECT_EVENT_RECEIVED] = "received", [INSPECT_EVENT_DESTROYED] = "destroyed",
	};

	return kind < ARRAY_SIZE(names) && names[kind] ? names[kind] : "unknown";
}

static void
put_json_answer(const struct traceout *out, json_t *object, const struct seen *seen)
{
	const char *line;
	size_t at;
	int code = code_of(seen, &line, &at);

	json_object_set_new(object, "code", json_integer(code));
	if (*line)
		json_put_string(object, "text", line);
	if (code == 0 && seen->routine && seen->routine->out)
		json_object_set_new(object, "fields",
		    content_json(seen->event, seen->routine->out, at, out->shown));
	json_put_number(object, "request", seen->call, seen->call ? seen->call->message : 0);
	if (seen->call)
		json_object_set_new(object, "duration", json_real((double)seen->duration_ns / 1e9));
}

static void
print_json(struct traceout *out, const struct seen *seen)
{
	static const char *const kinds[] = {
		[REQUEST] = "request", [MESSAGE] = "message", [ANSWER] = "answer",
		[NOTIFICATION] = "notification",
	};
	const struct inspect_event *head = &seen->event->head;
	const char *name = rights_message_name(seen->id);
	uint64_t wall_ns = head->when_ns + (uint64_t)wall_offset_ns();
	json_t *object = json_object();

	json_put_string(object, "event", event_name(head->kind));
	json_object_set_new(object, "time", json_real((double)wall_ns / 1e9));
	json_put_number(object, "message", head->message, head->message);
	json_put_string(object, "kind", kinds[seen->meaning]);
	json_put_number(object, "id", true, head->id);
	json_put_string_or_null(object, "name", name ? name : "");
	json_put_number(object, "from", true, head->sender ? (uint64_t)head->sender_pid : 0);
	json_put_number(object, "to", head->receiver_pid,
	    head->receiver ? (uint64_t)head->receiver_pid : 0);
	json_put_number(object, "port", head->port, head->port);
	json_put_number(object, "bytes", true, head->bytes);
	if (head->kind == INSPECT_EVENT_REFUSED)
		json_object_set_new(object, "code", json_integer(head->code));
	if (head->kind == INSPECT_EVENT_RECEIVED)
		json_put_number(object, "seqno", true, head->seqno);
	if (head->kind == INSPECT_EVENT_SENT && seen->meaning == ANSWER)
		put_json_answer(out, object, seen);
	else if (head->kind == INSPECT_EVENT_SENT && seen->routine)
		json_object_set_new(object, "fields",
		    content_json(seen->event, seen->routine->in, 0, out->shown));
	json_dumpf(object, out->file, JSON_COMPACT);
	fputc('\n', out->file);
	json_decref(object);
}

/* Counts ------------------------------------------------------------------------------- */

static struct tally *
tally_of(struct traceout *out, uint32_t id)
{
	struct tally *tallies;

	for (size_t i = 0; i < out->n_tallies; i++)
		if (out->tallies[i].id == id)
			return &out->tallies[i];
	tallies = reallocarray(out->tallies, out->n_tallies + 1, sizeof(*tallies));
	if (!tallies)
		return NULL;
	out->tallies = tallies;
	tallies[out->n_tallies] = (struct tally){ .id = id };
	return &tallies[out->n_tallies++];
}

static void
count(struct traceout *out, const struct seen *seen)
{
	struct tally *tally = tally_of(out, seen->id);
	const char *line;
	size_t at;

	if (!tally)
		return;
	if (seen->event->head.kind == INSPECT_EVENT_REFUSED) {
		tally->calls++;
		tally->errors++;
	} else if (seen->meaning != ANSWER) {
		tally->calls++;
	} else {
		tally->errors += seen->routine && code_of(seen, &line, &at) != 0;
		tally->answers += seen->call != NULL;
		tally->total_ns += seen->duration_ns;
		if (seen->duration_ns > tally->most_ns)
			tally->most_ns = seen->duration_ns;
	}
}

static int
by_total(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	if (x->total_ns != y->total_ns)
		return x->total_ns < y->total_ns ? 1 : -1;
	return x->calls == y->calls ? 0 : x->calls < y->calls ? 1 : -1;
}

static void
format_seconds(char *buf, size_t room, uint64_t ns)
{
	snprintf(buf, room, "%" PRIu64 ".%06u", ns / 1000000000,
	    (unsigned)(ns % 1000000000 / 1000));
}

static void
add_tally(struct table *table, const struct tally *tally)
{
	AUTO_TEXT struct text name = { 0 };
	char calls[16], errors[16], total[32], mean[32], most[32];
	const char *cells[] = { calls, errors, total, mean, most, NULL };

	rights_put_id(&name, tally->id);
	snprintf(calls, sizeof(calls), "%u", tally->calls);
	snprintf(errors, sizeof(errors), "%u", tally->errors);
	format_seconds(total, sizeof(total), tally->total_ns);
	format_seconds(mean, sizeof(mean),
	    tally->answers ? tally->total_ns / tally->answers : 0);
	format_seconds(most, sizeof(most), tally->most_ns);
	cells[5] = text_string(&name);
	table_add(table, cells);
}

static void
print_counts(struct traceout *out)
{
	static const char *const heads[] = {
		"CALLS", "ERRORS", "SECONDS", "MEAN", "MOST", "MESSAGE",
	};
	AUTO_TABLE struct table table = { .n_columns = ARRAY_SIZE(heads) };
	AUTO_TEXT struct text text = { 0 };

	if (out->n_tallies > 0)
		qsort(out->tallies, out->n_tallies, sizeof(*out->tallies), by_total);
	table_add(&table, heads);
	for (size_t i = 0; i < out->n_tallies; i++)
		add_tally(&table, &out->tallies[i]);
	table_print(&table, &text, 0, 0);
	fputs(text_string(&text), out->file);
}

/* Events -------------------------------------------------------------------------------- */

/* Remembers a request until its answer comes. */
static void
note_call(struct traceout *out, const struct seen *seen, bool shown)
{
	const struct inspect_event *head = &seen->event->head;
	struct call *call;

	free(map_remove(&out->calls, head->reply_port));
	call = calloc(1, sizeof(*call));
	if (!call)
		return;
	*call = (struct call){
		.id = head->id, .pid = head->sender_pid, .message = head->message,
		.when_ns = head->when_ns, .shown = shown,
	};
	if (map_put(&out->calls, head->reply_port, call) < 0)
		free(call);
}

static void
print(struct traceout *out, const struct seen *seen)
{
	if (out->counts)
		count(out, seen);
	else if (out->json)
		print_json(out, seen);
	else if (seen->event->head.kind == INSPECT_EVENT_SENT)
		print_sent(out, seen);
	else
		print_other(out, seen);
}

/* One, in the order in which they happened. */
void
traceout_event(struct traceout *out, const struct event *event)
{
	bool sent = event->head.kind == INSPECT_EVENT_SENT;
	struct seen seen;
	bool shown;

	if (event->head.kind == INSPECT_EVENT_RECEIVED && (!out->verbose || out->counts))
		return;
	understand(out, event, &seen);
	if (!sent)
		seen.call = NULL;
	shown = seen.call ? seen.call->shown : filter_shows(out->filter, seen.id);
	if (shown)
		print(out, &seen);
	if (sent && seen.call)
		free(map_remove(&out->calls, event->head.port));
	if (sent && seen.meaning == REQUEST)
		note_call(out, &seen, shown);
}

/* Said where it happened. */
void
traceout_lost(struct traceout *out, uint64_t n)
{
	out->lost += n;
	if (out->counts)
		return;
	end_open(out);
	if (out->json)
		fprintf(out->file, "{\"event\":\"lost\",\"count\":%" PRIu64 "}\n", n);
	else
		fprintf(out->file, "... %" PRIu64 " events are lost: rpctrace was too slow\n", n);
}

/* An open line, too. */
void
traceout_flush(struct traceout *out)
{
	fflush(out->file);
}

/* The table of -c, and what is left of calls without an answer. */
void
traceout_end(struct traceout *out)
{
	struct call *call;
	size_t cursor = 0;

	end_open(out);
	if (out->counts)
		print_counts(out);
	if (out->counts && out->lost)
		fprintf(out->file, "%" PRIu64 " events were lost\n", out->lost);
	while ((call = map_next(&out->calls, &cursor, &(uint64_t){ 0 })))
		free(call);
	map_deinit(&out->calls);
	free(out->tallies);
	out->tallies = NULL;
	traceout_flush(out);
}
