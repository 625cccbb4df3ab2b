#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Nodes that others than their owner may enter: root, or whom the modes let.
#
# Who enters takes other users, and so root; it brings a namespace and an /etc/fuse.conf of its own.
if [ "$(id -u)" = 0 ] && [ -z "${HIRD_SHARE_NS:-}" ] && command -v unshare >/dev/null; then
	HIRD_SHARE_NS=1
	export HIRD_SHARE_NS
	exec unshare -m --propagation private sh "$0" "$@"
fi
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck disable=SC2086 # $me and $other are words
need_fuse

allowed() {
	grep -q '^[[:space:]]*user_allow_other[[:space:]]*$' /etc/fuse.conf 2>/dev/null
}

usage() {
	expect 64 settrans --share=nobody -c ~/n hello
	one_line
	expect 64 settrans --share=root ~/n
	one_line
	[ ! -e n ] || fail "a node was made"
}

refused() {
	[ "$(id -u)" != 0 ] || { skip "root may share"; return; }
	! allowed || { skip "user_allow_other is set here"; return; }
	touch n
	expect 5 settrans --share=root n hello
	one_line
	has "$err" "user_allow_other" message
	has "$err" "/etc/fuse.conf" message
	expect 1 showtrans n
	must settrans n hello
	expect 5 settrans -g --share=other n hello --contents=new
	must cat n
	is "$out" "Hello, world!" "what was set before"
	is "$(field n share)" null "how it is shared"
}

# Two users: one has the nodes, the other looks.
two_users() {
	[ "$(id -u)" = 0 ] || { skip "two users take root"; return 1; }
	for need in runuser unshare; do
		have $need || { skip "$need is not installed"; return 1; }
	done
	allowed || {
		echo user_allow_other >"$work/fuse.conf"
		mount --bind "$work/fuse.conf" /etc/fuse.conf
	}
	own=$work/own
	mkdir "$own" "$own/home"
	chown -R nobody "$own"
	me="runuser -u nobody -- env PATH=$PATH HOME=$own XDG_RUNTIME_DIR=$own XDG_STATE_HOME=$own"
	other="runuser -u games --"
	HOME=$own XDG_RUNTIME_DIR=$own XDG_STATE_HOME=$own
}

# of NODE FIELD: as its owner sees it.
of() {
	$me lstrans --json "$1" | json_field "$2"
}

end_users() {
	$me hird stop >/dev/null
	cd /
	HOME=$work/home XDG_RUNTIME_DIR=$work/run XDG_STATE_HOME=$work/state
	umount /etc/fuse.conf
}

unshared() {
	two_users || return
	must $me settrans -c ~/n hello
	must $me cat ~/n
	do_ cat ~/n
	[ $status != 0 ] || fail "root reads what is not shared"
	end_users
}

with_root() {
	two_users || return
	must $me settrans -c --share=root ~/f hello
	must $me lstrans -v ~/f
	has "$out" "shared with root" "lstrans -v"
	is "$(of ~/f share)" root "lstrans --json"
	expect 1 $other cat ~/f
	has "$err" "Permission denied" "what others see of it, idle"
	expect 1 $other ls -l ~
	[ -z "$(running_of)" ] || fail "another user started it"
	must cat ~/f
	is "$out" "Hello, world!" "what root reads"
	expect 1 $other cat ~/f
	must $me cat ~/f
	if archive_is_built; then
		"$build/tests/mkarchive" pax none "$own/x.tar" tree
		must $me settrans -c --share=root ~/d tarfs ~/x.tar
		expect 2 $other ls ~/d
		expect 2 $other ls ~/d/dir
		must ls -R ~/d
		must ls ~/d/dir
		# The kernel remembers the names and the content by now.
		expect 2 $other ls ~/d
		expect 2 $other ls -d ~/d/dir
		must $me ls ~/d/dir
	fi
	# A change of options, and a new portd.
	must $me fsysopts ~/f --contents=other
	must $me hird replace
	expect 1 $other cat ~/f
	must cat ~/f
	is "$out" other
	is "$(of ~/f share)" root "after a replacement"
	$me hird stop
	must $me hird start
	wait_until 50 mounted ~/f || fail "not mounted"
	must cat ~/f
	expect 1 $other cat ~/f
	is "$(of ~/f share)" root "after a restart"
	# Set anew without it.
	must $me settrans -fg ~/f hello
	is "$(of ~/f share)" null "set anew"
	expect 1 cat ~/f
	end_users
}

running_of() {
	$me lstrans | grep running
}

mounted() {
	grep -q " $1 " /proc/self/mountinfo
}

with_others() {
	two_users || return
	must $me settrans -c --share=other ~/f hello
	must $other cat ~/f
	must cat ~/f
	if archive_is_built; then
		"$build/tests/mkarchive" pax none "$own/x.tar" tree
		must $me settrans -c --share=other ~/d tarfs ~/x.tar
		must $other ls ~/d
	fi
	end_users
}

