#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# portinfo and rpctrace, on tasks that stand as tests/scene puts them, and on translators.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
scene=$build/tests/scene
[ -x "$scene" ] || make -s -C "$build" tests/scene || skip_all "tests/scene cannot be built"

# begin SCENE: in the background, until end_scene.
begin() {
	mkfifo "$work/in"
	"$scene" "$1" <"$work/in" >"$work/ready" 2>"$work/said" &
	scene_pid=$!
	exec 9>"$work/in"
	wait_until 100 grep -q ready "$work/ready" || fail "the scene is not set: $(cat "$work/said")"
}

end_scene() {
	exec 9>&-
	wait "$scene_pid"
	rm "$work/in"
}

# A trace in the background, once it listens.
trace() {
	rpctrace -o "$work/trace" "$@" 2>"$work/listening" &
	trace_pid=$!
	wait_until 100 grep -q listening "$work/listening" || fail "rpctrace: $(cat "$work/listening")"
}

end_trace() {
	sleep 0.3
	kill "$trace_pid" 2>/dev/null
	wait "$trace_pid"
	lines=$(cat "$work/trace")
}

adds_up() {
	must portinfo --check
	has "$out" "all adds up"
}

no_portd() {
	must portinfo
	is "$out" ""
	must portinfo --json
	is "$out" "[]"
	expect 1 portinfo 1
	one_line
	expect 1 rpctrace -a
	one_line
	is "$(portd_pid)" "" "portd"
}

words() {
	portd_start
	expect 64 portinfo -w -p 1
	one_line
	expect 64 portinfo -r
	one_line
	expect 64 rpctrace
	one_line
	expect 64 rpctrace -a -p 1
	one_line
	expect 64 rpctrace -e node_git -a
	one_line
	has "$err" node_git
	expect 64 rpctrace -s x -a
	for word in 999999999 nobody '#0' /nowhere; do
		expect 1 portinfo "$word"
		one_line
		expect 1 rpctrace -p "$word"
		one_line
	done
	for word in 0 x 123456 nobody:1; do
		expect 1 portinfo -p "$word"
		one_line
		expect 1 rpctrace --port="$word"
		one_line
	done
	expect 1 portinfo portinfo 0x7654321
	one_line
	expect 127 rpctrace "$work/none"
	expect 3 rpctrace sh -c 'exit 3'
	expect 143 rpctrace sh -c 'kill $$'
}

spaces() {
	portd_start
	begin transit
	must portinfo
	has "$out" scene-child
	must portinfo scene
	has "$out" receive
	has "$out" "task port of"
	has "$out" "in message"
	name=$(printf '%s\n' "$out" | sed -n 's/^\(0x[0-9a-f]*\) .*in message.*/\1/p')
	must portinfo scene "$name"
	is "$(printf '%s\n' "$out" | wc -l)" 2 lines
	must portinfo -p "scene:$name"
	has "$out" "message"
	has "$out" ": receive"
	must portinfo -r scene
	lacks "$out" "task port"
	must portinfo -d scene
	is "$out" ""
	must portinfo -t scene-child scene
	has "$out" THERE
	must portinfo --json -p "scene:$name"
	has "$out" '"in_message": '
	lacks "$out" '"in_message": null'
	adds_up
	must portinfo --dot
	has "$out" "style=dotted"
	end_scene
}

full_queue() {
	portd_start
	begin full
	expect 0 portinfo -w
	has "$out" "room on port"
	lacks "$out" deadlock
	port=$(printf '%s\n' "$out" | sed -n 's/.*room on port \([0-9]*\).*/\1/p')
	must portinfo -p "$port"
	has "$out" "5 of 5 queued"
	has "$out" "no room for"
	adds_up
	end_scene
}

deadlock() {
	portd_start
	begin deadlock
	expect 2 portinfo -w
	has "$out" "deadlock: $scene_pid scene -> "
	has "$out" "-> $scene_pid scene"
	must portinfo
	has "$out" "for ever"
	expect 2 portinfo -w --json
	has "$out" '"deadlocks": ['
	lacks "$out" '"deadlocks": []'
	end_scene
	expect 0 portinfo -w
}

