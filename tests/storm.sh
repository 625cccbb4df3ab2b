#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A storm: translators are killed at random moments while ordinary programs are at work on their
# nodes. No program may notice, no byte be another, and nothing be lost that was acknowledged.
#
#   ./run tests/storm.sh --seconds=3600     an hour (in all) instead of a minute
#   ./run tests/storm.sh --seed=N           the moments and victims of another day again
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse
archive_is_built || skip_all "the archive translator is not built (libarchive is missing)"
for program in tests/storm-kill tests/storm-writer; do
	[ -x "$build/$program" ] || make -s -C "$build" $program || exit 99
done

seconds=${HIRD_BRIEF:+20}
seconds=${seconds:-60}
seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
for arg; do
	case $arg in
	--seconds=*) seconds=${arg#*=} ;;
	--seed=*) seed=${arg#*=} ;;
	*)
		echo "usage: storm.sh [--seconds=N] [--seed=N]" >&2
		exit 64 ;;
	esac
done
echo "storm of $seconds s, --seed=$seed"

patience=1200	# tenths of a second for what is under way to end
read_only='copy sums tape list status zip'
writing='compile commit put'

# What the nodes show ------------------------------------------------------------

make_truth() {
	mkdir -p truth/src truth/deep/er/est truth/many
	"$build/tests/mkarchive" ustar none "$work/tree.tar" tree || return
	tar xf "$work/tree.tar" -C truth || return
	cp "$test_dir"/*.c truth/src/ || return
	for i in $(seq 60); do
		printf '%s %s\n' "$i" "$(head -c $((i * 20)) truth/src/storm-writer.c)" >truth/many/f$i
	done
	cat truth/src/*.c truth/big truth/big truth/big >truth/large
	cat >truth/greet.c <<-EOF
	#include <stdio.h>
	int main(void) { puts("built on a node"); return 0; }
	EOF
	if have git; then
		git init -q truth/repo && cp truth/src/*.c truth/repo/ &&
			git -C truth/repo add . && commit_in truth/repo first || return
	fi
}

commit_in() {
	git -C "$1" -c user.name=storm -c user.email=storm@example.org -c gc.auto=0 \
		commit -q --allow-empty -m "$2"
}

# The same bytes of the same tree, wherever it lies; its root is the node's.
tape_of() {
	(cd "$1" && tar --sort=name --owner=0 --group=0 --numeric-owner -cf - -- *)
}

make_nodes() {
	tar czf x.tgz -C truth . || return
	"$build/tests/mkarchive" zip none x.zip plain || return
	"$build/tests/mkarchive" ustar none plain.tar plain && mkdir plain &&
		tar xf plain.tar -C plain || return
	tape_of truth >"$work/tape" || return
	(cd truth && find . | sort) >"$work/list"
	(cd truth && find . -type f -exec sha256sum {} +) >"$work/sums"
	must settrans -c ~/ro tarfs "$HOME/x.tgz"
	must settrans -c ~/zip zipfs "$HOME/x.zip"
	if [ -x "$translators/mirror" ]; then
		mkdir under under/w
		cp -a truth/. under/
		must settrans -c ~/m mirror "$HOME/under"
	fi
	if [ -x "$translators/tmpfs" ]; then
		must settrans -c ~/t tmpfs
	fi
}

# Programs, each over and over ------------------------------------------------------

try_copy() {
	cp -a ~/ro/. "$work/copy" && diff -r --no-dereference truth "$work/copy" &&
		rm -rf "$work/copy"
}

try_sums() {
	(cd ~/ro && sha256sum --quiet -c "$work/sums")
}

try_tape() {
	tape_of ~/ro | cmp - "$work/tape"
}

try_list() {
	(cd ~/ro && find .) | sort | cmp - "$work/list" && find ~/ro -size +100k -ls >/dev/null
}

try_status() {
	have git || return 0
	GIT_OPTIONAL_LOCKS=0 git -C ~/ro/repo status --porcelain
}

try_zip() {
	diff -r plain ~/zip
}

try_compile() {
	have cc || return 0
	cc -c -o ~/m/greet.o ~/m/greet.c && cc -o ~/m/greet ~/m/greet.o &&
		[ "$(~/m/greet)" = "built on a node" ] || echo "the program does not say what it should"
}

try_commit() {
	have git || return 0
	date +%N >~/m/repo/changed && git -C ~/m/repo add changed && commit_in ~/m/repo again &&
		git -C ~/m/repo status --porcelain && git -C ~/m/repo fsck --no-progress 2>&1 |
		grep -v '^dangling'
	return 0
}

try_put() {
	cp -a truth/. ~/m/put && diff -r --no-dereference truth ~/m/put && rm -r ~/m/put
}

# Where a request may end with an error, no other bytes may come of it.
try_patient_sums() {
	(cd ~/ro && sha256sum -c "$work/sums" 2>/dev/null) | grep ': FAILED$'
	return 0
}

try_patient_copy() {
	diff -r --no-dereference plain ~/zip 2>/dev/null | grep -v '^Only in'
	return 0
}

try_patient_large() {
	cmp truth/large ~/ro/large >"$work/cmp" 2>/dev/null
	[ $? != 1 ] || cat "$work/cmp"
}

# Until the end of the storm. Whatever it says is a complaint.
repeat() {
	rounds=0
	while [ ! -e "$work/over" ] && [ ! -s "$work/said.$1" ]; do
		"try_$1" >>"$work/said.$1" 2>&1 || echo "status $?" >>"$work/said.$1"
		rounds=$((rounds + 1))
	done
	echo $rounds >"$work/rounds.$1"
}

# write_on NAME DIR OPTION...
write_on() {
	name=$1 where=$2
	shift 2
	"$build/tests/storm-writer" --seed="$seed" --seconds="$stage" --journal="$work/journal.$name" \
		"$@" "$where" >"$work/did.$name" 2>"$work/said.$name"
	steps=$(sed 's/ .*//' "$work/did.$name")
	echo "${steps:-0}" >"$work/rounds.$name"
}

