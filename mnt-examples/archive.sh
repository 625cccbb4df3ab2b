#!/bin/sh
# SPDX-License-Identifier: 0BSD
# An archive as a directory. Paste line by line.

mkdir -p work/notes && echo 'remember the milk' > work/notes/today
tar -czf work.tar.gz work && rm -r work
# The directory is made, and nothing is read yet.
settrans -c ~/work tarfs work.tar.gz
showtrans ~/work
# The first look inside starts the translator.
find work | sort
cat work/work/notes/today
grep -rc milk work
# It is read-only.
touch work/new
cp -r work/work copy && ls copy/notes
# Gone; an empty directory is left, with the mode that it had.
settrans -g ~/work
ls -A work; stat -c %A work
