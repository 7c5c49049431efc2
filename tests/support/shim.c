/* Fails the n-th call that writes below a folder, for a test: gcc -shared -fPIC, then LD_PRELOAD.

   FAULT_BELOW  the folders, separated by colons
   FAULT_AT     which call fails: it, and every one after it; 0: none
   FAULT_WITH   EIO, ENOSPC or EROFS, as a number
   FAULT_COUNT  a file that tells afterwards how many such calls there were */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static long calls;

static int is_below(const char *path)
{
    const char *below = getenv("FAULT_BELOW");
    char folders[PATH_MAX * 2], *rest = folders, *folder;
    if (below == NULL || path[0] != '/')
        return 0;
    snprintf(folders, sizeof folders, "%s", below);
    while ((folder = strsep(&rest, ":")) != NULL)
        if (*folder && strncmp(path, folder, strlen(folder)) == 0)
            return 1;
    return 0;
}

/* Whether this call fails; errno is set then. */
static int fails(void)
{
    const char *at = getenv("FAULT_AT"), *with = getenv("FAULT_WITH");
    long number = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (at == NULL || atol(at) == 0 || number < atol(at))
        return 0;
    errno = with == NULL ? EIO : atoi(with);
    return 1;
}

static int at_path(int folder, const char *path)
{
    char whole[PATH_MAX], link[64];
    ssize_t length = 0;
    if (path[0] == '/')
        return is_below(path) && fails();
    if (folder == AT_FDCWD) {
        if (getcwd(whole, sizeof whole) == NULL)
            return 0;
        return is_below(whole) && fails();
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    if ((length = readlink(link, whole, sizeof whole - 1)) < 0)
        return 0;
    whole[length] = 0;
    return is_below(whole) && fails();
}

static int at_file(int descriptor)
{
    char path[PATH_MAX], link[64];
    ssize_t length;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    if ((length = readlink(link, path, sizeof path - 1)) < 0)
        return 0;
    path[length] = 0;
    return is_below(path) && fails();
}

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

#define ON_FILE(type, name, declared, given) \
    type name declared { return at_file(fd) ? (type) -1 : REAL(name) given; }
#define ON_PATH(name, declared, given) \
    int name declared { return at_path(AT_FDCWD, path) ? -1 : REAL(name) given; }

ON_FILE(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
ON_FILE(ssize_t, writev, (int fd, const struct iovec *data, int count), (fd, data, count))
ON_FILE(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
ON_FILE(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
ON_FILE(int, fsync, (int fd), (fd))
ON_FILE(int, fdatasync, (int fd), (fd))
ON_FILE(int, ftruncate, (int fd, off_t size), (fd, size))
ON_FILE(int, ftruncate64, (int fd, off64_t size), (fd, size))
ON_FILE(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
ON_FILE(int, posix_fallocate, (int fd, off_t at, off_t size), (fd, at, size))
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode))
ON_PATH(rename, (const char *path, const char *to), (path, to))
ON_PATH(link, (const char *path, const char *to), (path, to))

#define OPENING(name) \
    int name(const char *path, int flags, ...) \
    { \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = va_arg(more, mode_t); \
        va_end(more); \
        if ((flags & O_CREAT) && at_path(AT_FDCWD, path)) \
            return -1; \
        return REAL(name)(path, flags, mode); \
    }
OPENING(open)
OPENING(open64)

__attribute__((destructor)) static void tell(void)
{
    const char *name = getenv("FAULT_COUNT");
    FILE *file;
    if (name == NULL || (file = fopen(name, "w")) == NULL)
        return;
    fprintf(file, "%ld", calls);
    fclose(file);
}
