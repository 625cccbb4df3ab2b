#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every option and exit status of settrans, and of its companions.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

usage() {
	expect 64 settrans
	one_line
	expect 64 settrans --no-such-option x hello
	one_line
	has "$err" "no-such-option" "message"
	expect 0 settrans --help
	has "$out" settrans --help
	expect 0 settrans --version
	expect 64 settrans -s ~/x hello
	for tool in showtrans fsysopts lstrans hird; do
		expect 64 $tool --no-such-option
		expect 0 $tool --help
		expect 0 $tool --version
	done
	[ -z "$(portd_pid)" ] || fail "asking for help started portd"
}

# What is not there yet is refused by name, not ignored.
not_yet() {
	touch n
	for option in --stack -L --chroot; do
		do_ settrans "$option" ~/n hello
		[ $status != 0 ] || fail "$option is taken silently"
		one_line
	done
}

missing_node() {
	expect 1 settrans ~/none hello
	one_line
	has "$err" none message
	expect 4 settrans -a ~/none hello
	one_line
	[ ! -e ~/none ] || fail "a node was made without -c"
}

bare_name() {
	must settrans -c ~/a /hurd/hello
	must cat a
	is "$out" "Hello, world!" "/hurd/hello"
	must showtrans a
	must settrans -c ~/b "$translators/hello"
	must cat b
}

create() {
	must settrans -c ~/a hello
	must settrans -g ~/a
	[ -f a ] || fail "settrans -g removed the file"
	must settrans -c ~/a hello
	must cat a
	umask 077
	must settrans -c ~/b null
	must settrans -g ~/b
	is "$(stat -c %a b)" 600 "mode of a made file"
	umask 022
	# A node that was there keeps its mode and its content.
	echo precious >c
	chmod 640 c
	must settrans -c ~/c hello
	must cat c
	is "$out" "Hello, world!" "c"
	must settrans -g ~/c
	is "$(cat c)" precious "content beneath"
	is "$(stat -c %a c)" 640 "mode beneath"
}

kinds() {
	mkdir d
	do_ settrans ~/d hello
	[ $status != 0 ] || fail "a file stands on a directory"
	one_line
	has "$err" directory message
	expect 1 showtrans ~/d
	archive_is_built || return
	"$build/tests/mkarchive" pax none x.tar plain
	touch f
	do_ settrans ~/f tarfs ~/x.tar
	[ $status != 0 ] || fail "a directory stands on a file"
	one_line
	expect 1 showtrans ~/f
}

passive() {
	touch a
	must settrans a hello
	nothing_runs || fail "a passive setting started something"
	must showtrans a
	has "$out" hello showtrans
	must settrans -p a hello --contents=again
	must cat a
	is "$out" again "replaced while idle"
	must settrans -g a
	expect 1 showtrans a
	is "$(cat a)" "" "content beneath"
}

removal_busy() {
	must settrans -c ~/a hello
	must cat a
	# A translator runs, nobody uses it; without -g or -k that is EBUSY.
	expect 5 settrans ~/a
	one_line
	expect 5 settrans ~/a hello --contents=x
	one_line
	must settrans -k ~/a hello --contents=x
	must cat a
	is "$out" "Hello, world!" "-k leaves what runs"
	must showtrans a
	has "$out" "contents=x" "-k wrote the setting"
	must settrans -g ~/a hello --contents=y
	must cat a
	is "$out" y "-g with a translator"
}

holder_named() {
	must settrans -c ~/a hello
	# shellcheck disable=SC2217
	sleep 60 <a &
	holder=$!
	do_ cat a
	expect 5 settrans ~/a hello --contents=x
	one_line
	has "$err" "$holder" "message (the holder's pid)"
	has "$err" sleep "message (the holder's name)"
	expect 5 settrans -g ~/a
	one_line
	has "$err" "$holder" "message of -g"
	must cat a
	must showtrans a
	# With force it goes all the same.
	must settrans -fg ~/a
	is "$(mounts)" "" "mounts after -fg"
	kill $holder
	wait $holder 2>/dev/null
}

active() {
	touch a
	must settrans -a a hello
	something_runs || fail "-a started nothing"
	expect 1 showtrans a
	must cat a
	is "$out" "Hello, world!" active
	must settrans -a a hello --contents=new
	must cat a
	is "$out" new "-a replaces what runs"
	must settrans -a a
	is "$(mounts)" "" "mounts after -a without a translator"
	nothing_runs || fail "still runs"
}

active_over_passive() {
	touch a
	must settrans a hello --contents=passive
	must settrans -a a hello --contents=active
	must cat a
	is "$out" active "the active one"
	must showtrans a
	has "$out" "contents=passive" "the setting"
	must settrans -a a
	must cat a
	is "$out" passive "after the active one went"
}

both() {
	touch a
	must settrans -ap a hello --contents=both
	something_runs || fail "-ap started nothing"
	must showtrans a
	has "$out" both "the setting"
	must cat a
	is "$out" both "what runs"
	must settrans -fgap a hello --contents=hammer
	must cat a
	is "$out" hammer "-fgap"
	must settrans -fg a
	is "$(mounts)" "" "mounts after -fg"
}

