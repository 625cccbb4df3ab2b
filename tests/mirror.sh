#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A tree that can be written, as users write one, and while what serves it is killed.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse
[ -x "$build/tests/twin" ] || make -s -C "$build" tests/twin || exit 99

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
	# Opened by one name after the other, by which it was known, has gone.
	echo five >f
	ln f g
	cat f g >/dev/null
	rm f
	exec 9>>g
	kill_it
	echo six >&9 || fail "writing to a file with a name less: $?"
	exec 9>&-
	is "$(cat g)" "five
six" "by its other name"
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

# Files ------------------------------------------------------------------------

a_file() {
	echo one >f
	must settrans -c ~/n firmlink ~/f
	must cat n
	is "$out" one
	must showtrans n
	is "$out" "firmlink $HOME/f"
	is "$(stat -c '%F %s %i' n)" "$(stat -c '%F %s %i' f)" "what it is"
	must sh -c 'echo two >>n'
	is "$(cat f)" "one
two" "written through the node"
	echo three >f
	must cat n
	is "$out" three "written beside the node"
	must truncate -s 2 n
	must chmod 600 n
	must touch -d @1000000000 n
	is "$(stat -c '%s %a %Y' f)" "2 600 1000000000"
	if have setfattr; then
		must setfattr -n user.colour -v green n
		must getfattr --only-values -n user.colour f
		is "$out" green
	fi
	must settrans -g n
	must settrans n mirror --read-only ~/f
	expect 2 sh -c 'echo no >n'
	must cat n
	# What is neither, and what makes no sense.
	mkfifo pipe
	for words in "$HOME/pipe" "$HOME/nothing" "--exclude=x $HOME/f"; do
		# shellcheck disable=SC2086
		do_ settrans -c ~/m mirror $words
		[ "$status" != 0 ] || fail "was taken: $words"
		one_line
	done
}

# Its name counts, and whoever has the old one open keeps that.
a_file_replaced() {
	echo old >f
	ln f also	# so that its count of links says nothing
	must settrans -c ~/n firmlink ~/f
	must cat n
	exec 8<n 9>>n
	echo new >g
	mv g f
	wait_until 50 shows_new && fail "other content in the midst of an open file"
	is "$(cat <&8)" old "the file that is open"
	n_kills=0
	kill_it
	echo more >&9 || fail "writing to it: $?"
	is "$(cat also)" "old
more" "the old file"
	exec 8<&- 9>&-
	wait_until 50 shows_new || fail "the new file is not seen: $(cat n)"
	must cat f
	is "$out" new
	rm f
	wait_until 50 shows_nothing || fail "is still there: $(cat n)"
	must lstrans -v n
	has "$out" "No such file" "the reason"
	echo again >f
	shows_again() { [ "$(cat n 2>/dev/null)" = again ]; }
	wait_until 100 shows_again || fail "is not seen again"
	# What cannot be shown where a file was.
	rm f
	mkdir f
	wait_until 50 shows_nothing || fail "a directory is shown as a file: $(cat n)"
	must lstrans -v n
	has "$out" "would be a directory now" "the reason"
	rmdir f
	echo again >f
	must settrans --start n
	must cat n
	is "$out" again "after it was a directory"
}

shows_new() {
	[ "$(cat n)" = new ]
}

shows_nothing() {
	! cat n >/dev/null 2>&1
}

# Filters and ids --------------------------------------------------------------

