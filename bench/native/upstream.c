// A model that costs next to nothing: answers Chat requests on 127.0.0.1 with canned bytes, chosen by the path.
//   …/whole/…   one JSON completion of about 1.2 KB
//   …/burst/…   a stream of 100 events, each an HTTP chunk written by its own call, without a pause
//   …/slow/…    the same, 25 ms apart        …/fast/…   the same, 5 ms apart
// Every content event carries the moment it was written ("@" and 19 digits of nanoseconds), so that a client can tell its delay.
// Prints its port, then runs until it is killed.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "http.h"

#define MAX_CONNECTIONS 4096
#define EVENTS 100
#define BUFFER (512 * 1024)

struct connection {
  int fd;
  char *in; // of BUFFER bytes
  size_t used;
  int sent; // events of the present stream; -1 when there is none
  uint64_t due, gap;
};

static struct connection *by_fd[MAX_CONNECTIONS];
static int active[MAX_CONNECTIONS], active_count;
static char whole[4096], head[256];
static size_t whole_length, head_length;

static void prepare(void) {
  char text[900] = "", body[2048];
  while (strlen(text) < 800) strcat(text, "A sentence of the answer, long enough to count. ");
  int size = snprintf(body, sizeof body,
    "{\"id\":\"chatcmpl-9XyZbenchbenchbenchbench\",\"object\":\"chat.completion\",\"created\":1751500000,\"model\":\"bench-model\","
    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\",\"refusal\":null},\"logprobs\":null,"
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":230,\"completion_tokens\":170,\"total_tokens\":400,"
    "\"prompt_tokens_details\":{\"cached_tokens\":0}},\"system_fingerprint\":\"fp_bench\"}", text);
  whole_length = (size_t)snprintf(whole, sizeof whole,
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", size, body);
  head_length = (size_t)snprintf(head, sizeof head,
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
}

// One event as an HTTP chunk: the role, 96 pieces of text, the finish, the usage, [DONE].
static size_t event(char *out, int number) {
  char data[512];
  int size;
  const char *start = "data: {\"id\":\"chatcmpl-9XyZbenchbenchbenchbench\",\"object\":\"chat.completion.chunk\",\"created\":1751500000,"
    "\"model\":\"bench-model\",\"system_fingerprint\":\"fp_bench\",";
  if (number == 0)
    size = snprintf(data, sizeof data, "%s\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}]}\n\n", start);
  else if (number == EVENTS - 3)
    size = snprintf(data, sizeof data, "%s\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n", start);
  else if (number == EVENTS - 2)
    size = snprintf(data, sizeof data, "%s\"choices\":[],\"usage\":{\"prompt_tokens\":230,\"completion_tokens\":96,\"total_tokens\":326,\"prompt_tokens_details\":{\"cached_tokens\":0}}}\n\n", start);
  else if (number == EVENTS - 1) size = snprintf(data, sizeof data, "data: [DONE]\n\n");
  else
    size = snprintf(data, sizeof data, "%s\"choices\":[{\"index\":0,\"delta\":{\"content\":\" @%019llu\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
      start, (unsigned long long)now_ns());
  return (size_t)sprintf(out, "%x\r\n%s\r\n%s", size, data, number == EVENTS - 1 ? "0\r\n\r\n" : "");
}

static void drop(struct connection *c) {
  close(c->fd);
  by_fd[c->fd] = NULL;
  free(c->in);
  free(c);
}

static int put(struct connection *c, const char *data, size_t length) {
  while (length > 0) {
    ssize_t wrote = write(c->fd, data, length);
    if (wrote < 0 && errno == EAGAIN) { usleep(50); continue; }
    if (wrote <= 0) return -1;
    data += wrote;
    length -= (size_t)wrote;
  }
  return 0;
}

static int send_event(struct connection *c) {
  char out[700];
  size_t size = event(out, c->sent);
  c->sent = c->sent == EVENTS - 1 ? -1 : c->sent + 1;
  return put(c, out, size);
}

static int answer(struct connection *c) {
  char *line_end = memchr(c->in, '\r', c->used);
  size_t line = (size_t)(line_end - c->in);
  int burst = memmem(c->in, line, "/burst/", 7) != NULL;
  int slow = memmem(c->in, line, "/slow/", 6) != NULL, fast = memmem(c->in, line, "/fast/", 6) != NULL;
  if (!burst && !slow && !fast) return put(c, whole, whole_length);
  if (put(c, head, head_length) < 0) return -1;
  c->sent = 0;
  if (burst) {
    while (c->sent >= 0) if (send_event(c) < 0) return -1;
    return 0;
  }
  c->gap = slow ? 25000000ull : 5000000ull;
  c->due = now_ns();
  active[active_count++] = c->fd;
  return 0;
}

// Reads what came; answers each complete request. A negative result means the connection is over.
static int readable(struct connection *c) {
  ssize_t got = read(c->fd, c->in + c->used, BUFFER - c->used);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got <= 0) return -1;
  c->used += (size_t)got;
  for (;;) {
    char *end = memmem(c->in, c->used, "\r\n\r\n", 4);
    if (!end) return c->used == BUFFER ? -1 : 0;
    size_t head_size = (size_t)(end - c->in) + 4, total;
    const char *length = header_of(c->in, head_size, "\r\ncontent-length:");
    if (length) total = head_size + (size_t)strtoull(length, NULL, 10);
    else if (header_of(c->in, head_size, "\r\ntransfer-encoding:")) {
      struct chunked body = {0};
      int done = 0;
      total = head_size + chunked_take(&body, c->in + head_size, c->used - head_size, &done);
      if (!done) return 0;
    } else total = head_size;
    if (c->used < total) return 0;
    if (answer(c) < 0) return -1;
    memmove(c->in, c->in + total, c->used - total);
    c->used -= total;
    if (c->used == 0) return 0;
  }
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  prepare();
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1024)) return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  int poll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event add = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &add);
  add.data.fd = timer;
  epoll_ctl(poll, EPOLL_CTL_ADD, timer, &add);
  for (;;) {
    struct epoll_event events[256];
    uint64_t now = now_ns(), next = 0;
    for (int i = 0; i < active_count; i++) {
      struct connection *c = by_fd[active[i]];
      int over = !c || c->sent < 0;
      while (!over && c->due <= now) {
        if (send_event(c) < 0) { drop(c); over = 1; }
        else if (c->sent < 0) over = 1;
        else c->due += c->gap;
      }
      if (over) active[i--] = active[--active_count];
      else if (!next || c->due < next) next = c->due;
    }
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(next / 1000000000ull), .tv_nsec = (long)(next % 1000000000ull)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
    int count = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == timer) {
        uint64_t ticks;
        if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) return perror("timer"), 1;
      } else if (fd == listener) {
        int client;
        while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          if (client >= MAX_CONNECTIONS) { close(client); continue; }
          setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          struct connection *c = calloc(1, sizeof *c);
          c->fd = client;
          c->in = malloc(BUFFER);
          c->sent = -1;
          by_fd[client] = c;
          add.data.fd = client;
          epoll_ctl(poll, EPOLL_CTL_ADD, client, &add);
        }
      } else if (by_fd[fd] && readable(by_fd[fd]) < 0) drop(by_fd[fd]);
    }
  }
}
