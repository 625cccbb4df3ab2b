# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# setup.sh: what ./try and ./check do before they begin: packages, the FUSE
# device, and an ordinary user to be when started as root.
#
# Needs $me, the name in front of messages, and $yes, set when nobody is to
# be asked.

test_user=hirdtest
made_user=
export DEBIAN_FRONTEND=noninteractive

note() {
	printf '%s: %s\n' "$me" "$*"
}

die() {
	printf '%s: %s\n' "$me" "$*" >&2
	exit 1
}

is_root() {
	[ "$(id -u)" = 0 ]
}

# ask QUESTION: yes, when nobody is to be asked; no, when nobody is there.
ask() {
	[ -z "$yes" ] || return 0
	[ -t 0 ] || return 1
	printf '%s: %s [Y/n] ' "$me" "$1"
	read -r answer || return 1
	case $answer in
	''|[yY]*) return 0 ;;
	esac
	return 1
}

# as_root COMMAND...
as_root() {
	if is_root; then
		"$@"
	elif command -v sudo >/dev/null; then
		if [ -t 0 ]; then
			sudo "$@"
		else
			sudo -n "$@"
		fi
	else
		return 1
	fi
}

package_is_there() {
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed && return
	# Another package may stand in for it.
	case $1 in
	pkgconf) command -v pkg-config ;;
	gcc) command -v cc ;;
	*) false ;;
	esac >/dev/null
}

# need_packages PACKAGE...: they are there afterwards, or we end.
need_packages() {
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		note "this is no Debian; configure will say which libraries are missing"
		return
	fi
	missing=
	for package in "$@"; do
		package_is_there "$package" || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	note "these packages are missing:$missing"
	ask "install them with apt-get?" ||
		die "install them: sudo apt-get install$missing (or run $me --yes)"
	# shellcheck disable=SC2086
	as_root apt-get install -q -y --no-install-recommends $missing </dev/null ||
		{ as_root apt-get update -q </dev/null &&
		  as_root apt-get install -q -y --no-install-recommends $missing </dev/null; } ||
		die "cannot install them; as root: apt-get install$missing"
}

# fuse_device: makes it usable the way udev does, when it is not and we may;
# says what is missing when it cannot, and returns 1.
fuse_device() {
	if ! command -v fusermount3 >/dev/null; then
		note "no FUSE: fusermount3 is missing (Debian: fuse3)"
		return 1
	fi
	# Every distribution has this link; a tree fresh from debootstrap has not.
	[ -e /etc/mtab ] || as_root ln -s ../proc/self/mounts /etc/mtab 2>/dev/null
	if [ ! -e /etc/mtab ]; then
		note "no FUSE: fusermount3 needs /etc/mtab; as root: ln -s ../proc/self/mounts /etc/mtab"
		return 1
	fi
	if [ ! -e /dev/fuse ]; then
		as_root modprobe fuse 2>/dev/null
		if [ ! -e /dev/fuse ] && grep -qw fuse /proc/misc 2>/dev/null; then
			as_root mknod -m 666 /dev/fuse c 10 229 2>/dev/null
		fi
	fi
	if [ ! -e /dev/fuse ]; then
		note "no FUSE: /dev/fuse is missing; load the module (modprobe fuse), or start the container with --device /dev/fuse"
		return 1
	fi
	case $(stat -c %a /dev/fuse) in
	*[67]) ;;
	*)
		if is_root || ask "/dev/fuse is closed to users; open it (chmod 666), as udev does?"; then
			as_root chmod 666 /dev/fuse 2>/dev/null
		fi ;;
	esac
	case $(stat -c %a /dev/fuse) in
	*[67]) ;;
	*)
		note "no FUSE: /dev/fuse is closed to users; as root: chmod 666 /dev/fuse"
		return 1 ;;
	esac
	# A sandbox may have the device and still refuse to open it.
	if ! (: <>/dev/fuse) 2>/dev/null; then
		note "no FUSE: /dev/fuse cannot be opened here (a container without the device?)"
		return 1
	fi
}

# make_user: an ordinary user to be. Only root calls this.
make_user() {
	if ! id "$test_user" >/dev/null 2>&1; then
		note "making the ordinary user $test_user for the tests"
		useradd --create-home --shell /bin/sh "$test_user" >/dev/null ||
			die "cannot make the user $test_user"
		made_user=yes
	fi
	test_home=$(getent passwd "$test_user" | cut -d: -f6)
}

remove_user() {
	if [ -n "$made_user" ]; then
		userdel --remove "$test_user" >/dev/null 2>&1
		made_user=
	fi
}

# as_user COMMAND...: as that user, from root, with little of our environment.
as_user() {
	setpriv --reuid="$test_user" --regid="$(id -g "$test_user")" --init-groups -- \
		env -i HOME="$test_home" USER="$test_user" LOGNAME="$test_user" \
		PATH="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" \
		${CI:+CI="$CI"} ${TERM:+TERM="$TERM"} ${TMPDIR:+TMPDIR=/tmp} "$@"
}

# copy_source DIRECTORY: the files of the project, without what was built.
copy_source() {
	if git -c safe.directory='*' ls-files -z -co --exclude-standard >"$1/.files" 2>/dev/null &&
	    [ -s "$1/.files" ]; then
		# A file that was removed and not yet committed is none.
		tr '\0' '\n' <"$1/.files" | while IFS= read -r file; do
			[ ! -e "$file" ] || printf '%s\n' "$file"
		done >"$1/.names"
		tar -cf - -T "$1/.names" | tar -xf - -C "$1"
	else
		tar --exclude=./build --exclude=./.git --exclude='*.o' -cf - . | tar -xf - -C "$1"
	fi
	rm -f "$1/.files" "$1/.names"
}

build_packages="gcc make autoconf automake libtool pkgconf fuse3 libfuse3-dev
	libuv1-dev libsqlite3-dev libjansson-dev libarchive-dev zlib1g-dev
	libseccomp-dev"
