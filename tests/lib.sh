# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# lib.sh: what the system tests stand on.
#
# A test script sources this file, defines functions, and runs each with
# `try "what it shows" function`; `finish` prints the count and exits.
# Each case has a home, a runtime directory and so a portd of its own, in a
# new directory which is the current one ($HOME), and at its end everything is
# counted that it leaves behind: mounts, processes, sockets, locks.
#
#   ./run tests/story.sh            runs one script by hand
#   HIRD_CASE='restart*' ./run ...  runs its cases whose function matches
#   HIRD_KEEP=1                     leaves the directories of failed cases

set -u
export LC_ALL=C
umask 022

test_dir=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
case $test_dir in
*/tests) top=${test_dir%/tests} ;;
*) top=$(CDPATH='' cd -- "$test_dir/.." && pwd) ;;
esac

# By hand, or by make: end up under run, and under the reaper.
if [ -z "${HIRD_PORTD:-}" ]; then
	exec "$top/run" sh "$0" "$@"
fi
build=$(CDPATH="" cd -- "$(dirname -- "$HIRD_PORTD")/.." && pwd)
if [ -z "${HIRD_REAPER:-}" ]; then
	if [ ! -x "$build/tests/reaper" ]; then
		make -s -C "$build" tests/reaper tests/rubbish || exit 99
		make -s -C "$build" tests/mkarchive 2>/dev/null
	fi
	exec "$build/tests/reaper" sh "$0" "$@"
fi

translators=$build/translators
asan_options=${ASAN_OPTIONS:-}
n_passed=0 n_failed=0 n_skipped=0 n_cases=0
limit=30	# seconds that one command may take
out='' err='' status=0
failed='' skipped=''

finish() {
	if [ $((n_passed + n_failed + n_skipped)) = 0 ]; then
		echo "$(basename "$0"): no case matches ${HIRD_CASE:-}"
	fi
	echo "$n_passed passed, $n_failed failed, $n_skipped skipped"
	[ $n_failed = 0 ] || exit 1
	[ $n_passed = 0 ] && [ $n_skipped != 0 ] && exit 77
	exit 0
}

# A script that can do nothing here: skip_all REASON
skip_all() {
	echo "skip - $(basename "$0" .sh): $1"
	echo "0 passed, 0 failed, 1 skipped"
	exit 77
}

need_fuse() {
	if [ ! -e /dev/fuse ]; then
		skip_all "no FUSE: /dev/fuse is missing (modprobe fuse)"
	elif [ ! -r /dev/fuse ] || [ ! -w /dev/fuse ]; then
		skip_all "no FUSE: /dev/fuse is not open to this user"
	elif ! command -v fusermount3 >/dev/null; then
		skip_all "no FUSE: fusermount3 is not installed (Debian: fuse3)"
	fi
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# Cases ------------------------------------------------------------------------

# say WORDS: a finding of the running case.
say() {
	printf '    %s\n' "$*"
}

# fail WORDS: the case goes on, and has failed.
fail() {
	failed=yes
	say "$*"
}

# skip REASON; return: the case ends here, unjudged.
skip() {
	skipped=$1
}

try() {
	case_name=$1
	case_function=$2
	# shellcheck disable=SC2254
	case $case_function in
	${HIRD_CASE:-*}) ;;
	*) return ;;
	esac
	n_cases=$((n_cases + 1))
	failed='' skipped=''
	setup
	"$case_function"
	teardown
	if [ -n "$failed" ]; then
		echo "not ok $n_cases - $case_name"
		n_failed=$((n_failed + 1))
	elif [ -n "$skipped" ]; then
		echo "ok $n_cases - $case_name # skip $skipped"
		n_skipped=$((n_skipped + 1))
	else
		echo "ok $n_cases - $case_name"
		n_passed=$((n_passed + 1))
	fi
}

