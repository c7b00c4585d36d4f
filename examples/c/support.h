/* What the examples have in common: how main waits, for Ctrl-C and for what callbacks tell it. */
#include <moq.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What main is told: it should stop, no task is left, there is input, nothing within its time. */
enum reason { STOP = 's', OVER = 'o', INPUT = 'i', NOTHING = 'n' };

static int wake_pipe[2];

/* Safe in callbacks, which are on another thread, and in signal handlers. */
static inline void wake_main(enum reason why) {
  const char byte = (char)why;
  if (write(wake_pipe[1], &byte, 1) != 1) _Exit(EXIT_FAILURE);
}

static inline void on_signal(int number) {
  (void)number;
  wake_main(STOP);
}

/* For the beginning of main: Ctrl-C tells it to stop, and lines are printed at once. */
static inline void prepare(void) {
  const struct sigaction action = {.sa_handler = on_signal};
  if (pipe(wake_pipe) != 0) abort();
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

/* Waits for a reason to go on; for ever if the time is negative. `input` is a file, or -1. */
static inline enum reason wait_ms(int timeout_ms, int input) {
  struct pollfd ready[2] = {{.fd = wake_pipe[0], .events = POLLIN},
                            {.fd = input, .events = POLLIN}};
  char why = NOTHING;
  while (poll(ready, 2, timeout_ms) < 0) continue; /* A signal: see what it wrote. */
  if (ready[0].revents != 0 && read(wake_pipe[0], &why, 1) != 1) abort();
  return ready[0].revents == 0 && ready[1].revents != 0 ? INPUT : (enum reason)why;
}

/* Passes on what a call returned, or ends the program, saying why it failed. */
static inline uint32_t must(int32_t code) {
  if (code >= 0) return (uint32_t)code;
  fprintf(stderr, "error %d: %s\n", code, moq_error());
  exit(EXIT_FAILURE);
}
