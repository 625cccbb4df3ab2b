#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What programs see of tmpfs and of a mirror is what they see of the file system of the machine.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

seconds=3 seed=
for word; do
	case $word in
	--seconds=*) seconds=${word#*=} ;;
	--seed=*) seed=$word ;;
	*) echo "usage: posix.sh [--seconds=N] [--seed=N]" >&2; exit 64 ;;
	esac
done

# see DIR: what the program sees there, a line each, in $work/NAME.seen
see() {
	mkdir "$1"
	timeout 120 "$build/tests/posix" "$1" >"$work/$2.seen" 2>&1 ||
	    grep -q . "$work/$2.seen" || fail "nothing was seen in $1"
	chmod -R u+rwx "$1"
	rm -rf "$1"
}

# A case in which the machine's file system lacks something is judged without it.
same() {
	see "$HOME/native" native
	see "$1/here" ours
	[ "$(wc -l <"$work/native.seen")" -gt 300 ] || fail "little was seen: $(tail "$work/native.seen")"
	for name in $(grep EOPNOTSUPP "$work/native.seen" | grep -v ': punch alone:\|: no such kind:' |
	    cut -d : -f 1 | sort -u); do
		say "not compared, since the file system of $HOME lacks part of it: $name"
		sed -i "/^$name:/d" "$work/native.seen" "$work/ours.seen"
	done
	diff "$work/native.seen" "$work/ours.seen" >"$work/differences" ||
	    fail "native (<) and here (>) differ: $(cat "$work/differences")"
}

at_random() {
	mkdir "$1/r"
	if ! timeout $((seconds + 120)) "$build/tests/posix-random" "$1/r/file" \
	    --seconds="$seconds" $seed >"$work/random"; then
		fail "$(cat "$work/random")"
	fi
	rm -r "$1/r"
}

tmpfs_same() {
	must settrans -c ~/t tmpfs
	same ~/t
	is "$(find t | wc -l)" 1 "what is left"
	is "$(df --output=used t | tail -n 1 | tr -d ' ')" 0 "what is used"
	must settrans -g ~/t
}

mirror_same() {
	mkdir back
	must settrans -c ~/m mirror ~/back
	same ~/m
	is "$(find back | wc -l)" 1 "what is left"
	must settrans -g ~/m
}

tmpfs_random() {
	must settrans -c ~/t tmpfs
	at_random ~/t
	must settrans -g ~/t
}

mirror_random() {
	mkdir back
	must settrans -c ~/m mirror ~/back
	at_random ~/m
	must settrans -g ~/m
}

# From one file system into another.
across() {
	mkdir back
	must settrans -c ~/m mirror ~/back
	must settrans -c ~/t tmpfs
	echo x >m/file
	expect 1 ln m/file t/file
	has "$err" "cross-device" "a link"
	must mv m/file t/moved
	is "$(cat t/moved)" x "what was moved"
	expect 1 ln back/moved m/x
	must settrans -g ~/m
	must settrans -g ~/t
}

# What has no name yet is there after a crash, too.
unnamed_and_killed() {
	mkdir back
	must settrans -c ~/m mirror ~/back
	must settrans -c ~/t tmpfs
	mkfifo fifo
	for node in m t; do
		: >"$work/said"
		"$build/tests/posix-unnamed" "$node" <fifo >"$work/said" 2>&1 &
		exec 9>fifo
		wait_until 50 grep -q ready "$work/said" || fail "$node: $(cat "$work/said")"
		kill -9 $(running)
		echo go >&9
		wait $! || fail "$node: $(cat "$work/said")"
		exec 9>&-
		is "$(cat "$node/named")" "before and after" "what got a name"
		is "$(stat -c '%h %a' "$node/named")" "1 640" "its links and mode"
	done
	is "$(ls back)" named "the file below"
	must settrans -g ~/m
	must settrans -g ~/t
}

try "tmpfs is like the file system of the machine" tmpfs_same
try "a mirror is like the file system of the machine" mirror_same
try "random content of a file in tmpfs" tmpfs_random
try "random content of a file in a mirror" mirror_random
try "links and moves between nodes" across
try "a file without a name outlives a crash" unnamed_and_killed
finish
