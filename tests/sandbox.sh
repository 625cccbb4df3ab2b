#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A translator that tries what it should not: each attempt is refused, said in its log, and
# harms nobody; and it is the sandbox that refuses.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse
for program in rogue-translator rogue-needy; do
	[ -x "$build/tests/$program" ] || make -s -C "$build" "tests/$program" ||
		skip_all "tests/$program cannot be built"
done
hird doctor 2>/dev/null | grep -q '^ok *landlock' || skip_all "this kernel has no Landlock"
hird doctor 2>/dev/null | grep -q '^ok *seccomp' || skip_all "no seccomp, or no libseccomp"
rogue=$build/tests/rogue-translator
needy=$build/tests/rogue-needy
sanitizers=$(make_variable enable_sanitizers)

# A neighbour, a key, and a rogue that knows where all of them are.
scene() {
	umask 077
	mkdir .ssh
	echo secret >.ssh/id_rsa
	umask 022
	must settrans -c ~/neighbour hello --contents=unharmed
	must cat neighbour
	keeper=$(portd_pid)
	victim=$(field ~/neighbour pid)
	[ -n "$victim" ] || fail "the neighbour does not run"
}

# rogue_set PROGRAM [OPTION...] -- [ARGUMENT...]
rogue_set() {
	program=$1
	shift
	grants=
	while [ "$1" != -- ]; do
		grants="$grants $1"
		shift
	done
	shift
	# shellcheck disable=SC2086
	must settrans -c $grants ~/n "$program" --key="$HOME/.ssh/id_rsa" --home="$HOME" \
		--socket="$XDG_RUNTIME_DIR/hird/portd" --neighbour="$victim" --portd="$keeper" "$@"
}

# attempt NAME: what became of it.
attempt() {
	do_ cat "n/$1"
	[ $status = 0 ] || out="error: $err"
}

refused() {
	for name in "$@"; do
		attempt "$name"
		case $out in
		'refused: '*) ;;
		*) fail "$name: $out" ;;
		esac
		timeout "$limit" hird log n | grep -q "$name: refused" ||
			fail "$name is not in the log"
	done
}

succeeded() {
	for name in "$@"; do
		attempt "$name"
		is "$out" "done" "$name"
	done
}

unharmed() {
	must cat neighbour
	is "$out" unharmed neighbour
	is "$(portd_pid)" "$keeper" "portd's pid"
	is "$(field ~/neighbour pid)" "$victim" "the neighbour's pid"
	is "$(field ~/neighbour crashes)" 0 "the neighbour's crashes"
	is "$(cat .ssh/id_rsa)" secret "the key"
	is "$(stat -c %a .ssh/id_rsa)" 600 "the key's mode"
	[ ! -e rogue-was-here ] && [ ! -e /tmp/rogue-was-here ] || fail "it wrote a file"
	must portinfo --check
	has "$out" "all adds up"
}

files() {
	scene
	rogue_set "$rogue" --
	refused ssh-key list-home write-home write-tmp write-key truncate-key rename-key \
		chmod-key touch-key remove-key passwd
	unharmed
}

others() {
	scene
	rogue_set "$rogue" --
	refused kill-neighbour kill-portd kill-all pidfd file-owner ptrace-neighbour ptrace-portd \
		peek proc-mem proc-environ proc-fd prlimit renice shm
	unharmed
}

sockets() {
	scene
	rogue_set "$rogue" --
	refused tcp udp abstract call-portd datagrams netlink
	unharmed
}

processes() {
	scene
	rogue_set "$rogue" --
	refused fork clone fork-32 fork-x32 namespace shell mount io-uring run
	first=$(field ~/n pid)
	is "$(cat "/proc/$first/task/$first/children" 2>/dev/null)" "" "the rogue's children"
	is "$(field ~/n crashes)" 0 "the rogue's crashes"
	# The loader may be run, and finds nothing to load: that is the rogue's end.
	do_ cat n/loader
	[ $status != 0 ] || fail "loader: $out"
	has "$(hird log n)" "/bin/sh: cannot open shared object file: Permission denied" log
	unharmed
}

memory() {
	[ "$sanitizers" = no ] || { skip "a sanitizer maps more than any limit"; return; }
	portd_start --memory=256
	scene
	rogue_set "$rogue" --
	refused memory shared-memory
	has "$(lstrans -v ~/n)" "256 MiB of memory" "lstrans -v"
	unharmed
}

# It asks for rights to nodes: what it has is no way to them.
rights() {
	scene
	rogue_set "$rogue" --
	refused right-beneath right-to-neighbour right-to-nothing right-by-any right-across ask-as-node
	unharmed
}

words() {
	scene
	rogue_set "$rogue" --
	refused startup keeper nonsense forge
	unharmed
	# It leaves with a request unanswered: who waits gets the next one's answer, or an error.
	do_ cat n/leave
	has "$err" "Input/output error" "cat n/leave"
	has "$(hird log n)" "leaving for the 2. time" log
	has "$(field ~/n reason)" "left without having answered" "lstrans"
	unharmed
	must settrans --start ~/n
	refused ssh-key
}

