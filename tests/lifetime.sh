#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A node outlives its translator, and its setting outlives portd.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

restart() {
	must settrans -c ~/a hello --contents=one
	must settrans -c ~/b hello --contents=two
	must cat a
	portd_stop
	is "$(mounts)" "" "mounts after portd ended"
	[ -f a ] || fail "a is gone with portd"
	# Whichever tool comes next starts portd, which arms what is set.
	must lstrans
	must cat a
	is "$out" one "a after the restart"
	must cat b
	is "$out" two "b after the restart"
}

arm_if_set() {
	must "$HIRD_PORTD" --arm-if-set
	[ -z "$(portd_pid)" ] || fail "portd stayed although nothing is set"
	must settrans -c ~/a hello
	portd_stop
	"$HIRD_PORTD" --arm-if-set >"$work/portd.out" 2>&1 &
	wait_until 100 mounted ~/a || fail "the login unit's command armed nothing: $(cat "$work/portd.out")"
	must cat a
	is "$out" "Hello, world!" a
}

mounted() {
	mounts | grep -qxF "$1"
}

kill_mid_read() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	"$build/tests/mkarchive" pax gzip x.tgz plain
	"$build/tests/mkarchive" pax none x.tar plain
	tar xf x.tar -C "$work" big
	must settrans -c ~/src tarfs x.tgz
	exec 9<src/big
	head -c 1000 <&9 >"$work/part"
	first=$(running)
	[ -n "$first" ] || fail "nothing runs although a file is open"
	kill -9 $first
	# The rest comes from a successor, through the same open file.
	timeout "$limit" cat <&9 >>"$work/part" || fail "reading on failed: $?"
	exec 9<&-
	cmp "$work/part" "$work/big" || fail "the content changed over the crash"
	[ "$(running)" != "$first" ] || fail "the same process still runs"
	is "$(field ~/src crashes)" 1 crashes
}

kill_under_load() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	"$build/tests/mkarchive" pax gzip x.tgz plain
	"$build/tests/mkarchive" pax none x.tar plain
	tar xf x.tar -C "$work" big
	must settrans -c ~/src tarfs x.tgz
	for i in 1 2 3 4 5 6; do
		timeout "$limit" cmp src/big "$work/big" >"$work/cmp.$i" 2>&1 &
		eval "reader$i=\$!"
	done
	for i in 1 2; do
		sleep 0.05
		for victim in $(running); do
			kill -9 "$victim" 2>/dev/null
		done
	done
	for i in 1 2 3 4 5 6; do
		eval "wait \$reader$i" || fail "reader $i: $(cat "$work/cmp.$i")"
	done
}

# The same on a kernel that cannot deliver requests again: readers may get an
# error, but each of them ends, and the node is there for the next one.
kill_no_resend() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	portd_start --no-resend
	"$build/tests/mkarchive" pax gzip x.tgz plain
	"$build/tests/mkarchive" pax none x.tar plain
	tar xf x.tar -C "$work" big
	must settrans -c ~/src tarfs x.tgz
	for i in 1 2 3 4; do
		timeout "$limit" cmp src/big "$work/big" >"$work/cmp.$i" 2>&1 &
		eval "reader$i=\$!"
	done
	wait_until 100 state_is ~/src running || fail "nothing runs although files are read"
	kill -9 $(running)
	for i in 1 2 3 4; do
		eval "wait \$reader$i"
		[ $? != 124 ] || fail "reader $i hangs"
	done
	wait_until 100 state_is ~/src idle || wait_until 10 state_is ~/src running ||
		fail "the node is $(field ~/src state)"
	timeout "$limit" cmp src/big "$work/big" || fail "the node does not serve any more"
	is "$(field ~/src crashes)" 1 crashes
}

idle_exit() {
	portd_start --idle=3
	must settrans -c ~/a hello
	must cat a
	something_runs || fail "nothing runs after a read"
	wait_until 100 nothing_runs || fail "still runs after 10 s, idle being 1 s"
	state_is ~/a idle || fail "a is $(field ~/a state), not idle"
	must cat a
	is "$out" "Hello, world!" "a after it came back"
}

# moody WORD [OPTION...]: a node a whose sync does what mood says.
moody() {
	moody=$build/tests/moody
	[ -x "$moody" ] || make -s -C "$build" tests/moody || fail "moody is not built"
	mood "$1"
	ln mood a
	shift
	must settrans ~/a "$moody" "$@"
	must cat a
}
mood() {
	echo "$1" >mood
}
saved() {
	is "$(hird log ~/a | grep -c ' saved$')" 1 "how often it was saved"
}
not_saved() {
	[ "$(hird log ~/a 2>/dev/null | grep -c 'there is no room for it')" -ge "$1" ]
}

# What is still to be written is written before it leaves; when that fails it stays.
idle_saves() {
	portd_start --idle=3
	moody full
	first=$(running)
	wait_until 150 not_saved 2 || fail "did not try, and try again: $(hird log ~/a)"
	is "$(running)" "$first" "who runs although it could not save"
	mood saves
	wait_until 100 nothing_runs || fail "still runs after it could save"
	saved
	must cat a
}

