#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# portd's worker dies, at any moment: its holder starts another one, translators serve on, and
# nobody who reads notices.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse
[ -x "$build/tests/manager" ] || make -s -C "$build" tests/manager || skip_all "tests/manager cannot be built"
times=${HIRD_KILLS:-25}

# Sleeps some hundredths of a second, another time each call.
seed=$$
pause() {
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	sleep "0.$(printf %02d $((seed / 65536 % ${1:-20})))"
}

prepare() {
	portd_start --restarts=1000 "$@"
	must settrans -c ~/a hello --contents=one
	must settrans -c ~/idle hello --contents=idle
	if archive_is_built; then
		"$build/tests/mkarchive" pax gzip x.tgz plain
		"$build/tests/mkarchive" pax none x.tar plain
		tar xf x.tar -C "$work" big
		must settrans -c ~/src tarfs x.tgz
	fi
}

# readers_begin; ...; readers_end: they read until then, and say what goes wrong.
readers_begin() {
	rm -f "$work/enough"
	(cd "$HOME" && while [ ! -e "$work/enough" ]; do
		word=$(timeout "$limit" cat a) || echo "cat a: $?"
		[ "$word" = one ] || echo "a is '$word'"
	done) >"$work/reader.1" 2>&1 &
	reader1=$!
	reader2='' reader3=''
	[ -d src ] || return 0
	(while [ ! -e "$work/enough" ]; do
		timeout "$limit" cmp "$HOME/src/big" "$work/big" || echo "cmp: $?"
	done) >"$work/reader.2" 2>&1 &
	reader2=$!
	(cd "$HOME/src/dir" && while [ ! -e "$work/enough" ]; do
		timeout "$limit" ls -l >"$work/listing" || echo "ls: $?"
		timeout "$limit" cat file >"$work/content" || echo "cat file: $?"
	done) >"$work/reader.3" 2>&1 &
	reader3=$!
}

readers_end() {
	: >"$work/enough"
	for reader in $reader1 $reader2 $reader3; do
		wait "$reader"
	done
	for i in 1 2 3; do
		[ ! -s "$work/reader.$i" ] || fail "reader $i: $(head -n 5 "$work/reader.$i")"
	done
}

# As everybody sees it, but for what counts time.
seen() {
	timeout "$limit" lstrans --json | sed 's/"progress[^,]*,//; s/"opens[^,]*,//g'
}

all_there() {
	must lstrans
	must cat a
	is "$out" one a
	[ ! -d src ] || timeout "$limit" cmp src/big "$work/big" || fail "src/big"
	must cat idle
	is "$out" idle idle
}

worker() {
	prepare
	must cat a
	[ ! -d src ] || exec 8<src/big 9<src/dir/file
	before=$(seen)
	ran=$(running)
	holder=$(portd_pid)
	readers_begin
	i=0
	while [ $i -lt "$times" ]; do
		worker_kill
		pause
		i=$((i + 1))
	done
	readers_end
	is "$(portd_pid)" "$holder" "the holder"
	is "$(running)" "$ran" "translators"
	is "$(seen)" "$before" "what lstrans says"
	if [ -d src ]; then
		cmp - "$work/big" <&8 || fail "the open file"
		[ -n "$(cat <&9)" ] || fail "the other open file"
		exec 8<&- 9<&-
	fi
	do_ hird doctor
	has "$out" "died and was started again $times times" "hird doctor"
	must settrans -g ~/a hello --contents=two
	must cat a
	is "$out" two "a, set anew"
	must settrans -g ~/a
	must settrans -g ~/idle
	[ ! -d src ] || must settrans -g ~/src
	is "$(mounts)" "" mounts
	wait_until 50 nothing_runs || fail "still runs: $(running)"
}

# Deaths that a worker sees count against a translator (three, and its node has failed): these
# are seen by none.
both() {
	prepare
	must cat a
	readers_begin
	i=0
	while [ $i -lt "$times" ]; do
		victim=$(worker_pid)
		# shellcheck disable=SC2046
		case $((i % 3)) in
		0) kill -9 "$victim" $(running) ;;
		1) kill -STOP "$victim"; kill -9 $(running); kill -9 "$victim" ;;
		2) kill -9 "$victim" ;;
		esac 2>/dev/null
		wait_until 100 is_another "$victim" || fail "no worker after $victim"
		pause 30
		i=$((i + 1))
	done
	readers_end
	all_there
}

