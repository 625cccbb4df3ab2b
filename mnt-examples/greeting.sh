#!/bin/sh
# SPDX-License-Identifier: 0BSD
# A file that greets, and how to change what it says. Paste line by line.

# hello stands behind a file that -c makes.
settrans -c ~/greeting hello
cat ~/greeting
# What it was set with, and what it says it runs with:
showtrans ~/greeting
fsysopts ~/greeting --contents='Hallo!'
cat ~/greeting; echo
fsysopts ~/greeting
# The change lasts until the translator is told to go.
settrans -a ~/greeting
cat ~/greeting
# Gone; the file stays, as empty as -c made it.
settrans -g ~/greeting
wc -c ~/greeting
