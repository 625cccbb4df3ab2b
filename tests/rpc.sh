#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The server and the client of hird-rpc(3): they work, the page prints what was
# compiled, and all of it is less than 60 lines.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
example=$top/mnt-examples/rpc
programs=$build/mnt-examples/rpc

knows_greeter() {
	"$programs/client" somebody >/dev/null
}

greets() {
	portd_start
	"$programs/server" >"$work/server" 2>&1 &
	server=$!
	wait_until 50 knows_greeter || fail "the server does not answer: $(cat "$work/server")"
	must "$programs/client" world
	is "$out" "Hello, world!"
	expect 1 "$programs/client"
	is "$out" "nobody has no name"
	# The answer of the dispatch: the name is too long.
	expect 1 "$programs/client" "somebody whose name is longer than 31 letters"
	kill "$server"
	wait "$server" 2>/dev/null
}

# The displays of the page, one file each.
displays() {
	sed 's/^\\&//; s/\\e/\\/g' "$top/libtrans/port/hird-rpc.3" |
		awk -v to="$work/display" '
			/^\.Bd/ { inside = 1; n++; next }
			/^\.Ed/ { inside = 0; next }
			inside { print > (to "." n) }'
}

is_displayed() {
	for display in "$work"/display.*; do
		cmp -s "$display" "$1" && return
	done
	return 1
}

page_prints() {
	displays
	for file in greet.def server.c client.c; do
		is_displayed "$example/$file" || fail "the page prints another $file"
	done
	lines=$(cat "$example/greet.def" "$example/server.c" "$example/client.c" | wc -l)
	[ "$lines" -lt 60 ] || fail "$lines lines are not less than 60"
}

try "a client and a server of 60 lines" greets
try "the page prints them" page_prints
finish
