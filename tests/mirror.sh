#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A tree that can be written, as users write one, and while what serves it is killed.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

# A mirror of ~/d on ~/n, and something to copy in $work/tree.
begin() {
	mkdir d
	must settrans -c ~/n mirror ~/d
}

# Names of every length and kind, modes, times, links, a hole.
plant() {
	mkdir -p "$work/tree/a/b/c" "$work/tree/empty"
	long=$(printf '%0200d' 7)
	for i in 1 2 3 4 5 6 7 8 9; do
		head -c $((i * 12345)) /dev/urandom >"$work/tree/a/b/f$i"
	done
	echo "long name" >"$work/tree/a/$long"
	echo "spaces" >"$work/tree/a/with space and 'quote'"
	printf 'x' >"$work/tree/a/$(printf 'new\nline')"
	echo "read only" >"$work/tree/ro"
	echo "secret" >"$work/tree/a/secret"
	echo "#!/bin/sh" >"$work/tree/run"
	truncate -s 3M "$work/tree/hole"
	ln -s a/b "$work/tree/link"
	ln -s /nowhere/at/all "$work/tree/a/dangling"
	ln "$work/tree/run" "$work/tree/a/hard"
	mkfifo "$work/tree/pipe"
	chmod 444 "$work/tree/ro"
	chmod 600 "$work/tree/a/secret"
	chmod 755 "$work/tree/run"
	chmod 2751 "$work/tree/empty"
	touch -d '2001-02-03 04:05:06.789' "$work/tree/a/b/f1" "$work/tree/a/b"
	touch -h -d '1999-01-01' "$work/tree/link"
}

# metadata DIR: all that cp -a keeps; a directory's size and links are its file system's own.
metadata() {
	(
		cd "$1" || exit
		find . ! -type d -printf '%P|%y|%m|%n|%s|%T@|%l\n'
		find . -mindepth 1 -type d -printf '%P|%m|%T@\n'
	) | sort
}

same_tree() {
	[ "$(metadata "$1")" = "$(metadata "$2")" ] || {
		metadata "$1" >"$work/m1"
		metadata "$2" >"$work/m2"
		fail "$1 and $2 differ: $(diff "$work/m1" "$work/m2" | head -n 6)"
	}
	find "$1" -type f | while read -r file; do
		cmp -s "$file" "$2/${file#"$1"/}" || case $file in
		*line|*new) ;;
		*) echo "$file" ;;
		esac
	done >"$work/differ"
	[ ! -s "$work/differ" ] || fail "content differs: $(cat "$work/differ")"
}

copies() {
	begin
	plant
	must cp -a "$work/tree" n/in
	same_tree "$work/tree" d/in
	same_tree "$work/tree" n/in
	must cp -a n/in "$work/copied"
	same_tree "$work/tree" "$work/copied"
	must sh -c 'tar -C n --format=posix -cf "$1" in && mkdir n/t && tar -C n/t -xpf "$1"' - "$work/x.tar"
	same_tree "$work/tree" d/t/in
	if have rsync; then
		must rsync -aH "$work/tree/" n/r/
		must rsync -aHni "$work/tree/" n/r/
		is "$out" "" "what rsync would copy again"
	fi
	must rm -r n/in n/t
	[ ! -e d/in ] || fail "rm -r left something"
}

covers() {
	mkdir n
	echo "beneath" >n/a
	must settrans n mirror
	must cat n/a
	is "$out" beneath
	must sh -c 'echo "above" >n/b'
	must settrans -g n
	must cat n/b
	is "$out" above "what is left when the mirror is gone"
}

posix() {
	begin
	cd n || return
	echo one >a
	# An open file whose name goes to another one.
	exec 8<a
	echo two >b
	must mv b a
	must cat a
	is "$out" two
	is "$(cat <&8)" one "the file that was renamed over"
	exec 8<&-
	# Appending and cutting.
	echo three >>a
	is "$(cat a)" "two
three" appended
	must truncate -s 3 a
	is "$(cat a)" two cut
	must truncate -s 100000 a
	is "$(stat -c %s a)" 100000 size
	# Links and exclusive creation.
	must ln a c
	is "$(stat -c '%h %i' a)" "2 $(stat -c %i c)" "links and inode"
	expect 1 mkdir a
	has "$err" exists
	expect 1 ln b c
	must mkdir dir
	touch dir/x
	expect 1 rmdir dir
	has "$err" "not empty"
	must rm dir/x
	must rmdir dir
	# Modes and times.
	must chmod 640 a
	is "$(stat -c %a ~/d/a)" 640 mode
	must touch -d @1000000000.123456789 a
	is "$(stat -c %.9Y ~/d/a)" 1000000000.123456789 mtime
	(umask 077 && : >masked)
	is "$(stat -c %a ~/d/masked)" 600 "umask"
	# Attributes.
	if have setfattr; then
		must setfattr -n user.colour -v green a
		must getfattr --only-values -n user.colour a
		is "$out" green
		must getfattr -d a
		has "$out" user.colour
		must setfattr -x user.colour a
		expect 1 getfattr -n user.colour a
	fi
	must sync a
	must df .
	# A file that another user of the directory changes.
	echo theirs >~/d/theirs
	must cat theirs
	is "$out" theirs
	expect 1 cat nothing
	cd ~ || return
}

