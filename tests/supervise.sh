#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Translators that are stuck, stopped, broken or outdated: nobody hangs on them, and nobody
# notices when they are replaced.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse
moody=$build/tests/moody
[ -x "$moody" ] || make -s -C "$build" tests/moody || exit 99

# mood NODE WORD: what the file beneath it says. Another link leads to it.
mood() {
	echo "$2" >"$1.mood"
}

# moody NODE WORD [OPTION...]: a node that behaves so; the options are moody's, and $set_options
# those of settrans, once.
moody() {
	node=$1
	echo "$2" >"$node"
	ln "$node" "$node.mood"
	shift 2
	# shellcheck disable=SC2086
	must settrans $set_options "$node" "$moody" "$@"
	set_options=
}
set_options=

# reader NUMBER NODE: reads in the background.
reader() {
	# What a shell without a terminal starts in the background ignores ^C.
	env --default-signal=INT cat "$2" >"$work/read.$1" 2>"$work/read.$1.err" &
	eval "reader$1=\$!"
}

# ends NUMBER STATUS [TENTHS]: the reader ends so, in good time.
ends() {
	eval "pid=\$reader$1"
	if ! wait_until "${3:-150}" is_gone "$pid"; then
		fail "reader $1 hangs: $(sed -n 's/^State:[[:space:]]*//p' "/proc/$pid/status")"
		kill -9 "$pid"
		return
	fi
	wait "$pid"
	is $? "$2" "status of reader $1"
}

# The reader's request has been taken, or is at least with the kernel.
waits() {
	eval "pid=\$reader$1"
	case $(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status") in
	D|S) [ -n "$(running)" ] ;;
	*) return 1 ;;
	esac
}

blocked() {
	wait_until 100 waits "$1" || fail "reader $1 does not wait"
	sleep 0.3
}

# ^C and kill ----------------------------------------------------------------------

interrupt_one() {
	moody a "$1" $2
	reader 1 a
	blocked 1
	first=$(running)
	kill "-$3" "$reader1"
	ends 1 "$4" 20
	is "$(running)" "$first" "the translator afterwards"
}

interrupted() {
	interrupt_one block '' INT 130
}

interrupted_later() {
	interrupt_one later '' TERM 143
}

interrupted_killed() {
	interrupt_one block '' KILL 137
}

interrupted_cached() {
	interrupt_one block --cached INT 130
}

# One is in the callback, others wait behind it: each ends on its own, and the late answer of
# the first harms nobody.
interrupted_queue() {
	moody a slow
	must cat a
	for i in 1 2 3 4; do
		reader $i a
	done
	sleep 0.2
	kill -INT "$reader3"
	ends 3 130 20
	for i in 1 2 4; do
		ends $i 0
		is "$(cat "$work/read.$i")" "fine, 1" "what reader $i got"
	done
	must cat a
	is "$out" "fine, 1" "afterwards"
	is "$(field ~/a crashes)" 0 crashes
}

# A blocked callback does not keep ls from being told to go, either.
interrupted_other() {
	moody a block
	reader 1 a
	blocked 1
	reader 2 a
	sleep 0.3
	kill -INT "$reader2"
	ends 2 130 20
	kill -INT "$reader1"
	ends 1 130 20
}

# A deadline of each request -----------------------------------------------------

deadline_blocked() {
	moody a block --deadline=300
	reader 1 a
	reader 2 a
	ends 1 1 50
	ends 2 1 50
	has "$(cat "$work/read.1.err")" "timed out" "what cat said"
	has "$(cat "$work/read.2.err")" "timed out" "what the other said"
	is "$(field ~/a crashes)" 0 crashes
}

deadline_later() {
	moody a later --deadline=300
	reader 1 a
	ends 1 1 50
	has "$(cat "$work/read.1.err")" "timed out" "what cat said"
	mood a fine
	must cat a
}

# The watchdog -------------------------------------------------------------------

watchdog_one() {
	set_options=--deadline=$2
	moody a "$1"
	reader 1 a
	blocked 1
	mood a fine
	ends 1 0
	is "$(cat "$work/read.1")" "fine, 1" "what was read"
	is "$(field ~/a crashes)" 1 crashes
	must hird log a
}

watchdog_block() {
	watchdog_one block 1
}

watchdog_later() {
	watchdog_one later 1
}

watchdog_start() {
	watchdog_one hang 1
}

