// A load on 127.0.0.1:PORT. Sends the bytes of REQUEST again and again and reads each answer to its end.
//   load PORT REQUEST CONNECTIONS SECONDS [RATE [STAGGER_MS]]
// RATE 0 (default) is a closed loop; else so many requests a second, each timed from the moment it was due, so that a stalled server
// cannot hide its queue. STAGGER_MS spreads the first requests of the connections. SECONDS below 0 is a number of requests instead.
// Prints one line of JSON: requests, errors (not 2xx, or broken), seconds, latency and, where events carry the moment they were
// written, their number, their delay and the time to the first one; all times in microseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "http.h"

struct connection {
  int fd, busy, ok, seen_event;
  uint64_t began, wait_until;
  size_t written;
  char head[16384];
  size_t head_used; // while the head is being read
  int in_body, is_chunked;
  uint64_t left;
  struct chunked chunks;
  char mark[21]; // "@" and digits, across reads
  int mark_used;
};

// Counts by value: 1 µs wide up to 100 ms, then 1 ms.
#define FINE 100000
struct histogram { uint32_t fine[FINE], coarse[100000]; uint64_t count; double sum; };
static struct histogram latency, delay, first;

static void note(struct histogram *h, uint64_t ns) {
  uint64_t us = ns / 1000;
  if (us < FINE) h->fine[us]++;
  else h->coarse[us / 1000 < 100000 ? us / 1000 : 99999]++;
  h->count++;
  h->sum += (double)us;
}

static uint64_t quantile(struct histogram *h, double share) {
  uint64_t wanted = (uint64_t)((double)h->count * share), sum = 0;
  for (int i = 0; i < FINE; i++) if ((sum += h->fine[i]) > wanted) return (uint64_t)i;
  for (int i = 0; i < 100000; i++) if ((sum += h->coarse[i]) > wanted) return (uint64_t)i * 1000;
  return 0;
}

static char *request;
static size_t request_length;
/* Eight number signs in the request stand for a number that no two requests share, so that none can be answered from a cache. */
static char *number_at;
static unsigned number;
static int port, poll_fd;
static uint64_t done_requests, errors;

static void start(struct connection *c, uint64_t at);

static int open_socket(struct connection *c) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) return perror("connect"), exit(1), -1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event add = {.events = EPOLLIN, .data.ptr = c};
  return epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &add);
}

