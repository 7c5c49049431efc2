/* Checks a licence: the client's own check (docs/SPEC.md), for C and C++. Link with libhostseal.a and -lpthread, or
 * with libhostseal.so. All texts are UTF-8; those that are given out live as long as their report.
 *
 * The environment is read at each check, by getenv: what the program has set or taken out counts, and no other thread
 * may change it meanwhile. Whoever starts the program chooses the vendor by LICENSE_KEYS, unless keys are given or the
 * program takes it out. nvidia-smi, where it is run, gets the environment of when the library was loaded.
 *
 * Any thread may call. A process that was forked from the one in which the library was loaded may ask and free the
 * reports that were made before, but cannot check: it gets the problem "usage", code 2. So check before you fork (a
 * daemon, too), or exec. That is the problem of a wrong argument, too, and of a report that is none or was freed. */
#ifndef HOSTSEAL_H
#define HOSTSEAL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a check found; never 0, which is no report. Free it with hostseal_free. */
typedef uintptr_t hostseal_report;

/* Check the bytes of a license.dat for this host and now. root is the vendor's root.pub.pem: its text, best built
 * into your program. product is the name that the licence must have; NULL: any of this vendor's. An
 * empty name is a wrong argument. */
hostseal_report hostseal_check(const void *license, size_t size, const char *root, const char *product);

/* Check what is installed, as `hostseal verify` does, but write nothing. conf and keys are folders; NULL: those that
 * LICENSE_CONF and LICENSE_KEYS name, else conf/ and keys/ beside the program or one folder above it. product
 * is as above, but NULL: the one in conf/hostseal.toml, which whoever can write there can change. */
hostseal_report hostseal_check_installed(const char *conf, const char *keys, const char *product);

/* Whether the product may run: 0, or the exit code of the first problem (SPEC section 9.1). */
int hostseal_code(hostseal_report report);

/* The name of the first problem, such as "license-expired"; NULL where there is none. */
const char *hostseal_problem(hostseal_report report);

/* For people: what is wrong and what to do about it, or what to know of a licence that holds. It may be empty. */
const char *hostseal_words(hostseal_report report);

/* The claims of the licence as JSON (SPEC section 5.2); NULL where it does not hold. */
const char *hostseal_claims(hostseal_report report);

/* Whether the licence holds and has this feature. */
int hostseal_has(hostseal_report report, const char *feature);

/* A limit of the licence, such as "gpus"; -1 where there is none, and 0 where the licence does not hold. */
int64_t hostseal_limit(hostseal_report report, const char *name);

void hostseal_free(hostseal_report report);

#ifdef __cplusplus
}
#endif

#endif
