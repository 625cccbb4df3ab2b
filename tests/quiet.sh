#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What needs no translator starts none; and a node that is not armed is not
# mistaken for an empty folder.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

# quiet WHAT COMMAND...: the command works and starts nothing.
quiet() {
	what=$1
	shift
	do_ "$@"
	nothing_runs || fail "$what started a translator"
	for node in ~/dir ~/file; do
		state_is "$node" idle || fail "$what: $node is $(field "$node" state)"
		is "$(field "$node" starts)" 0 "starts of $node after $what"
	done
}

looks() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	"$build/tests/mkarchive" pax none x.tar tree
	must settrans -c ~/dir tarfs x.tar
	must settrans -c ~/file hello
	quiet "ls -l" ls -l ~
	quiet "ls -la of the node's parent with colours" ls -la --color=always ~
	quiet "df" df
	quiet "du -x" du -x ~
	quiet "find -xdev" find ~ -xdev
	quiet "stat" stat ~/dir ~/file
	quiet "test -d" test -d ~/dir
	quiet "df of the parent" df ~
	# And then a look inside does start it.
	must ls ~/dir
	something_runs || fail "ls of the node started nothing"
}

sizes() {
	must settrans -c ~/file hello --contents=twelve-bytes
	must stat -c %s ~/file
	is "$out" 12 "size of an idle hello"
	must tar cf x.tar file
	must tar xOf x.tar
	is "$out" twelve-bytes "what tar stored"
}

rsync_delete() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	have rsync || { skip "rsync is not installed"; return; }
	[ "$(id -u)" != 0 ] || { skip "root enters every directory"; return; }
	"$build/tests/mkarchive" pax none x.tar plain
	mkdir home
	must settrans -c ~/home/src tarfs x.tar
	echo mine >home/notes
	must rsync -a --delete ~/home/ ~/backup/
	must cat backup/src/dir/file
	portd_kill
	for mount in $(mounts); do
		fusermount3 -uz "$mount"
	done
	wait_until 50 no_orphans || fail "translators outlived portd: $(orphans)"
	do_ rsync -a --delete ~/home/ ~/backup/
	[ $status != 0 ] || fail "rsync saw nothing wrong with an unarmed node"
	[ -s backup/src/dir/file ] || fail "rsync --delete emptied the backup"
	# The next tool starts portd, which arms it again.
	must lstrans
	must rsync -a --delete ~/home/ ~/backup/
	must settrans -g ~/home/src
}

mode_beneath() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	"$build/tests/mkarchive" pax none x.tar plain
	umask 027
	must settrans -c ~/src tarfs x.tar
	umask 022
	portd_kill
	for mount in $(mounts); do
		fusermount3 -uz "$mount"
	done
	is "$(stat -c %a src)" 100 "mode of the unarmed directory"
	must lstrans
	must settrans -g ~/src
	is "$(stat -c %a src)" 750 "mode given back"
}

try "ls -l, df, du -x, find -xdev start nothing" looks
try "an idle file shows a size that is true" sizes
try "rsync --delete loses nothing when portd is gone" rsync_delete
try "a made directory cannot be listed while unarmed, and gets its mode back" mode_beneath
finish
