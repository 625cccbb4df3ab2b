#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# portd is replaced by another binary, in place: nobody who uses it notices.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
scene=$build/tests/scene
[ -x "$scene" ] || make -s -C "$build" tests/scene || skip_all "tests/scene cannot be built"
times=20

# What portd holds open, by kind; anonymous numbers differ.
descriptors() {
	for fd in "/proc/$(worker_pid)/fd"/*; do
		readlink "$fd"
	done | sed 's/[0-9][0-9]*/N/g' | sort | uniq -c
}

# The state that everybody sees, without what counts time.
seen() {
	lstrans --json | sed 's/"since": *[0-9]*//; s/"progress[^,]*,//'
	timeout "$limit" hird service --json
}

replace() {
	must hird replace || return 1
	has "$out" "runs now" "hird replace"
}

nodes() {
	need_nodes || return
	must settrans -c ~/a hello --contents=one
	must settrans -c ~/b hello --contents=two
	must settrans -c ~/c hello --contents=three
	must cat a b
	exec 9<a
	pid=$(portd_pid)
	ran=$(running)
	before=$(seen)
	replace
	open_before=$(descriptors)
	i=1
	while [ $i -lt $times ]; do
		replace || break
		i=$((i + 1))
	done
	is "$(portd_pid)" "$pid" "portd's process"
	is "$(running)" "$ran" "translators"
	is "$(seen)" "$before" "what lstrans says"
	is "$(descriptors)" "$open_before" "open descriptors"
	is "$(cat <&9)" one "the open file"
	exec 9<&-
	must cat a b c
	is "$out" "onetwothree" "the files"
	must settrans -g ~/a hello --contents=four
	must cat a
	is "$out" four "a, set anew"
	must settrans -g ~/b
	portd_stop
	is "$(mounts)" "" "mounts after portd ended"
}

need_nodes() {
	[ -e /dev/fuse ] && have fusermount3 && return
	skip "no FUSE"
	return 1
}

# A translator that dies under the new portd is replaced as under the old one.
crash_after() {
	need_nodes || return
	must settrans -c ~/a hello --contents=one
	must cat a
	replace
	kill -9 $(running)
	must cat a
	is "$out" one "a after a crash"
	is "$(field ~/a crashes)" 1 crashes
	must settrans -c ~/d hello --contents=new
	replace
	must cat d
	is "$out" new d
}

reading() {
	need_nodes || return
	archive_is_built || { skip "the archive translator is not built"; return; }
	"$build/tests/mkarchive" pax gzip x.tgz plain
	"$build/tests/mkarchive" pax none x.tar plain
	tar xf x.tar -C "$work" big
	must settrans -c ~/src tarfs x.tgz
	for i in 1 2 3 4; do
		(while [ ! -e "$work/enough" ]; do
			timeout "$limit" cmp src/big "$work/big" || exit 1
		done) >"$work/cmp.$i" 2>&1 &
		eval "reader$i=\$!"
	done
	i=0
	while [ $i -lt $times ]; do
		replace || break
		i=$((i + 1))
	done
	: >"$work/enough"
	for i in 1 2 3 4; do
		eval "wait \$reader$i" || fail "reader $i: $(cat "$work/cmp.$i")"
	done
}

# Calls go on: each is answered, once.
calls() {
	portd_start
	"$scene" rpc 20000 </dev/null >"$work/ready" 2>"$work/said" &
	caller=$!
	"$scene" rpc 20000 </dev/null >"$work/ready2" 2>"$work/said2" &
	caller2=$!
	i=0
	while [ $i -lt $times ]; do
		replace || break
		i=$((i + 1))
	done
	wait $caller || fail "a call failed: $(cat "$work/said")"
	wait $caller2 || fail "a call failed: $(cat "$work/said2")"
	must portinfo --check
	has "$out" "all adds up"
}

# Those who wait: for room, for messages; rights in transit.
waiting() {
	portd_start
	for what in full transit deadlock alone; do
		mkfifo "$work/in.$what"
		"$scene" $what <"$work/in.$what" >"$work/ready.$what" 2>"$work/said.$what" &
		eval "scene_$what=\$!"
	done
	exec 5>"$work/in.full" 6>"$work/in.transit" 7>"$work/in.deadlock" 8>"$work/in.alone"
	for what in full transit deadlock alone; do
		wait_until 100 grep -qs ready "$work/ready.$what" || fail "$what is not set"
	done
	expect 2 portinfo -w	# there is a deadlock
	before=$out
	i=0
	while [ $i -lt $times ]; do
		replace || break
		i=$((i + 1))
	done
	expect 2 portinfo -w
	is "$out" "$before" "who waits for whom"
	must portinfo --check
	has "$out" "all adds up"
	exec 5>&- 6>&- 7>&- 8>&-
	for what in full transit deadlock alone; do
		eval "wait \$scene_$what" || fail "$what: $(cat "$work/said.$what")"
	done
}