# Root of a container sees the node, and does not start it.
far_root() {
	two_users || return
	must $me settrans -c --share=other ~/f hello
	expect 1 unshare -m cat ~/f
	has "$err" "temporarily unavailable" "root of another mount namespace"
	expect 1 unshare -pf cat ~/f
	expect 1 unshare -U --map-root-user cat ~/f
	is "$(of ~/f starts)" 0 "starts"
	is "$(of ~/f refusals)" 3 "refusals"
	must $me lstrans -v ~/f
	has "$out" "root of another namespace" "lstrans -v"
	must cat ~/f
	must unshare -m cat ~/f
	# The user's own programs may, wherever they run.
	must $me settrans -fg --share=other ~/f hello
	must $me unshare -Urm cat ~/f
	end_users
}

# 50 nodes, and a backup of root's over them.
backup() {
	two_users || return
	have rsync || { skip "rsync is not installed"; end_users; return; }
	archive_is_built || { skip "the archive translator is not built"; end_users; return; }
	"$build/tests/mkarchive" pax none "$own/x.tar" plain
	echo plain >"$own/home/plain"
	n=0
	while [ $n -lt 25 ]; do
		n=$((n + 1))
		must $me settrans -c --share=root ~/home/f$n hello
		must $me settrans -c --share=root ~/home/d$n tarfs ~/x.tar
	done
	must ls -la ~/home
	is "$(running_of)" "" "what root's ls -la started"
	must rsync -ax ~/home/ "$work/copy/"
	is "$(find "$work/copy" -type d | wc -l)" 26 "directories that rsync -x has copied"
	is "$(find "$work/copy" -type f | wc -l)" 26 "files that it has copied"
	is "$(cat "$work/copy/f7")" "Hello, world!" "one of them"
	do_ tar --one-file-system -C "$own" -cf "$work/x.tar" home
	[ $status -le 1 ] || fail "tar: status $status: $err"
	is "$(tar -tf "$work/x.tar" | wc -l)" 52 "what tar has stored"
	is "$(tar -xOf "$work/x.tar" home/f7)" "Hello, world!" "one of them"
	if have findmnt && have lsblk; then
		is "$(findmnt -rn -o TARGET -t fuse.hird | grep -c "^$own/")" 50 "lines of findmnt"
		is "$(lsblk | grep -c hird)" 0 "lines of lsblk"
	fi
	if have gio; then
		is "$($me gio mount -l | wc -l)" 0 "what a file manager of GNOME's would list"
	fi
	end_users
}

# A path by rights that crosses other translators' nodes leads into them (trans_lookup(3)).
crossing() {
	two_users || return
	door="$me $build/tests/door"
	must $me settrans -ac --share=root ~/outer tmpfs
	must $me mkdir -p ~/outer/a/b
	must $me settrans -c --share=root ~/outer/a/hello hello
	must $me settrans -ac --share=root ~/outer/a/inner tmpfs
	must $me mkdir ~/outer/a/inner/c
	$me sh -c 'echo deep >"$HOME/outer/a/inner/c/f"'
	must $me settrans -c ~/outer/a/inner/c/n hello
	must $me ln -s ../../hello ~/outer/a/b/link
	must $me ln -s ../hello ~/outer/a/b/link2
	must $door read ~/outer a/hello
	is "$out" "Hello, world!"
	must $door read ~/outer a/b/link2
	is "$out" "Hello, world!"
	expect 1 $door read ~/outer a/b/link
	must $door read ~/outer a/inner/c/f
	is "$out" deep
	must $door read ~/outer a/inner/c/n
	is "$out" "Hello, world!"
	must $door list ~/outer a/inner
	is "$out" c
	# Out of a node no path leads, not even back.
	expect 1 $door read ~/outer a/inner/../../a/hello
	expect 1 $me hird rpc ~/outer/a dir_rmdir inner
	has "$err" busy
	# The rights stay what they were.
	expect 1 $me hird rpc --open=path --at=a/inner/c/f ~/outer io_read 0 1
	must $me hird rpc --open=path --at=a/inner/c/f ~/outer io_stat
	must $me hird rpc --at=a/inner ~/outer dir_mkdir x 0755
	[ -d ~/outer/a/inner/x ] || fail "x is not there"
	# One that is gone covers nothing any more; one that came later does.
	must $me settrans -g ~/outer/a/hello
	must $door read ~/outer a/hello
	is "$out" ''
	must $me settrans ~/outer/a/hello hello --contents=later
	must $door read ~/outer a/hello
	is "$out" later
	end_users
}

try "the command line" usage
try "without user_allow_other: one line, and nothing has changed" refused
try "a node that is not shared is its owner's alone" unshared
try "--share=root: root and the owner, also of what the kernel remembers" with_root
try "--share=other: whom the modes let" with_others
try "root of another namespace never starts a translator" far_root
try "a path by rights leads into nodes that cover others" crossing
try "a backup of root's over 50 nodes" backup
finish
