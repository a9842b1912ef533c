// What both programs share: reading HTTP/1.1 messages just well enough for a bench, and the clock.
#ifndef HTTP_H
#define HTTP_H
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

// Where a header's value begins in a head of `length` bytes, or NULL. `name` is written "\r\nname:".
static inline const char *header_of(const char *head, size_t length, const char *name) {
  size_t size = strlen(name);
  for (size_t at = 0; at + size <= length; at++) {
    const char *hit = memchr(head + at, '\r', length - at);
    if (!hit) return NULL;
    at = (size_t)(hit - head);
    if (at + size <= length && strncasecmp(hit, name, size) == 0) {
      const char *value = hit + size;
      while (*value == ' ') value++;
      return value;
    }
  }
  return NULL;
}

// A chunked body's end, found byte by byte across reads.
struct chunked {
  enum { SIZE, SIZE_END, DATA, DATA_END, TRAILER } state;
  uint64_t left;
  int line; // characters of the trailer's present line
};

// Takes bytes; returns how many belong to the body, and sets *done when its last byte was among them.
static inline size_t chunked_take(struct chunked *c, const char *data, size_t length, int *done) {
  size_t at = 0;
  while (at < length) {
    char byte = data[at];
    switch (c->state) {
      case SIZE:
        if (byte == '\r') c->state = SIZE_END;
        else if (byte >= '0' && byte <= '9') c->left = c->left * 16 + (uint64_t)(byte - '0');
        else if ((byte | 32) >= 'a' && (byte | 32) <= 'f') c->left = c->left * 16 + (uint64_t)((byte | 32) - 'a' + 10);
        at++;
        break;
      case SIZE_END:
        at++;
        c->state = c->left ? DATA : TRAILER;
        c->line = 0;
        break;
      case DATA: {
        uint64_t take = length - at < c->left ? length - at : c->left;
        at += take;
        c->left -= take;
        if (!c->left) c->state = DATA_END;
        break;
      }
      case DATA_END:
        at++;
        if (byte == '\n') c->state = SIZE;
        break;
      case TRAILER:
        at++;
        if (byte == '\n') {
          if (c->line == 0) {
            memset(c, 0, sizeof *c);
            *done = 1;
            return at;
          }
          c->line = 0;
        } else if (byte != '\r') c->line++;
        break;
    }
  }
  return at;
}
#endif
