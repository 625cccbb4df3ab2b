#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What every translator does, whatever it is about. A new translator is tried
# here without a line of its own, unless it needs arguments: give it some.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

# The arguments with which each can start, one a line; options that change
# something come last.
arguments() {
	case $1 in
	archive) echo "$HOME/x.tar" ;;
	mirror) echo "$HOME/shown" ;;
	hello) echo "--contents=it's \"this\" \$HOME \\ or that" ;;
	esac
}

set_it() {
	(
		IFS='
'
		set -f
		# shellcheck disable=SC2046
		exec settrans "$@" "$name" $(arguments "$name")
	)
}

prepare() {
	if [ "$name" = archive ]; then
		archive_is_built || { skip "mkarchive is not built"; return 1; }
		"$build/tests/mkarchive" pax none x.tar plain
	fi
	mkdir -p shown
}

# A look that only the translator can answer.
look() {
	if [ -d ~/n ]; then
		timeout "$limit" ls ~/n/ >/dev/null
	else
		timeout "$limit" head -c 1 ~/n >/dev/null
	fi
}

manners() {
	program=$translators/$name
	must "$program" --help
	has "$out" "$name" --help
	must "$program" --version
	has "$out" "$name" --version
	expect 64 "$program" --no-such-option
	one_line
	# Started by nobody, it says how it is meant.
	do_ "$program"
	[ $status != 0 ] || fail "ran without a node"
	one_line
	do_ "$top/build-aux/check-pages" "$program" "$top/translators/$name.7"
	[ $status = 0 ] || fail "$out"
}

life() {
	prepare || return
	set_it -c ~/n || { fail "settrans failed"; return; }
	nothing_runs || fail "runs although nobody looked"
	must stat ~/n
	look || fail "first look: $?"
	something_runs || fail "nothing runs after a look"
	must stat ~/n
	must lstrans ~/n
	first=$(running)
	must settrans -a ~/n
	[ -z "$first" ] || is_gone "$first" || wait_until 50 is_gone "$first" || fail "goaway: $first still runs"
	look || fail "look after goaway: $?"
	for pid in $(running); do
		kill -9 "$pid"
	done
	look || fail "look after a kill: $?"
	# The same again while it runs as an active one.
	must settrans -fg ~/n
	is "$(mounts)" "" "mounts"
	set_it -a ~/n || fail "settrans -a failed"
	something_runs || fail "-a started nothing"
	look || fail "look at the active one: $?"
	must settrans -a ~/n
	is "$(mounts)" "" "mounts after settrans -a"
}

round_trip() {
	prepare || return
	set_it -c ~/n || { fail "settrans failed"; return; }
	look || fail "look: $?"
	must showtrans ~/n
	shown=$out
	must fsysopts ~/n
	printed=$out
	# The words as a shell reads them back make the same setting.
	must settrans -g ~/n
	eval "must settrans ~/n $printed"
	must showtrans ~/n
	is "$out" "$shown" "showtrans after a round trip"
	look || fail "look: $?"
	must fsysopts ~/n
	is "$out" "$printed" "fsysopts after a round trip"
}

descriptors() {
	prepare || return
	set_it -c ~/n || { fail "settrans failed"; return; }
	look
	look
	pid=$(running)
	[ -n "$pid" ] || { fail "nothing runs after a look"; return; }
	before=$(ls "/proc/$pid/fd" | wc -l)
	portd=$(worker_pid)
	portd_before=$(ls "/proc/$portd/fd" | wc -l)
	for i in 1 2 3 4 5 6 7 8 9 10; do
		look
		must stat ~/n
		must lstrans ~/n
		must fsysopts ~/n
	done
	same() { [ "$(ls "/proc/$pid/fd" | wc -l)" -le "$before" ]; }
	wait_until 30 same || fail "descriptors grew from $before: $(ls -l "/proc/$pid/fd")"
	same() { [ "$(ls "/proc/$portd/fd" | wc -l)" -le "$portd_before" ]; }
	wait_until 30 same || fail "portd's descriptors grew from $portd_before"
}

for program in "$translators"/*; do
	[ -f "$program" ] && [ -x "$program" ] && [ ! -L "$program" ] || continue
	name=$(basename "$program")
	case $name in
	test-*|*.*) continue ;;
	esac
	try "$name: help, version, page" manners
	try "$name: start, look, goaway, kill" life
	try "$name: options round trip" round_trip
	try "$name: descriptors" descriptors
done
finish
