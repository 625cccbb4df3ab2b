#!/bin/sh
# SPDX-License-Identifier: 0BSD
# The primitives: null, zero, full, random. Paste line by line.

settrans -c ~/null null
echo nobody hears this > null; wc -c < null
settrans -c ~/zero zero
head -c 8 zero | od -An -tx1
settrans -c ~/full full
head -c 1 zero > full
settrans -c ~/random random
head -c 4096 random | gzip | wc -c | awk '{ print ($1 > 4000 ? "does not compress" : "compresses") }'
# All of them, and then none.
showtrans null zero full random
settrans -g null; settrans -g zero; settrans -g full; settrans -g random
showtrans null || echo nothing set
