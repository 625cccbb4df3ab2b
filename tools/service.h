/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service: hird service, which declares and shows services. */
#ifndef TOOLS_SERVICE_H
#define TOOLS_SERVICE_H

/* argv[0] is the word itself. An exit status. */
int service_word(int argc, char **argv);

#endif
