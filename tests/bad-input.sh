#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What people, disks and attackers do wrong: one line that says what, where
# and what to do; nothing half done, nothing lost, nothing left.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

# refused NODE: nothing was made, set or mounted at NODE.
refused() {
	[ $status != 0 ] || fail "succeeded"
	one_line
	[ ! -e "$1" ] || fail "$1 was left behind"
	[ ! -L "$1" ] || fail "$1 was left behind"
	is "$(mounts)" "" mounts
	lacks "$(timeout "$limit" lstrans)" "$1" lstrans
}

missing_translator() {
	expect 4 settrans -c ~/n no-such-translator
	refused ~/n
	has "$err" no-such-translator message
	expect 4 settrans -c ~/n "$HOME/none/such"
	refused ~/n
	expect 4 settrans -ca ~/n no-such-translator
	refused ~/n
	# PATH is never searched.
	expect 4 settrans -c ~/n ls
	refused ~/n
}

not_a_translator() {
	do_ settrans -c ~/n /bin/true
	refused ~/n
	do_ settrans -ca ~/n /bin/true
	refused ~/n
	echo text >plain
	do_ settrans -c ~/n ~/plain
	refused ~/n
}

bad_options() {
	do_ settrans -c ~/n hello --no-such=1
	refused ~/n
	has "$err" no-such message
	do_ settrans -c ~/n hello surplus
	refused ~/n
	archive_is_built || return
	do_ settrans -c ~/n archive
	refused ~/n
	do_ settrans -c ~/n archive ~/no-such-file.tar
	refused ~/n
	has "$err" no-such-file.tar message
}

not_an_archive() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	echo "This is prose." >prose.tar
	do_ settrans -c ~/n tarfs ~/prose.tar
	refused ~/n
	has "$err" prose.tar message
	: >empty.zip
	do_ settrans -c ~/n zipfs ~/empty.zip
	refused ~/n
	do_ settrans -c ~/n tarfs ~
	refused ~/n
	do_ hird open ~/prose.tar
	[ $status != 0 ] || fail "hird open of prose succeeded: $out"
	one_line
	is "$(mounts)" "" mounts
}

truncated() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	for kind in "pax none" "pax gzip" "zip none"; do
		# shellcheck disable=SC2086
		"$build/tests/mkarchive" $kind x.whole tree
		size=$(stat -c %s x.whole)
		head -c $((size / 2)) x.whole >x.half
		do_ settrans -c ~/n archive ~/x.half
		if [ $status != 0 ]; then
			refused ~/n
			continue
		fi
		# It may open: then what is there is right, and what is not
		# there is an error, never a short file that looks whole.
		do_ cat n/big
		if [ $status = 0 ]; then
			tar xf x.whole -O big 2>/dev/null | cmp -s - "$work/out" ||
				fail "$kind: big was cut without an error"
		fi
		do_ ls -lR n
		must settrans -fg n
		rmdir n
	done
}

hostile() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	for kind in "ustar none" "ustar gzip" "zip none" "cpio none"; do
		# shellcheck disable=SC2086
		"$build/tests/mkarchive" $kind x.bad hostile
		must settrans -c ~/n archive ~/x.bad
		must cat n/fine
		is "$out" fine "$kind: fine"
		do_ find n
		lacks "$out" ".." "$kind: names"
		do_ cat n/absolute
		[ ! -e ~/escape ] && [ ! -e "$work/escape" ] || fail "$kind: something got out"
		[ ! -e /etc/hird-test ] || fail "$kind: wrote through a link"
		must settrans -fg n
		rmdir n
	done
}

foreign_node() {
	[ "$(id -u)" != 0 ] || { skip "root owns every node"; return; }
	do_ settrans /usr hello
	[ $status != 0 ] || fail "set a translator on /usr"
	one_line
	do_ settrans /etc/passwd hello
	[ $status != 0 ] || fail "set a translator on /etc/passwd"
	one_line
	do_ settrans -c /etc/hird-test hello
	[ $status != 0 ] || fail "made a node in /etc"
	one_line
	do_ settrans -c /tmp/none/such hello
	[ $status != 0 ] || fail "made a node in a directory that is not there"
	one_line
	[ ! -e /etc/hird-test ] || fail "/etc/hird-test is left behind"
	do_ lstrans
	is "$(printf '%s' "$out" | grep -c /usr)" 0 "lines of lstrans about /usr"
}