at_start() {
	scene
	rogue_set "$rogue" -- --start
	must ls n
	log=$(hird log n)
	for name in ssh-key list-home tcp fork; do
		has "$log" "$name: refused" "log"
	done
	unharmed
}

# It answers the kernel with lies: whoever looks gets an answer or an error, in time.
kernel() {
	portd_start --deadline=2
	scene
	mkdir n
	must settrans -a ~/n "$rogue" --key=x --home=x --raw
	for i in 1 2 3 4 5 6 7 8 9 10; do
		do_ ls -la n
		do_ cat "n/file$i"
		do_ stat "n/other$i"
		do_ sh -c "echo >n/new$i"
	done
	do_ find n
	lacks "$out" passwd "names"
	do_ cp -r n copy
	do_ df n
	has "$(hird log n)" "forged answers taken" log
	unharmed
	must settrans -fg n
	must ls n
	is "$out" "" "n without the rogue"
	unharmed
}

# What every translator needs.
allowed() {
	scene
	rogue_set "$rogue" --
	succeeded threads own-signal
	must ls n
}

granting() {
	scene
	expect 5 settrans -c ~/n "$needy"
	one_line
	has "$err" "--grant=network,exec" message
	[ ! -e n ] || fail "n was made"
	expect 5 settrans -c --grant=network ~/n "$needy"
	one_line
	has "$err" "--grant=exec" message
	expect 64 settrans -c --grant=network,moon ~/n "$needy"
	has "$err" moon message
	expect 64 settrans --grant=exec ~/n
	rogue_set "$needy" --grant=network --grant=exec --
	succeeded tcp udp run
	refused ssh-key list-home write-home abstract call-portd proc-environ ptrace-neighbour \
		kill-neighbour namespace
	has "$(lstrans -v ~/n)" "network,exec" "lstrans -v"
	has "$(showtrans --json n | tr -d ' \n')" '"granted":["network","exec"]' "showtrans --json"
	has "$(lstrans --json ~/n | tr -d ' \n')" '"granted":["network","exec"]' "lstrans --json"
	unharmed
	# Kept over a change of options, an end of portd, and a portd in its place.
	must fsysopts ~/n --start
	must hird replace
	succeeded tcp
	has "$(lstrans -v ~/n)" "network,exec" "lstrans -v after hird replace"
	portd_stop
	must lstrans
	must cat neighbour
	succeeded tcp run
}

# A grant that nobody asked for opens nothing.
not_asked() {
	scene
	rogue_set "$rogue" --grant=network,exec --
	refused tcp fork
	unharmed
}

shown() {
	scene
	said=$(lstrans -v ~/neighbour)
	has "$said" "Landlock" "lstrans -v"
	has "$said" "seccomp" "lstrans -v"
	has "$said" "cgroup" "lstrans -v"
	has "$(lstrans --json ~/neighbour)" '"landlock_abi"' "lstrans --json"
	must hird replace
	is "$(lstrans -v ~/neighbour | grep '^  sandbox ')" "$(echo "$said" | grep '^  sandbox ')" \
		"the sandbox after hird replace"
	must settrans -c ~/idle hello
	lacks "$(lstrans -v ~/idle)" "  sandbox " "lstrans -v of one that does not run"
}

# The proof that these attempts would succeed without it.
without() {
	portd_start --no-sandbox
	scene
	rogue_set "$rogue" --
	succeeded ssh-key list-home tcp udp abstract call-portd datagrams fork clone passwd shm \
		prlimit renice proc-environ proc-fd chmod-key touch-key write-key kill-portd pidfd \
		file-owner memory shared-memory right-to-neighbour run kill-neighbour truncate-key rename-key
	has "$(lstrans -v ~/n)" "--no-sandbox" "lstrans -v"
	has "$(lstrans --json ~/n | tr -d ' \n')" '"sandbox":{"on":false}' "lstrans --json"
	has "$(hird doctor)" "no sandbox" "hird doctor"
}

try "files: another's key, the home, /tmp, /etc" files
try "other processes: signals, ptrace, memory, environment, limits" others
try "sockets: TCP, UDP, abstract ones, portd's own" sockets
try "processes: fork, shell, other word sizes, namespaces, mounts" processes
try "memory without end" memory
try "rights to nodes that it has no descriptor of" rights
try "words to portd out of turn" words
try "the same while it starts, and while it describes itself" at_start
try "lies to the kernel" kernel
try "what it may: threads, signals to itself" allowed
try "the network and programs: only when declared and granted" granting
try "granted, but not declared" not_asked
try "what is in force is shown" shown
try "without the sandbox all of it succeeds, and that is shown" without
finish
