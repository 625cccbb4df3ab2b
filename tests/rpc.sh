#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The server and the client of hird-rpc(3): they work, the page prints what was
# compiled, and all of it is less than 60 lines. And the ports of nodes: hird rpc, and
# tests/door, which stands on trans_lookup.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
example=$top/mnt-examples/rpc
programs=$build/mnt-examples/rpc

knows_greeter() {
	"$programs/client" somebody >/dev/null
}

greets() {
	portd_start
	"$programs/server" >"$work/server" 2>&1 &
	server=$!
	wait_until 50 knows_greeter || fail "the server does not answer: $(cat "$work/server")"
	must "$programs/client" world
	is "$out" "Hello, world!"
	expect 1 "$programs/client"
	is "$out" "nobody has no name"
	# The answer of the dispatch: the name is too long.
	expect 1 "$programs/client" "somebody whose name is longer than 31 letters"
	kill "$server"
	wait "$server" 2>/dev/null
}

# The displays of the page, one file each.
displays() {
	sed 's/^\\&//; s/\\e/\\/g' "$top/libtrans/port/hird-rpc.3" |
		awk -v to="$work/display" '
			/^\.Bd/ { inside = 1; n++; next }
			/^\.Ed/ { inside = 0; next }
			inside { print > (to "." n) }'
}

is_displayed() {
	for display in "$work"/display.*; do
		cmp -s "$display" "$1" && return
	done
	return 1
}

page_prints() {
	displays
	for file in greet.def server.c client.c; do
		is_displayed "$example/$file" || fail "the page prints another $file"
	done
	lines=$(cat "$example/greet.def" "$example/server.c" "$example/client.c" | wc -l)
	[ "$lines" -lt 60 ] || fail "$lines lines are not less than 60"
}

# Ports of nodes -----------------------------------------------------------------

door=$build/tests/door
for program in tests/door tests/moody mnt-examples/rpc/counter; do
	[ -x "$build/$program" ] || make -s -C "$build" "$program" || exit 99
done

# value NAME: of the last answer of hird rpc.
value() {
	printf '%s\n' "$out" | sed -n "s/^$1: //p"
}

pid_of() {
	field "$1" pid
}

