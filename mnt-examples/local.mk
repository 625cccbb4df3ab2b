# SPDX-License-Identifier: GPL-2.0-or-later
# Examples to paste, each with the transcript that it prints; tests/examples.sh
# runs them.
EXTRA_DIST += \
	mnt-examples/archive.sh mnt-examples/archive.out \
	mnt-examples/devices.sh mnt-examples/devices.out \
	mnt-examples/greeting.sh mnt-examples/greeting.out
