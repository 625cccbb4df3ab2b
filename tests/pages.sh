#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every command has a page, which names every option that --help shows, and the pages of ports
# name every call and every code.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
have mandoc || skip_all "mandoc is not installed"

page() {
	do_ "$top/build-aux/check-pages" "$program" "$1"
	[ $status = 0 ] || fail "$out$err"
	must mandoc -T lint -W warning "$1"
}
tool_page() { page "$top/tools/$name.1"; }
portd_page() { page "$top/portd/hird-portd.8"; }

# named PAGE WORD...: the page has each of them.
named() {
	text=$(mandoc -T ascii "$1" 2>/dev/null | sed 's/.\x08//g' | tr '\n' ' ')
	page=$1
	shift
	[ $# -gt 20 ] || fail "only $# words were found to look for"
	for word; do
		printf '%s' "$text" | grep -qE -- "(^|[^A-Za-z_])$word([^A-Za-z_]|$)" || fail "$page: lacks $word"
	done
}

# Names and values: as "NAME (value)".
codes() {
	sed -n 's/^\t\(PORT_E_[A-Z_]*\) = \([0-9a-fx]*\),.*/\1 \\(\2\\)/p' "$top/libtrans/wire/codes.h"
}
codes_page() {
	must mandoc -T lint -W warning "$top/portd/portd-errors.7"
	IFS='
'
	# shellcheck disable=SC2046
	named "$top/portd/portd-errors.7" $(codes | grep -v DETAIL_MASK)
	unset IFS
}

sandbox_page() {
	must mandoc -T lint -W warning "$top/portd/hird-sandbox.7"
	for grant in $(sed -n 's/^\t{ CONFINE_[A-Z]*, "\(.*\)" },$/\1/p' "$top/libtrans/base/confine.c"); do
		mandoc -T ascii "$top/portd/hird-sandbox.7" | sed 's/.\x08//g' | grep -qw "$grant" ||
			fail "hird-sandbox.7: lacks $grant"
	done
}

# The shipped rules and words of a policy are those of the program.
other_pages() {
	for page in "$top/portd/hird-policy.5" "$top/portd/hird-share.7"; do
		must mandoc -T lint -W warning "$page"
	done
	for verdict in start refuse empty; do
		grep -q "^\.It Cm $verdict\$" "$top/portd/hird-policy.5" || fail "hird-policy(5) lacks $verdict"
	done
}

# Each call of the header, or the one whose twin it is.
calls() {
	grep -oE '\bport_[a-z_]+\(' "$top/libtrans/port/port.h" | tr -d '(' | sed 's/_in$//' |
		LC_ALL=C sort -u
}
calls_page() {
	must mandoc -T lint -W warning "$top/libtrans/port/port.3"
	# shellcheck disable=SC2046
	named "$top/libtrans/port/port.3" $(calls)
}

# The program that the page prints does what the page says.
example_runs() {
	sed 's/^\\&//; s/\\e/\\/g' "$top/libtrans/port/port.3" |
		awk '/^\.Bd -literal$/ { inside = 1; next } /^\.Ed/ { inside = 0 } inside' >ask.c
	# shellcheck disable=SC2046
	must $(make_variable CC) $(make_variable HIRD_CFLAGS) $(make_variable CFLAGS) \
		-I"$build/include" -o ask ask.c "$build/libtrans/libtrans.a" -lpthread
	portd_start
	must ./ask
	is "$out" 42
}

for program in "$build"/tools/*; do
	[ -f "$program" ] && [ -x "$program" ] || continue
	name=$(basename "$program")
	case $name in
	test-*|*.*) continue ;;
	esac
	try "$name(1)" tool_page
done
program=$HIRD_PORTD
try "hird-portd(8)" portd_page
try "hird-sandbox(7) has every grant" sandbox_page
try "hird-policy(5) and hird-share(7)" other_pages
try "portd-errors(7) has every code with its value" codes_page
try "port(3) has every call" calls_page
try "the program of port(3)" example_runs
finish
