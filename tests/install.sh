#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What `make install` puts in place is enough: to run, and to write a
# translator, or a program that uses ports, against it.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse
unset MAKEFLAGS MAKELEVEL MFLAGS
have pkg-config || skip_all "pkg-config is not installed"

prefix=$(make_variable prefix)
compiler=$(make_variable CC)
sanitizers=$(make_variable enable_sanitizers)

install_it() {
	dest=$work/dest
	limit=120 expect 0 make -s -C "$build" install DESTDIR="$dest" || return 1
	PKG_CONFIG_PATH=$dest$prefix/lib/pkgconfig
	PKG_CONFIG_SYSROOT_DIR=$dest
	export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
}

what() {
	install_it || return
	for file in bin/settrans bin/showtrans bin/fsysopts bin/lstrans bin/hird \
	    libexec/hird-portd libexec/hird-holder libexec/hird/hello libexec/hird/null libexec/hird/firmlink \
	    lib/libhird.so.0 lib/pkgconfig/hird.pc include/hird/trans.h \
	    include/hird/port.h include/hird/rpc.h include/hird/wire/codes.h \
	    lib/systemd/user/hird-portd.service \
	    share/man/man1/settrans.1 share/man/man7/hird-hello.7 \
	    share/man/man3/hird-rpc.3 share/man/man3/port.3 share/man/man7/ports.7 \
	    share/man/man7/portd-errors.7 share/man/man7/hird-sandbox.7 share/man/man8/hird-portd.8 share/man/man8/portd.8; do
		[ -e "$dest$prefix/$file" ] || fail "$file is not installed"
	done
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
	limit=60 must make -s -C "$build" uninstall DESTDIR="$dest"
	left=$(find "$dest" ! -type d)
	is "$left" "" "left by make uninstall"
}

outside() {
	install_it || return
	mkdir -p ~/.local/libexec/hird ~/code
	cp "$top/tests/data/shout.c" ~/code/
	flags="-std=c11 -Wall -Wextra -Werror $(pkg-config --cflags --libs hird)"
	[ "$sanitizers" = no ] || flags="$flags -fsanitize=$sanitizers"
	# shellcheck disable=SC2086
	limit=60 must $compiler -o ~/.local/libexec/hird/shout ~/code/shout.c $flags \
		-Wl,-rpath,"$dest$prefix/lib" || return
	must settrans -c ~/n shout --word=hello
	must cat n
	is "$out" HELLO n
	must fsysopts n --word=again
	must cat n
	is "$out" AGAIN "n after fsysopts"
	must settrans -fg ~/n
}

hello_outside() {
	install_it || return
	mkdir -p ~/.local/libexec/hird
	sed 's|"trans/trans.h"|<hird/trans.h>|' "$top/translators/hello.c" >hello.c
	flags=$(pkg-config --cflags --libs hird)
	[ "$sanitizers" = no ] || flags="$flags -fsanitize=$sanitizers"
	# shellcheck disable=SC2086
	limit=60 must $compiler -o ~/.local/libexec/hird/hello-too hello.c $flags \
		-Wl,-rpath,"$dest$prefix/lib" || return
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
	cxx=$(make_variable CXX)
	[ -n "$cxx" ] || cxx=c++
	if have "${cxx%% *}"; then
		# shellcheck disable=SC2086
		limit=60 must $cxx -std=c++11 -o letter++ -x c++ "$top/tests/data/letter.c" -x none \
			$flags -Wl,-rpath,"$dest$prefix/lib" || return
		must ./letter++
		is "$out" "dear me" "what letter says in C++"
	fi
	must settrans -fg ~/n
}

try "make install and uninstall" what
try "a translator written outside, against the installed library" outside
try "hello.c, built outside" hello_outside
try "a program that uses ports, in C and in C++" ports_outside
finish
