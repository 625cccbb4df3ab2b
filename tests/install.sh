#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What `make install` puts in place is enough: to run, and to write a
# translator, or a program that uses ports, against it.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck source=tests/outside.sh
. "$test_dir/outside.sh"
need_fuse
unset MAKEFLAGS MAKELEVEL MFLAGS
have pkg-config || skip_all "pkg-config is not installed"

# The C++ compiler, or nothing.
cxx() {
	set -- "$(make_variable CXX)"
	[ -n "$1" ] || set -- c++
	! have "${1%% *}" || echo "$1"
}

# Each page of the tree as it is called when it is installed.
pages() {
	for page in "$top"/libtrans/*/*.[1-8] "$top"/portd/*.[1-8] "$top"/tools/*.[1-8]; do
		echo "man${page##*.}/$(basename "$page")"
	done
	for page in "$top"/translators/*.7; do
		name=$(basename "$page")
		[ "$name" = archive.7 ] && ! archive_is_built || echo "man7/hird-$name"
	done
}

# Every header that one of those includes which are installed, as <hird/NAME>.
headers() {
	find "$dest$prefix/include/hird" -name '*.h' -exec sed -n 's|^#include <hird/\(.*\)>.*|\1|p' {} + |
		LC_ALL=C sort -u
}

what() {
	install_it || return
	for file in bin/settrans bin/showtrans bin/fsysopts bin/lstrans bin/hird bin/portinfo bin/rpctrace \
	    libexec/hird-portd libexec/hird-holder libexec/hird/hello libexec/hird/null libexec/hird/firmlink \
	    lib/libhird.so lib/libhird.so.0 lib/pkgconfig/hird.pc include/hird/trans.h \
	    include/hird/port.h include/hird/rpc.h include/hird/names.h include/hird/wire/codes.h \
	    lib/systemd/user/hird-portd.service share/doc/hird/tutorial.md; do
		[ -e "$dest$prefix/$file" ] || fail "$file is not installed"
	done
	for page in $(pages); do
		[ -e "$dest$prefix/share/man/$page" ] || fail "$page is not installed"
	done
	is "$(find "$dest$prefix/share/man" -type f | wc -l)" "$(pages | wc -l)" "number of pages"
	for header in $(headers); do
		[ -e "$dest$prefix/include/hird/$header" ] || fail "<hird/$header> is not installed"
	done
	for step in "$top"/mnt-examples/tutorial/step*.c; do
		cmp -s "$step" "$dest$prefix/share/doc/hird/tutorial/$(basename "$step")" ||
			fail "$(basename "$step") is not installed"
	done
	is "$(pkg-config --variable=translatordir hird)" "$dest$prefix/libexec/hird" translatordir
	if archive_is_built; then
		for alias in tarfs zipfs isofs; do
			[ -x "$dest$prefix/libexec/hird/$alias" ] || fail "$alias is not installed"
		done
	fi
	[ ! -e "$dest$prefix/share/man/man7/hello.7" ] || fail "hello(7) is installed bare"
	# Only what the symbol file lists is visible.
	if have nm; then
		nm -D --defined-only "$dest$prefix/lib/libhird.so.0" |
			awk '{ print $3 }' | sed 's/@.*//' | grep -v '^_' | sort >"$work/names"
		sort "$top/libtrans/libhird.sym" | diff - "$work/names" >"$work/diff" ||
			fail "exported names differ: $(cat "$work/diff")"
	fi
	for name in $(grep -oE '\btrans_[a-z_]+\(' "$dest$prefix/include/hird/trans.h" | tr -d '(' | sort -u); do
		grep -qx "$name" "$top/libtrans/libhird.sym" || fail "$name is declared and not exported"
	done
	limit=60 must make -s -C "$build" uninstall DESTDIR="$dest"
	left=$(find "$dest" ! -type d)
	is "$left" "" "left by make uninstall"
	left=$(find "$dest" -name 'hird*')
	is "$left" "" "directories left by make uninstall"
}

