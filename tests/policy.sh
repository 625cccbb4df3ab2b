#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may start a translator by looking: programs by name and by cgroup, what the others get, and
# the files in which that is written.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

# as NAME PROGRAM: a copy of a program that is called so.
as() {
	mkdir -p bin
	cp "$(command -v "$2")" "bin/$1"
}

rules() {
	mkdir -p .config/hird
	printf '%s\n' "$@" >.config/hird/policy
	must hird policy --reload
}

backup() {
	as restic cat
	must settrans -c ~/g hello
	expect 1 bin/restic g
	has "$err" "temporarily unavailable" "what a backup program sees"
	nothing_runs || fail "a backup program started a translator"
	is "$(field g starts)" 0 starts
	is "$(field g refusals)" 1 refusals
	must lstrans -v g
	has "$out" "1, last restic (pid" "lstrans -v"
	must hird log g
	has "$out" "program restic refuse" "the node's log"
	# Somebody else starts it, and what runs serves all.
	must cat g
	must bin/restic g
	is "$out" "Hello, world!"
}

# Not even the attributes are refused: an indexer that looks at the folder sees the node.
indexer() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	"$build/tests/mkarchive" pax none x.tar tree
	must settrans -c ~/d tarfs x.tar
	as tracker-miner-fs-3 ls
	must bin/tracker-miner-fs-3 -d d
	must bin/tracker-miner-fs-3 -a d
	is "$out" "" "what an indexer finds"
	is "$(field d refusals)" 1 refusals
	as baloo_file cat
	expect 1 bin/baloo_file d/dir
	has "$err" "No such file" "a name inside"
	nothing_runs || fail "an indexer started a translator"
	# The kernel must not have remembered any of it.
	must ls d
	[ -n "$out" ] || fail "the directory is empty for others, too"
	must bin/tracker-miner-fs-3 d
	[ -n "$out" ] || fail "a running translator hides from an indexer"
}

# A directory that was opened while nothing ran is empty for who has it open, also when the
# translator runs by then.
empty_stays_empty() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	"$build/tests/mkarchive" pax none x.tar tree
	must settrans -c ~/d tarfs x.tar
	as updatedb sh
	mkfifo go
	bin/updatedb -c 'exec 3<d; echo >opened; read -r x <go; exec 3<&-' &
	reader=$!
	wait_until 100 test -e opened || fail "it cannot be opened"
	must ls d
	is "$(field d state)" running "state after ls"
	echo >go
	wait $reader
	must ls d
}

# Without a handle an answer of nothing would be remembered for all.
no_open() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	"$build/tests/mkarchive" pax none x.tar tree
	portd_start --idle=1
	must settrans -c ~/d tarfs x.tar
	must ls -R d
	wait_until 100 nothing_runs || fail "it did not leave"
	as updatedb find
	do_ bin/updatedb d
	nothing_runs || fail "an indexer started a translator"
	must find d -type f
	[ -n "$out" ] || fail "the directory is empty for others, too"
}

# What a translator has opened goes on, whoever reads it.
goes_on() {
	portd_start
	must settrans -c ~/g hello --contents=again
	rules "program reader refuse"
	as reader sh
	must cat g
	mkfifo go
	# shellcheck disable=SC2016
	bin/reader -c 'exec 3<g; echo opened >opened; read -r x <go; read -r x <&3; echo "$x" >x' &
	reader=$!
	wait_until 100 test -e opened || fail "a running translator refuses a file"
	for pid in $(running); do
		kill -9 "$pid"
	done
	wait_until 100 nothing_runs || fail "it lives"
	echo >go
	wait $reader
	is "$(cat x)" again "what was read over a crash"
}

