/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rogue-translator: parts of a translator that does what it should not. */
#ifndef TESTS_ROGUE_TRANSLATOR_H
#define TESTS_ROGUE_TRANSLATOR_H

/* Answers the kernel with what no translator may say, until the mount is gone. Each forged
 * answer that the kernel takes or refuses is counted; each request is answered, at last. */
void rogue_fuse(int fuse);

#endif
