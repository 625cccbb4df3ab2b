#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Conformance of ports: the suite plain, under the tracer, with tasks stopped at random, by
# port_msg alone, and on the toy of plain descriptors, where the marked cases must
# fail; and random frames.
#
#   ./run tests/ports.sh         what make check runs, which has random programs as a test of
#                                their own
#   ./run tests/ports.sh --full  everything as often as the design says: make check-ports
#
# HIRD_ONLY runs only these cases of the suite (as ./check does with those that take root).
# HIRD_BRIEF leaves out what only repeats, for a build that is slow by its sanitizers.
set -u
if [ -z "${HIRD_BUILD:-}" ]; then
	exec "$(dirname -- "$0")/../run" sh "$0" "$@"
fi
quick=--quick programs='' frames=200000
[ "${1:-}" != --full ] || quick='' programs=30000 frames=10000000
suite=$HIRD_BUILD/tests/ports/suite only=${HIRD_ONLY:+--only=$HIRD_ONLY}
passed=0 failed=0 skipped=0

# stage WHAT COMMAND...: adds up its last line.
stage() {
	echo "=== $1"
	shift
	log=$("$@" 2>&1)
	status=$?
	printf '%s\n' "$log" | grep -vE '^[0-9]+ passed, '
	line=$(printf '%s\n' "$log" | grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' | tail -n 1)
	if [ -z "$line" ]; then
		if [ $status = 0 ]; then
			passed=$((passed + 1))
		else
			echo "not ok: it ended with status $status"
			failed=$((failed + 1))
		fi
		return
	fi
	# shellcheck disable=SC2046
	set -- $(echo "$line" | tr -d ',[:alpha:]')
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
	if [ $status != 0 ] && [ "$2" = 0 ]; then
		echo "not ok: it ended with status $status"
		failed=$((failed + 1))
	fi
}

# shellcheck disable=SC2086
{
	stage "plain" "$suite" $quick $only
	if [ -z "${HIRD_BRIEF:-}" ]; then
		stage "under the tracer" "$suite" $quick $only \
			--tracer="$HIRD_BUILD/tools/rpctrace --all -o /dev/null"
		stage "with tasks stopped and continued at random" "$suite" $quick $only --jitter
		stage "on plain descriptors the marked cases fail" "$suite" $quick $only --control
	fi
	stage "every message by port_msg" "$suite" $quick $only --flat
	[ -z "$programs" ] ||
		stage "random programs against the model" "$HIRD_BUILD/tests/ports/random" \
			--programs=$programs
	[ -n "$only" ] ||
		stage "random frames" "$HIRD_BUILD/tests/ports/flood" --frames=$frames
}
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
