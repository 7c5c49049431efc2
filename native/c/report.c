/* What hostseal.h promises: Go checks, and the rest is here, so that a forked child, in which Go cannot run, may ask. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"
#include "hostseal.h"

enum { USAGE = 2 };

/* Reports without a check. Their places are their numbers; those of checks are counted from there. */
enum { NO_REPORT, FORKED, NO_LICENSE, NO_PRODUCT, REFUSALS };

#define REFUSED(sentence) {.code = USAGE, .problem = "usage", .words = sentence}

static const struct report refusals[REFUSALS] = {
    [NO_REPORT] = REFUSED("This is no report of hostseal, or it has been freed."),
    [FORKED] = REFUSED("This process was forked from the one in which hostseal was loaded, so it cannot check. "
                       "Check before the fork, since a child may ask the report, or start a program with exec."),
    [NO_LICENSE] = REFUSED("hostseal_check was given NULL for a licence, or a size that nothing has."),
    [NO_PRODUCT] = REFUSED("The name of the product is empty. Give its name, or NULL."),
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct report *reports;
static uintptr_t last = REFUSALS;
static int is_forked;

static void before_fork(void) { pthread_mutex_lock(&lock); }

static void in_parent(void) { pthread_mutex_unlock(&lock); }

static void in_child(void)
{
    is_forked = 1;
    pthread_mutex_unlock(&lock);
}

/* Go starts its threads where the library is loaded, and a forked child has none of them. */
__attribute__((constructor)) static void load(void) { pthread_atfork(before_fork, in_parent, in_child); }

static hostseal_report keep(struct report *made)
{
    pthread_mutex_lock(&lock);
    made->number = ++last;
    made->next = reports;
    reports = made;
    pthread_mutex_unlock(&lock);
    return made->number;
}

/* Where the report of a number hangs; NULL hangs there where none has it. The lock is held. */
static struct report **place_of(hostseal_report number)
{
    struct report **at = &reports;
    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

static const struct report *found(hostseal_report number)
{
    if (number < REFUSALS)
        return &refusals[number];
    pthread_mutex_lock(&lock);
    const struct report *report = *place_of(number);
    pthread_mutex_unlock(&lock);
    return report != NULL ? report : &refusals[NO_REPORT];
}

static const struct name *named(const struct name *one, const char *text)
{
    while (one != NULL && (text == NULL || strcmp(one->text, text) != 0))
        one = one->next;
    return one;
}

hostseal_report hostseal_check(const void *license, size_t size, const char *root, const char *product)
{
    if (is_forked)
        return FORKED;
    if ((license == NULL && size > 0) || size > PTRDIFF_MAX)
        return NO_LICENSE;
    if (product != NULL && *product == '\0')
        return NO_PRODUCT;
    return keep(hostseal_look((void *)license, size, (char *)root, (char *)product));
}

hostseal_report hostseal_check_installed(const char *conf, const char *keys, const char *product)
{
    if (is_forked)
        return FORKED;
    if (product != NULL && *product == '\0')
        return NO_PRODUCT;
    return keep(hostseal_look_installed((char *)conf, (char *)keys, (char *)product));
}

int hostseal_code(hostseal_report report) { return found(report)->code; }

const char *hostseal_problem(hostseal_report report) { return found(report)->problem; }

const char *hostseal_words(hostseal_report report) { return found(report)->words; }

const char *hostseal_claims(hostseal_report report) { return found(report)->claims; }

int hostseal_has(hostseal_report report, const char *feature)
{
    return named(found(report)->features, feature) != NULL;
}

int64_t hostseal_limit(hostseal_report report, const char *name)
{
    const struct report *of = found(report);
    if (of->code != 0 || name == NULL)
        return 0;
    const struct name *limit = named(of->limits, name);
    return limit != NULL ? limit->most : -1;
}

static void free_names(struct name *one)
{
    while (one != NULL) {
        struct name *next = one->next;
        free((void *)one->text);
        free(one);
        one = next;
    }
}

void hostseal_free(hostseal_report report)
{
    pthread_mutex_lock(&lock);
    struct report **at = place_of(report), *gone = *at;
    if (gone != NULL)
        *at = gone->next;
    pthread_mutex_unlock(&lock);
    if (gone == NULL)
        return;
    free((void *)gone->problem);
    free((void *)gone->words);
    free((void *)gone->claims);
    free_names(gone->features);
    free_names(gone->limits);
    free(gone);
}
