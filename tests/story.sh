#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The story of the README, step by step.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
need_fuse

greeting() {
	must settrans -c ~/greeting hello
	[ -f ~/greeting ] || fail "greeting is no regular file"
	must cat ~/greeting
	is "$out" "Hello, world!" contents
	must fsysopts ~/greeting --contents='Hallo!
'
	must cat ~/greeting
	is "$out" "Hallo!" "contents after fsysopts"
	must fsysopts ~/greeting
	has "$out" "hello" "fsysopts"
	has "$out" "Hallo!" "fsysopts"
	must showtrans ~/greeting
	lacks "$out" "Hallo!" "the setting (changed without --save)"
	has "$out" hello showtrans
}

saved_options() {
	must settrans -c ~/greeting hello
	must fsysopts --save ~/greeting --contents='kept'
	must showtrans ~/greeting
	has "$out" kept "the setting"
	must settrans -a ~/greeting
	must cat ~/greeting
	is "$out" kept contents
}

archive_story() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	mkdir downloads
	"$build/tests/mkarchive" pax gzip downloads/x.tar.gz tree
	must settrans -c ~/src tarfs ~/downloads/x.tar.gz
	[ -d ~/src ] || fail "src is no directory"
	must ls -l ~
	nothing_runs || fail "ls -l started $(running)"
	state_is ~/src idle || fail "src is '$(field ~/src state)' after ls -l"
	must cat src/dir/file
	is "$out" content "dir/file"
	something_runs || fail "nothing runs after a look inside"
	must grep -rn deep src
	has "$out" "src/deep/er/est/file:1:deep" grep
	must cat src/twice
	is "$out" second "the member that came twice"
	must showtrans ~/src
	has "$out" "tarfs" showtrans
	has "$out" "$HOME/downloads/x.tar.gz" "showtrans (absolute path)"
	must lstrans
	has "$out" "$HOME/src" lstrans
	has "$out" running lstrans
	must settrans -g ~/src
	[ -z "$(ls -A src)" ] || fail "src is not empty after settrans -g"
	is "$(stat -c %a src)" 755 "mode after settrans -g"
	expect 1 showtrans ~/src
}

relative_paths() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	mkdir downloads
	"$build/tests/mkarchive" zip none downloads/x.zip plain
	cd downloads || return
	must settrans -c ../src zipfs x.zip
	cd / || return
	must cat "$HOME/src/dir/file"
	is "$out" content dir/file
}

hird_open() {
	archive_is_built || { skip "the archive translator is not built"; return; }
	mkdir downloads
	"$build/tests/mkarchive" pax xz downloads/x.tar.xz tree
	must hird open ~/downloads/x.tar.xz
	opened=$out
	[ -d "$opened" ] || { fail "hird open printed '$opened', no directory"; return; }
	must cat "$opened/dir/file"
	is "$out" content dir/file
	must hird open ~/downloads/x.tar.xz
	is "$out" "$opened" "opened twice"
	must hird ls
	has "$out" "$opened" "hird ls"
}

json() {
	must settrans -c ~/a hello
	must settrans -c ~/'b "c"' hello --contents='x "y"\z'
	must lstrans --json
	if have python3; then
		python3 -m json.tool <"$work/out" >/dev/null || fail "not json: $out"
	elif have jq; then
		jq . <"$work/out" >/dev/null || fail "not json: $out"
	else
		skip "neither python3 nor jq to read the json"
	fi
	has "$out" "$HOME/a" "lstrans --json"
}

try "a greeting: set, read, changed while it runs" greeting
try "fsysopts --save writes the setting" saved_options
try "an archive: opened, read, listed, taken away" archive_story
try "file names in settings are the caller's" relative_paths
try "hird open picks translator and node" hird_open
try "lstrans --json is json, whatever the names" json
finish
