#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The scripts in mnt-examples print what stands beside them.
#
# HIRD_RECORD=1 ./run tests/examples.sh writes the transcripts anew.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

# Types each line of an example, as a person would, and prints what they see.
# The head of the file, up to the first empty line, is not part of the story.
type_in() {
	sed '1,/^$/d' "$1" >"$work/lines"
	while IFS= read -r line <&7; do
		case $line in
		''|'#'*) printf '%s\n' "$line" ;;
		*)
			printf '$ %s\n' "$line"
			eval "$line" </dev/null 2>&1
			;;
		esac
	done 7<"$work/lines"
}

example() {
	case $(cat "$script") in
	*tarfs*|*zipfs*|*isofs*|*archive*)
		archive_is_built || { skip "the archive translator is not built"; return; } ;;
	esac
	(type_in "$script") | sed "s|$HOME|/home/you|g" >"$work/transcript"
	if [ -n "${HIRD_RECORD:-}" ]; then
		cp "$work/transcript" "${script%.sh}.out"
	elif ! diff -u "${script%.sh}.out" "$work/transcript" >"$work/diff"; then
		fail "the transcript differs"
		sed 's/^/    /' "$work/diff"
	fi
}

for script in "$top"/mnt-examples/*.sh; do
	try "$(basename "$script")" example
done
finish