special_nodes() {
	mkfifo fifo
	do_ settrans ~/fifo hello
	[ $status != 0 ] || fail "set a translator on a FIFO"
	one_line
	do_ settrans "$XDG_RUNTIME_DIR" hello
	[ $status != 0 ] || fail "set a translator over portd's own directory"
	do_ settrans "$HOME" hello
	[ $status != 0 ] || fail "a file stands on the home directory"
}

above_own_state() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	"$build/tests/mkarchive" pax none x.tar plain
	for place in "$XDG_RUNTIME_DIR" "$XDG_STATE_HOME" "$work"; do
		do_ settrans -p "$place" tarfs ~/x.tar
		[ $status != 0 ] || fail "covers portd's own $place"
		one_line
		is "$(mounts)" "" mounts
	done
}

full_disk() {
	unshare --user --map-root-user --mount true 2>/dev/null ||
		{ skip "no user namespaces here, to fill a disk in"; return; }
	hidden 'mount -t tmpfs -o size=200k none "$XDG_STATE_HOME" || exit 1
		settrans -c ~/before hello || exit 2
		cat /dev/zero >"$XDG_STATE_HOME/fill" 2>/dev/null
		settrans -c ~/n hello && exit 3
		test ! -e ~/n || exit 4
		cat ~/before || exit 5
		hird stop
		lstrans >/dev/null
		cat ~/before || exit 6
		rm "$XDG_STATE_HOME/fill"
		settrans -c ~/n hello --contents=fits || exit 7
		cat ~/n || exit 8
		hird stop'
	is "$status" 0 "status"
	one_line
	is "$out" "Hello, world!
Hello, world!
fits" "what was read"
	rm -f n before
}

second_portd() {
	must lstrans
	must settrans -c ~/a hello
	first=$(portd_pid)
	do_ "$HIRD_PORTD"
	[ $status != 0 ] || fail "a second portd ran and ended well"
	one_line
	has "$err" "$first" "message (the pid of the first)"
	is "$(portd_pid)" "$first" "portd's pid"
	must cat a
}

# hidden COMMAND: what the shell commands in COMMAND do to the file system is
# seen by the rest of them alone.
hidden() {
	expect_hidden=$1
	do_ unshare --user --map-root-user --mount sh -c "$expect_hidden"
}

no_fusermount() {
	unshare --user --map-root-user --mount true 2>/dev/null ||
		{ skip "no user namespaces here, to hide fusermount3 in"; return; }
	hidden 'mount --bind /dev/null "$(command -v fusermount3)" && settrans -c ~/n hello'
	refused ~/n
	has "$(cat "$work/err")" fusermount3 message
}

no_device() {
	unshare --user --map-root-user --mount true 2>/dev/null ||
		{ skip "no user namespaces here, to hide /dev/fuse in"; return; }
	mkdir "$work/dev"
	hidden 'mount -t tmpfs none "$HOME/../dev" && cd "$HOME/../dev" &&
		for d in null zero full random urandom; do
			: >$d && mount --bind /dev/$d $d || exit 1
		done && mount --rbind . /dev && cd ~ && settrans -c ~/n hello'
	refused ~/n
	has "$(cat "$work/err")" /dev/fuse message
}