hides() {
	mkdir -p d/sub d/build d/sub/build d/.git
	touch d/a.c d/a.o d/keep.o d/sub/b.c d/sub/b.o d/build/x d/sub/build/y d/.git/z d/top d/sub/top
	must settrans -c ~/n mirror --exclude='*.o' --exclude=build/ --exclude=.git \
	    --exclude=/top --include=keep.o ~/d
	must sh -c 'cd n && find . -mindepth 1 | sort | tr "\n" " "'
	is "$out" "./a.c ./keep.o ./sub ./sub/b.c ./sub/top " "what is shown"
	for name in a.o build build/x .git/z top sub/b.o sub/build/y; do
		expect 1 stat "n/$name"
		has "$err" "No such file"
		expect 1 cat "n/$name"
	done
	mkdir n/other
	ln -s a.c n/sign
	for command in 'touch n/x.o' 'mkdir n/sub/build' 'mv n/a.c n/x.o' 'mv n/a.c n/top' \
	    'ln n/a.c n/x.o' 'ln -s a n/x.o' 'mkfifo n/x.o' 'mv n/other n/build' 'mv n/sign n/x.o' \
	    'cp n/a.c n/sub/x.o'; do
		do_ sh -c "$command"
		has "$err" "Operation not permitted" "$command"
	done
	for command in 'rm n/a.o' 'mv n/a.o n/b' 'rmdir n/build' 'ln n/a.o n/b'; do
		do_ sh -c "$command"
		has "$err" "No such file" "$command"
	done
	expect 1 rmdir n/sub
	has "$err" "not empty"
	# A file of that name is none of the directories that are hidden; at the top is not beneath.
	must touch n/sub/top n/other/build n/keep.o
	must mv n/sub/b.c n/other/top
	is "$(find d -name '*.o' | sort | tr '\n' ' ')" "d/a.o d/keep.o d/sub/b.o " "what is there"
	# Changed while somebody is in what goes out of sight.
	must fsysopts n --no-exclude --no-include
	must cat n/a.o
	cd n/sub || return
	must fsysopts ~/n --exclude=sub
	expect 2 ls
	has "$err" Stale
	cd ~ || return
	expect 2 ls n/sub
	must fsysopts n
	is "$out" "mirror --exclude=sub $HOME/d"
	for words in --exclude=a/b --exclude= --include=/ --exclude=//; do
		do_ fsysopts n "$words"
		[ "$status" != 0 ] || fail "was taken: $words"
		one_line
	done
	must fsysopts n
	is "$out" "mirror --exclude=sub $HOME/d" "after bad words"
	do_ settrans -c ~/m mirror --include=x ~/d
	has "$err" "nothing"
	one_line
}

shifts() {
	begin
	touch d/a
	me=$(id -u) group=$(id -g)
	must fsysopts n --uid="$me:4000" --gid=0:7:5
	is "$(stat -c '%u %g' n/a)" "4000 $([ "$group" -lt 5 ] && echo $((group + 7)) || echo 65534)"
	must fsysopts n --no-gid --gid="$((group - 1)):100:2"
	is "$(stat -c '%u %g' n/a n)" "4000 101
4000 101"
	# Root may give files away, others may not; nobody gives them to whom the map lacks.
	if [ "$me" = 0 ]; then
		must fsysopts n --uid=5:5000
		must chown 5000 n/a
		is "$(stat -c %u d/a)" 5
		expect 1 chown 7 n/a
		has "$err" "Invalid argument"
	else
		expect 1 chown 4001 n/a
		has "$err" "not permitted"
	fi
	must fsysopts n --no-uid --no-gid
	is "$(stat -c '%u %g' n/a)" "$(stat -c '%u %g' d/a)"
	must touch n/b
	for words in --uid=1 --uid=a:b --uid=1:2:0 --uid=4294967295:1 --uid=1:2:3:4 --gid=5:4294967290:9; do
		do_ fsysopts n "$words"
		[ "$status" != 0 ] || fail "was taken: $words"
		one_line
	done
	do_ fsysopts n --uid=0:10:5 --uid=4:20
	has "$err" already
}

# Others, and itself -----------------------------------------------------------

