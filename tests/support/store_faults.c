/* Loaded into a service with LD_PRELOAD: the FAULT_AT-th write or sync of the store's files (channel.db, its log, its index) fails.
 *
 * FAULT_ERRNO   what it fails with, a number (5: EIO, 28: ENOSPC)
 * FAULT_MARK    a file that is made at that moment
 * FAULT_TIMES   how many of them fail in a row; 1 unless given
 * FAULT_VANISH  1: if that was the log, what is written through the same file descriptor until it is closed is lost without a word, as a kernel may lose it
 *               after a sync that failed
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long calls;
static atomic_int vanishing = -1;

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : otherwise;
}

static int leads_to(int fd, const char *file) {
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, file) != NULL;
}

/* 0: go on; 1: fail, errno is set; 2: say yes and do nothing. */
static int fate(int fd) {
    long at = number("FAULT_AT", 0);
    if (at <= 0 || !leads_to(fd, "/channel.db")) return 0;
    if (fd == atomic_load(&vanishing)) return 2;
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (call < at || call >= at + number("FAULT_TIMES", 1)) return 0;
    const char *mark = getenv("FAULT_MARK");
    if (mark) {
        int file = (int)syscall(SYS_openat, AT_FDCWD, mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (file >= 0) syscall(SYS_close, file);
    }
    if (number("FAULT_VANISH", 0) && leads_to(fd, "/channel.db-wal")) atomic_store(&vanishing, fd);
    errno = (int)number("FAULT_ERRNO", EIO);
    return 1;
}

#define NEXT(name, result, ...) ((result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

int close(int fd) {
    int mine = fd;
    atomic_compare_exchange_strong(&vanishing, &mine, -1);
    return NEXT("close", int, int)(fd);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    switch (fate(fd)) {
    case 1: return -1;
    case 2: return (ssize_t)count;
    default: return NEXT("write", ssize_t, int, const void *, size_t)(fd, bytes, count);
    }
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    switch (fate(fd)) {
    case 1: return -1;
    case 2: return (ssize_t)count;
    default: return NEXT("pwrite", ssize_t, int, const void *, size_t, off_t)(fd, bytes, count, offset);
    }
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    switch (fate(fd)) {
    case 1: return -1;
    case 2: return (ssize_t)count;
    default: return NEXT("pwrite64", ssize_t, int, const void *, size_t, off64_t)(fd, bytes, count, offset);
    }
}

int fsync(int fd) {
    switch (fate(fd)) {
    case 1: return -1;
    case 2: return 0;
    default: return NEXT("fsync", int, int)(fd);
    }
}

int fdatasync(int fd) {
    switch (fate(fd)) {
    case 1: return -1;
    case 2: return 0;
    default: return NEXT("fdatasync", int, int)(fd);
    }
}
