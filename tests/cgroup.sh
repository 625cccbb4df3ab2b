#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Control groups: each translator in one of its own where portd's is delegated, and gone with it;
# nothing at all where it is not.
#
# To give a group away takes root: the cases run portd as another user, in a group that is his.
# shellcheck source=tests/lib.sh
. "$(dirname -- "$0")/lib.sh"
# shellcheck disable=SC2086 # $me and $in are words
need_fuse
for program in rogue-translator rogue-needy; do
	[ -x "$build/tests/$program" ] || make -s -C "$build" "tests/$program" || exit 99
done
rogue=$build/tests/rogue-translator
needy=$build/tests/rogue-needy

# Where version 2 is mounted, and its group that all others are in.
top=
for dir in /sys/fs/cgroup /sys/fs/cgroup/unified; do
	[ ! -e "$dir/cgroup.procs" ] || [ ! -e "$dir/cgroup.controllers" ] || top=$dir
done

# A group for this case, and a user whose it is.
given() {
	[ "$(id -u)" = 0 ] || { skip "giving a control group to a user takes root"; return 1; }
	[ -n "$top" ] || { skip "no cgroup of version 2 here"; return 1; }
	have setpriv || { skip "setpriv is not installed"; return 1; }
	group=$top/hird-test-$$-$n_cases
	mkdir "$group" 2>/dev/null || { skip "no group can be made here"; return 1; }
	chown nobody "$group" "$group/cgroup.procs" "$group/cgroup.subtree_control"
	chown -R nobody "$work"
	chmod 755 "$HOME"
	me="setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups env"
	# Whatever portd runs, others must not be in its group.
	cat >"$work/enter" <<-END
		#!/bin/sh
		echo \$\$ >"$group/cgroup.procs" && exec $me "\$@"
	END
	chmod 755 "$work/enter"
	in=$work/enter
	must $in "$HIRD_PORTD" --background "$@"
	mkdir keys
	echo secret >keys/id
	chown nobody keys keys/id
}

# The end of each: portd has left nothing, and the group can go.
taken_back() {
	portd_stop
	is "$(ls -d "$group"/*/ 2>/dev/null)" "" "groups left behind"
	is "$(cat "$group/cgroup.subtree_control")" "" "controllers left on"
	wait_until 50 rmdir "$group" 2>/dev/null || fail "$group cannot be removed: $(cat "$group/cgroup.procs")"
}

# group_of PID: as the kernel has it, below the one of this case.
group_of() {
	sed -n "s,^0::.*/${group##*/},,p" "/proc/$1/cgroup"
}

nodes_groups() {
	find "$group" -mindepth 1 -maxdepth 1 -name 'node-*' | wc -l
}

has_groups() {
	[ "$(nodes_groups)" = "$1" ]
}

wrong_groups() {
	fail "groups: $(cd "$group" && find . -mindepth 1 -type d)"
}

rogue_set() {
	must $me settrans -c $1 ~/n "$2" --key="$HOME/keys/id" --home="$HOME" \
		--socket="$XDG_RUNTIME_DIR/hird/portd" --neighbour=1 --portd="$(portd_pid)"
}

# What there is of controllers, as lstrans says it.
in_force() {
	on='' off=''
	for name in memory pids cpu; do
		case " $(cat "$group/cgroup.controllers") " in
		*" $name "*) on="$on${on:+, }$name" ;;
		*) off="$off${off:+, }$name" ;;
		esac
	done
	echo "cgroup${on:+: }${on:- without limits}${off:+ (no controller $off)}"
}

undelegated() {
	must settrans -c ~/n hello
	must cat n
	before=$(sed -n 's/^0:://p' /proc/self/cgroup)
	is "$(sed -n 's/^0:://p' "/proc/$(field ~/n pid)/cgroup")" "$before" "the translator's group"
	is "$(sed -n 's/^0:://p' "/proc/$(portd_pid)/cgroup")" "$before" "portd's group"
	has "$(lstrans -v ~/n)" "; no cgroup: " "lstrans -v"
	has "$(lstrans --json ~/n | tr -d ' \n')" '"controllers":[],"controllers_missing":["memory","pids","cpu"]' \
		"lstrans --json"
	has "$(hird doctor)" "no cgroup: " "hird doctor"
}