outside() {
	mkdir d other
	echo secret >other/secret
	ln -s ../other d/way
	must settrans -c ~/n mirror ~/d
	# The caller follows the link, not the translator.
	must readlink n/way
	is "$out" ../other
	mkdir d/sub
	must ls n/sub
	rmdir d/sub
	ln -s ../other d/sub
	sleep 1.1	# what was looked up is good for a second
	expect 2 ls n/sub/secret/x
	must settrans -g ~/n
}

reading_only() {
	mkdir d
	echo a >d/a
	must settrans -c ~/n mirror --read-only ~/d
	must cat n/a
	for command in 'echo b >>n/a' 'rm n/a' 'mv n/a n/b' 'mkdir n/m' 'touch n/t' 'chmod 600 n/a' \
	    'ln n/a n/l' 'truncate -s 0 n/a'; do
		do_ sh -c "$command"
		[ "$status" != 0 ] || fail "read-only, but this worked: $command"
		has "$err" "Read-only" "$command"
	done
	is "$(cat d/a)" a
}

repository() {
	have git || { skip "git is not installed"; return; }
	begin
	plant
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@a
	cd n || return
	must git init -q .
	cp -r "$work/tree/a" "$work/tree/run" .
	must git add -A
	must git commit -qm first
	must git status --short
	is "$out" "" "git status"
	echo changed >run
	must git commit -qam second
	do_ git gc -q
	is "$status" 0 "git gc"
	do_ git fsck --full --strict
	is "$status" 0 "git fsck: $err"
	must git log --oneline
	cd ~ || return
	must git clone -q n copy
	must diff -r --no-dereference --exclude=.git --exclude=c n copy
}

compiles() {
	have "${CC:-cc}" || { skip "no compiler"; return; }
	begin
	cd n || return
	cat >a.c <<-END
	#include <stdio.h>
	int main(void) { return puts("works") < 0; }
	END
	must "${CC:-cc}" -o a a.c
	must ./a
	is "$out" works
	must sh -c 'cp a b && strip b && ./b'
	is "$out" works
	cd ~ || return
}

# The victims are those that run now; the next request brings the next one.
kill_it() {
	for victim in $(running); do
		kill -9 "$victim" 2>/dev/null && n_kills=$((n_kills + 1))
		wait_until 100 is_gone "$victim"
	done
}

survives() {
	begin
	n_kills=0
	cd n || return
	echo "the old words" >a
	exec 8<a 9>>a
	echo "somebody else's" >other
	must rm a
	kill_it
	is "$(cat <&8)" "the old words" "a file without a name, after a crash"
	echo "and new ones" >&9 || fail "writing to it: $?"
	kill_it
	exec 7<"/proc/$$/fd/8" || fail "opening it anew"
	is "$(cat <&7)" "the old words
and new ones" "written after a crash"
	exec 7<&- 8<&- 9>&-
	# Renamed over while it is open, and without permissions.
	echo one >b
	exec 8<b
	echo two >c
	mv c b
	kill_it
	is "$(cat <&8)" one "renamed over"
	exec 8<&-
	exec 9>d
	chmod 0 d
	kill_it
	echo three >&9 || fail "writing to a file of mode 0: $?"
	exec 9>&-
	is "$(stat -c %s ~/d/d)" 6 "its size"
	(umask 777 && echo four >e) || fail "making a file of mode 0"
	is "$(stat -c '%s %a' ~/d/e)" "5 0"
	# Where one stands, and what one lists.
	mkdir -p deep/er
	cd deep/er || return
	kill_it
	must touch here
	[ -e ~/d/deep/er/here ] || fail "the working directory changed over a crash"
	cd ~ || return
	# Closing does not wait for its answer.
	wait_until 100 no_opens || fail "open files: $(field ~/n opens)"
	must settrans -g n
}