start() {
	touch a
	must settrans a hello
	must settrans -s a
	something_runs || fail "-s started nothing"
	touch b
	do_ settrans -s b
	[ $status != 0 ] || fail "-s without a setting succeeded"
	one_line
}

exclusive() {
	touch a
	must settrans a hello
	expect 5 settrans -x a hello --contents=x
	one_line
	must showtrans a
	lacks "$out" "contents=x" "the setting"
	touch b
	must settrans -x b hello
}

pid_file() {
	touch a
	must settrans -a -F ~/pid a hello
	is "$(cat pid)" "$(running)" "pid file"
}

pause() {
	touch a
	mkfifo line
	timeout 30 settrans -a -P a hello <line >"$work/out" 2>"$work/err" &
	settrans=$!
	exec 8>line
	wait_until 100 grep -q Pausing "$work/err" || fail "said: $(cat "$work/err")"
	named=$(sed -n 's/^Translator pid: *\([0-9]*\).*/\1/p' "$work/err")
	is "$named" "$(running)" "pid named"
	echo >&8
	exec 8>&-
	wait $settrans || fail "status $?"
	must cat a
	is "$out" "Hello, world!" "after the pause"
}

slow_start() {
	cat >slow <<-'END'
	#!/bin/sh
	sleep 30
	END
	chmod +x slow
	touch a
	begin=$(date +%s)
	expect 4 settrans -a -t 0.5 a "$HOME/slow"
	one_line
	[ $(($(date +%s) - begin)) -lt 10 ] || fail "-t 0.5 took long"
	wait_until 50 nothing_runs || fail "what did not start is left running"
}

underlying() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	touch a
	mkdir other
	do_ settrans -U ~/other a hello
	[ $status = 0 ] || one_line
}

orphan() {
	touch a
	must settrans -a a hello --contents=old
	exec 9<a
	must settrans -a -o a hello --contents=new
	must cat a
	is "$out" new "new lookups"
	is "$(cat <&9)" old "who has it open"
	exec 9<&-
}

recursive_nosync() {
	must settrans -c ~/a hello
	must cat a
	must settrans -gRS ~/a
	is "$(mounts)" "" mounts
}

showtrans_() {
	touch a b c
	must settrans a hello
	must settrans b null
	must showtrans a
	lacks "$out" ":" "one file, no prefix"
	must showtrans a b
	has "$out" "a: " "two files, prefix"
	has "$out" "b: " "two files, prefix"
	must showtrans -p a
	has "$out" "a: " "-p"
	must showtrans -P a b
	lacks "$out" "a: " "-P"
	must showtrans -s a
	is "$out" "" "-s"
	expect 1 showtrans c
	expect 1 showtrans -s c
	expect 0 showtrans -t a c
	lacks "$out" "c" "-t"
	expect 1 showtrans ~/none
}

fsysopts_() {
	must settrans -c ~/a hello --contents='x y'
	must cat a
	must fsysopts a
	has "$out" "'" "fsysopts (quoted for a shell)"
	do_ fsysopts a --no-such=1
	[ $status != 0 ] || fail "an unknown option was taken"
	one_line
	must cat a
	is "$out" "x y" "after a refused option"
	touch plain
	do_ fsysopts plain
	[ $status != 0 ] || fail "fsysopts of a plain file"
	one_line
	expect 1 fsysopts ~/none
	one_line
}

odd_names() {
	for name in 'with space' "it's" 'new
line' '-dash' 'ünï' '$(id)' 'a"b' '*'; do
		must settrans -c "$HOME/$name" hello
		must cat "$HOME/$name"
		is "$out" "Hello, world!" "$name"
		must showtrans "$HOME/$name"
		must settrans -g "$HOME/$name"
	done
	long=$(printf '%0250d' 0)
	must settrans -c "$HOME/$long" hello
	must cat "$HOME/$long"
}

symlinked_parent() {
	mkdir real
	ln -s real link
	must settrans -c ~/link/a hello
	must cat real/a
	must showtrans ~/real/a
	must settrans -g ~/real/a
	# The node itself is not followed.
	touch target
	ln -s target node
	do_ settrans ~/node hello
	[ $status != 0 ] || fail "a symlink became a node"
	one_line
}

try "usage, help and version" usage
try "options that are not there yet are refused by name" not_yet
try "a node that does not exist" missing_node
try "bare names, /hurd/NAME and paths" bare_name
try "-c makes what is missing and keeps what is there" create
try "a kind mismatch is an error" kinds
try "passive settings" passive
try "a running translator is in the way: 5, -k, -g" removal_busy
try "EBUSY says who holds the node; -f goes over it" holder_named
try "active translators" active
try "an active translator over a passive setting" active_over_passive
try "-ap and -fgap" both
try "--start" start
try "--exclusive" exclusive
try "--pid-file" pid_file
try "--pause" pause
try "--timeout" slow_start
try "--underlying" underlying
try "--orphan" orphan
try "--recursive and --nosync" recursive_nosync
try "showtrans" showtrans_
try "fsysopts" fsysopts_
try "odd names" odd_names
try "a symlink on the way, and one as the node" symlinked_parent
finish