# Each settrans succeeds, or says in one line that it did not; what it left can be set.
changing() {
	prepare
	rm -f "$work/enough"
	(while [ ! -e "$work/enough" ]; do
		victim=$(worker_pid)
		[ -z "$victim" ] || kill -9 "$victim" 2>/dev/null
		pause
	done) &
	killer=$!
	i=0
	while [ $i -lt "$times" ]; do
		case $((i % 4)) in
		0) do_ settrans -c ~/n hello --contents=$i ;;
		1) do_ settrans -g ~/n hello --contents=$i ;;
		2) do_ settrans -a -g ~/n hello --contents=$i ;;
		3) do_ settrans -fg ~/n ;;
		esac
		[ $status = 0 ] || one_line
		[ $status -lt 64 ] || fail "status $status: $err"
		do_ cat n
		i=$((i + 1))
	done
	: >"$work/enough"
	wait $killer
	expect 0 settrans -fg ~/n
	must settrans -c ~/n hello --contents=last
	must cat n
	is "$out" last n
	must settrans -g ~/n
	all_there
	must portinfo --check
}

# What is not in the store: a translator that was only started; options that were changed.
unstored() {
	prepare
	must settrans -a ~/idle hello --contents=active
	must fsysopts ~/a --contents=changed
	: >plain
	must settrans -a ~/plain hello --contents=unset
	must cat plain a idle
	ran=$(running)
	for i in 1 2 3; do
		worker_kill
	done
	must cat idle
	is "$out" active "the active one"
	must cat plain
	is "$out" unset "the one without a setting"
	must cat a
	is "$out" changed "a"
	is "$(running)" "$ran" translators
	kill -9 $(running)
	worker_kill
	must cat plain idle a
	is "$out" unsetactivechanged "after all died"
	must fsysopts ~/a
	has "$out" changed fsysopts
	must fsysopts ~/a --contents=again
	must cat a
	is "$out" again a
	must settrans -g ~/plain
	must settrans -g ~/idle
	is "$(cat plain)" "" "the plain file"
}

# The control port of before means nothing to the new one, nor to the translator.
idle_exit() {
	prepare --idle=1
	must cat a
	worker_kill
	must cat a
	wait_until 100 state_is ~/a idle || fail "it did not leave: $(field ~/a state)"
	worker_kill
	must cat a
	is "$out" one
	wait_until 100 state_is ~/a idle || fail "it did not leave again"
}

# Other portds replace it in between.
replaced() {
	prepare
	must cat a
	ran=$(running)
	for i in 1 2 3; do
		must hird replace
		worker_kill
		must cat a
		must hird replace
	done
	is "$(running)" "$ran" translators
	all_there
}

all_dead() {
	prepare
	must cat a
	ran=$(running)
	kill -9 "$(portd_pid)"
	for pid in $ran; do
		wait_until 50 is_gone "$pid" || fail "translator $pid outlived portd"
	done
	wait_until 50 no_orphans || fail "outlived it: $(orphans)"
	expect 1 cat a
	all_there
}

