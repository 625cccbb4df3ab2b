#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Archives of every kind show what is in them.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse
archive_is_built || skip_all "the archive translator is not built (libarchive is missing)"

# set_up FORMAT FILTER WHAT: ~/n shows such an archive.
set_up() {
	"$build/tests/mkarchive" "$1" "$2" "x.$1.$2" "$3"
	case $? in
	0) ;;
	77) return 1 ;;		# it said that libarchive was built without
	*)
		fail "mkarchive $1 $2"
		return 1 ;;
	esac
	must settrans -c ~/n archive "$HOME/x.$1.$2"
}

take_down() {
	must settrans -g ~/n
	is "$(mounts)" "" "mounts"
	rmdir n
}

plain_content() {
	must cat n/dir/file
	is "$out" content "$1: dir/file"
	mode=644
	[ "$1" != iso9660 ] || mode=444
	is "$(stat -c '%s %a %Y' n/dir/file)" "8 $mode 1000000000" "$1: size, mode, time"
	is "$(stat -c %s n/dir/empty)" 0 "$1: size of empty"
	is "$(stat -c %s n/big)" 1048576 "$1: size of big"
	is "$(cksum <n/big)" "$big" "$1: big"
	# The end first, and the middle after it.
	is "$(tail -c 5 n/big)" "$big_end" "$1: end of big"
	is "$(dd if=n/big bs=1 skip=500000 count=5 2>/dev/null)" "$big_middle" "$1: middle of big"
}

reference() {
	"$build/tests/mkarchive" ustar none ref.tar plain
	tar xf ref.tar big
	big=$(cksum <big)
	big_end=$(tail -c 5 big)
	big_middle=$(dd if=big bs=1 skip=500000 count=5 2>/dev/null)
}

formats() {
	reference
	for format in ustar pax gnutar cpio newc zip 7zip xar iso9660; do
		set_up $format none plain || continue
		plain_content $format
		take_down
	done
}

filters() {
	reference
	for filter in gzip bzip2 xz zstd lz4 compress; do
		set_up pax $filter plain || continue
		plain_content $filter
		take_down
	done
}

# Every member as tar sees it: type, mode, size, name.
tree() {
	for kind in "pax none" "pax gzip" "gnutar none"; do
		# shellcheck disable=SC2086
		set_up $kind tree || continue
		is "$(readlink n/dir/symlink)" file "$kind: symlink"
		must cat n/dir/symlink
		is "$out" content "$kind: through the symlink"
		is "$(stat -c %h n/dir/file)" 2 "$kind: links"
		is "$(stat -c %i n/dir/hardlink)" "$(stat -c %i n/dir/file)" "$kind: inode of the hard link"
		must cat n/dir/hardlink
		is "$out" content "$kind: hard link"
		must cat "n/name with space"
		must cat n/deep/er/est/file
		must cat n/twice
		is "$out" second "$kind: twice"
		is "$(find n | wc -l)" 13 "$kind: names"
		take_down
	done
}

aliases() {
	"$build/tests/mkarchive" pax none x.tar plain
	"$build/tests/mkarchive" zip none x.zip plain
	"$build/tests/mkarchive" iso9660 none x.iso plain
	must settrans -c ~/t tarfs x.tar
	must settrans -c ~/z zipfs x.zip
	must settrans -c ~/i isofs x.iso
	for node in t z i; do
		must cat $node/dir/file
		is "$out" content $node
	done
	must showtrans t
	has "$out" tarfs showtrans
}

read_only() {
	set_up pax none tree
	for command in "touch n/new" "rm n/twice" "mkdir n/newdir" "mv n/twice n/thrice" \
	    "chmod 600 n/twice" "ln -s a n/link" "truncate -s 0 n/big"; do
		# shellcheck disable=SC2086
		do_ $command
		[ $status != 0 ] || fail "$command succeeded"
		has "$err" "Read-only file system" "$command"
	done
	must cat n/twice
	is "$out" second twice
}

copies() {
	reference
	set_up pax none tree
	mkdir straight
	tar xf x.pax.none -C straight
	must cp -a n copied
	must diff -r straight copied
	must tar cf again.tar -C n .
	mkdir again
	must tar xf again.tar -C again
	must diff -r straight again
	if have rsync; then
		must rsync -aH n/ synced/
		must diff -r straight synced
	fi
}

many_members() {
	set_up ustar gzip many
	is "$(find n -type f | wc -l)" 70000 "files"
	must cat n/many/d123/f45
	is "${#out}" 500 "size of a member"
	must sh -c 'find n -type f | sed -n "1~1500p" | xargs cksum >via-node'
	mkdir straight
	tar xf x.ustar.gzip -C straight
	(cd straight && awk '{ print substr($3, 3) }' ../via-node | xargs cksum | sort) >"$work/one"
	sed 's| n/| |' via-node | sort >"$work/two"
	cmp "$work/one" "$work/two" || fail "members differ"
}

raw_gz_names() {
	have gzip || { skip "gzip is not installed"; return; }
	printf 'caf\351\n' >name.txt
	mkdir latin
	cp name.txt "latin/$(printf 'caf\351')"
	tar cf x.tar latin
	must settrans -c ~/n tarfs x.tar
	must ls n/latin
	is "$out" "$(printf 'caf\351')" "a name in no particular encoding"
	must cat "n/latin/$(printf 'caf\351')"
}

sparse() {
	truncate -s 8M holes
	printf end >>holes
	tar cSf x.tar holes
	must settrans -c ~/n tarfs x.tar
	must cmp n/holes holes
}

long_names() {
	name=$(printf '%0200d' 0)
	mkdir -p "$name/$name"
	echo deep >"$name/$name/$name"
	for format in pax gnu; do
		tar --format=$format -cf x.tar "$name"
		must settrans -c ~/n tarfs x.tar
		must cat "n/$name/$name/$name"
		is "$out" deep "$format"
		take_down
	done
}

try "every format" formats
try "every compression" filters
try "links, odd names, missing parents, a member that comes twice" tree
try "tarfs, zipfs, isofs" aliases
try "nothing in it can be changed" read_only
try "cp, tar and rsync copy it as it is" copies
try "70,000 members" many_members
try "names of any encoding" raw_gz_names
try "sparse members" sparse
try "long names" long_names
finish