deadlock_of_one() {
	portd_start
	begin alone
	expect 2 portinfo -w
	has "$out" "deadlock: $scene_pid scene -> $scene_pid scene"
	end_scene
}

no_deadlock() {
	portd_start
	begin busy
	expect 0 portinfo -w
	has "$out" "an answer on port"
	lacks "$out" deadlock
	end_scene
}

command() {
	portd_start
	expect 0 rpctrace -T "$scene" rpc 3
	is "$(printf '%s\n' "$err" | grep -c '0x1267(0 bytes) = 0x12cb(9 bytes) <[0-9.]*>$')" 3 calls
	expect 0 rpctrace -e 0x1267 "$scene" rpc 2
	is "$(printf '%s\n' "$err" | wc -l)" 2 lines
	expect 0 rpctrace -e '!0x1267' "$scene" rpc 2
	is "$(printf '%s\n' "$err" | wc -l)" 1 lines
	expect 0 rpctrace -c "$scene" rpc 2000
	has "$err" "2000   0 "
	lacks "$err" lost
	expect 0 rpctrace --json -e 0x1267 "$scene" rpc 1
	has "$err" '"kind":"answer"'
	has "$err" '"duration":'
}

shows_or_gone() {
	[ -s "$1" ] || is_gone "$2"
}

# Attached to and left again and again, all along: nothing is lost or doubled.
in_the_middle() {
	portd_start
	"$scene" rpc 30000 >"$work/said" 2>&1 &
	pid=$!
	for i in 1 2 3 4 5 6 7 8; do
		rpctrace -p $pid -o "$work/trace.$i" 2>/dev/null &
		wait_until 100 shows_or_gone "$work/trace.$i" $pid || fail "trace $i shows nothing"
		kill -INT $! 2>/dev/null
		wait $!
	done
	wait $pid || fail "the traced program: $(cat "$work/said")"
	adds_up
	has "$out" ", 1 messages"	# the question itself
}

# The tracer stops: the traced do not.
slow_tracer() {
	portd_start
	trace -a
	kill -STOP "$trace_pid"
	expect 0 "$scene" rpc 40000
	kill -CONT "$trace_pid"
	sleep 1
	end_trace
	has "$lines" "events are lost"
	adds_up
}

# What a trace that is killed leaves behind: nothing.
killed_tracer() {
	portd_start
	trace -a
	kill -9 "$trace_pid"
	wait "$trace_pid" 2>/dev/null
	expect 0 "$scene" rpc 10
	adds_up
	has "$out" "3 ports"
}

node() {
	[ -w /dev/fuse ] && have fusermount3 || { skip "no FUSE"; return; }
	: >greeting
	must settrans greeting hello
	must cat greeting
	must portinfo
	has "$out" "$HOME/greeting"
	must portinfo "$HOME/greeting"
	must portinfo greeting
	trace -T -n greeting
	must settrans -g greeting
	must settrans greeting hello
	must cat greeting
	end_trace
	has "$lines" "portd fsys_goaway(flags=0) = 0 {}"
	has "$lines" 'fsys_startup(control=send:'
	expect 0 rpctrace -e trace=node settrans -g greeting
	has "$err" "node_set(path=\"$HOME/greeting\""
	lacks "$err" fsys
}

try "without portd there is nothing to see, and none is started" no_portd
try "words that mean nothing" words
try "spaces, a port, and a receive right on its way" spaces
try "a full queue" full_queue
try "two tasks that wait for each other" deadlock
try "a task that waits for itself" deadlock_of_one
try "waiting for one who is busy is no deadlock" no_deadlock
try "a program from its first message" command
try "attached and detached in the middle of calls" in_the_middle
try "a tracer that is too slow" slow_tracer
try "a tracer that is killed" killed_tracer
try "a node's translator, and its successor" node
finish