# Stopped, it answers no ping.
watchdog_stopped() {
	set_options=--deadline=1
	moody a fine
	must cat a
	first=$(running)
	kill -STOP $first
	reader 1 a
	ends 1 0
	is "$(cat "$work/read.1")" "fine, 1" "what was read"
	[ "$(running)" != "$first" ] || fail "the stopped one still serves"
	has "$(lstrans -v a)" "did not move" "lstrans -v"
}

# One that was not asked for anything may be stopped as long as one likes; and so may a reader.
watchdog_innocent() {
	set_options=--deadline=0.4
	moody a fine
	must cat a
	first=$(running)
	kill -STOP $first
	sleep 1.5
	kill -CONT $first
	must cat a
	is "$(running)" "$first" "the translator"
	for word in waits progress; do
		mood a $word
		reader 1 a
		blocked 1
		sleep 1.5
		is "$(running)" "$first" "the translator, in the mood $word"
		kill -INT "$reader1"
		ends 1 130 20
		kill -9 $first
		mood a fine
		must cat a
		first=$(running)
	done
}

watchdog_never() {
	set_options=--deadline=0
	portd_start --deadline=1
	moody a block
	reader 1 a
	blocked 1
	sleep 2.5
	something_runs || fail "it was killed"
	is "$(field ~/a crashes)" 0 crashes
	kill -INT "$reader1"
	ends 1 130 20
}

# All are frozen, as by a suspend, and thaw in one order and in the other.
frozen() {
	set_options=--deadline=1
	moody a slow
	must cat a
	for order in 1 2 3; do
		first=$(running) keeper="$(portd_pid) $(worker_pid)"
		reader 1 a
		sleep 0.1
		kill -STOP $keeper $first "$reader1"
		sleep 2
		case $order in
		1) set -- "$reader1" "$first" "$keeper" ;;
		2) set -- "$first" "$keeper" "$reader1" ;;
		3) set -- "$keeper" "$first" "$reader1" ;;
		esac
		for pid in "$@"; do
			kill -CONT $pid
			sleep 0.1
		done
		ends 1 0
		is "$(running)" "$first" "the translator, order $order"
	done
	is "$(field ~/a crashes)" 0 crashes
}

# Failed -------------------------------------------------------------------------

# It crashes at each request: whoever asks gets an answer, and later comers at once.
crashes() {
	moody a crash
	reader 1 a
	ends 1 1
	is "$(field ~/a rests)" 1 rests
	is "$(field ~/a crashes)" 3 crashes
	rest_until 4
	state_is ~/a failed || fail "a is $(field ~/a state), not failed"
	nothing_runs || fail "something runs"
	reader 2 a
	ends 2 1 20
	has "$(cat "$work/read.2.err")" "nput/output error" "what cat said"
	is "$(field ~/a crashes)" 12 "crashes after one that came later"
	nothing_runs || fail "the failed one was started"
	must lstrans -v a
	has "$out" "(rest 4 in a row)" "when it is tried again"
	has "$out" "signal 6" "the reason"
	mood a fine
	must settrans --start a
	must cat a
	is "$out" "fine, 1" "after --start"
}

# rest_until N: it is asked until it rests so often in a row; each try has waited for the rest
# before it.
rest_until() {
	while [ "$(field ~/a rests)" -lt "$1" ]; do
		wait_until 700 no_rest || { fail "it rests without end"; return; }
		before=$(field ~/a rests)
		timeout "$limit" cat a >"$work/out" 2>&1 && { fail "it was read"; return; }
		[ "$(field ~/a rests)" -gt "$before" ] || { fail "rest $before is not followed by another"; return; }
	done
	is "$(field ~/a rests)" "$1" "rests in a row"
}

no_rest() {
	[ "$(field ~/a retry_ms)" = null ]
}

# rests MS: for so long at most.
rests() {
	rest=$(field ~/a retry_ms)
	[ "$rest" != null ] && [ "$rest" -le "$1" ] || fail "it rests for $rest ms, not $1"
}

# 1, 2, 4, 8 s: and another portd knows that.
backoff() {
	moody a crash
	rest_until 4
	rests 8000
	rest_until 5
	rests 16000
	[ "$rest" -gt 8000 ] || fail "it rests for $rest ms, no longer than before"
	must hird replace
	is "$(field ~/a rests)" 5 "rests in a row after hird replace"
	rests 16000
	worker_kill
	is "$(field ~/a rests)" 5 "rests in a row after a death of portd"
	rests 16000
	crashes=$(field ~/a crashes)
	timeout "$limit" cat a 2>/dev/null && fail "it was read"
	is "$(field ~/a crashes)" "$crashes" crashes
	must settrans --start a
	is "$(field ~/a rests)" 0 "rests after --start"
	no_rest || fail "it rests after --start"
}