start_programs() {
	programs=$read_only
	for name in $read_only; do
		repeat "$name" &
	done
	[ -d under ] || return 0
	programs="$programs $writing"
	for name in $writing; do
		repeat "$name" &
	done
}

start_patient_programs() {
	programs='patient_sums patient_copy patient_large'
	for name in $programs; do
		repeat "$name" &
	done
}

start_writers() {
	if [ -d under ]; then
		programs="$programs mirror"
		write_on mirror ~/m/w "$@" &
	fi
	if [ -d ~/t ]; then
		programs="$programs tmpfs"
		write_on tmpfs ~/t "$@" &
	fi
}

# Judging ------------------------------------------------------------------------------

all_ended() {
	for name in $programs; do
		[ -s "$work/rounds.$name" ] || return 1
	done
}

# Whoever waits in the kernel, and for what.
who_hangs() {
	for dir in /proc/[0-9]*; do
		case $(sed 's/.*) //' "$dir/stat" 2>/dev/null) in
		D*) say "hangs: ${dir#/proc/} $(tr '\0' ' ' <"$dir/cmdline" 2>/dev/null)" ;;
		esac
	done
}

judge() {
	for name in $programs; do
		if [ ! -s "$work/rounds.$name" ]; then
			fail "$name did not end"
		elif [ -s "$work/said.$name" ]; then
			fail "$name: $(head -n 5 "$work/said.$name")"
		elif [ "$(cat "$work/rounds.$name")" = 0 ]; then
			fail "$name did nothing"
		fi
		done_by="${done_by:-}$name $(cat "$work/rounds.$name" 2>/dev/null), "
	done
}

# What was noted is there, seen past the node.
verify_under() {
	[ -d under ] || return 0
	expect 0 "$build/tests/storm-writer" --verify --journal="$work/journal.mirror" under/w ||
		fail "what was acknowledged is not there"
	expect 0 diff -r truth/src under/src
}

# storm OPTION...: of storm-kill. $lossy: what the writers are told, and then programs may fail.
storm() {
	done_by='' programs=''
	if [ -z "$lossy" ]; then
		start_programs
	else
		start_patient_programs
	fi
	start_writers $lossy
	"$build/tests/storm-kill" --seed="$seed" --seconds="$stage" "$@" >"$work/kills"
	: >"$work/over"
	wait_until $patience all_ended || who_hangs
	judge
	kills=$(cat "$work/kills")
	[ "${kills:-0}" -gt 0 ] || fail "nobody was hit"
	say "$kills times in $stage s; ${done_by%, }"
	must lstrans
	portd_stop
	verify_under
}

# begin TENTHS OPTION...: the share of the time, and how portd is started.
begin() {
	stage=$(((seconds * $1 + 9) / 10))
	lossy=''
	shift
	make_truth && portd_start "$@" && make_nodes && return
	fail "there is nothing to look at"
	return 1
}

has_option() {
	"$HIRD_PORTD" --help | grep -q -e "--$1"
}

translators_die() {
	begin 4 || return
	storm "$translators"
}

# One that is stopped is killed by portd when its time is over.
translators_freeze() {
	has_option deadline || { skip "this portd has no watchdog"; return; }
	begin 2 --deadline=1 || return
	storm --stop "$translators"
}

worker_dies() {
	has_option restarts || { skip "this portd has no holder"; return; }
	begin 2 --restarts=1000 || return
	storm --children-of="$(portd_pid)" "$HIRD_PORTD"
}

# The way of Linux before 6.9: what was under way ends with an error, and nothing else does.
nothing_again() {
	begin 2 --no-resend || return
	lossy=--lossy
	storm "$translators"
}

try "translators are killed" translators_die
try "translators are stopped" translators_freeze
try "portd's worker is killed" worker_dies
try "translators are killed where requests cannot be delivered again" nothing_again
finish