own_group() {
	given || return
	must $me settrans -c ~/a hello
	must $me settrans -c ~/b hello
	must $me cat ~/a ~/b
	keeper=$(portd_pid)
	for pid in "$keeper" "$(worker_pid)"; do
		is "$(group_of "$pid")" "/portd-$keeper" "the group of portd's process $pid"
	done
	a=$(group_of "$($me lstrans --json ~/a | json_field pid)")
	b=$(group_of "$($me lstrans --json ~/b | json_field pid)")
	has "$a" "/node-$keeper-" "the group of one"
	has "$b" "/node-$keeper-" "the group of the other"
	[ "$a" != "$b" ] || fail "both are in $a"
	want=$(in_force)
	has "$($me lstrans -v ~/a)" "; $want" "lstrans -v"
	has "$($me lstrans --json ~/a)" "\"$want\"" "lstrans --json"
	has "$($me showtrans --json ~/a)" "\"$want\"" "showtrans --json"
	has "$($me hird doctor)" "$want" "hird doctor"
	must $me settrans -g ~/a
	wait_until 100 has_groups 1 || wrong_groups
	[ -e "$group$b" ] || fail "the other's is gone"
	# One that is killed, and one that takes its place.
	kill -9 "$($me lstrans --json ~/b | json_field pid)"
	must $me cat ~/b
	wait_until 100 has_groups 1 || wrong_groups
	must $me settrans -g ~/b
	wait_until 100 has_groups 0 || wrong_groups
	taken_back
}

idle_exit() {
	given --idle=1 || return
	must $me settrans -c ~/n hello
	must $me cat ~/n
	has_groups 1 || wrong_groups
	wait_until 100 has_groups 0 || wrong_groups
	must $me cat ~/n
	has_groups 1 || wrong_groups
	taken_back
}

# What it started in sessions of their own ends with it.
left_behind() {
	given || return
	rogue_set --grant=network,exec "$needy"
	for how in kill goaway worker; do
		must $me cat ~/n/leave-behind
		is "$out" "done" "leave-behind, $how"
		first=$($me lstrans --json ~/n | json_field pid)
		inside=$group$(group_of "$first")
		[ "$(wc -l <"$inside/cgroup.procs")" -ge 2 ] || fail "nothing was left behind"
		members=$(cat "$inside/cgroup.procs")
		case $how in
		kill) kill -9 "$first" ;;
		goaway) must $me settrans --restart ~/n ;;
		worker) worker_kill; must $me settrans --abort ~/n ;;
		esac
		for pid in $members; do
			wait_until 100 is_gone "$pid" || fail "$pid outlives its translator, $how"
		done
		must $me ls ~/n
		wait_until 100 has_groups 1 || wrong_groups
	done
	taken_back
}

# Another portd in its place, by its own will or not.
survives() {
	given || return
	must $me settrans -c ~/n hello
	must $me cat ~/n
	first=$($me lstrans --json ~/n | json_field pid)
	own=$(group_of "$first")
	said=$($me lstrans -v ~/n | grep '^  sandbox ')
	for how in replace crash; do
		case $how in
		replace) must $me hird replace ;;
		crash) worker_kill ;;
		esac
		must $me cat ~/n
		is "$($me lstrans --json ~/n | json_field pid)" "$first" "the translator, $how"
		is "$(group_of "$first")" "$own" "its group, $how"
		is "$($me lstrans -v ~/n | grep '^  sandbox ')" "$said" "what is in force, $how"
		must $me settrans -c ~/$how hello
		must $me cat ~/$how
		has_groups 2 || wrong_groups
		must $me settrans -g ~/$how
		wait_until 100 has_groups 1 || wrong_groups
	done
	must $me settrans --restart ~/n
	wait_until 100 has_groups 1 || wrong_groups
	[ ! -e "$group$own" ] || fail "$own is still there"
	taken_back
}