# Deaths with progress in between are forgiven, however many.
backoff_progress() {
	moody a fine
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		must cat a
		kill -9 $(running)
		wait_until 100 nothing_runs || fail "it outlives SIGKILL"
	done
	must cat a
	is "$(field ~/a crashes)" 12 crashes
	is "$(field ~/a rests)" 0 rests
}

dies_at_start() {
	moody a die
	for i in 1 2 3 4 5 6; do
		timeout "$limit" cat a 2>/dev/null && fail "it was read"
		state_is ~/a failed && break
		sleep 0.3
	done
	state_is ~/a failed || fail "a is $(field ~/a state), not failed"
	must lstrans -v a
	has "$out" "not in the mood" "the reason"
	must lstrans -v a
	has "$out" "last words" "lstrans -v"
	mood a fine
	must settrans --start a
	must cat a
}

# Stuck each time, although each time takes longer than what is counted as a row of crashes.
stuck_always() {
	set_options=--deadline=0.5
	moody a block
	reader 1 a
	ends 1 1 200
	state_is ~/a failed || fail "a is $(field ~/a state), not failed"
	has "$(lstrans -v a)" "within its deadline" "lstrans -v"
}

# Abort --------------------------------------------------------------------------

abort_one() {
	moody a "$1"
	for i in 1 2 3; do
		reader $i a
	done
	blocked 1
	[ -z "$2" ] || kill -STOP $(running)
	reader 4 a
	sleep 0.2
	must settrans --abort a
	for i in 1 2 3 4; do
		ends $i 1 50
	done
	mood a fine
	must cat a
	is "$out" "fine, 1" "afterwards"
	must showtrans a
	is "$(field ~/a crashes)" 0 crashes
}

abort_stuck() {
	abort_one block ''
}

abort_stopped() {
	abort_one later stop
}

abort_idle() {
	moody a fine
	must settrans --abort a
	must cat a
	expect 1 settrans --abort b
	one_line
	expect 64 settrans --abort --restart a
}

# Restart ------------------------------------------------------------------------

restart_open() {
	moody a fine --stand=1
	must cat a
	first=$(running)
	exec 9<a
	must settrans --restart a
	[ "$(running)" != "$first" ] || fail "the old one still runs"
	is "$(cat <&9)" "fine, 1" "through the open file"
	exec 9<&-
	is "$(field ~/a crashes)" 0 crashes
	must settrans --restart --all
	must settrans -g a
	nothing_runs || fail "something runs"
	must settrans --restart --all
	must settrans --restart --outdated
	expect 1 settrans --restart a
	one_line
}

# A request under way is finished first; one that takes too long is given to the successor.
restart_busy() {
	moody a slow
	must cat a
	for i in 1 2 3; do
		reader $i a
	done
	sleep 0.1
	must settrans --restart a
	for i in 1 2 3; do
		ends $i 0
		is "$(cat "$work/read.$i")" "fine, 1" "what reader $i got"
	done
	mood a later
	reader 1 a
	blocked 1
	mood a fine
	must settrans --restart a
	ends 1 0
	is "$(cat "$work/read.1")" "fine, 1" "what the waiting one got"
	is "$(field ~/a crashes)" 0 crashes
}

# Somebody reads on and on while it is restarted again and again.
restart_storm() {
	moody a fine
	( n=0; while [ ! -e "$work/stop" ]; do
		read -r line <a || { echo "error after $n"; exit 1; }
		[ "$line" = "fine, 1" ] || { echo "got '$line'"; exit 1; }
		n=$((n + 1))
	done; echo "$n" ) >"$work/storm" 2>&1 &
	storm=$!
	for i in 1 2 3 4 5 6 7 8 9 10; do
		must settrans --restart a
	done
	touch "$work/stop"
	wait $storm || fail "the reader: $(cat "$work/storm")"
	is "$(field ~/a crashes)" 0 crashes
}

restart_upgrade() {
	cp "$translators/hello" "$work/hello"
	must settrans -c a "$work/hello"
	must cat a
	first=$(running)
	exec 9<a
	lacks "$(lstrans -v a)" "old program" "lstrans -v before"
	must settrans --restart --outdated
	is "$(running)" "$first" "the translator, before"
	cp "$translators/hello" "$work/new"
	mv "$work/new" "$work/hello"
	has "$(lstrans -v a)" "old program" "lstrans -v"
	is "$(field ~/a outdated)" true "outdated in JSON"
	must settrans --restart --outdated
	[ "$(running)" != "$first" ] || fail "the old one still runs"
	is "$(field ~/a outdated)" false "outdated in JSON afterwards"
	is "$(cat <&9)" "Hello, world!" "through the open file"
	exec 9<&-
}

