/* Loaded into a service with LD_PRELOAD: a quota that is used up for as long as the file QUOTA_MARK exists. Then nothing below the folder QUOTA_FOLDER grows: whoever
 * tries is told EDQUOT. What a file has already may be written anew, cut off and synced.
 *
 * fallocate(2) does not pass here, for it is called without the C library: whoever set space aside with it notices when he fixes the length of the file.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEXT(name, result, ...) ((result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static int used_up(int fd) {
    const char *mark = getenv("QUOTA_MARK"), *folder = getenv("QUOTA_FOLDER");
    if (!mark || !folder || syscall(SYS_faccessat, AT_FDCWD, mark, F_OK) != 0) return 0;
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

static off_t size_of(int fd) {
    struct stat file;
    return fstat(fd, &file) == 0 ? file.st_size : 0;
}

/* How many of these bytes still fit. */
static ssize_t fits(int fd, size_t count, off_t offset) {
    if (!used_up(fd)) return (ssize_t)count;
    off_t room = size_of(fd) - offset;
    if (room > 0) return (ssize_t)(room < (off_t)count ? room : (off_t)count);
    errno = EDQUOT;
    return -1;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (count && used_up(fd)) {
        off_t at = lseek(fd, 0, SEEK_CUR);
        ssize_t some = fits(fd, count, at < 0 ? size_of(fd) : at);
        if (some < 0) return -1;
        count = (size_t)some;
    }
    return NEXT("write", ssize_t, int, const void *, size_t)(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    ssize_t some = fits(fd, count, offset);
    return some < 0 ? -1 : NEXT("pwrite", ssize_t, int, const void *, size_t, off_t)(fd, bytes, (size_t)some, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    ssize_t some = fits(fd, count, offset);
    return some < 0 ? -1
                    : NEXT("pwrite64", ssize_t, int, const void *, size_t, off64_t)(fd, bytes, (size_t)some, offset);
}

int ftruncate64(int fd, off64_t length) {
    if (length > 0 && length >= size_of(fd) && used_up(fd)) {
        errno = EDQUOT;
        return -1;
    }
    return NEXT("ftruncate64", int, int, off64_t)(fd, length);
}
