#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may set a translator where; and that it stands behind the very node that was checked, or
# nowhere, whatever is renamed meanwhile.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck disable=SC2086 # $as is words
need_fuse
[ -x "$build/tests/swapper" ] || make -s -C "$build" tests/swapper || exit 99
real=$(command -v fusermount3)

# Mounts are where they are said to be, and nowhere else.
in_order() {
	for at in $(mounts); do
		is "$(field "$at" node)" "$at" "a mount that no node has, $at;"
	done
}

no_mounts() {
	[ -z "$(mounts)" ] || fail "mounted: $(mounts)"
}

known() {
	for at in $(mounts); do
		[ "$(field "$at" node)" = "$at" ] || return 1
	done
}

# meddle BEFORE [AFTER]: what somebody does just before fusermount3 looks at a path to mount on, and
# just after it has. portd must have been started by a tool after watch_over.
watch_over() {
	mkdir -p "$work/bin"
	cat >"$work/bin/fusermount3" <<-END
		#!/bin/sh
		case \$1 in -o) ;; *) exec $real "\$@" ;; esac
		cd "$HOME"
		[ ! -e "$work/before" ] || . "$work/before"
		$real "\$@"
		status=\$?
		[ ! -e "$work/after" ] || . "$work/after"
		exit \$status
	END
	chmod 755 "$work/bin" "$work/bin/fusermount3"
	PATH=$work/bin:$PATH
}
meddle() {
	echo "$1" >"$work/before"
	echo "${2:-:}" >"$work/after"
}
unmeddle() {
	rm "$work/before" "$work/after"
}

strangers() {
	[ "$(id -u)" != 0 ] || { skip "root may"; return; }
	expect 5 settrans /tmp hello
	one_line
	has "$err" "belongs to root" "a sticky directory that all may write"
	expect 5 settrans /etc/passwd hello
	one_line
	no_mounts
}

symlinks() {
	mkdir real
	echo mine >real/n
	ln -s real/n link
	ln -s nowhere dangling
	expect 5 settrans link hello
	one_line
	has "$err" "symbolic link" message
	expect 5 settrans -c dangling hello
	[ ! -e nowhere ] || fail "-c made what a link names"
	no_mounts
	# On the way to the node it is resolved, once.
	ln -s real way
	must settrans way/n hello
	is "$(mounts)" "$work/home/real/n" "where it is"
	must settrans -g real/n
}

# user.* of a file is its writers' to choose.
bare_xattr() {
	have setfattr || { skip "setfattr is not installed (Debian: attr)"; return; }
	touch n
	for name in user.hird user.translator user.gnu.translator gnu.translator; do
		setfattr -n $name -v hello n 2>/dev/null
	done
	getfattr -d n 2>/dev/null | grep -q translator || { skip "no user.* attributes here"; return; }
	expect 1 showtrans n
	must hird start
	must cat n
	is "$out" "" "what a file with such attributes says"
	expect 1 showtrans n
	no_mounts
}

exchanged_before() {
	watch_over
	touch n other
	meddle "mv n away; mv other n"
	do_ settrans -a ~/n hello
	[ $status != 0 ] || fail "a translator stands on a node that nobody checked"
	one_line
	has "$err" "exchanged" message
	no_mounts
	unmeddle
	expect 1 showtrans n
	must cat n
	is "$out" "" "the other node"
}

exchanged_directory() {
	watch_over
	archive_is_built || { skip "the archive translator is not built"; return; }
	"$build/tests/mkarchive" pax none x.tar plain
	mkdir d other
	meddle "mv d away; mv other d"
	do_ settrans ~/d tarfs ~/x.tar
	[ $status != 0 ] || fail "a translator stands on a node that nobody checked"
	no_mounts
	unmeddle
	[ -d away ] && [ -d d ] || fail "a directory is gone"
}

# The directory above is exchanged: the mount is elsewhere, and so is what its path leads to, where
# another node of ours is.
exchanged_above() {
	watch_over
	mkdir a b
	touch a/n b/n
	must settrans b/n hello --contents=innocent
	# b/n stays mounted: what is exchanged is the directory.
	mkdir c
	touch c/n
	meddle "mv a away; mv c a" "mv a c; mv away a"
	do_ settrans ~/a/n hello
	[ $status != 0 ] || fail "a translator stands on a node that nobody checked"
	is "$(mounts)" "$work/home/b/n" "what is mounted"
	unmeddle
	must cat b/n
	is "$out" innocent
	[ ! -s a/n ] && [ ! -s c/n ] || fail "something stands behind a file"
}

# As before, but the path leads to a mount of ours when ours is to be undone.
innocent() {
	watch_over
	mkdir a b c
	touch a/n b/n c/n
	must settrans b/n hello --contents=innocent
	meddle "mv a away; mv c a" "mv a c; mv b a"
	do_ settrans ~/a/n hello
	[ $status != 0 ] || fail "a translator stands on a node that nobody checked"
	unmeddle
	is "$(mounts)" "$work/home/a/n" "what is mounted"
	wait_until 50 node_is "$work/home/a/n" || fail "portd lost it"
	must cat a/n
	is "$out" innocent
}

node_is() {
	[ "$(field "$1" node)" = "$1" ]
}

# The directory above goes to another place, and the mount with it: it is still that node.
moved_along() {
	watch_over
	mkdir a
	touch a/n
	meddle : "mv a b"
	must settrans ~/a/n hello
	unmeddle
	is "$(mounts)" "$work/home/b/n" "where it is"
	wait_until 50 node_is "$work/home/b/n" || fail "portd does not know where it is"
	must cat b/n
	must settrans -g b/n
}