# Names and attributes are good for a second, content until the file is opened again.
behind() {
	begin
	echo one >d/a
	mkdir d/dir
	touch d/dir/x
	must cat n/a
	must ls n/dir
	echo two >d/a
	must cat n/a
	is "$out" two "the same size, opened again"
	exec 8<n/a
	echo "much longer" >>d/a
	grown() { [ "$(stat -c %s n/a)" = 16 ]; }
	wait_until 50 grown || fail "the new size is not seen"
	is "$(cat <&8)" "two
much longer" "read where it was open"
	exec 8<&-
	rm d/dir/x
	rmdir d/dir
	echo file >d/dir
	changed() { [ "$(cat n/dir 2>/dev/null)" = file ]; }
	wait_until 50 changed || fail "a directory that became a file is not seen"
	# A directory moved from elsewhere while it is in use, and another in its place.
	mkdir d/one
	touch d/one/x
	cd n/one || return
	must ls
	mv ~/d/one ~/d/two
	mkdir ~/d/one
	moved() { [ -e ~/n/two/x ] && [ ! -e ~/n/one/x ]; }
	wait_until 50 moved || fail "a move is not seen"
	n_kills=0
	kill_it
	cd ~ || return
	# Out of what is shown.
	mkdir outside
	mv d/two outside/
	gone() { ! ls n/two >/dev/null 2>&1; }
	wait_until 50 gone || fail "what was moved away is still there: $(ls n/two)"
}

itself() {
	mkdir d a b
	touch d/x
	# Above itself: it ends where it begins.
	must settrans -c d/n mirror ~/d
	must cat d/n/x
	is "$(find d/n -maxdepth 1 2>/dev/null | sort | tr '\n' ' ')" "d/n d/n/n d/n/x "
	expect 2 ls d/n/n
	has "$err" "cross-device"
	for command in 'touch d/n/n/y' 'rmdir d/n/n' 'mv d/n/n d/n/m' 'mv d/n/x d/n/n'; do
		do_ sh -c "$command"
		[ "$status" != 0 ] || fail "worked: $command"
	done
	must rm d/n/x
	must settrans -g d/n
	# At itself, beneath, and in a circle: refused.
	mkdir b/c
	must settrans a mirror ~/b
	for words in "b mirror $HOME/a" "b mirror $HOME/b" "b mirror $HOME/b/c"; do
		# shellcheck disable=SC2086
		do_ settrans $words
		[ "$status" != 0 ] || fail "was taken: $words"
		has "$err" "from itself" "$words"
		one_line
	done
	must touch a/c/x
	do_ fsysopts a ~/a
	[ "$status" != 0 ] || fail "fsysopts made a circle"
	must ls a/c
	is "$out" x
}

# A node shown by others, three high, each of which is killed.
stacked() {
	mkdir d
	echo deep >d/a
	must settrans -c ~/one mirror ~/d
	must settrans -c ~/two mirror ~/one
	must settrans -c ~/three mirror --exclude=hidden ~/two
	must cat three/a
	is "$out" deep
	exec 8<three/a
	n_kills=0
	for i in 1 2 3 4; do
		mkdir "three/dir$i"
		mv "three/dir$i" "three/moved$i"
		echo "$i" >"three/moved$i/f"
		ln "three/moved$i/f" "three/moved$i/g"
		rm "three/moved$i/f"
		must cat "three/moved$i/g"
		is "$out" "$i"
		kill_it
	done
	is "$(cat <&8)" deep
	exec 8<&-
	must settrans -c ~/four firmlink ~/three/a
	must cat four
	is "$out" deep
	is "$(ls d)" "a
moved1
moved2
moved3
moved4"
}

# The sandbox is as wide as the options say.
grants() {
	mkdir d
	touch f
	for source in ~/d ~/f; do
		must settrans -c ~/n mirror -r "$source"
		[ ! -d n ] || must ls n
		[ -d n ] || must cat n
		must lstrans -v n
		case $out in
		*"no Landlock"*) ;;
		*) lacks "$out" "may write" ;;
		esac
		expect 5 fsysopts n --no-read-only
		has "$err" "reach more"
		must settrans -g n
		must settrans -c n mirror "$source"
		[ ! -d n ] || must touch n/x
		must touch n
		must lstrans -v n
		has "$out" "may write"
		must settrans -g n
		must rm -rf n
	done
}

# How much -----------------------------------------------------------------------

