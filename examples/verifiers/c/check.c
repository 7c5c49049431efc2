/* Checks a licence by Hostseal's own check. `make native-c` builds what it is linked with; then, here:
 *
 *     cc -I ../../../native/c check.c ../../../native/libhostseal.a -lpthread -o check
 *     ./check license.dat root.pub.pem darwin      # or only: ./check darwin, for what is installed
 *
 * A product has the text of root.pub.pem in its code: whoever can change a file beside it chooses the vendor. */
#include <stdio.h>
#include <stdlib.h>

#include "hostseal.h"

enum { MOST = 65536, USAGE = 2 };

/* The bytes of a file, ended by a zero; exits where it cannot be read. */
static char *content_of(const char *path, size_t *size)
{
    char *data = malloc(MOST + 2); /* one byte more than a licence may have, so that the check sees it */
    FILE *file = fopen(path, "rb");
    if (data == NULL || file == NULL) {
        perror(path);
        exit(USAGE);
    }
    *size = fread(data, 1, MOST + 1, file);
    data[*size] = '\0';
    fclose(file);
    return data;
}

int main(int count, char **arguments)
{
    size_t size = 0, unused;
    char *license = NULL, *root = NULL;
    hostseal_report report;
    if (count < 3) {
        report = hostseal_check_installed(NULL, NULL, arguments[1]);
    } else {
        license = content_of(arguments[1], &size);
        root = content_of(arguments[2], &unused);
        report = hostseal_check(license, size, root, arguments[3]);
    }
    int code = hostseal_code(report);
    if (code == 0) {
        printf("%s\n", hostseal_claims(report));
        printf("export: %s\n", hostseal_has(report, "export") ? "licensed" : "not licensed");
        printf("gpus: %lld\n", (long long)hostseal_limit(report, "gpus")); /* -1: not limited */
    } else {
        fprintf(stderr, "%s\n", hostseal_problem(report));
    }
    fprintf(stderr, "%s\n", hostseal_words(report));
    hostseal_free(report);
    free(license);
    free(root);
    return code; /* start nothing on any other than 0 */
}
