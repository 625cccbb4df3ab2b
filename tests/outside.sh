# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# outside.sh: what tests of programs stand on that are written outside of the tree, against what
# is installed. Sourced after lib.sh.

prefix=$(make_variable prefix)
compiler=$(make_variable CC)
sanitizers=$(make_variable enable_sanitizers)

# Installs everything into $dest, where pkg-config finds it.
install_it() {
	dest=$work/dest
	limit=120 expect 0 make -s -C "$build" install DESTDIR="$dest" || return 1
	PKG_CONFIG_PATH=$dest$prefix/lib/pkgconfig
	PKG_CONFIG_SYSROOT_DIR=$dest
	export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
}

# compile_with COMPILER ARG...: as with a library that lies where the linker finds it.
compile_with() {
	with=$1
	shift
	set -- "$@" -Wl,-rpath,"$dest$prefix/lib"
	[ "$sanitizers" = no ] || set -- "$@" -fsanitize="$sanitizers"
	# shellcheck disable=SC2086
	$with "$@"
}

# To be typed.
cc() {
	compile_with "$compiler" "$@"
}

# type_in FILE: does what a person does who reads it: types what stands behind "$ ", and on lines
# that begin with "> ". Prints what they see, with ~ for the home directory.
type_in() {
	(
		command=''
		while IFS= read -r line <&7; do
			case $line in
			'$ '*)
				type_command
				command=${line#??} ;;
			'> '*)
				command="$command
${line#??}" ;;
			*) continue ;;
			esac
			printf '%s\n' "$line"
		done 7<"$1"
		type_command
	) | sed "s|$HOME|~|g"
}

type_command() {
	[ -z "$command" ] || eval "$command" </dev/null 2>&1
}

# as_written FILE: what is typed from it prints what stands in it.
as_written() {
	[ "$(grep -c '^\$ ' "$1")" -gt 2 ] || fail "only $(grep -c '^\$ ' "$1") commands were found"
	type_in "$1" >"$work/typed"
	diff -u "$1" "$work/typed" >"$work/diff" || {
		fail "what is printed differs"
		sed 's/^/    /' "$work/diff"
	}
}