stale_saves() {
	echo one >watched
	moody full --watch=watched
	first=$(running)
	echo two >>watched
	wait_until 100 not_saved 1 || fail "did not try: $(hird log ~/a)"
	is "$(running)" "$first" "who runs although it could not save"
	mood saves
	left() { [ "$(running)" != "$first" ]; }
	wait_until 300 left || fail "still runs after it could save"
	saved
	must cat a
}

options_kept() {
	portd_start --idle=3
	must settrans -c ~/a hello
	must fsysopts ~/a --contents=changed
	must cat a
	is "$out" changed "after fsysopts"
	wait_until 100 nothing_runs || fail "did not leave when idle"
	must cat a
	is "$out" changed "after idle exit"
	kill -9 $(running)
	must cat a
	is "$out" changed "after a crash"
	must settrans -a ~/a
	must cat a
	is "$out" "Hello, world!" "after goaway"
}

options_kept_portd() {
	must settrans -c ~/a hello
	must fsysopts ~/a --contents=changed
	must fsysopts ~/a
	has "$out" changed "fsysopts before the restart"
	portd_stop
	must lstrans
	must fsysopts ~/a
	has "$out" changed "fsysopts after a restart of portd"
}

options_idle() {
	must settrans -c ~/a hello
	nothing_runs || fail "settrans started it"
	must fsysopts ~/a --contents=before
	must cat a
	is "$out" before "options given while idle"
}

unmounted_by_hand() {
	must settrans -c ~/a hello
	must cat a
	must fusermount3 -u ~/a
	wait_until 50 state_is ~/a unmounted || fail "a is $(field ~/a state), not unmounted"
	must showtrans ~/a
	must settrans --start ~/a
	must cat a
	is "$out" "Hello, world!" "armed again"
}

parent_renamed() {
	mkdir old
	must settrans -c ~/old/a hello
	mv old new
	must cat new/a
	is "$out" "Hello, world!" "a under its new name"
	wait_until 50 listed ~/new/a || fail "lstrans does not know the new path: $(lstrans)"
}

# While portd looks away, so that it finds them exchanged.
parents_exchanged() {
	mkdir a b c
	for d in a b c; do
		must settrans -c ~/$d/n hello --contents=$d
	done
	must settrans -c ~/a/m hello --contents=m
	pid=$(worker_pid)
	kill -STOP "$pid"
	mv a t; mv b a; mv c b; mv t c
	kill -CONT "$pid"
	for d in b:a c:b a:c; do
		must cat "${d#*:}/n"
		is "$out" "${d%:*}" "what was ${d%:*}/n and is ${d#*:}/n"
		is "$(field ~/"${d#*:}"/n node)" ~/"${d#*:}"/n "its name"
	done
	must cat c/m
	is "$out" m "what has moved beside them"
	wait_until 50 listed ~/c/m || fail "lstrans does not know the new path: $(lstrans)"
	must hird stop
	must hird start
	for d in b:a c:b a:c; do
		must cat "${d#*:}/n"
		is "$out" "${d%:*}" "${d#*:}/n, armed again"
	done
}

listed() {
	lstrans | grep -qF "$1"
}

archive_replaced() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	mkdir one two
	echo one >one/which; echo two-longer >two/which
	must tar cf x.tar -C one which
	must settrans -c ~/src tarfs x.tar
	must cat src/which
	is "$out" one "before"
	must tar cf y.tar -C two which
	mv y.tar x.tar
	replaced() { [ "$(cat src/which 2>/dev/null)" = two-longer ]; }
	wait_until 100 replaced || fail "the new archive was not noticed: $(cat src/which)"
}

cwd_survives() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	portd_start --idle=3
	"$build/tests/mkarchive" pax none x.tar tree
	must settrans -c ~/src tarfs x.tar
	cd src/dir || { fail "cd"; return; }
	must cat file
	wait_until 100 nothing_runs || fail "a directory that is only stood in keeps it running"
	must cat file
	is "$out" content "file in the directory we stand in"
	cd ~ || return
}

try "settings survive the end of portd and are armed again" restart
try "portd --arm-if-set: nothing without settings, all with them" arm_if_set
try "kill -9 in the middle of a file: the reader notices nothing" kill_mid_read
try "kill -9 again and again under six readers" kill_under_load
try "kill -9 where requests cannot be delivered again: nobody hangs" kill_no_resend
try "an idle translator leaves and comes back" idle_exit
try "what is idle saves its content before it leaves, or stays" idle_saves
try "what has become stale, too" stale_saves
try "changed options are kept over idle exit and crash, not over goaway" options_kept
try "changed options are kept over a restart of portd" options_kept_portd
try "options of an idle node" options_idle
try "unmounted by hand: setting kept, said so, armed again" unmounted_by_hand
try "a parent that is renamed" parent_renamed
try "parents that are exchanged" parents_exchanged
try "an archive that is replaced is seen anew" archive_replaced
try "standing in a node while its translator goes and comes" cwd_survives
finish
