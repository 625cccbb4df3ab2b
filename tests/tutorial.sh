#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# doc/tutorial.md shows the programs of mnt-examples/tutorial as they are, and what it says to type
# prints what it says; likewise the examples in the pages for authors.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/outside.sh
. "$test_dir/outside.sh"
need_fuse
unset MAKEFLAGS MAKELEVEL MFLAGS
have pkg-config || skip_all "pkg-config is not installed"

tutorial=$top/doc/tutorial.md
steps=$top/mnt-examples/tutorial

# lines FILE: those with something on them.
lines() {
	grep -c . "$1"
}

# blocks KIND: writes each block of that kind to a file STEP.NUMBER.
blocks() {
	awk -v kind="$1" '
		/^## Step / { step = $3 + 0; n = 0 }
		inside && /^```$/ { inside = 0; close(file); next }
		inside { print >file }
		$0 == "```" kind { inside = 1; file = step "." ++n; printf "" >file }
	' "$tutorial"
}

# contains FILE BLOCK: whether the lines of BLOCK are lines of FILE, one after another.
contains() {
	awk 'FNR == 1 { which++ } { text[which] = text[which] $0 "\n" }
		END { exit !(text[2] != "" && index("\n" text[1], "\n" text[2])) }' "$1" "$2"
}

shows_programs() {
	blocks c
	n=0
	for step in "$steps"/step*.c; do
		n=$((n + 1))
		[ "$step" = "$steps/step$n.c" ] || fail "step$n.c is missing"
		[ -s $n.1 ] || fail "step $n shows no code"
		for block in $n.*; do
			[ -s "$block" ] || continue
			contains "$step" "$block" ||
				fail "step $n: this is not in step$n.c: $(head -n 3 "$block")"
		done
	done
	[ $n -ge 5 ] || fail "only $n steps"
	is "$(find . -name '[0-9]*.*' | sed 's|^./||; s|\..*||' | sort -un | wc -l)" $n "steps with code"
	for whole in 1 $n; do
		cmp -s $whole.1 "$steps/step$whole.c" || fail "step $whole does not show its whole program"
	done
	[ "$(lines "$steps/step1.c")" -le 40 ] || fail "step 1 has more than 40 lines"
	[ "$(lines "$steps/step$n.c")" -le 120 ] || fail "step $n has more than 120 lines"
	has "$(cat "$tutorial")" "of $(lines "$steps/step1.c") to $(lines "$steps/step$n.c") lines" tutorial
}

# A block of the test's own that is not in the program is found.
finds_a_difference() {
	printf 'int a;\nint b;\nint c;\n' >program
	printf 'int b;\nint c;\n' >block
	contains program block || fail "a part was not found"
	printf 'int a;\nint c;\n' >block
	! contains program block || fail "what is not there was found"
	printf 'nt b;\n' >block
	! contains program block || fail "half a line was found"
	: >block
	! contains program block || fail "nothing was found"
	printf '$ echo 1\n1\n$ echo 2\n3\n$ echo a \\\n> b\na b\n' >transcript
	printf '$ echo 1\n1\n$ echo 2\n2\n$ echo a \\\n> b\na b\n' >right
	is "$(type_in transcript)" "$(cat right)" "what was typed"
}

what_it_says() {
	install_it || return
	cp -R "$top/mnt-examples" .
	chmod -R u+w mnt-examples
	blocks console
	[ -s 5.1 ] || fail "step 5 types nothing"
	for step in 1 2 3 4 5; do
		for n in 1 2 3 4; do
			[ ! -s $step.$n ] || cat $step.$n
		done
	done >transcript
	is "$(grep -c '^\$ ' transcript)" "$(grep -c '^\$ ' "$tutorial")" "commands to type"
	as_written transcript
}

# The examples of $page: the program goes where its text says that it is compiled from.
page_examples() {
	install_it || return
	sed -n '/^\.Sh EXAMPLES$/,/^\.Sh SEE ALSO$/{ s/^\\&//; s/\\e/\\/g; p; }' "$page" >examples
	awk '/^\.Bd -literal$/ { code = 1; next } /^\.Ed/ { code = 0 } code' examples >code
	awk '/^\.Bd -literal -offset/ { shown = 1; next } /^\.Ed/ { shown = 0 } shown' examples >transcript
	file=$(sed -n 's/^\$ cc .* \([a-z]*\.c\) .*/\1/p' transcript)
	[ -n "$file" ] || { fail "nothing is compiled"; return; }
	mv code "$file"
	mkdir -p ~/.local/libexec/hird
	# As strict as an author may be.
	# shellcheck disable=SC2046
	must $compiler -std=gnu11 -Wall -Wextra -Wno-sign-compare -Werror -fsyntax-only $(pkg-config --cflags hird) "$file"
	as_written transcript
	for node in $(sed -n 's/^\$ settrans -c ~\/\([^ ]*\).*/\1/p' transcript); do
		must settrans -fg ~/"$node"
	done
}

try "the tutorial shows the programs as they are" shows_programs
try "and would be found out" finds_a_difference
try "what the tutorial says to type prints what it says" what_it_says
for page in trans_main.3 trans_ops.3 trans_option.3 trans_tree.3 translators.7; do
	page=$top/libtrans/trans/$page
	try "the examples of $(basename "$page")" page_examples
done
finish