runtime_dir() {
	chmod 777 "$XDG_RUNTIME_DIR"
	mkdir -m 777 "$XDG_RUNTIME_DIR/hird"
	chmod 777 "$XDG_RUNTIME_DIR/hird"
	do_ settrans -c ~/n hello
	[ $status != 0 ] || fail "used a runtime directory open to all"
	one_line
	has "$err" "$XDG_RUNTIME_DIR" message
	[ ! -e n ] || fail "n was left behind"
	rmdir "$XDG_RUNTIME_DIR/hird"
	ln -s /tmp "$XDG_RUNTIME_DIR/hird"
	do_ settrans -c ~/n hello
	[ $status != 0 ] || fail "followed a symlink for a runtime directory"
	one_line
	rm "$XDG_RUNTIME_DIR/hird"
	chmod 700 "$XDG_RUNTIME_DIR"
	[ "$(id -u)" != 0 ] || return
	chmod 500 "$XDG_RUNTIME_DIR"
	do_ settrans -c ~/n hello
	[ $status != 0 ] || fail "used a runtime directory that cannot be written"
	one_line
	chmod 700 "$XDG_RUNTIME_DIR"
	must settrans -c ~/n hello
}

no_runtime_dir() {
	saved=$XDG_RUNTIME_DIR
	XDG_RUNTIME_DIR=$work/none/such
	do_ settrans -c ~/n hello
	if [ $status = 0 ]; then
		must cat n
		portd_stop
	else
		one_line
		[ ! -e n ] || fail "n was left behind"
	fi
	XDG_RUNTIME_DIR=$saved
}

damaged_store() {
	must settrans -c ~/a hello
	portd_stop
	store=$(find "$XDG_STATE_HOME" -name nodes.sqlite)
	[ -n "$store" ] || { fail "no store in $XDG_STATE_HOME"; return; }
	cp "$store" "$work/store"
	rm -f "$store"-*
	printf 'This is no database, and it is long enough to be read as one.%0200d' 0 >"$store"
	do_ lstrans
	if [ $status = 0 ]; then
		lacks "$err" "Hello" message
	else
		one_line
	fi
	portd_stop
	# The damaged one is not thrown away without a word.
	rm -f "$store"*
	cp "$work/store" "$store"
	must lstrans
	must cat a
	is "$out" "Hello, world!" "after the store was put back"
}

rubbish() {
	must settrans -c ~/a hello
	must cat a
	pid=$(portd_pid)
	before=$(ls "/proc/$pid/fd" | wc -l)
	must "$build/tests/rubbish" "$XDG_RUNTIME_DIR/hird/portd"
	is "$(portd_pid)" "$pid" "portd's pid after the rubbish"
	must lstrans
	must cat a
	is "$out" "Hello, world!" a
	same_fds() { [ "$(ls "/proc/$pid/fd" | wc -l)" -le "$before" ]; }
	wait_until 50 same_fds ||
		fail "portd has $(ls "/proc/$pid/fd" | wc -l) descriptors, had $before"
}

dies_at_start() {
	cat >dies <<-'END'
	#!/bin/sh
	echo "dies: no luck today" >&2
	exit 1
	END
	chmod +x dies
	expect 4 settrans -ca ~/n "$HOME/dies"
	refused ~/n
	has "$err" "no luck today" "message (what it said)"
}

file_goes() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	"$build/tests/mkarchive" pax none x.tar plain
	must settrans -c ~/n tarfs ~/x.tar
	rm x.tar
	do_ ls n
	[ $status != 0 ] || fail "ls of a node whose archive is gone succeeded: $out"
	do_ lstrans -v
	has "$out" "x.tar" "lstrans -v (why it cannot start)"
	"$build/tests/mkarchive" pax none x.tar plain
	must settrans --start ~/n
	must cat n/dir/file
}

try "a translator that is missing" missing_translator
try "a program that is no translator" not_a_translator
try "options that it does not have" bad_options
try "files that are no archives" not_an_archive
try "archives cut short" truncated
try "hostile archives stay inside" hostile
try "nodes of somebody else" foreign_node
try "nodes that are no files" special_nodes
try "portd's own directories are not covered" above_own_state
try "a full disk loses no setting" full_disk
try "a second portd is refused" second_portd
try "no fusermount3" no_fusermount
try "no FUSE device" no_device
try "a runtime directory with wrong permissions" runtime_dir
try "a runtime directory that is not there" no_runtime_dir
try "a damaged store" damaged_store
try "a client that talks rubbish" rubbish
try "a translator that dies at its start says why" dies_at_start
try "an archive that goes away" file_goes
finish