static void send_more(struct connection *c) {
  while (c->written < request_length) {
    ssize_t wrote = write(c->fd, request + c->written, request_length - c->written);
    if (wrote < 0) break;
    c->written += (size_t)wrote;
  }
  struct epoll_event change = {.events = EPOLLIN | (c->written < request_length ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &change);
}

static void start(struct connection *c, uint64_t at) {
  c->busy = 1;
  c->began = at;
  c->written = c->head_used = 0;
  c->in_body = c->seen_event = c->mark_used = 0;
  memset(&c->chunks, 0, sizeof c->chunks);
  if (number_at) {
    number++;
    for (unsigned digit = 0, rest = number; digit < 8; digit++, rest /= 10) number_at[7 - digit] = (char)('0' + rest % 10);
  }
  ssize_t wrote = write(c->fd, request, request_length);
  c->written = wrote > 0 ? (size_t)wrote : 0;
  if (c->written < request_length) send_more(c);
}

static void scan(struct connection *c, const char *data, size_t length, uint64_t now) {
  size_t at = 0;
  while (at < length) {
    if (c->mark_used == 0) {
      const char *hit = memchr(data + at, '@', length - at);
      if (!hit) return;
      at = (size_t)(hit - data) + 1;
      c->mark_used = 1;
      continue;
    }
    char byte = data[at++];
    if (byte < '0' || byte > '9') { c->mark_used = 0; continue; }
    c->mark[c->mark_used - 1] = byte;
    if (++c->mark_used < 20) continue;
    c->mark[19] = 0;
    c->mark_used = 0;
    uint64_t sent = strtoull(c->mark, NULL, 10);
    note(&delay, now > sent ? now - sent : 0);
    if (!c->seen_event) note(&first, now - c->began);
    c->seen_event = 1;
  }
}

static void finish(struct connection *c, int ok, uint64_t now) {
  c->busy = 0;
  done_requests++;
  if (!ok) errors++;
  note(&latency, now - c->began);
}

static void broken(struct connection *c, uint64_t now) {
  close(c->fd);
  if (c->busy) finish(c, 0, now);
  open_socket(c);
}

static void take(struct connection *c, const char *data, size_t length, uint64_t now) {
  if (!c->in_body) {
    size_t room = sizeof c->head - c->head_used, copy = length < room ? length : room;
    memcpy(c->head + c->head_used, data, copy);
    size_t before = c->head_used;
    c->head_used += copy;
    char *end = memmem(c->head, c->head_used, "\r\n\r\n", 4);
    if (!end) { if (copy < length) broken(c, now); return; }
    size_t head_size = (size_t)(end - c->head) + 4;
    c->ok = c->head[9] == '2';
    c->in_body = 1;
    const char *size = header_of(c->head, head_size, "\r\ncontent-length:");
    c->is_chunked = !size;
    c->left = size ? strtoull(size, NULL, 10) : 0;
    data += head_size - before;
    length -= head_size - before;
    if (!c->is_chunked && c->left == 0) return finish(c, c->ok, now);
  }
  if (length == 0) return;
  scan(c, data, length, now);
  int done = 0;
  if (c->is_chunked) chunked_take(&c->chunks, data, length, &done);
  else { c->left -= length < c->left ? length : c->left; done = c->left == 0; }
  if (done) finish(c, c->ok, now);
}

int main(int argc, char **argv) {
  if (argc < 5) return fprintf(stderr, "usage: load PORT REQUEST CONNECTIONS SECONDS [RATE [STAGGER_MS]]\n"), 2;
  signal(SIGPIPE, SIG_IGN);
  port = atoi(argv[1]);
  int file = open(argv[2], O_RDONLY), count = atoi(argv[3]);
  struct stat info;
  if (file < 0 || fstat(file, &info)) return perror(argv[2]), 1;
  request_length = (size_t)info.st_size;
  request = malloc(request_length);
  if (read(file, request, request_length) != (ssize_t)request_length) return perror("read"), 1;
  number_at = memmem(request, request_length, "########", 8);
  number = (unsigned)(now_ns() / 1000);
  double seconds = atof(argv[4]), rate = argc > 5 ? atof(argv[5]) : 0;
  uint64_t limit = seconds < 0 ? (uint64_t)-seconds : UINT64_MAX, stagger = argc > 6 ? (uint64_t)atoll(argv[6]) * 1000000ull : 0;
  poll_fd = epoll_create1(0);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event add = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer, &add);
  struct connection *all = calloc((size_t)count, sizeof *all);
  uint64_t begin = now_ns(), end = seconds < 0 ? UINT64_MAX : begin + (uint64_t)(seconds * 1e9), issued = 0;
  uint64_t gap = rate > 0 ? (uint64_t)(1e9 / rate) : 0;
  for (int i = 0; i < count; i++) {
    open_socket(&all[i]);
    all[i].wait_until = begin + (stagger ? stagger * (uint64_t)i / (uint64_t)count : 0);
  }
  static char buffer[1 << 18];
  for (;;) {
    uint64_t now = now_ns(), next = end;
    if (now >= end || done_requests >= limit) break;
    for (int i = 0; i < count && issued < limit; i++) {
      struct connection *c = &all[i];
      if (c->busy) continue;
      uint64_t due = gap ? begin + issued * gap : c->wait_until;
      if (due > now) { if (due < next) next = due; if (gap) break; continue; }
      issued++;
      start(c, gap ? due : now);
    }
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(next / 1000000000ull), .tv_nsec = (long)(next % 1000000000ull)}};
    if (next != UINT64_MAX) timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
    struct epoll_event events[512];
    int ready = epoll_wait(poll_fd, events, 512, -1);
    for (int i = 0; i < ready; i++) {
      struct connection *c = events[i].data.ptr;
      if (!c) {
        uint64_t ticks;
        if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) return perror("timer"), 1;
        continue;
      }
      if (events[i].events & EPOLLOUT) send_more(c);
      if (!(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
      ssize_t got = read(c->fd, buffer, sizeof buffer);
      uint64_t at_read = now_ns();
      if (got > 0) take(c, buffer, (size_t)got, at_read);
      else if (got == 0 || errno != EAGAIN) broken(c, at_read);
    }
  }
  double took = (double)(now_ns() - begin) / 1e9;
  printf("{\"requests\":%llu,\"errors\":%llu,\"seconds\":%.4f,\"rps\":%.1f,\"p50\":%llu,\"p99\":%llu,\"mean\":%.1f,"
    "\"events\":%llu,\"delay_p50\":%llu,\"delay_p99\":%llu,\"first_p50\":%llu,\"first_p99\":%llu}\n",
    (unsigned long long)done_requests, (unsigned long long)errors, took, (double)done_requests / took,
    (unsigned long long)quantile(&latency, .5), (unsigned long long)quantile(&latency, .99), latency.count ? latency.sum / (double)latency.count : 0,
    (unsigned long long)delay.count, (unsigned long long)quantile(&delay, .5), (unsigned long long)quantile(&delay, .99),
    (unsigned long long)quantile(&first, .5), (unsigned long long)quantile(&first, .99));
  return 0;
}