# 200 settings while a name leads now to a file, now to a symbolic link; nothing may come to
# stand behind what the link leads to.
race_symlink() {
	race_setup
	ln -s ../victim/n p/s
	swap p/n p/s
	race p/n
}

# The same with the directory above: the other one has a link in its place.
race_above() {
	race_setup
	mkdir q
	ln -s ../victim/n q/n
	swap p q
	race p/n
}

# The directory above is exchanged for a link to another one.
race_way() {
	[ "$(id -u)" != 0 ] || { skip "root may set one on that file, too"; return; }
	race_setup
	ln -s victim q
	chmod 444 victim/n	# the tool refuses that one
	swap p q
	race p/n
}

race_setup() {
	mkdir p victim
	touch p/n
	echo precious >victim/n
	portd_start
}

swap() {
	mkfifo end
	"$build/tests/swapper" "$1" "$2" <end >swaps 2>&1 &
	swapper=$!
	exec 8>end
}

race() {
	n=0 done=0
	while [ $n -lt 200 ]; do
		n=$((n + 1))
		timeout "$limit" settrans "$1" hello >/dev/null 2>"$work/said"
		case $? in
		0) done=$((done + 1)) ;;
		1|5) [ "$(wc -l <"$work/said")" = 1 ] || fail "not one line: $(cat "$work/said")" ;;
		*) fail "status $?: $(cat "$work/said")" ;;
		esac
		for at in $(mounts); do
			case $at in
			*/victim/*) fail "it stands on what the link leads to" ;;
			esac
			timeout "$limit" settrans -fg "$at" >/dev/null 2>&1
		done
	done
	exec 8>&-
	wait $swapper || fail "the swapper: $(cat swaps)"
	say "$done of $n were set; $(cat swaps) exchanges"
	[ $done -gt 0 ] || fail "none was set"
	[ $done -lt $n ] || fail "none was disturbed"
	is "$(cat victim/n)" precious "what the link leads to"
	wait_until 50 known || fail "portd does not know where its mounts are"
	for at in $(mounts); do
		settrans -fg "$at" 2>/dev/null
	done
	lstrans | sed 1d | awk '{ print $1 }' | while read -r at; do
		settrans -fg "$at" 2>/dev/null
	done
	no_mounts
	in_order
}

# A setting is armed long after it was made. A link of our own that is on the way by then is
# followed: a home directory may have moved. One that is somebody else's is not.
armed_later() {
	mkdir d real
	touch d/n real/n
	must settrans ~/d/n hello
	portd_stop
	mv d old
	ln -s real d
	must hird start
	wait_until 50 in_state || fail "our own link is not followed"
}

armed_by_another() {
	[ "$(id -u)" = 0 ] || { skip "making a link of another user takes root"; return; }
	mkdir d real
	touch d/n real/n
	must settrans ~/d/n hello
	portd_stop
	mv d old
	ln -s real d
	chown -h games d
	must hird start
	explained() { lstrans -v | grep -q "symbolic link of somebody else"; }
	wait_until 100 explained || fail "no word of the link: $(lstrans -v)"
	no_mounts
}

in_state() {
	[ -n "$(mounts)" ]
}

# The command line that runs something as another user, with a portd of its own.
as_nobody() {
	mkdir -p "$work/of-nobody"
	chown nobody "$work/of-nobody"
	chmod 700 "$work/of-nobody"
	as="runuser -u nobody -- env PATH=$PATH HOME=$work/of-nobody"
	as="$as XDG_RUNTIME_DIR=$work/of-nobody XDG_STATE_HOME=$work/of-nobody"
}

others() {
	[ "$(id -u)" = 0 ] || { skip "making files of two users takes root"; return; }
	have runuser || { skip "runuser is not installed"; return; }
	watch_over
	as_nobody
	chmod 755 "$HOME"
	mkdir shared open
	chmod 1777 shared
	chmod 777 open
	for dir in shared open; do
		in=$work/home/$dir
		: >$dir/theirs
		: >$dir/group
		: >$dir/bait
		chown games $dir/*
		chgrp nogroup $dir/group
		chmod 666 $dir/theirs $dir/bait
		chmod 664 $dir/group
		ln -s /etc/passwd $dir/link
		for name in theirs group; do
			expect 5 $as settrans "$in/$name" hello
			one_line
			has "$err" "belongs to games" "$dir/$name"
		done
		expect 5 $as settrans "$in/link" hello
		no_mounts
		must $as settrans -c "$in/own" hello
		must $as cat "$in/own"
		must $as settrans -g "$in/own"
		# What fusermount3 would take, all may write it: put in the place of what was checked.
		: >$dir/n
		chown nobody $dir/n
		meddle "mv $in/n $in/away; mv $in/bait $in/n"
		do_ $as settrans -a "$in/n" hello
		[ $status != 0 ] || fail "$dir: a translator stands on another user's file"
		[ -e $dir/away ] || fail "$dir: nothing was exchanged"
		unmeddle
		no_mounts
	done
	$as hird stop >/dev/null
}

try "what belongs to another user is refused" strangers
try "a symbolic link is refused as a node, and resolved on the way to one" symlinks
try "an attribute of a file is no setting" bare_xattr
try "a file exchanged before it is mounted on" exchanged_before
try "a directory exchanged before it is mounted on" exchanged_directory
try "the directory above exchanged, and back" exchanged_above
try "what is undone is that mount, not another one at its path" innocent
try "the directory above renamed afterwards" moved_along
try "200 settings while a link is exchanged for the node" race_symlink
try "200 settings while the directory above is exchanged" race_above
try "200 settings while the way is exchanged for a link" race_way
try "a link on the way when a setting is armed" armed_later
try "one that is another user's" armed_by_another
try "two users, sticky and open directories" others
finish