setup() {
	work=$(mktemp -d "${TMPDIR:-/tmp}/hird-test.XXXXXX") || exit 99
	chmod 755 "$work"
	HOME=$work/home
	XDG_RUNTIME_DIR=$work/run
	XDG_STATE_HOME=$work/state
	HIRD_TRANSLATOR_DIR=$translators:$HOME/.local/libexec/hird
	# What a sanitizer finds in a process that nobody watches.
	ASAN_OPTIONS=log_path=$work/sanitizer:$asan_options
	UBSAN_OPTIONS=print_stacktrace=1:$ASAN_OPTIONS
	export ASAN_OPTIONS UBSAN_OPTIONS
	unset XDG_CONFIG_HOME
	export HOME XDG_RUNTIME_DIR XDG_STATE_HOME HIRD_TRANSLATOR_DIR
	mkdir "$HOME" "$XDG_RUNTIME_DIR" "$XDG_STATE_HOME"
	chmod 700 "$XDG_RUNTIME_DIR"
	cd "$HOME" || exit 99
}

teardown() {
	cd / || exit 99
	portd_stop
	for mount in $(mounts | sort -r); do
		fail "left behind: a mount on $mount"
		fusermount3 -uz "$(printf '%b' "$(printf '%s' "$mount" | sed 's/\\/\\0/g')")"
	done
	wait_until 20 no_orphans || :
	for pid in $(orphans); do
		fail "left behind: process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
		kill -9 "$pid" 2>/dev/null
	done
	for report in "$work"/sanitizer.*; do
		[ ! -s "$report" ] || { fail "a sanitizer's finding:"; cat "$report"; }
	done
	if [ -e "$XDG_RUNTIME_DIR/hird/portd" ]; then
		fail "left behind: the socket $XDG_RUNTIME_DIR/hird/portd"
	fi
	if [ -n "$failed" ]; then
		logs
		[ -z "${HIRD_KEEP:-}" ] || { say "kept: $work"; return; }
	fi
	chmod -R u+rwx "$work" 2>/dev/null
	rm -rf --one-file-system "$work"
}

# What portd and the translators of a failed case had to say.
logs() {
	find "$XDG_STATE_HOME" -name log -type d 2>/dev/null | while read -r dir; do
		find "$dir" -type f | while read -r log; do
			[ -s "$log" ] || continue
			echo "    --- $(basename "$log")"
			tail -n 15 "$log" | sed 's/^/    | /'
		done
	done
}

# Every mount of this case.
mounts() {
	awk -v top="$work/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo
}

# Processes of the case that have no parent of their own any more: portd, and
# what outlived it.
orphans() {
	for pid in $(cat "/proc/$HIRD_REAPER/task/$HIRD_REAPER/children" 2>/dev/null); do
		[ "$pid" = $$ ] && continue
		# One that has ended and waits to be collected is gone.
		case $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) in
		''|Z*|X*) ;;
		*) echo "$pid" ;;
		esac
	done
}

no_orphans() {
	[ -z "$(orphans)" ]
}

# Commands ---------------------------------------------------------------------

# do_ COMMAND...: runs it with a limit; fills out, err and status.
do_() {
	timeout -k 5 "$limit" "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	out=$(cat "$work/out")
	err=$(cat "$work/err")
	[ $status != 124 ] || fail "took more than $limit s: $*"
}

# expect STATUS COMMAND...
expect() {
	want=$1
	shift
	do_ "$@"
	if [ "$status" != "$want" ]; then
		fail "status $status, not $want: $*"
		[ -z "$out" ] || printf '%s\n' "$out" | sed 's/^/    > /' | head -n 12
		[ -z "$err" ] || printf '%s\n' "$err" | sed 's/^/    ! /' | head -n 12
		return 1
	fi
}

# must COMMAND...: expects 0 and silence on standard error.
must() {
	expect 0 "$@" || return 1
	[ -z "$err" ] || fail "said: $err: $*"
}

# is GOT WANT [WHAT]
is() {
	[ "$1" = "$2" ] || fail "${3:-value} is '$1', not '$2'"
}