# What portd keeps for a translator outlives portd's replacement, too.
replaced() {
	begin
	n_kills=0
	echo "kept" >n/a
	exec 8<n/a
	rm n/a
	must hird replace
	kill_it
	is "$(cat <&8)" kept "after the translator's end"
	must hird replace
	kill_it
	exec 7<"/proc/$$/fd/8" || fail "opening it anew"
	is "$(cat <&7)" kept
	exec 7<&- 8<&-
	wait_until 50 no_opens || fail "open files: $(field ~/n opens)"
}

# One loop of the storm: no error, and nothing that should not be.
loop() {
	i=0
	while [ ! -e "$work/enough" ]; do
		i=$((i + 1))
		mkdir "n/$1" || exit 1
		echo "$i" >"n/$1/a" || exit 2
		ln "n/$1/a" "n/$1/l" || exit 3
		mv "n/$1/a" "n/$1/b" || exit 4
		echo "$i" >>"n/$1/b" || exit 5
		[ "$(cat "n/$1/l")" = "$i
$i" ] || exit 6
		ln -s b "n/$1/s" || exit 7
		mv -f "n/$1/l" "n/$1/s" || exit 8
		rm "n/$1/b" "n/$1/s" || exit 9
		rmdir "n/$1" || exit 10
		(set -C && : >"n/$1.lock") || exit 11
		rm "n/$1.lock" || exit 12
	done
	echo "$i" >"$work/rounds.$1"
}

# storm KILLS: loops under kill -9; every one ends without an error.
storm() {
	n_kills=0
	pids=
	for name in one two three; do
		loop $name >"$work/said.$name" 2>&1 &
		pids="$pids $!"
	done
	while [ $n_kills -lt "$1" ] && [ -z "$(cat "$work"/said.*)" ]; do
		sleep 0.0$((n_kills % 7 + 2))
		kill_it
	done
	touch "$work/enough"
	for pid in $pids; do
		wait "$pid" || fail "a loop ended with $?: $(cat "$work"/said.*)"
	done
	[ -z "$(cat "$work"/said.*)" ] || fail "said: $(cat "$work"/said.*)"
	is "$(ls d)" "" "what is left"
	say "$n_kills kills, rounds: $(cat "$work"/rounds.* | tr '\n' ' ')"
}

stormy() {
	begin
	storm "${HIRD_KILLS:-60}"
	wait_until 50 no_opens || fail "open files: $(field ~/n opens)"
}

no_opens() {
	[ "$(field ~/n opens)" = 0 ]
}

copies_in_a_storm() {
	begin
	plant
	n_kills=0
	(
		for i in 1 2 3 4 5 6; do
			cp -a "$work/tree" n/in || exit 1
			tar -C n -cf "$work/x.tar" in || exit 2
			diff -r --no-dereference --exclude=pipe "$work/tree" n/in || exit 3
			rm -r n/in || exit 4
		done
	) >"$work/said" 2>&1 &
	copier=$!
	while ! is_gone $copier && [ $n_kills -lt 200 ]; do
		sleep 0.05
		kill_it
	done
	wait $copier || fail "copying ended with $?: $(cat "$work/said")"
	say "$n_kills kills"
}

# Where the kernel cannot deliver again: an error perhaps, but nobody waits for ever, and what was
# open stays so.
no_resend() {
	portd_start --no-resend
	begin
	n_kills=0
	echo "still here" >n/kept
	exec 8<n/kept
	rm n/kept
	(
		while [ ! -e "$work/enough" ]; do
			mkdir n/x
			echo a >n/x/a
			cat n/x/a
			rm -r n/x
		done
	) >"$work/said" 2>&1 &
	looper=$!
	mount=$(field ~/n mount_id)
	while [ $n_kills -lt 25 ] && ! is_gone $looper; do
		sleep 0.03
		kill_it
	done
	touch "$work/enough"
	wait_until 300 is_gone $looper || fail "a loop hangs"
	lacks "$(cat "$work/said")" "not connected"
	lacks "$(cat "$work/said")" "connection abort"
	is "$(cat <&8)" "still here" "a file that was open all the time"
	exec 8<&-
	wait_until 50 no_opens || fail "open files: $(field ~/n opens)"
	rm -rf n/x
	is "$(ls d)" "" "what is left"
}

try "cp -a, tar and rsync in and out" copies
try "over the directory that it shows" covers
try "names, sizes, modes, times, links, attributes" posix
try "symbolic links do not lead outside" outside
try "--read-only" reading_only
try "a git repository" repository
try "a compiler" compiles
try "open files without a name, or permissions, outlive kill -9" survives
try "and the replacement of portd" replaced
try "kill -9 in loops of mkdir, link, rename, unlink" stormy
try "kill -9 while a tree is copied" copies_in_a_storm
try "kill -9 where requests cannot be delivered again" no_resend
finish