# Each header by itself, with nothing else of ours in sight.
headers_alone() {
	install_it || return
	cxx=$(cxx)
	n=0
	for header in $(cd "$dest$prefix/include" && find hird -name '*.h'); do
		n=$((n + 1))
		echo "#include <$header>" >alone.c
		# shellcheck disable=SC2046
		must $compiler -std=c11 -pedantic -Wall -Wextra -Werror $(pkg-config --cflags hird) \
			-fsyntax-only alone.c
		# shellcheck disable=SC2046
		[ -z "$cxx" ] || must $cxx -std=c++11 -Wall -Wextra -Werror $(pkg-config --cflags hird) \
			-x c++ -fsyntax-only alone.c
	done
	[ $n -ge 7 ] || fail "only $n headers"
}

# shouts: what the translator shout does that lies in ~/.local/libexec/hird.
shouts() {
	must settrans -c ~/n shout --word=hello
	must cat n
	is "$out" HELLO n
	must fsysopts n --word=again
	must cat n
	is "$out" AGAIN "n after fsysopts"
	must settrans -fg ~/n
}

outside() {
	install_it || return
	mkdir -p ~/.local/libexec/hird
	cp "$top/tests/data/shout.c" .
	# shellcheck disable=SC2046
	cc -std=c11 -Wall -Wextra -Werror -o ~/.local/libexec/hird/shout shout.c \
		$(pkg-config --cflags --libs hird) || { fail "it does not compile"; return; }
	shouts
}

outside_in_cxx() {
	install_it || return
	cxx=$(cxx)
	[ -n "$cxx" ] || { skip "there is no C++ compiler"; return; }
	echo 'int main() { return 0; }' >old.cc
	compile_with "$cxx" -std=c++20 -o old old.cc 2>/dev/null || { skip "$cxx knows no C++20"; return; }
	mkdir -p ~/.local/libexec/hird
	# shellcheck disable=SC2046
	compile_with "$cxx" -std=c++20 -Wall -Wextra -Wno-missing-field-initializers -Werror \
		-o ~/.local/libexec/hird/shout -x c++ "$top/tests/data/shout.c" -x none \
		$(pkg-config --cflags --libs hird) || { fail "it does not compile"; return; }
	shouts
}

hello_outside() {
	install_it || return
	mkdir -p ~/.local/libexec/hird
	sed 's|"trans/trans.h"|<hird/trans.h>|' "$top/translators/hello.c" >hello.c
	# shellcheck disable=SC2046
	cc -o ~/.local/libexec/hird/hello-too hello.c $(pkg-config --cflags --libs hird) ||
		{ fail "it does not compile"; return; }
	must settrans -c ~/n hello-too
	must cat n
	is "$out" "Hello, world!" n
	[ "$(grep -c . "$top/translators/hello.c")" -le 40 ] || fail "hello.c has more than 40 lines"
}

ports_outside() {
	install_it || return
	flags="$(pkg-config --cflags --libs hird) -Wall -Wextra -Werror"
	[ "$sanitizers" = no ] || flags="$flags -fsanitize=$sanitizers"
	must settrans -c ~/n null	# starts portd
	# shellcheck disable=SC2086
	limit=60 must $compiler -std=c11 -o letter "$top/tests/data/letter.c" $flags \
		-Wl,-rpath,"$dest$prefix/lib" || return
	must ./letter
	is "$out" "dear me" "what letter says"
	cxx=$(cxx)
	if [ -n "$cxx" ]; then
		# shellcheck disable=SC2086
		limit=60 must $cxx -std=c++11 -o letter++ -x c++ "$top/tests/data/letter.c" -x none \
			$flags -Wl,-rpath,"$dest$prefix/lib" || return
		must ./letter++
		is "$out" "dear me" "what letter says in C++"
	fi
	must settrans -fg ~/n
}

try "make install and uninstall" what
try "each header that is installed, alone" headers_alone
try "a translator written outside, against the installed library" outside
try "the same in C++" outside_in_cxx
try "hello.c, built outside" hello_outside
try "a program that uses ports, in C and in C++" ports_outside
finish
