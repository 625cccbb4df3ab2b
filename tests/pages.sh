#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every command has a page, which names every option that --help shows.
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
finish
