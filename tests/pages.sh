#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every command has a page, which names every option that --help shows, and the pages of ports
# and for authors name every call and every code.
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
	mandoc -T ascii "$1" 2>/dev/null | sed 's/.\x08//g' >"$work/page"
	page=$1
	shift
	named_in "$work/page" "$@"
}

# named_in FILE WORD...: the text has each of them.
named_in() {
	text=$(tr '\n' ' ' <"$1")
	shift
	[ $# -gt 15 ] || fail "only $# words were found to look for"
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

# What <hird/trans.h> has: functions, constants and macros, and the slots of the table, each in
# the page that is about it.
authors_pages() {
	header=$top/libtrans/trans/trans.h
	for page in trans_main.3 trans_ops.3 trans_option.3 trans_tree.3 translators.7; do
		page=$top/libtrans/trans/$page
		must mandoc -T lint -W warning "$page"
	done
	for page in main ops option tree; do
		mandoc -T ascii "$top/libtrans/trans/trans_$page.3"
	done 2>/dev/null | sed 's/.\x08//g' >all
	page="no page for authors"
	# shellcheck disable=SC2046
	named_in all $(sed 's|/\*.*\*/||' "$header" | grep -oE '\b(trans_[a-z_]+\(|TRANS_[A-Z_]+\b)' | tr -d '(' |
		LC_ALL=C sort -u | grep -vxE 'TRANS_(SET|OPTION)_')
	# shellcheck disable=SC2046
	named "$top/libtrans/trans/trans_ops.3" $(members trans_ops | grep -vx size) \
		$(callbacks | sed 's/.It Fn "[a-z_]* \([a-z]*\)".*/\1/')
	callbacks >wanted
	while read -r line; do
		grep -qxF -- "$line" "$top/libtrans/trans/trans_ops.3" || fail "trans_ops(3): lacks $line"
	done <wanted
	[ "$(wc -l <wanted)" -gt 25 ] || fail "only $(wc -l <wanted) callbacks were found"
	# shellcheck disable=SC2046
	named "$top/libtrans/trans/trans_tree.3" $(grep -oE '\btrans_tree_[a-z]+\(' "$header" | tr -d '(') \
		$(members trans_entry)
}

# The members of a struct of <hird/trans.h>.
members() {
	sed -n "/^struct $1 {\$/,/^};\$/p" "$top/libtrans/trans/trans.h" | sed 's|/\*.*||' |
		sed -n 's/^\t[a-z].*[ *]\([a-z_]*\);.*/\1/p'
}

# The callbacks of the table, as a page has them: .It Fn "int stat" "struct trans_req *req" ...
callbacks() {
	sed -n '/^struct trans_ops {$/,/^};$/p' "$top/libtrans/trans/trans.h" | tr '\n\t' '  ' |
		sed 's|/\*|\x01|g; s|\*/|\x02|g; s/\x01[^\x02]*\x02//g' | tr ';' '\n' |
		sed -n 's/  */ /g; s/^ //; s/^\([a-z_]* \)(\*\([a-z]*\))(\(.*\))$/.It Fn "\1\2" "\3"/p' |
		sed 's/, /" "/g; s/ "void"$/ void/'
}

# Who reads one page finds the next: each is in some other's SEE ALSO, where pages are in the order of
# sections and names, and what is ours is there under its section.
see_also() {
	for page in "$top"/libtrans/*/*.[1-8] "$top"/portd/*.[1-8] "$top"/tools/*.[1-8] \
	    "$top"/translators/*.7; do
		grep -q '^\.so ' "$page" && continue
		name=$(basename "$page")
		case $page in
		*/translators/*) name=hird-$name ;;
		esac
		echo "${name%.*} ${name##*.} $page"
	done >ours
	while read -r name section page; do
		sed -n '/^\.Sh SEE ALSO$/,/^\.Sh [^S]/s/^\.Xr \([^ ]*\) \([0-9]\).*/\2 \1/p' "$page" >list
		[ -s list ] || fail "$name($section): has no SEE ALSO"
		LC_ALL=C sort -u list | cmp -s - list || fail "$name($section): SEE ALSO is not in order"
		! grep -qx "$section $name" list || fail "$name($section): sees itself"
		sed 's|^\(.\) \(.*\)|\2 \1|' list >>listed
		grep -oE '^\.Xr [^ ]+ [0-9]' "$page" | cut -d ' ' -f 2- | sort -u >named
		while read -r other number; do
			case $other in
			hird*|trans*|port*|*trans|fsysopts|rpctrace)
				grep -q "^$other $number " ours ||
					fail "$name($section): there is no $other($number)" ;;
			esac
		done <named
	done <ours
	while read -r name section page; do
		grep -qx "$name $section" listed || fail "$name($section): is in nobody's SEE ALSO"
	done <ours
	[ "$(wc -l <ours)" -gt 20 ] || fail "only $(wc -l <ours) pages were found"
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
try "trans_main(3), trans_ops(3), trans_option(3), trans_tree(3) have all of the header" authors_pages
try "every page is seen from another" see_also
finish