# All of them known to the kernel at once, with few descriptors; and over a kill.
many() {
	count=${HIRD_FILES:-60000}
	limit=600
	mkdir d
	seq -f "d/%.0f" $((count / 1000)) | xargs mkdir
	for dir in d/*; do
		(cd "$dir" && seq 1000 | xargs touch)
	done
	# shellcheck disable=SC3045 # dash and bash know it
	(ulimit -n 1024 && exec "$HIRD_PORTD" --background) || fail "portd: $?"
	must settrans -c ~/n mirror ~/d
	must sh -c 'find n -type f -printf "%P %s %i\n" | sort >"$1"' - "$work/first"
	is "$(wc -l <"$work/first")" $((count / 1000 * 1000)) "files"
	pid=$(running)
	is "$(sed -n 's/^Max open files *\([0-9]*\).*/\1/p' "/proc/$pid/limits")" 1024 "descriptors allowed"
	used=$(find "/proc/$pid/fd" -mindepth 1 | wc -l)
	[ "$used" -lt 256 ] || fail "$used descriptors are open"
	size=$(awk '/^RssAnon|^RssShmem/ { n += $2 } END { print n * 1024 }' "/proc/$pid/status")
	say "$((size / count)) bytes for each of $count"
	# A sanitizer takes as much again beside it.
	[ "$(make_variable enable_sanitizers)" != no ] || [ $((size / count)) -lt 300 ] ||
		fail "$size bytes for $count files"
	must sh -c 'find n -type f -name "*77" -exec cat {} +'
	n_kills=0
	kill_it
	must sh -c 'find n -type f -printf "%P %s %i\n" | sort >"$1"' - "$work/second"
	cmp "$work/first" "$work/second" || fail "inode numbers changed over a crash"
	# A thousand known files beneath make no difference.
	must mv n/7 n/seven
	must cat n/seven/77
	must rm -r n/seven
}

# chain NAME: a hundred directories, one in the other; says the innermost.
chain() {
	path=n/$1
	for i in 1 2 3 4 5 6 7 8 9 10; do
		path=$path/d/d/d/d/d/d/d/d/d/d
	done
	mkdir -p "$path"
	echo "$path"
}

# Deeper than any path is long: made by moving whole trees into others.
deep() {
	begin
	n_kills=0
	must mkdir n/t0
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
		below=$(chain "t$i")
		must mv "n/t$((i - 1))" "$below/"
	done
	must sh -c 'find n -type d | wc -l'
	is "$out" 2527
	kill_it
	must sh -c 'find n -type d | wc -l'
	is "$out" 2527 "after a crash"
	must rm -r n/t25
	is "$(ls d)" ""
}

# The same random steps here and in a plain directory.
twins() {
	begin
	mkdir model
	for seed in ${HIRD_SEED:-$$ $(($$ + 1))}; do
		limit=300 must "$build/tests/twin" --seed="$seed" --steps="${HIRD_STEPS:-4000}" n model ||
			say "seed $seed"
		chmod -R u+rwx d model
		rm -rf n/* n/.dot model/* model/.dot
	done
}

killed_twins() {
	begin
	mkdir model
	n_kills=0
	seed=${HIRD_SEED:-$$}
	"$build/tests/twin" --files --seed="$seed" --steps="${HIRD_STEPS:-12000}" n model >"$work/said" 2>&1 &
	twin=$!
	while ! is_gone $twin; do
		sleep 0.0$((n_kills % 5 + 3))
		kill_it
	done
	wait $twin || fail "seed $seed: $(cat "$work/said")"
	say "$n_kills kills"
	[ $n_kills -gt 2 ] || fail "nothing was killed"
	wait_until 50 no_opens || fail "open files: $(field ~/n opens)"
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
try "a file" a_file
try "a file whose name goes to another one" a_file_replaced
try "--exclude and --include" hides
try "--uid and --gid" shifts
try "changes behind its back" behind
try "it never shows itself" itself
try "over each other" stacked
try "what it may do" grants
try "many files, few descriptors" many
try "deep trees" deep
try "as a plain directory, step by step" twins
try "the same while it is killed" killed_twins
finish