gives_up() {
	portd_start --restarts=2
	must settrans -c ~/a hello --contents=one
	must cat a
	pid=$(portd_pid)
	worker_kill
	worker_kill
	kill -9 "$(worker_pid)"
	wait_until 100 is_gone "$pid" || fail "it goes on"
	wait_until 50 no_orphans || fail "outlived it: $(orphans)"
	grep -q "giving up" "$XDG_STATE_HOME"/hird/*/log/portd || fail "no word of it"
	must lstrans
	must cat a
	is "$out" one a
}

# Told to end, it ends, whatever dies meanwhile.
ending() {
	prepare
	for round in 1 2 3 4 5 6; do
		must cat a
		holder=$(portd_pid)
		kill "$holder"
		pause 10
		kill -9 "$(worker_pid)" 2>/dev/null
		wait_until 150 is_gone "$holder" || fail "it did not end (round $round)"
		is "$(mounts)" "" "mounts (round $round)"
		wait_until 50 no_orphans || fail "outlived it: $(orphans)"
		portd_start --restarts=1000
		must lstrans
	done
}

# One that cannot speak holds nobody up but those who read from it.
frozen() {
	prepare
	must cat a idle
	frozen=$(field ~/a pid)
	kill -STOP "$frozen"
	worker_kill
	worker_kill
	must lstrans
	must cat idle
	is "$(field ~/a pid)" "$frozen" "the frozen one"
	kill -CONT "$frozen"
	must cat a
	is "$out" one a
	must fsysopts ~/a --contents=two
	must cat a
	is "$out" two a
	is "$(field ~/a pid)" "$frozen" "the thawed one"
}

# What happened while nobody looked.
meanwhile() {
	prepare
	must cat a
	mkdir outer
	must settrans -c ~/outer/in hello --contents=in
	must cat outer/in
	kill -STOP "$(portd_pid)"
	kill -9 "$(worker_pid)"
	fusermount3 -uz ~/idle
	mv outer moved
	kill -CONT "$(portd_pid)"
	wait_until 100 is_another 0
	must cat moved/in
	is "$out" in "the renamed one"
	must lstrans
	has "$out" "moved/in" lstrans
	wait_until 50 state_is ~/idle idle || fail "not mounted anew: $(field ~/idle reason)"
	all_there
	must settrans -g ~/moved/in
}

# A service manager keeps the descriptors: mounts outlive the holder, too, and translators may.
managed() {
	"$build/tests/manager" "$work/notify" "$HIRD_PORTD" --restarts=1000 \
		>"$work/manager" 2>"$work/manager.err" &
	manager=$!
	wait_until 100 portd_answers || fail "it does not start: $(tail -n 3 "$work/manager.err")"
	must settrans -c ~/a hello --contents=one
	must settrans -c ~/idle hello --contents=idle
	must settrans -c ~/gone hello
	must settrans -g ~/gone
	if archive_is_built; then
		"$build/tests/mkarchive" pax gzip x.tgz plain
		"$build/tests/mkarchive" pax none x.tar plain
		tar xf x.tar -C "$work" big
		must settrans -c ~/src tarfs x.tgz
	fi
	must cat a
	pid=$(field ~/a pid)
	readers_begin
	i=0
	while [ $i -lt "$times" ]; do
		victim=$(portd_pid)
		case $((i % 3)) in
		0) kill -9 "$victim" ;;
		1) kill -9 "$(worker_pid)" "$victim" ;;
		2) kill -9 "$(worker_pid)" ; pause ; kill -9 "$victim" ;;
		esac 2>/dev/null
		wait_until 100 is_other_holder "$victim" || fail "no holder after $victim"
		pause
		i=$((i + 1))
	done
	readers_end
	[ "$(grep -c started "$work/manager")" -gt "$times" ] || fail "$(tail -n 3 "$work/manager")"
	all_there
	[ -n "$pid" ] && [ -n "$(field ~/a pid)" ] || fail "a does not run"
	must settrans -g ~/a hello --contents=two
	must cat a
	is "$out" two "a, set anew"
	must settrans -g ~/a
	must hird stop
	wait $manager || fail "it ended with $?: $(tail -n 3 "$work/manager.err")"
	has "$(tail -n 1 "$work/manager")" "ended with 0 descriptors"
}

# Descriptors that no holder has stored, under names that one could have given.
strange() {
	for names in e-1-2-3:f-3:e-2-1: e-1-0:e-1-1:e-1-2:e-1-3 f-:e-:e--:- \
	    e-2-ffffffffffffffffffff-3:f-3:e-ffffffffffffffff-1:f-1-1 ::::; do
		LISTEN_FDNAMES=$names LISTEN_FDS=4 sh -c 'LISTEN_PID=$$ exec "$HIRD_PORTD"' \
			3</dev/null 4</dev/null 5</etc/passwd 6</dev/null 2>"$work/said" &
		wait_until 100 portd_answers || fail "$names: it does not start: $(head -n 3 "$work/said")"
		must settrans -c ~/n hello
		worker_kill
		must cat n
		must settrans -g ~/n
		portd_stop
		wait $! || fail "$names: it ended with $?"
	done
}

portd_answers() {
	[ -S "$XDG_RUNTIME_DIR/hird/portd" ] && timeout "$limit" lstrans >"$work/answer" 2>&1
}

is_other_holder() {
	other=$(portd_pid)
	[ -n "$other" ] && [ "$other" != "$1" ] && [ -n "$(worker_pid)" ]
}

try "kill -9 of the worker, again and again: readers, open files, pids" worker
try "kill -9 of translators and worker together" both
try "kill -9 while settrans runs: done or not done, and said" changing
try "what is only active, and options changed at run time" unstored
try "idle exit after a crash" idle_exit
try "replaced before and after a crash" replaced
try "kill -9 of the holder: all ends, the next tool arms all" all_dead
try "kill -9 of the holder under a service manager: nobody notices" managed
try "a manager that gives rubbish" strange
try "too many deaths in a minute: it gives up, and says so" gives_up
try "told to end, it ends although its worker is killed" ending
try "a translator that is stopped meanwhile comes back later" frozen
try "a mount undone, a directory renamed while nobody was there" meanwhile
finish