same_as_files() {
	must settrans -c ~/n hello
	must hird rpc n
	has "$out" 'io_read offset:u64 size:u32 -> data:memory'
	has "$out" 'dir_lookup path:str rights:u32 flags:u32 -> retry:u32 rest:str node:send'
	must hird rpc n io_read 0 1000
	is "$out" "$(cat n)"
	must hird rpc n io_read 7 5
	is "$out" world
	must hird rpc n io_read 1000 5
	is "$out" ''
	must hird rpc n io_stat
	for pair in size:%s ino:%i uid:%u; do
		is "$(value "${pair%:*}")" "$(stat -c "${pair#*:}" n)" "${pair%:*}"
	done
	is "$(value mode)" "$((0x$(stat -c %f n)))" mode
	must hird rpc --json n io_stat
	is "$(printf '%s' "$out" | json_field size)" 14 "size in JSON"
	must hird rpc --json n
	has "$out" '"name": "io_write"'
	must settrans -ac ~/d tmpfs
	mkdir d/sub d/sub/deep
	for i in 1 2 3 'a b'; do echo "$i" >"d/f$i"; done
	ln -s sub/deep d/link
	must hird rpc d dir_readdir 0
	is "$(value names | sort)" "$(ls d)"
	must "$door" list d
	is "$(printf '%s\n' "$out" | sort)" "$(ls d)"
	echo below >d/sub/deep/file
	for path in sub/deep/file ./sub//deep/../deep/file link/file; do
		must hird rpc --at="$path" d io_read 0 100
		is "$out" below "$path"
	done
	expect 1 hird rpc --at=../x d io_stat
	one_line
	expect 1 hird rpc --at=sub/none d io_stat
	has "$err" 'No such file'
	expect 1 hird rpc --at=f1/x d io_stat
	has "$err" 'Not a directory'
	expect 1 hird rpc d io_read 0 10
	expect 1 hird rpc n dir_readdir 0
	expect 64 hird rpc n io_read 0
	expect 1 hird rpc n io_read x 0
	expect 1 hird rpc n no_such
	expect 64 hird rpc
	expect 64 hird rpc --rights=x n
	must "$door" look /etc/passwd
	is "$out" "Invalid cross-device link"
	expect 1 hird rpc /etc
	one_line
}

# 10000 names, and content of many messages, of an archive.
large() {
	archive_is_built || { skip "no libarchive"; return; }
	mkdir many
	(cd many && seq 1 5000 | sed 's/^/a-rather-long-name-of-a-file-/' | xargs touch)
	head -c 7000000 /dev/urandom >many/big
	tar cf many.tar many
	must settrans -ac ~/t archive ~/many.tar
	"$door" list t many | sort >"$work/names"
	ls many | sort | cmp -s - "$work/names" || fail "other names"
	"$door" read t many/big | cmp -s - many/big || fail "other content"
	expect 1 hird rpc --open=read t dir_mkdir x 0755
	must settrans -ac ~/d tmpfs
	touch d/big
	"$door" write d big <many/big || fail "cannot write"
	cmp -s d/big many/big || fail "other content was written"
}

# What is done by message is seen by files at once, and the other way round.
changes() {
	[ ! -e d/new ] || fail "new is there"
	must hird rpc d dir_mkdir new 0755
	[ -d d/new ] || fail "new is not there"
	must hird rpc d dir_create file 0640
	is "$(stat -c %a d/file)" 640
	must hird rpc --open=both d/file io_write 0 hello
	is "$(cat d/file)" hello
	must hird rpc --open=both d/file io_write 1 E
	is "$(cat d/file)" hEllo
	must hird rpc --open=both d/file file_set_size 2
	is "$(cat d/file)" hE
	echo other >d/file
	must hird rpc d/file io_read 0 100
	is "$out" other
	must hird rpc --open=both d/file file_chmod 0600
	is "$(stat -c %a d/file)" 600
	for routine in "io_write 0 x" "file_set_size 1"; do
		chmod 4755 d/file
		# shellcheck disable=SC2086
		must hird rpc --open=both d/file $routine
		is "$(stat -c %a d/file)" 755 "the mode after $routine"
	done
	chmod 600 d/file
	echo other >d/file
	must hird rpc --open=both d/file file_utimes 0 1000000000000000000
	is "$(stat -c %Y d/file)" 1000000000
	must hird rpc --open=both d/file file_sync 0
	must hird rpc d dir_symlink link file
	is "$(cat d/link)" other
	must hird rpc d dir_link second d/file
	is "$(stat -c %h d/file)" 2
	must hird rpc d dir_rename second d/new third 0
	is "$(ls d/new)" third
	[ ! -e d/second ] || fail "second is still there"
	expect 1 hird rpc d dir_rename new d/new x 0
	expect 1 hird rpc d dir_mkdir new 0755
	has "$err" exists
	for name in . .. a/b ''; do
		expect 1 hird rpc d dir_mkdir "$name" 0755
	done
	expect 1 hird rpc d dir_unlink new
	expect 1 hird rpc d dir_rmdir file
	expect 1 hird rpc d dir_rmdir new
	must hird rpc d dir_unlink link
	must hird rpc d/new dir_unlink third
	must hird rpc d dir_rmdir new
	is "$(ls d)" file
	must hird rpc d file_statfs
}

changes_in_tmpfs() {
	must settrans -ac ~/d tmpfs
	changes
}

changes_in_mirror() {
	mkdir source
	must settrans -ac ~/d mirror ~/source
	changes
	is "$(ls source)" file "what is beneath"
}

narrow_rights() {
	must settrans -ac ~/d tmpfs
	mkdir d/sub
	echo text >d/sub/f
	must "$door" narrow d sub/f
	is "$out" "to write: given
to read: given
read only, to write: Permission denied
lookup only, to read: Permission denied
lookup only, to see: given
widened, to read: Permission denied
nothing, to see below: Bad file descriptor
O_PATH, to read: Permission denied
O_PATH, below, to read: Permission denied
O_PATH, below, to see: given
O_PATH, content: Bad file descriptor"
	# By the descriptor's mode.
	expect 1 hird rpc d/sub/f io_write 0 x
	expect 1 hird rpc --open=write d/sub/f io_read 0 1
	expect 1 hird rpc --open=path d/sub/f io_read 0 1
	must hird rpc --open=path d/sub/f io_stat
	expect 1 hird rpc --rights= d/sub/f io_read 0 1
	must hird rpc --rights= d/sub/f io_stat
	# By the node's mode, where a right is looked up.
	chmod 000 d/sub/f
	expect 1 "$door" read d sub/f
	is "$out" "lookup: Permission denied"
	chmod 400 d/sub/f
	must "$door" read d sub/f
	expect 1 "$door" write d sub/f
	chmod 600 d/sub/f
	chmod 600 d/sub
	expect 1 "$door" read d sub/f
	chmod 700 d/sub
	# What cannot be written at all says so.
	must settrans -c ~/n hello
	expect 1 "$door" write n
	must "$door" revoke d
	is "$out" "first: there
second: there
third: gone
fourth: there
first: there
third: gone
fourth: gone"
}

dead_translators() {
	must settrans -ac ~/d tmpfs
	expect 0 "$door" die d "$(pid_of ~/d)"
	is "$out" "old: dead
new: there"
	# It is started for a right alone, and stays for one.
	must settrans -c --idle=1 ~/n hello
	mkfifo held
	"$door" hold n <held >"$work/hold" &
	holder=$!
	exec 9>held
	wait_until 100 grep -q held "$work/hold" || fail "no right: $(cat "$work/hold")"
	started=$(pid_of ~/n)
	sleep 2
	is "$(pid_of ~/n)" "$started" "who serves a right"
	exec 9>&-
	wait "$holder"
	has "$(cat "$work/hold")" "still: there"
	wait_until 100 state_is ~/n idle || fail "it does not leave: $(field ~/n state)"
	# A portd that died takes rights along, and new ones can be had.
	must hird rpc d io_stat
	worker_kill
	must hird rpc d io_stat
	must hird replace
	must hird rpc d io_stat
	# Another portd in its place keeps them.
	"$door" hold d <held >"$work/hold" &
	holder=$!
	exec 9>held
	wait_until 100 grep -q held "$work/hold" || fail "no right: $(cat "$work/hold")"
	must hird replace
	exec 9>&-
	wait "$holder"
	has "$(cat "$work/hold")" "still: there"
	must "$door" many d 100
	is "$out" "100: success
first: there"
	must "$door" many d 5000
	has "$out" "first: there"
	must hird rpc d io_stat
}

# Who has a right may send anything: it is refused, and no word of portd's.
noise() {
	must settrans -ac ~/d tmpfs
	echo text >d/f
	served=$(pid_of ~/d)
	for node in d d/f; do
		must "$door" abuse "$node"
		is "$out" "node: there"
	done
	is "$(pid_of ~/d)" "$served" "who serves"
	is "$(field ~/d crashes)" 0 crashes
	is "$(cat d/f)" text
}

# moods WORD: how the translator behind n is from now on.
mood() {
	echo "$1" >word
}

# A callback that puts its answer off, blocks or dies: whoever waits by right hears of it.
moods() {
	portd_start --deadline=1
	echo fine >n
	ln n word
	must settrans n "$build/tests/moody" --deadline=300
	must hird rpc n io_read 0 100
	is "$out" "fine, 1"
	mood later
	expect 1 hird rpc n io_read 0 100
	has "$err" "timed out"
	# What waits for its answer holds nobody else up.
	"$door" hold n </dev/null >"$work/held" || fail "no right: $(cat "$work/held")"
	mood slow
	must hird rpc n io_read 0 100
	is "$out" "fine, 1"
	for word in crash block; do
		mood fine
		must hird rpc n io_stat
		mood $word
		expect 1 hird rpc n io_read 0 100
		one_line
		mood fine
		wait_until 100 "$door" read n >/dev/null || fail "no successor after $word"
	done
	is "$(field ~/n crashes)" 2 crashes
	mood die
	kill -9 "$(pid_of ~/n)"
	wait_until 100 state_is ~/n idle || wait_until 100 state_is ~/n failed
	expect 1 hird rpc n io_read 0 100
	one_line
}

own_routines() {
	must settrans -c ~/n "$programs/counter"
	must hird rpc n
	has "$out" 'counter_add number:i32 -> sum:i32'
	must hird rpc n counter_add 40
	is "$out" "sum: 40"
	must hird rpc n counter_add 0x2
	is "$(cat n)" 42
	expect 1 hird rpc n counter_add 2147483647
	has "$err" "that is too much"
	expect 1 hird rpc n counter_add 2147483648
	must hird rpc n counter_who
	is "$(value uid)" "$(id -u)"
	expect 1 hird rpc --open=path n counter_add 1
	expect 1 hird rpc --rights= n counter_add 1
	is "$(cat n)" 42
}

try "what a node's port says is what its files say" same_as_files
try "much of it" large
try "what is changed by message, files show" changes_in_tmpfs
try "likewise in a mirror" changes_in_mirror
try "a right is for no more than it came of, and can be taken back" narrow_rights
try "translators die, and leave, and stay for a right" dead_translators
try "a callback that puts off, blocks or dies" moods
try "noise to a node's port" noise
try "a translator's own routines" own_routines
try "a client and a server of 60 lines" greets
try "the page prints them" page_prints
finish
