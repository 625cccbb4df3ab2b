#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Many at once.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

parallel() {
	# All of them find no portd, and one of them starts it.
	for i in $(seq 20); do
		timeout 60 settrans -c ~/n$i hello --contents=$i >"$work/set.$i" 2>&1 &
		eval "job$i=\$!"
	done
	for i in $(seq 20); do
		eval "wait \$job$i" || fail "settrans $i: $(cat "$work/set.$i")"
	done
	for i in $(seq 20); do
		timeout 30 cat ~/n$i >"$work/cat.$i" 2>&1 &
		eval "job$i=\$!"
	done
	for i in $(seq 20); do
		eval "wait \$job$i" || fail "cat $i: $(cat "$work/cat.$i")"
		is "$(cat "$work/cat.$i")" "$i" "n$i"
	done
	is "$(mounts | wc -l)" 20 mounts
}

same_node() {
	touch a
	for i in $(seq 8); do
		timeout 60 settrans -fg a hello --contents=$i >"$work/set.$i" 2>&1 &
		eval "job$i=\$!"
	done
	n_done=0
	for i in $(seq 8); do
		eval "wait \$job$i" && n_done=$((n_done + 1))
	done
	[ $n_done -gt 0 ] || fail "nobody succeeded: $(cat "$work"/set.*)"
	must cat a
	case $out in
	[1-8]) ;;
	*) fail "a says '$out'" ;;
	esac
	is "$(mounts | wc -l)" 1 mounts
}

readers() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	"$build/tests/mkarchive" pax gzip x.tgz tree
	must settrans -c ~/n tarfs x.tgz
	# The first look of all of them starts one translator, not eight.
	for i in $(seq 8); do
		timeout 30 find n -type f -exec cksum {} + >"$work/sum.$i" 2>&1 &
		eval "job$i=\$!"
	done
	for i in $(seq 8); do
		eval "wait \$job$i" || fail "reader $i"
		cmp -s "$work/sum.1" "$work/sum.$i" || fail "reader $i saw something else"
	done
	is "$(running | wc -l)" 1 "translators"
	is "$(field ~/n starts)" 1 starts
}

fifty() {
	for i in $(seq 50); do
		must settrans -c ~/n$i hello
	done
	is "$(mounts | wc -l)" 50 mounts
	must lstrans
	is "$(printf '%s\n' "$out" | grep -c hello)" 50 "lines of lstrans"
	nothing_runs || fail "something runs"
	for i in 1 25 50; do
		must cat n$i
	done
	portd_stop
	is "$(mounts)" "" "mounts after portd ended"
	must lstrans
	is "$(mounts | wc -l)" 50 "mounts after a restart"
}

quick_changes() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		must settrans -c ~/a hello --contents=$i
		must cat a
		is "$out" $i "a, time $i"
		must settrans -g ~/a
	done
	[ ! -s a ] || fail "a has content of its own"
}

try "20 settrans at once, none of which finds a portd" parallel
try "8 settrans at one node" same_node
try "8 readers, one translator" readers
try "50 nodes, over a restart" fifty
try "set and taken away, ten times" quick_changes
finish
