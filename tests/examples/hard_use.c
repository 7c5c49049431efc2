/* Uses the library as a product may by mistake, or must: what it says is for test_c_library.py. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostseal.h"

static hostseal_report say(const char *of, hostseal_report report)
{
    const char *problem = hostseal_problem(report);
    printf("%s: %d %s\n", of, hostseal_code(report), problem != NULL ? problem : "holds");
    fflush(stdout);
    return report;
}

/* Forks, and ends the child where it hangs. */
static void ask_in_a_child(hostseal_report report)
{
    if (fork() != 0) {
        wait(NULL);
        return;
    }
    alarm(20);
    say("child asks", report);
    printf("child has export: %d\n", hostseal_has(report, "export"));
    hostseal_free(report);
    for (int at = 0; at < 50; at++)
        hostseal_free(hostseal_check_installed(NULL, NULL, NULL));
    say("child checks", hostseal_check_installed(NULL, NULL, NULL));
    _exit(0);
}

/* The folders that the starter names are those of nobody; the one given is a product's. */
int main(int count, char **arguments)
{
    (void)count;
    char text[] = "no licence";
    say("starter", hostseal_check_installed(NULL, NULL, NULL));
    setenv("LICENSE_KEYS", arguments[1], 1);
    setenv("LICENSE_CONF", arguments[1], 1);
    hostseal_report report = say("set", hostseal_check_installed(NULL, NULL, NULL));
    ask_in_a_child(report);
    printf("limits: %lld %lld\n", (long long)hostseal_limit(report, "seats"), (long long)hostseal_limit(report, NULL));
    printf("has: %d %d\n", hostseal_has(report, "other"), hostseal_has(report, NULL));
    unsetenv("LICENSE_KEYS");
    say("unset", hostseal_check_installed(NULL, NULL, NULL));

    say("no bytes", hostseal_check(NULL, 5, NULL, NULL));
    say("no size", hostseal_check(text, (size_t)-1, NULL, NULL));
    say("a large size", hostseal_check(text, (size_t)-1 / 2, NULL, NULL));
    say("no root", hostseal_check(text, sizeof text, NULL, NULL));
    say("no name", hostseal_check_installed(arguments[1], arguments[1], ""));
    say("no report", 0);
    hostseal_free(0);
    hostseal_free(report);
    hostseal_free(report);
    say("freed", report);
    printf("freed has: %d, limit: %lld\n", hostseal_has(report, "export"), (long long)hostseal_limit(report, "gpus"));
    puts(hostseal_words(report));
    return 0;
}
