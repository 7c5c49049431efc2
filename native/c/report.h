/* A report as C keeps it: what the check in Go found, to be asked without Go. */
#ifndef REPORT_H
#define REPORT_H

#include <stdint.h>

/* A name in a licence: of a feature, or of a limit with its value. */
struct name {
    struct name *next;
    const char *text;
    int64_t most;
};

struct report {
    struct report *next;
    uintptr_t number;
    int code;
    const char *problem, *words, *claims;
    struct name *features, *limits;
};

#endif
