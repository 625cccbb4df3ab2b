#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The examples in the pages for users do what the pages show. Where a page shows no output of a
# command, there may be any, but no error.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/outside.sh
. "$test_dir/outside.sh"
need_fuse

# The files that the examples are about, those that $page names.
prepare() {
	mkdir hello-2.10
	echo 'int main(void) { return 0; }' >hello-2.10/hello.c
	for file in project downloads/hello_2.10.orig.tar.gz hello_2.10.orig.tar.gz hello-2.12.tar.gz; do
		grep -q "[ /]$file" "$page" || continue
		case $file in
		*/*) mkdir -p "${file%/*}" ;;
		esac
		case $file in
		*.tar.gz) tar czf "$file" hello-2.10 ;;
		*) mkdir "$file" ;;
		esac
		! [ -d downloads ] || break
	done
	rm -r hello-2.10
	case $page in
	*/mirror.7) prepare_project ;;
	esac
}

prepare_project() {
	mkdir -p project/src project/build project/.git log container
	touch project/Makefile project/src/main.c project/src/main.o project/build/main project/.git/HEAD
	echo monday >log/today
}

# What differs from one machine to the next.
level() {
	sed -e 's,/home/\(you\|me\)\>,~,g' -e 's/pid [0-9]*/pid N/g' -e 's/\<\(ba\|da\)sh (pid/sh (pid/g'
}

# compare WANT GOT: the output of each command in one line, and where the page has none, nothing.
compare() {
	awk '
		FNR == 1 { which++; n = 0 }
		/^\$ / { command[which, ++n] = $0; count[which] = n; next }
		/^> / { command[which, n] = command[which, n] " " $0; next }
		sub(/^\001/, "") { failed[n] = which == 2 }
		{ output[which, n] = output[which, n] " " $0 }
		END {
			bad = count[1] != count[2] || count[1] < 2
			for (i = 1; i <= count[1]; i++) {
				if (command[1, i] != command[2, i] || (output[1, i] == "" ?
				    failed[i] : output[1, i] != output[2, i])) {
					bad = 1
					print command[1, i] ": " output[2, i] ", not " output[1, i]
				}
			}
			exit bad
		}' "$1" "$2"
}

page_examples() {
	case $page in
	*/archive.7|*/settrans.1|*/showtrans.1)
		archive_is_built || { skip "the archive translator is not built"; return; } ;;
	esac
	prepare
	sed -n '/^\.Sh EXAMPLES$/,/^\.Sh [^E]/{ s/^\\&//; s/\\e/\\/g; '"s/\\\\(aq/'/g"'; p; }' "$page" |
		awk '/^\.Bd -literal -offset/ { shown = 1; next } /^\.Ed/ { shown = 0 } shown' >"$work/page"
	type_in "$work/page" | level >"$work/typed"
	level <"$work/page" >"$work/levelled"
	compare "$work/levelled" "$work/typed" || fail "what is printed differs"
}

# What is an error is marked.
type_command() {
	[ -n "$command" ] || return 0
	eval "$command" </dev/null 2>"$work/error"
	sed 's/^/\x01/' "$work/error"
}

for page in tools/settrans.1 tools/fsysopts.1 tools/showtrans.1 translators/archive.7 \
    translators/hello.7 translators/mirror.7 translators/null.7 translators/random.7 \
    translators/tmpfs.7 translators/zero.7; do
	page=$top/$page
	try "the examples of $(basename "$page")" page_examples
done
finish
