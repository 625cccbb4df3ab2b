#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A tree in memory, as a user works in it; and while its process is killed.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

# A tree of all kinds of things outside of the node.
make_source() {
	mkdir -p src/deep/er/and/deeper src/empty
	cp "$top"/tests/*.sh src/deep
	cp "$top"/tests/*.c src/deep/er
	head -c 3000000 /dev/urandom >src/large
	: >src/nothing
	ln -s deep/er src/link
	ln -s "$(printf '%0200d' 0)" src/long-link
	ln src/large src/deep/same
	mkfifo src/fifo
	chmod 600 src/deep/tmpfs.sh
	chmod 1777 src/empty
	touch -d '2001-02-03 04:05:06.789' src/deep/lib.sh
}

same_trees() {
	must diff -r --no-dereference --exclude=fifo "$1" "$2"
	for tree in "$1" "$2"; do
		(cd "$tree" && find . ! -path ./lost -printf '%p %y %m %n %s %l %T@\n' |
		    grep -v ' d ' | sort) >"$work/$(basename "$tree").list"
	done
	must diff "$work/$(basename "$1").list" "$work/$(basename "$2").list"
}

copy() {
	make_source
	must settrans -c ~/t tmpfs
	must cp -a src t/copy
	same_trees src t/copy
	must tar cf t/all.tar --format=posix -C t copy
	mkdir t/untar
	must tar xf t/all.tar -C t/untar
	same_trees src t/untar/copy
	must mv t/untar/copy t/moved
	must rm -r t/copy t/untar t/all.tar
	is "$(ls t)" moved "what is left"
	same_trees src t/moved
	must rm -r t/moved
	is "$(find t | wc -l)" 1 "what is left of all"
	is "$(df --output=used t | tail -n 1 | tr -d ' ')" 0 "what is used of all"
	must settrans -g ~/t
}

git_in_it() {
	have git || { skip "git is not installed"; return; }
	must settrans -c ~/t tmpfs
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org
	export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
	must git init -q t/repo
	cp "$top"/tests/*.sh t/repo
	must git -C t/repo add .
	must git -C t/repo commit -qm one
	must git -C t/repo mv lib.sh bil.sh
	must git -C t/repo commit -qam two
	must git -C t/repo gc -q
	expect 0 git -C t/repo fsck --full --strict
	must git clone -q t/repo t/clone
	must git -C t/clone status --porcelain
	is "$out" "" "git status"
	must git -C t/clone checkout -q HEAD~1
	must cmp t/clone/lib.sh "$top/tests/lib.sh"
	must settrans -g ~/t
}

compile() {
	cc=$(make_variable CC)
	have "${cc%% *}" || { skip "no compiler"; return; }
	must settrans -c ~/t tmpfs
	printf '#include <stdio.h>\nint main(void) { puts("made"); return 0; }\n' >t/x.c
	# shellcheck disable=SC2086
	(cd t && must $cc -c -g x.c && must $cc -o x x.o)
	must t/x
	is "$out" made "the program"
	must settrans -g ~/t
}

open_files() {
	must settrans -c ~/t tmpfs
	echo old >t/file
	echo new >t/other
	exec 8<t/file 9<>t/other
	mv t/other t/file
	is "$(cat t/file)" new "the name"
	is "$(cat <&8)" old "what was open"
	rm t/file
	[ ! -e t/file ] || fail "the file is still there"
	echo "changed" >&9
	kill -9 $(running)
	is "$(cat /proc/$$/fd/9)" changed "what is open, after rm and a kill"
	is "$(stat -L -c %h /proc/$$/fd/9)" 0 "its links"
	exec 8<&- 9<&-
	used_is() { [ "$(df --output=used t | tail -n 1 | tr -d ' ')" = "$1" ]; }
	wait_until 50 used_is 0 || fail "what nobody has open takes room: $(df t)"
	mkdir t/d
	(cd t/d && rmdir ../d && : >x) 2>"$work/err" && fail "a file was made in what is removed"
	must settrans -g ~/t
}

rules() {
	must settrans -c ~/t tmpfs --mode=1777
	must ls t
	is "$(stat -c %a t)" 1777 "mode of the root"
	mkdir -p t/a/b/c t/e/f
	: >t/file
	expect 1 mv t/a t/a/b
	expect 1 rmdir t/a
	expect 1 ln -T t/file t/e
	expect 1 mkdir t/file
	expect 1 mv -T t/a t/e
	has "$err" "not empty" "mv over a directory with something in it"
	expect 1 ln -T t/a t/hard
	is "$(stat -c %h t/a)" 3 "links of a directory"
	must mv t/e/f t/a
	is "$(stat -c %h t/a)" 4 "links of a directory"
	is "$(stat -c %h t/e)" 2 "links of a directory"
	must rmdir t/e
	must touch "t/$(printf '%0255d' 0)"
	expect 1 touch "t/$(printf '%0256d' 0)"
	chmod 000 t/file
	expect 1 cat t/file
	mkfifo t/fifo
	echo through >t/fifo &
	is "$(timeout "$limit" cat t/fifo)" through "what went through a fifo"
	wait $!
	must settrans -g ~/t
}

attributes() {
	have setfattr || { skip "setfattr is not installed"; return; }
	must settrans -c ~/t tmpfs
	: >t/file
	must setfattr -n user.one -v eins t/file
	must setfattr -n user.two -v zwei t/file
	must getfattr --only-values -n user.one t/file
	is "$out" eins "the attribute"
	kill -9 $(running)
	must getfattr t/file
	has "$out" user.two "the list"
	must setfattr -x user.one t/file
	expect 1 getfattr -n user.one t/file
	must cp --preserve=all t/file t/copy
	must getfattr --only-values -n user.two t/copy
	is "$out" zwei "the attribute of the copy"
	must settrans -g ~/t
}

sparse() {
	must settrans -c ~/t tmpfs --size=8M
	must dd if=/dev/zero of=t/hole bs=1 count=1 seek=1T status=none
	is "$(stat -c %s t/hole)" 1099511627777 "size of the hole"
	[ "$(du -k t/hole | cut -f 1)" -lt 100 ] || fail "the hole takes $(du -k t/hole)"
	must truncate -s 20000 t/hole
	printf end | dd of=t/hole conv=notrunc bs=1 seek=9999 status=none
	must truncate -s 10001 t/hole
	must truncate -s 12000 t/hole
	{ head -c 9999 /dev/zero; printf en; head -c 1999 /dev/zero; } | cmp - t/hole ||
		fail "what was cut off came back"
	must settrans -g ~/t
}

full() {
	must settrans -c ~/t tmpfs --size=1M
	is "$(df --output=size t | tail -n 1 | tr -d ' ')" 1024 "df: size"
	expect 1 dd if=/dev/zero of=t/file bs=64k count=17 status=none
	has "$err" "No space left" dd
	is "$(df --output=avail t | tail -n 1 | tr -d ' ')" 0 "df: avail"
	must sh -c 'head -c 900000 t/file | tr -d "\\0" | wc -c'
	is "$out" 0 "what was written"
	expect 2 sh -c 'i=0; while : >t/name$i; do i=$((i + 1)); done'
	has "$err" "No space left" "a new name"
	must fsysopts ~/t --size=2M
	must dd if=/dev/zero of=t/more bs=64k count=10 status=none
	must rm t/file t/more
	must sh -c 'rm t/name*'
	is "$(df --output=used t | tail -n 1 | tr -d ' ')" 0 "df: used"
	must settrans -g ~/t
	expect 4 settrans -c ~/t tmpfs --mode=rwx
	one_line
}

# Writes files, and notes outside each that is done; an error ends it.
writer() {
	i=0
	while [ ! -e "$work/enough" ]; do
		i=$((i + 1))
		mkdir "t/$1.$i" || return 1
		seq $i $((i + 3000)) >"t/$1.$i/new" || return 1
		sync "t/$1.$i/new" || return 1
		ln "t/$1.$i/new" "t/$1.$i/link" || return 1
		mv "t/$1.$i/new" "t/$1.$i/file" || return 1
		rm "t/$1.$i/link" || return 1
		echo "$i" >>"t/$1.log" || return 1
		[ $i -le 20 ] || rm -r "t/$1.$((i - 20))" || return 1
		echo "$i" >>"$work/$1.done"
	done
}

progress() {
	wc -l <"$work/a.done"
}

has_moved_on() {
	[ "$(progress)" -gt "$1" ] || [ -e "$work/a.failed" ]
}

# What a writer has noted is there, and nothing else.
check_written() {
	n=$(wc -l <"$work/$1.done")
	seq 1 "$n" | cmp - "t/$1.log" || fail "the log of $1 is not what it wrote"
	for i in $(seq $((n > 20 ? n - 19 : 1)) "$n"); do
		seq "$i" $((i + 3000)) | cmp - "t/$1.$i/file" || fail "$1.$i"
		is "$(ls "t/$1.$i")" file "names in $1.$i"
		is "$(stat -c %h "t/$1.$i/file")" 1 "links of $1.$i/file"
	done
	is "$(find t -name "$1.[0-9]*" | wc -l)" "$((n > 20 ? 20 : n))" "directories of $1"
}

killed() {
	must settrans -c ~/t tmpfs
	: >"$work/a.done"
	: >"$work/b.done"
	must ls t
	for name in a b; do
		(writer $name 2>"$work/$name.err" || touch "$work/$name.failed") &
	done
	n_kills=0
	while [ $n_kills -lt 40 ] && [ ! -e "$work/a.failed" ] && [ ! -e "$work/b.failed" ]; do
		before=$(progress)
		wait_until 300 has_moved_on "$before" || { fail "the writer stands still"; break; }
		for pid in $(running); do
			kill -9 "$pid" && n_kills=$((n_kills + 1))
		done
	done
	touch "$work/enough"
	wait
	for name in a b; do
		[ ! -e "$work/$name.failed" ] || fail "writer $name: $(cat "$work/$name.err")"
		check_written $name
	done
	say "$n_kills kills, $(cat "$work/a.done" "$work/b.done" | wc -l) rounds"
	[ $n_kills -ge 40 ] || fail "only $n_kills kills"
	must settrans -g ~/t
}

restarted() {
	must settrans -c ~/t tmpfs
	cp "$top/tests/lib.sh" t/
	first=$(running)
	must settrans --restart ~/t
	must cmp "$top/tests/lib.sh" t/lib.sh
	[ "$(running)" != "$first" ] || fail "the same process still runs"
	must settrans -g ~/t
}

many() {
	must settrans -c ~/t tmpfs
	(cd t && seq 1 20000 | xargs touch) || fail "touch"
	is "$(ls t | wc -l)" 20000 "names"
	ls -f t | sort -n >"$work/names"
	(cd t && seq 1 2 20000 | xargs rm) || fail "rm"
	kill -9 $(running)
	is "$(ls t | sort -n | tr '\n' ' ')" "$(seq 2 2 20000 | tr '\n' ' ')" "what is left"
	must rm -r t/1*
	must settrans -g ~/t
}

try "cp -a, diff, tar, mv, rm" copy
try "git" git_in_it
try "a compiler" compile
try "files that are open" open_files
try "rules of names and links" rules
try "extended attributes" attributes
try "holes" sparse
try "full, and more room" full
try "kill -9 under two writers" killed
try "a new process goes on" restarted
try "many names" many
finish