# has TEXT PART [WHAT]
has() {
	case $1 in
	*"$2"*) ;;
	*) fail "${3:-text} lacks '$2': '$1'" ;;
	esac
}

# lacks TEXT PART [WHAT]
lacks() {
	case $1 in
	*"$2"*) fail "${3:-text} has '$2': '$1'" ;;
	esac
}

# An error as the house wants it: one line, with a reason beside the name.
one_line() {
	case $err in
	'') fail "no word of error" ;;
	*'
'*) fail "more than one line of error: $err" ;;
	esac
}

# wait_until TENTHS COMMAND...
wait_until() {
	tries=$1
	shift
	while ! "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# portd ------------------------------------------------------------------------

# The process that lasts: the holder. Who kills it, kills all.
portd_pid() {
	pid=$(sed -n '1s/[^0-9].*//p;1q' "$XDG_RUNTIME_DIR/hird/portd.lock" 2>/dev/null)
	[ -n "$pid" ] || pid=$(head -n 1 "$XDG_RUNTIME_DIR/hird/portd.lock" 2>/dev/null)
	[ -n "$pid" ] && [ -e "/proc/$pid" ] && echo "$pid"
}

# A portd with options of our choice.
portd_start() {
	expect 0 "$HIRD_PORTD" --background "$@"
}

portd_gone() {
	[ -z "$(portd_pid)" ]
}

is_gone() {
	case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
	''|Z*|X*) return 0 ;;
	esac
	return 1
}

portd_stop() {
	pid=$(portd_pid)
	[ -n "$pid" ] || return 0
	kill "$pid"
	if ! wait_until 150 is_gone "$pid"; then
		fail "portd ($pid) did not end within 15 s of SIGTERM"
		kill -9 "$pid"
	fi
}

portd_kill() {
	pid=$(portd_pid)
	kill -9 "$pid"
	wait_until 50 is_gone "$pid" || fail "portd $pid outlived SIGKILL"
}

children() {
	cat "/proc/$1/task/$1/children" 2>/dev/null
}

# The process that does the work, while there is one.
worker_pid() {
	pid=$(portd_pid)
	[ -n "$pid" ] || return 0
	for child in $(children "$pid"); do
		[ "$(cat "/proc/$child/comm" 2>/dev/null)" != hird-portd ] || is_gone "$child" || echo "$child"
	done | head -n 1
}

# It dies, and another one takes its place: when this returns, that one is there.
worker_kill() {
	victim=$(worker_pid)
	kill -9 "$victim"
	wait_until 100 is_another "$victim" || fail "no worker after $victim"
}

is_another() {
	another=$(worker_pid)
	[ -n "$another" ] && [ "$another" != "$1" ]
}

# Translators that run now, their pids: children of the worker, or of the holder when a worker
# before it has started them, that run another program (those that do not are helpers
# for a moment).
running() {
	holder=$(portd_pid)
	worker=$(worker_pid)
	[ -n "$worker" ] || return 0
	for child in $(children "$holder") $(children "$worker"); do
		[ "/proc/$child/exe" -ef "/proc/$worker/exe" ] || is_gone "$child" || echo "$child"
	done
}

nothing_runs() {
	[ -z "$(running)" ]
}

something_runs() {
	[ -n "$(running)" ]
}

# field NODE NAME: one field of the node's line in lstrans --json.
field() {
	timeout "$limit" lstrans --json "$1" 2>/dev/null | json_field "$2"
}

# The first value of a key, read with nothing but sed.
json_field() {
	tr '\n' ' ' | sed -n 's/.*"'"$1"'": *\("\([^"]*\)"\|\([^],} ]*\)\).*/\2\3/p'
}

state_is() {
	[ "$(field "$1" state)" = "$2" ]
}

# make_variable NAME: as configure has set it.
make_variable() {
	sed -n "s/^$1 = //p" "$build/Makefile" | head -n 1
}

archive_is_built() {
	[ -x "$translators/archive" ] && [ -x "$build/tests/mkarchive" ]
}