services() {
	portd_start
	must hird service add -e A=B org.example.sleeps /bin/sleep 1000
	before=$(seen)
	replace
	is "$(seen)" "$before" "services"
	portd_stop
	portd_start
	is "$(seen)" "$before" "services, stored"
	must hird service remove org.example.sleeps
}

# A service with a message that nobody has read, and a caller who waits for its answer.
unread() {
	programs=$build/mnt-examples/rpc
	[ -x "$programs/client" ] || { skip "mnt-examples/rpc is not built"; return; }
	portd_start
	must hird service add greeter /bin/sh -c "
		until [ -e '$work/go' ]; do /bin/sleep 0.1; done; exec '$programs/server'"
	"$programs/client" traveller >"$work/greeting" 2>&1 &
	client=$!
	wait_until 50 one_waits || fail "no message waits"
	before=$(hird service --json)
	i=0
	while [ $i -lt $times ]; do
		replace || break
		i=$((i + 1))
	done
	is "$(hird service --json)" "$before" "services"
	: >"$work/go"
	wait $client || fail "the client failed"
	is "$(cat "$work/greeting")" "Hello, traveller!" "the answer"
	must "$programs/client" again
	replace
	must "$programs/client" "once more"
	is "$out" "Hello, once more!"
	must hird service remove greeter
	kill $(running)
	wait_until 50 nothing_runs || fail "the server still runs"
}

one_waits() {
	[ "$(hird service --json | json_field queued)" = 1 ]
}

# portd dies without a word: who waits hears of it; the same process attaches and registers
# again.
unplanned() {
	programs=$build/mnt-examples/rpc
	[ -x "$programs/client" ] || { skip "mnt-examples/rpc is not built"; return; }
	portd_start
	"$build/tests/survivor" >"$work/survivor" 2>&1 &
	survivor=$!
	wait_until 50 "$programs/client" somebody >/dev/null || fail "the server does not answer"
	for i in 1 2 3; do
		portd_kill
		expect 1 "$programs/client" somebody
		portd_start
		wait_until 50 "$programs/client" somebody >/dev/null ||
			fail "nobody registered again: $(cat "$work/survivor")"
	done
	is "$(grep -c attached "$work/survivor")" 4 "times attached"
	kill $survivor
	wait $survivor 2>/dev/null
}

# What is under way comes to its end first.
under_way() {
	need_nodes || return
	must settrans -c ~/a hello --contents=one
	must cat a
	kill -STOP $(running)
	settrans -g ~/a hello --contents=two >"$work/set" 2>&1 &
	setter=$!
	sleep 0.3
	replace
	wait $setter || fail "settrans: $(cat "$work/set")"
	must cat a
	is "$out" two a
}

by_signal() {
	portd_start
	pid=$(portd_pid)
	first=$(stat -L -c %i "/proc/$(worker_pid)/exe")
	kill -USR2 "$pid"
	kill -USR2 "$pid"
	must portinfo --check
	wait_until 50 grep -q "goes on in the place" "$XDG_STATE_HOME"/hird/*/log/portd \
		"$XDG_STATE_HOME"/hird/log/portd 2>/dev/null ||
		[ "$(stat -L -c %i "/proc/$(worker_pid)/exe")" = "$first" ] || fail "no word of it"
	must lstrans
	is "$(portd_pid)" "$pid" "portd's process"
	is "$(cat "/proc/$(worker_pid)/comm")" hird-portd "its name"
}

# What is no hird-portd is refused, and the one that runs goes on.
refused() {
	portd_start
	pid=$(portd_pid)
	printf '#!/bin/sh\necho hird-portd reads states 1\n' >"$work/liar"
	chmod 755 "$work/liar"
	for program in /bin/true /bin/sh /etc/passwd "$work/liar"; do
		expect 1 hird replace "$program"
		one_line
		must portinfo --check
	done
	expect 1 hird replace "$work/missing"
	one_line
	expect 64 hird replace a b
	one_line
	if [ -e /dev/fuse ] && have fusermount3; then
		must settrans -c ~/inside hello
		expect 1 hird replace ~/inside
		one_line
		has "$err" "lies in a node"
	fi
	is "$(portd_pid)" "$pid" "portd's process"
	portd_stop
	must hird replace
	is "$out" "portd does not run"
}

try "20 times in a row: nodes, open files, translators, no descriptor more" nodes
try "a translator that crashes afterwards comes back" crash_after
try "files that are being read are read on" reading
try "calls of two pairs of tasks go on" calls
try "whoever waits goes on waiting" waiting
try "services stay declared" services
try "a message that nobody has read, and its sender, are kept" unread
try "what is under way comes to its end first" under_way
try "without a replacement: a clear error, and everything anew" unplanned
try "by a signal, twice at once" by_signal
try "what is no hird-portd is refused" refused
finish
