#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hird doctor on the machine as it is, and with things in the way.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

checks="kernel device fusermount3 mtab mounts apparmor stale runtime state translators portd nodes
policy login lingering sharing namespaces fusectl epoch timeout io_uring
landlock seccomp cgroup"

# A line for each, and what to do for each that is not well; the same as JSON.
complete() {
	expect 0 hird doctor || return
	for check in $checks; do
		[ "$(printf '%s\n' "$out" | grep -cE "^(ok|warn|fail) +$check ")" = 1 ] ||
			fail "no line, or more than one, on $check"
	done
	is "$(printf '%s\n' "$out" | grep -cE '^(ok|warn|fail)')" "$(echo $checks | wc -w)" checks
	printf '%s\n' "$out" | awk '
		/^(ok|warn|fail)/ { if (bad != "") print bad; bad = "" }
		/^(warn|fail)/ { bad = $2 }
		/->/ { bad = "" }
		END { if (bad != "") print bad }' >without
	# A kernel that cannot resend cannot be helped.
	is "$(grep -v '^kernel$' without)" "" "checks that are not well and do not say what to do"
	[ -z "$(portd_pid)" ] || fail "asking the doctor started portd"
	expect 0 hird doctor --json
	for check in $checks; do
		has "$out" "\"check\": \"$check\"" JSON
	done
	has "$out" '"status": "ok"' JSON
	expect 64 hird doctor --no-such
	expect 64 hird doctor x
}

line() {
	hird doctor | grep -A1 -E "^[a-z]+ +$1 "
}

stale() {
	must settrans -c "$HOME/a b" hello
	has "$(line stale)" "ok" "with a portd that lives"
	portd_kill
	wait_until 50 no_orphans || fail "something outlived portd"
	said=$(line stale)
	has "$said" warn "with a dead portd"
	has "$said" "a b" "with a dead portd"
	has "$said" "fusermount3 -u '$HOME/a b'" "what to do"
	fusermount3 -u "$HOME/a b"
	has "$(line stale)" "ok" "when that was done"
	must hird start
}

# A node whose translator is stopped does not hold the doctor up.
stuck() {
	must settrans -c ~/n hello
	must cat n
	for pid in $(running); do
		kill -STOP "$pid"
	done
	expect 0 hird doctor
	for pid in $(running); do
		kill -CONT "$pid"
	done
}

policy() {
	must hird start
	has "$(line policy)" "ok" "without files"
	mkdir -p .config/hird
	echo nonsense >.config/hird/policy
	expect 1 hird policy --reload
	said=$(line policy)
	has "$said" warn "with a mistake"
	has "$said" "policy:1" "with a mistake"
	has "$said" "hird policy --reload" "what to do"
}

missing() {
	before=$XDG_RUNTIME_DIR
	XDG_RUNTIME_DIR=$work/shared
	mkdir "$XDG_RUNTIME_DIR" "$XDG_RUNTIME_DIR/hird"
	chmod 777 "$XDG_RUNTIME_DIR/hird"
	expect 1 hird doctor
	has "$out" "fail" "with a runtime directory that others may write"
	XDG_RUNTIME_DIR=$before
}

try "a line for each check, with what to do; JSON" complete
try "a mount whose server is gone" stale
try "a node that is stuck" stuck
try "rules that are not in force" policy
try "1 when something is in the way" missing
finish