own_rules() {
	as restic cat
	as nightly cat
	must settrans -c ~/g hello
	rules "# mine" "program restic start" "program night* refuse   # every night"
	must hird policy
	has "$out" "program restic start" "hird policy"
	has "$out" ".config/hird/policy:2" "hird policy"
	has "$out" "program rsnapshot refuse" "the shipped rules"
	must hird policy --test nightly
	has "$out" "refuse: program night* refuse" --test
	must hird policy --test /usr/bin/restic
	has "$out" "start:" --test
	must hird policy --test $$
	has "$out" "start: no rule fits" --test
	expect 1 hird policy --test 999999999
	one_line
	expect 1 bin/nightly g
	must bin/restic g
}

signal() {
	must settrans -c ~/g hello
	mkdir -p .config/hird
	echo "program other refuse" >.config/hird/policy
	kill -HUP "$(portd_pid)"
	reloaded() { hird policy | grep -q "program other"; }
	wait_until 100 reloaded || fail "SIGHUP does not read the files"
	must hird replace
	wait_until 100 reloaded || fail "the rules are gone after a replacement"
}

# A file with a mistake changes nothing, and is named with its line.
mistakes() {
	portd_start
	rules "program first refuse"
	for line in "program x" "user x start" "program x never" "program x start now"; do
		printf '# one\n%s\n' "$line" >.config/hird/policy
		expect 1 hird policy --reload
		one_line
		has "$err" ".config/hird/policy:2: " "message for '$line'"
		do_ hird policy
		has "$out" "program first refuse" "what stays in force"
		has "$err" "not in force" "hird policy"
	done
	head -c 9000 /dev/zero | tr '\0' '#' >.config/hird/policy
	expect 1 hird policy --reload
	one_line
	rm .config/hird/policy
	mkdir .config/hird/policy
	expect 1 hird policy --reload
	rmdir .config/hird/policy
	must hird policy --reload
	must hird policy
	lacks "$out" "first" "rules of a file that is gone"
	portd_stop
	echo nonsense >.config/hird/policy
	must hird start
	do_ hird policy
	has "$out" "program restic refuse" "the shipped rules, after a start with a mistake"
	rm .config/hird/policy
}

usage() {
	expect 64 hird policy --no-such
	one_line
	expect 64 hird policy x
	expect 64 hird policy --reload --test x
	expect 0 hird policy --help
}

# The file may be on something that does not answer: portd goes on.
stuck() {
	must settrans -c ~/g hello
	mkdir -p .config/hird
	mkfifo .config/hird/policy
	do_ hird policy --reload
	must cat g
	rm .config/hird/policy
}

# A service of the user's, told by its cgroup. That of this process is what there is to match.
cgroup() {
	group=$(sed -n 's/^0:://p' /proc/self/cgroup)
	[ -n "$group" ] || { skip "no cgroup of version 2 here"; return; }
	must settrans -c ~/g hello
	as elsewhere cat
	rules "program lstrans start" "cgroup $group refuse"
	expect 1 bin/elsewhere g
	rules "cgroup $group/no refuse"
	must bin/elsewhere g
}

# The line in the log comes now and then; the count is exact.
rate() {
	as borg cat
	must settrans -c ~/g hello
	n=0
	while [ $n -lt 25 ]; do
		bin/borg g 2>/dev/null
		n=$((n + 1))
	done
	is "$(field g refusals)" 25 refusals
	must hird log g
	[ "$(printf '%s\n' "$out" | grep -c borg)" -lt 5 ] || fail "25 refusals made a line each"
}

try "a backup program gets EAGAIN, is counted and logged" backup
try "an indexer finds nothing, and the kernel remembers nothing of that" indexer
try "a directory that was opened as an empty one" empty_stays_empty
try "a mount on which opens are not asked for" no_open
try "what was opened goes on, over a crash" goes_on
try "a user's own rules come first; --test" own_rules
try "SIGHUP reads the rules; a replacement keeps them" signal
try "a mistake is named with its line, and changes nothing" mistakes
try "the command line" usage
try "a file of rules that never ends" stuck
try "by cgroup" cgroup
try "many refusals, few lines" rate
finish
