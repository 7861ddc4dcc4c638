// delay_hub MICROSECONDS INTERFACE...: makes TAP interfaces of these names, which may then move to
// other network namespaces, and passes every frame that one of them sends to all others, so much
// later: a network with latency where the kernel lacks netem.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { kPorts = 16, kFrame = 2048 };

// All frames wait equally long, so one queue in order of arrival is enough.
struct Frame {
  struct Frame* next;
  int64_t due;
  int from;
  ssize_t size;
  unsigned char bytes[kFrame];
};

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int open_tap(char const* name) {
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  int const port = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (port < 0 || ioctl(port, TUNSETIFF, &request) < 0) {
    perror(name);
    exit(1);
  }
  return port;
}

/// One that cannot be delivered is lost, as on any network.
static void send_frame(int port, struct Frame const* frame) {
  ssize_t const sent = write(port, frame->bytes, frame->size);
  (void)sent;
}

int main(int argc, char** argv) {
  if (argc < 4 || argc - 2 > kPorts) {
    fprintf(stderr, "usage: delay_hub MICROSECONDS INTERFACE INTERFACE...\n");
    return 2;
  }
  int64_t const delay = atoll(argv[1]) * 1000;
  int const ports = argc - 2;
  struct pollfd port[kPorts];
  for (int i = 0; i < ports; ++i) {
    port[i] = (struct pollfd){.fd = open_tap(argv[2 + i]), .events = POLLIN};
  }

  struct Frame *first = NULL, **end = &first;
  for (;;) {
    while (first && first->due <= now()) {
      struct Frame* const frame = first;
      for (int i = 0; i < ports; ++i) {
        if (i != frame->from) send_frame(port[i].fd, frame);
      }
      first = frame->next;
      if (!first) end = &first;
      free(frame);
    }
    int64_t const left = first ? first->due - now() : 0;
    struct timespec const wait = {.tv_nsec = left > 0 ? left % 1000000000 : 0,
                                  .tv_sec = left > 0 ? left / 1000000000 : 0};
    if (ppoll(port, ports, first ? &wait : NULL, NULL) < 0 && errno != EINTR) {
      perror("ppoll");
      return 1;
    }
    for (int i = 0; i < ports; ++i) {
      if (!(port[i].revents & POLLIN)) continue;
      struct Frame* const frame = malloc(sizeof(struct Frame));
      if (!frame) return 1;
      *frame = (struct Frame){.from = i, .due = now() + delay};
      frame->size = read(port[i].fd, frame->bytes, kFrame);
      if (frame->size <= 0) {
        free(frame);
        continue;
      }
      *end = frame;
      end = &frame->next;
    }
  }
}