restart_cannot() {
	cp "$translators/hello" "$work/hello"
	must settrans -c a "$work/hello"
	must cat a
	rm "$work/hello"
	expect 4 settrans --restart a
	one_line
	cp "$translators/hello" "$work/hello"
	must settrans --start a
	must cat a
}

# Times of a node ----------------------------------------------------------------

idle_times() {
	portd_start --idle=1
	must settrans -c --idle=0 a hello
	must settrans -c b hello
	must cat a b
	wait_until 100 state_is ~/b idle || fail "b is $(field ~/b state)"
	state_is ~/a running || fail "a is $(field ~/a state)"
	portd_stop
	portd_start --idle=1
	wait_until 100 state_is ~/a idle || fail "a is $(field ~/a state), not armed"
	must cat a
	sleep 2
	state_is ~/a running || fail "a is $(field ~/a state) after a new portd"
	has "$(lstrans -v a)" "never" "lstrans -v"
	must settrans -g a
	must settrans -c --idle=0.5 --deadline=7.5 a hello
	must cat a
	wait_until 100 state_is ~/a idle || fail "a is $(field ~/a state)"
	has "$(lstrans -v a)" "7.5 s" "lstrans -v"
	expect 64 settrans --idle=x a hello
	expect 64 settrans --deadline=1 a
}

# Logs ---------------------------------------------------------------------------

logs_lines() {
	moody a crash
	timeout "$limit" cat a 2>/dev/null
	portd_dir=$(field ~/a log)
	{ i=0; while [ $i -lt 30 ]; do echo "line $i"; i=$((i + 1)); done; } >"$portd_dir"
	must hird log -n 3 a
	is "$out" "line 27
line 28
line 29" "the last three"
	mv "$portd_dir" "$portd_dir.1"
	echo "line 30" >"$portd_dir"
	must hird log -n 2 a
	is "$out" "line 29
line 30" "over a rotation"
	env --default-signal=INT hird log -f a >"$work/followed" &
	follower=$!
	followed() { grep -qx "$1" "$work/followed" 2>/dev/null; }
	wait_until 50 followed "line 30" || fail "nothing followed"
	echo "line 31" >>"$portd_dir"
	mv "$portd_dir" "$portd_dir.1"
	echo "line 32" >"$portd_dir"
	wait_until 50 followed "line 32" || fail "the new file was not followed"
	followed "line 31" || fail "a line was lost in the rotation"
	kill -INT $follower
	wait_until 50 is_gone $follower || fail "it does not end"
	expect 64 hird log -n x a
}

try "^C frees a reader whose read blocks the translator" interrupted
try "a signal frees a reader whose read was put off" interrupted_later
try "kill -9 of a reader of a blocked translator" interrupted_killed
try "^C in a read through the cache" interrupted_cached
try "^C of one of those who wait behind a slow one" interrupted_queue
try "^C of one behind a blocked one" interrupted_other
try "a deadline of requests: a callback that blocks" deadline_blocked
try "a deadline of requests: one that was put off" deadline_later
try "the watchdog: a callback that blocks" watchdog_block
try "the watchdog: an answer that does not come" watchdog_later
try "the watchdog: a start that hangs" watchdog_start
try "the watchdog: a stopped translator" watchdog_stopped
try "the watchdog leaves alone who is idle, waits or makes progress" watchdog_innocent
try "the watchdog: never" watchdog_never
try "all are frozen, and thaw in any order" frozen
try "one that always crashes fails, at once for later comers" crashes
try "each failure makes the rest longer, also over another portd" backoff
try "deaths with progress in between are forgiven" backoff_progress
try "one that dies at its start fails" dies_at_start
try "one that is always stuck fails" stuck_always
try "abort: a stuck translator" abort_stuck
try "abort: a stopped translator" abort_stopped
try "abort: an idle node, and none" abort_idle
try "restart under an open file" restart_open
try "restart under requests" restart_busy
try "restart again and again under a reader" restart_storm
try "restart of what was upgraded" restart_upgrade
try "restart of what is not there any more" restart_cannot
try "idle time and deadline of a node are kept" idle_times
try "hird log: the last lines, over rotation and restart" logs_lines
finish