# The holder dies, and all with it: the next portd removes what is left.
swept() {
	given || return
	must $me settrans -c ~/n hello
	must $me cat ~/n
	first=$($me lstrans --json ~/n | json_field pid)
	dead=$(portd_pid)
	portd_kill
	wait_until 100 is_gone "$first" || fail "the translator lives on"
	[ -e "$group/portd-$dead" ] || fail "nothing was left: what is this case for?"
	# One that does not want to end.
	$me mkdir "$group/node-$dead-ff"
	$me sleep 100 &
	stray=$!
	echo $stray >"$group/node-$dead-ff/cgroup.procs"
	must $in "$HIRD_PORTD" --background
	wait_until 100 is_gone $stray || { fail "the stray lives on"; kill $stray; }
	wait $stray 2>/dev/null
	wait_until 100 has_groups 0 || wrong_groups
	[ ! -e "$group/portd-$dead" ] || fail "portd-$dead is still there"
	must $me cat ~/n
	has_groups 1 || wrong_groups
	taken_back
}

# A group that somebody else is in is left alone.
shared() {
	given || return
	portd_stop
	sleep 100 &
	other=$!
	echo $other >"$group/cgroup.procs"
	must $in "$HIRD_PORTD" --background
	must $me settrans -c ~/n hello
	must $me cat ~/n
	has "$($me lstrans -v ~/n)" "; no cgroup: other processes are in the delegated one" "lstrans -v"
	has "$($me hird doctor)" "other processes are in the delegated one" "hird doctor"
	is "$(group_of $other)" "" "where the other one is"
	is "$(group_of "$(portd_pid)")" "" "where portd is"
	has_groups 0 || wrong_groups
	kill $other
	wait $other 2>/dev/null
	taken_back
}

# One that is its user's only because the one above is: whoever divided that manages it.
inner() {
	given || return
	portd_stop
	$me mkdir "$group/inner"
	sed "s,$group/cgroup,$group/inner/cgroup," "$work/enter" >"$work/enter.inner"
	chmod 755 "$work/enter.inner"
	must "$work/enter.inner" "$HIRD_PORTD" --background
	must $me settrans -c ~/n hello
	must $me cat ~/n
	has "$($me lstrans -v ~/n)" "; no cgroup: none is delegated" "lstrans -v"
	portd_stop
	if have setfattr && setfattr -n user.delegate -v 1 "$group/inner" 2>/dev/null; then
		must "$work/enter.inner" "$HIRD_PORTD" --background
		must $me cat ~/n
		has "$($me lstrans -v ~/n)" "; cgroup" "lstrans -v, with systemd's mark"
		portd_stop
	fi
	rmdir "$group/inner"
	taken_back
}

# Bombs: what the controllers that are there stop, and that the others are named.
limits() {
	given --memory=256 || return
	has_controllers=$(cat "$group/cgroup.controllers")
	rogue_set --grant=network,exec "$needy"
	must $me ls ~/n
	inside=$group$(group_of "$($me lstrans --json ~/n | json_field pid)")
	for name in memory pids cpu; do
		case " $has_controllers " in
		*" $name "*)
			has " $(cat "$group/cgroup.subtree_control") " " $name " "what is divided" ;;
		*)
			has "$($me lstrans --json ~/n | tr -d ' \n' | sed 's/.*controllers_missing//;s/].*//')" \
				"\"$name\"" "what is missing" ;;
		esac
	done
	case " $has_controllers " in
	*" memory "*)
		is "$(cat "$inside/memory.max")" 268435456 memory.max
		is "$(cat "$inside/memory.oom.group")" 1 memory.oom.group
		do_ $me cat ~/n/memory-of-many
		has "$($me hird log ~/n)" "memory" "the log"
		must $me settrans --start ~/n
		must $me ls ~/n
		inside=$group$(group_of "$($me lstrans --json ~/n | json_field pid)") ;;
	esac
	case " $has_controllers " in
	*" pids "*)
		is "$(cat "$inside/pids.max")" 512 pids.max
		do_ $me cat ~/n/fork-bomb
		has "$out" "refused: Resource temporarily unavailable" "a fork bomb"
		[ "$(cat "$inside/pids.current")" -le 512 ] || fail "$(cat "$inside/pids.current") processes" ;;
	esac
	taken_back
}

try "nothing is delegated: nothing is used, and that is said" undelegated
try "a group for each translator, removed with it" own_group
try "idle exit" idle_exit
try "what a translator has left running ends with it" left_behind
try "hird replace, and a death of the worker" survives
try "what a dead portd left is removed" swept
try "a group with others in it is left alone" shared
try "one that is its user's only because the one above is" inner
try "limits: those that are there hold, the others are named" limits
finish
