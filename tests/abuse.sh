#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Tasks that flood, never read, talk rubbish, fork, guess, and die: each is refused or
# disconnected, everybody else goes on, and portd has afterwards what it had before.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse
rogue=$build/tests/ports/rogue
scene=$build/tests/scene
[ -x "$rogue" ] && [ -x "$scene" ] ||
	make -s -C "$build" tests/ports/rogue tests/scene || skip_all "tests/ports/rogue cannot be built"
growth=24576	# KiB that portd may be larger by after a flood
# AddressSanitizer keeps what was freed, 256 MiB of it, and more to find it by.
! grep -q __asan_init "${HIRD_PORTD:-/dev/null}" || growth=$((growth + 400 * 1024))

descriptors() {
	ls "/proc/$keeper/fd" | wc -l
}

resident() {
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$keeper/status"
}

# Nodes, and portd as it is when all is quiet.
nodes() {
	mkfifo "$work/open"
	exec 8<>"$work/open"	# for who stays until its input ends
	must settrans -c ~/a hello
	must cat a
	if archive_is_built; then
		"$build/tests/mkarchive" pax none x.tar tree
		must settrans -c ~/src tarfs x.tar
		must cat src/dir/file
	fi
	everybody_else
	sleep 0.3
	keeper=$(worker_pid)
	fds_before=$(descriptors)
	tasks_before=$(tasks)
	size_before=$(resident)
}

tasks() {
	portinfo --json | grep -c '"task"'
}

# What others do meanwhile.
everybody_else() {
	must cat a
	is "$out" "Hello, world!" a
	must settrans -c ~/b hello --contents=other
	must cat b
	is "$out" other b
	must settrans -fg b
	rm -f b
	must lstrans
	timeout "$limit" "$scene" rpc 200 <&8 >"$work/scene" 2>&1 ||
		fail "somebody's calls: $(cat "$work/scene")"
	archive_is_built || return 0
	must cat src/dir/file
	is "$out" content "src/dir/file"
}

same_fds() { [ "$(descriptors)" -le "$fds_before" ]; }
same_tasks() { [ "$(tasks)" = "$tasks_before" ]; }

# All is as it was.
recovered() {
	is "$(worker_pid)" "$keeper" "portd's pid"
	wait_until 100 same_fds || fail "portd has $(descriptors) descriptors, had $fds_before"
	wait_until 50 same_tasks || fail "portd knows $(tasks) tasks, knew $tasks_before"
	[ "$(resident)" -le $((size_before + growth)) ] ||
		fail "portd has $(resident) KiB, had $size_before"
	must portinfo --check
	has "$out" "all adds up"
}

# act ACT: a rogue acts; the others go on while it stays, and after it has gone.
act() {
	nodes
	mkfifo "$work/in"
	"$rogue" "$1" <"$work/in" >"$work/said" 2>&1 &
	rogue_pid=$!
	exec 9>"$work/in"
	wait_until 600 grep -q . "$work/said" || fail "$1 goes on for ever"
	everybody_else
	exec 9>&-
	wait "$rogue_pid" || fail "$1: $(cat "$work/said")"
	everybody_else
	recovered
}

messages() { act messages; }
bytes() { act bytes; }
files() { act files; }
rights() { act rights; }
ports() { act ports; }
threads() { act threads; }
deaf() { act deaf; }
heir() { act heir; }
guess() { act guess; }
cut() { act cut; }
dying() { act dying; }
mute() { act mute; }

# Killed while it has all that it could get.
killed() {
	nodes
	for what in messages files ports; do
		mkfifo "$work/in.$what"
		"$rogue" $what <"$work/in.$what" >"$work/said.$what" 2>&1 &
		rogue_pid=$!
		exec 9>"$work/in.$what"
		wait_until 600 grep -q . "$work/said.$what" || fail "$what goes on for ever"
		kill -9 "$rogue_pid"
		wait "$rogue_pid" 2>/dev/null
		exec 9>&-
	done
	everybody_else
	recovered
}

# Several at a time.
together() {
	nodes
	mkfifo "$work/in"
	rogues=''
	for what in messages bytes files rights ports threads deaf; do
		: >"$work/said.$what"	# the fifo holds up the one behind it
		"$rogue" $what <"$work/in" >"$work/said.$what" 2>&1 &
		rogues="$rogues $!"
	done
	exec 9>"$work/in"
	for what in messages bytes files rights ports threads deaf; do
		wait_until 600 grep -q . "$work/said.$what" || fail "$what goes on for ever"
	done
	# Last: its connections would push those out that have not said hello yet.
	"$rogue" mute <"$work/in" >"$work/said.mute" 2>&1 9>&- &
	rogues="$rogues $!"
	wait_until 600 grep -q . "$work/said.mute" || fail "mute goes on for ever"
	everybody_else
	must "$build/tests/rubbish" "$XDG_RUNTIME_DIR/hird/portd"
	exec 9>&-
	for pid in $rogues; do
		wait "$pid" || fail "one was not refused as it should: $(cat "$work"/said.*)"
	done
	everybody_else
	recovered
}

try "a flood of messages" messages
try "a flood of bytes" bytes
try "descriptors held in messages" files
try "a flood of names" rights
try "a flood of ports" ports
try "a flood of threads" threads
try "a task that never reads its answers" deaf
try "a child that uses its parent's connection" heir
try "a task that guesses names" guess
try "frames cut short" cut
try "tasks that die inside a call" dying
try "connections without hello" mute
try "rogues killed at their worst" killed
try "all at once" together
finish
