#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Services as a person declares them: hird service, with the server and the client of
# hird-rpc(3) behind a name.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
programs=$build/mnt-examples/rpc

# Its line, without the pid.
greeter() {
	hird service | awk '$1 == "greeter" { print $2, $4, $5 }'
}
greeter_is() {
	[ "$(greeter)" = "$1" ]
}
# Of the one service there is.
service_field() {
	hird service --json | json_field "$1"
}
declare_greeter() {
	must hird service add greeter "$programs/server"
}
greets() {
	must "$programs/client" "$1"
	is "$out" "Hello, $1!"
}

nothing() {
	must hird service
	is "$out" ""
	[ -z "$(portd_pid)" ] || fail "looking started portd"
	must hird service --json
	is "$out" "[]"
}

first_message() {
	declare_greeter
	is "$(greeter)" "waiting 0 $programs/server"
	is "$(service_field pid)" 0 pid
	nothing_runs || fail "declaring it started it"
	greets world
	greeter_is "running 0 $programs/server" || fail "it is $(greeter)"
	is "$(running)" "$(service_field pid)" pid
	is "$(service_field starts)" 1 starts
	is "$(service_field stored)" true stored
	is "$(service_field failures)" 0 failures
	greets again
	is "$(service_field starts)" 1 "starts after a second message"
}

json() {
	have jq || { skip "jq is not installed"; return; }
	must hird service add -e WHAT=ever "with a space" "$programs/server" "one word" ""
	declare_greeter
	must hird service --json
	is "$(printf '%s' "$out" | jq -r 'map(.name) | join(",")')" "greeter,with a space"
	is "$(printf '%s' "$out" | jq -c '.[1].argv')" "[\"$programs/server\",\"one word\",\"\"]"
	is "$(printf '%s' "$out" | jq -r '.[1].program')" "$programs/server"
}

# The program gets its arguments, its environment, and no more of ours.
environment() {
	cat >show <<-'END'
	#!/bin/sh
	printf '%s\n' "$1" "$WHAT" "$HIRD_SERVICE" "${NOT_FOR_IT:-}" >"$2/seen.new"
	mv "$2/seen.new" "$2/seen"
	exit 3
	END
	chmod 755 show
	NOT_FOR_IT=yes; export NOT_FOR_IT
	must hird service add -e WHAT=ever greeter ./show "one word" "$work"
	# It never checks in, so nobody answers as long as the name is there.
	"$programs/client" world >"$work/said" 2>&1 &
	client=$!
	wait_until 100 test -e "$work/seen" || fail "it was not started"
	is "$(cat "$work/seen")" "one word
ever
greeter" "what it saw"
	wait_until 50 rests || fail "it is $(greeter)"
	is "$(service_field reason)" "exit status 3" reason
	must hird service remove greeter
	wait_until 100 is_gone "$client" || { fail "the client hangs"; kill "$client"; }
	wait "$client" 2>/dev/null
	is "$(wc -l <"$work/said")" 1 "lines of the client"
}
rests() {
	[ "$(service_field failures)" -gt 0 ]
}

crash() {
	declare_greeter
	greets one
	first=$(service_field pid)
	kill -9 "$first"
	wait_until 50 is_gone "$first" || fail "$first outlives SIGKILL"
	greets two
	[ "$(service_field pid)" != "$first" ] || fail "the same process still runs"
	is "$(service_field starts)" 2 starts
}

stored() {
	declare_greeter
	greets before
	old=$(service_field pid)
	must hird stop
	wait_until 50 is_gone "$old" || fail "the program outlives portd"
	expect 0 hird start
	is "$(greeter)" "waiting 0 $programs/server"
	greets after
	is "$(service_field starts)" 1 "starts in this portd"
}

# Stored is what keeps: portd itself goes when nobody needs it.
lingers() {
	portd_start --linger=1
	declare_greeter
	wait_until 100 portd_gone || fail "portd stays for a service that nobody uses"
	declare_greeter
	greets back
}

remove() {
	declare_greeter
	greets one
	must hird service remove greeter
	must hird service
	is "$out" ""
	expect 1 hird service remove greeter
	one_line
	is "$err" "hird: greeter: no service has this name"
	portd_stop
	expect 0 hird start
	must hird service
	is "$out" "" "after a restart"
	expect 1 "$programs/client" world
	is "$out$err" "no service has this name"
}

replaced() {
	must hird service add greeter /bin/false
	declare_greeter
	is "$(greeter)" "waiting 0 $programs/server"
	greets world
}

# bad STATUS PART ARG...: one line, which has PART.
bad() {
	want=$1
	part=$2
	shift 2
	do_ hird service "$@"
	is "$status" "$want" "status of '$*'"
	is "$out" "" "output of '$*'"
	one_line
	has "$err" "$part" "error of '$*'"
}
bad_input() {
	long=$(printf '%0129d' 0)
	echo text >text
	bad 64 NAME add
	bad 64 PROGRAM add greeter
	bad 64 "1 to 128 bytes" add "" /bin/true
	bad 64 "1 to 128 bytes" add "$long" /bin/true
	bad 64 "VARIABLE=VALUE" add -e WHAT greeter /bin/true
	bad 64 "remove takes one NAME" remove
	bad 64 "remove takes one NAME" remove a b
	bad 64 "list" list
	bad 64 "say add or remove" greeter
	bad 64 -x -x
	bad 1 "/nowhere/at/all: No such file" add greeter /nowhere/at/all
	bad 1 "text: Permission denied" add greeter text
	bad 1 "Permission denied" add greeter .
	bad 1 "no service" remove greeter
	must hird service
	is "$out" "" "services after all that"
}

try "without a service nothing is shown, and nothing is started" nothing
try "the first message starts the program" first_message
try "--json has names and arguments as they are" json
try "what the program is started with, and that it failed" environment
try "a program that is killed comes back with the next message" crash
try "a declaration survives portd" stored
try "a declaration keeps no portd" lingers
try "remove" remove
try "add over another one" replaced
try "bad input: one clear line, and nothing changed" bad_input
finish
